"""Lookups everywhere an expression may stand."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, TypedDict

import pytest

import liveref
from liveref import RefTypeError, RegistryKey, Session, SessionRefRegistry, current_session_registry

if TYPE_CHECKING:
    import sqlite3

    from liveref import Recipe


class Options(TypedDict, total=False):
    depth: int


def comprehensions(refs: SessionRefRegistry, keys: dict[str, RegistryKey[int]]) -> None:
    [refs.get(key) for key in keys.values()]  # ok
    {name: refs[key] for name, key in keys.items()}  # ok
    {refs.get(key, int) for key in keys.values() if refs.get(key, default=0)}  # ok
    sum(refs.get(key, float) for key in keys.values())  # ok
    sorted(keys.values(), key=lambda key: refs.get(key))  # ok
    list(map(refs.get_any, keys.values()))  # ok
    max(keys, key=lambda name: refs[keys[name]])  # ok


def nested(refs: SessionRefRegistry, key: RegistryKey[int]) -> Callable[[], int]:
    def inner() -> int:
        return refs.get(key)  # ok

    class Local:
        value = refs.get(key)  # ok

    partial = functools.partial(refs.get, key)  # ok
    partial()
    print(Local.value, inner())
    return lambda: refs.get(key, int)  # ok


async def asynchronous(key: RegistryKey[asyncio.Queue[int]]) -> int:
    async with Session() as session, session.child() as child:
        own = session.refs.insert(asyncio.Lock())  # ok
        async with child.refs.get(own):  # ok
            await child.refs.get(key).put(1)  # ok
        return await asyncio.wait_for(session.refs[key].get(), 1)  # ok


async def stream(refs: SessionRefRegistry, keys: list[RegistryKey[bytes]]) -> AsyncIterator[bytes]:
    for key in keys:
        yield refs.get(key)  # ok


def generate(refs: SessionRefRegistry, keys: list[RegistryKey[bytes]]) -> Iterator[int]:
    yield from (len(refs[key]) for key in keys)  # ok


def matched(refs: SessionRefRegistry, key: RegistryKey[int | str]) -> str:
    match refs.get(key):  # ok
        case int() as number:
            return f"{number}"
        case text:
            return text + refs.get(key, str)  # ok


def narrowed(refs: SessionRefRegistry, key: RegistryKey[int | None], flag: bool) -> int:
    value = refs.get(key, int) if flag else 0  # ok
    if (found := refs.get(key, default=None)) is not None:  # ok
        value += found
    if isinstance(refs.get_any(key), bool):  # ok
        value += refs.get(key, bool)  # ok
    return value


def rebound(refs: SessionRefRegistry, flag: bool) -> object:
    key: RegistryKey[int] | RegistryKey[str] = refs.insert(1)  # ok
    if flag:
        key = refs.insert("a")  # ok
    return refs.get(key, int | str)  # ok


def wrong_on_purpose(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    with pytest.raises(RefTypeError):
        refs.get(key, str)  # ok
    with pytest.raises((ValueError, liveref.RefTypeError), match="int"):
        refs.get(key, str)  # ok
    with pytest.raises(TypeError):
        RegistryKey.parse(str(key), str)  # ok
    with pytest.raises(Exception) as caught:
        assert refs.get(key, list[int])  # ok
    print(caught)


def late(refs: SessionRefRegistry, recipe: Recipe[sqlite3.Connection]) -> None:
    key = refs.open(recipe)  # ok
    refs.get(key).commit()  # ok


def current(key: RegistryKey[int], options: Options) -> int:
    args = (key,)
    current_session_registry().get(*args)  # ok
    return current_session_registry().get(key, default=options.get("depth", 0))  # ok
