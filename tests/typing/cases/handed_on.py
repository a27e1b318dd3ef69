"""Methods of a registry that are handed on to something else that calls them, and hints that hold classes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

from typing_extensions import assert_type

from liveref import RegistryKey, SessionRefRegistry


class Base: ...


class Sub(Base): ...


Classes: TypeAlias = dict[str, type[Base]]


async def in_a_thread(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    # deviation(ty): loses the type of a method that is handed on
    # deviation(zuban): loses the type of an overloaded method that is handed on
    assert_type(await asyncio.to_thread(refs.get, key), int)  # E: ty=type-assertion-failure zuban=misc
    # deviation(ty): loses the type of a method that is handed on
    assert_type(await asyncio.to_thread(refs.__getitem__, key), int)  # E: ty=type-assertion-failure
    # deviation(ty): loses the type of a method that is handed on
    assert_type(await asyncio.to_thread(refs.remove, key), int)  # E: ty=type-assertion-failure
    assert_type(await asyncio.to_thread(refs.release, key), bool)
    await asyncio.to_thread(refs.release, "text")  # E: argument


def in_a_pool(refs: SessionRefRegistry, key: RegistryKey[int], pool: ThreadPoolExecutor) -> None:
    # deviation(ty): loses the type of a method that is handed on
    # deviation(zuban): loses the type of an overloaded method that is handed on
    assert_type(pool.submit(refs.get, key), Future[int])  # E: ty=type-assertion-failure zuban=misc
    # deviation(ty): loses the type of a method that is handed on
    assert_type(pool.submit(refs.__getitem__, key), Future[int])  # E: ty=type-assertion-failure
    # deviation(ty): loses the type of a method that is handed on
    assert_type(pool.submit(refs.remove, key).result(), int)  # E: ty=type-assertion-failure


def bound_before(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    # deviation(mypy): of an overloaded method functools.partial makes Any; refs.__getitem__ keeps the type
    # deviation(zuban): loses the type of an overloaded method that is handed on
    assert_type(functools.partial(refs.get, key)(), int)  # E: zuban=misc mypy=assert-type
    # deviation(zuban): loses the type of a generic method that is handed on
    assert_type(functools.partial(refs.__getitem__, key)(), int)  # E: zuban=misc
    # deviation(zuban): loses the type of a generic method that is handed on
    assert_type(functools.partial(refs.remove, key)(), int)  # E: zuban=misc
    # deviation(zuban): loses the type of a generic method that is handed on
    assert_type(list(map(refs.__getitem__, [key])), list[int])  # E: zuban=misc


def classes(refs: SessionRefRegistry, key: RegistryKey[object]) -> None:
    assert_type(refs.get(key, type[Base]), type[Base])
    # deviation(pyright, basedpyright): reads type[X] inside of the brackets of a hint as X; an alias does not
    assert_type(refs.get(key, dict[str, type[Base]]), dict[str, type[Base]])  # E: pyright=reportAssertTypeFailure
    # deviation(pyright, basedpyright): reads type[X] inside of the brackets of a hint as X; an alias does not
    assert_type(refs.get(key, list[type[Base] | None]), list[type[Base] | None])  # E: pyright=reportAssertTypeFailure
    found = refs.get(key, Mapping[type[Base], type[Sub]])
    # deviation(pyright, basedpyright): reads type[X] inside of the brackets of a hint as X; an alias does not
    assert_type(found, Mapping[type[Base], type[Sub]])  # E: pyright=reportAssertTypeFailure
    assert_type(refs.get(key, Classes), dict[str, type[Base]])
    assert_type(RegistryKey.new(Classes), RegistryKey[dict[str, type[Base]]])
