"""Rare forms of hints, keys and code, about which there is nothing to say."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import pytest
from typing_extensions import TypeAliasType, TypeForm, TypeVarTuple, Unpack

from liveref import RefTypeError, RegistryKey, SessionRefRegistry

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Five = list[list[list[list[list[T]]]]]
Deep = Five[Five[Five[Five[Five[T]]]]]
Json = TypeAliasType("Json", "int | str | list[Json]")


class Shaped(Generic[Unpack[Ts]]): ...


class Row(NamedTuple):
    below: Row | None


class Loads(Protocol):
    def load(self) -> bytes: ...


class Anything(Any): ...  # type: ignore[misc]


def hints(refs: SessionRefRegistry, key: RegistryKey[object], flag: bool, one: type[int] | type[str]) -> None:
    refs.get(key, one)  # ok
    refs.get(key, int if flag else str)  # ok
    refs.get(key, TypeForm(int))  # ok
    refs.get(key, Json)  # ok
    refs.get(key, Row)  # ok
    refs.get(key, list[Row])  # ok
    refs.get(key, Anything)  # ok
    refs.insert(1, one)  # ok


def overlaps(
    refs: SessionRefRegistry,
    deep: RegistryKey[Deep[int]],
    any_class: RegistryKey[Anything],
    many: RegistryKey[tuple[int, Unpack[tuple[str, ...]]]],
    number: RegistryKey[Literal[1]],
    cls: RegistryKey[type[int]],
    callback: RegistryKey[Callable[[], int]],
    plain: RegistryKey[tuple[int, str]],
    rational: RegistryKey[numbers.Rational],
    nothing: RegistryKey[None],
    shaped: RegistryKey[Shaped[int]],
) -> None:
    refs.get(shaped, Shaped[Any])  # ok
    refs.get(deep, Deep[str])  # ok
    refs.get(any_class, int)  # ok
    refs.get(many, tuple[int, str])  # ok
    refs.get(many, tuple[Any, ...])  # ok
    refs.get(plain, tuple[int, Unpack[tuple[str, ...]]])  # ok
    refs.get(number, numbers.Integral)  # ok
    refs.get(cls, type)  # ok
    refs.get(cls, Any)  # ok
    refs.get(callback, Any)  # ok
    refs.get(plain, Any)  # ok
    refs.get(rational, numbers.Real)  # ok
    refs.get(rational, int)  # ok
    refs.get(nothing, object)  # ok


def spread(key: RegistryKey[int], keys: list[str], errors: type[Exception]) -> None:
    first, *rest = [str(key), "a"]
    RegistryKey.parse(first, str)  # ok
    RegistryKey.parse(rest[0], str)  # ok
    with pytest.raises(errors):
        RegistryKey.parse(str(key), str)  # ok
    with pytest.raises((RefTypeError, OSError)):
        RegistryKey.parse(str(key), str)  # ok
    *keys, last = [str(key)]
    RegistryKey.parse(last, str)  # ok


def decorated(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    @contextmanager
    def inner() -> Iterator[None]:
        refs.get(key)  # ok
        yield

    wide: RegistryKey[object] = refs.insert(1, object)  # ok
    print(inner, wide)
