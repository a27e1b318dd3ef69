"""`typed(hint)`: a wrong type is an ordinary argument error in every checker."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from typing_extensions import TypedDict, assert_type

from liveref import RefLifetime, RegistryKey, SessionRefRegistry, TypedRefs


@runtime_checkable
class Store(Protocol):
    def load(self, name: str) -> bytes: ...


class Movie(TypedDict):
    title: str
    year: int


class Memory:
    def load(self, name: str) -> bytes:
        return name.encode()


def views(registry: SessionRefRegistry) -> None:
    assert_type(registry.typed(str), TypedRefs[str])
    assert_type(registry.typed(Store), TypedRefs[Store])
    assert_type(registry.typed(int | None), TypedRefs[int | None])
    assert_type(registry.typed(list[int]), TypedRefs[list[int]])
    assert_type(registry.typed(Callable[[int], str]), TypedRefs[Callable[[int], str]])
    registry.typed(3)  # E: argument ty=invalid-type-form zuban=valid-type
    registry.typed()  # E: missing


def insert(registry: SessionRefRegistry, connection: sqlite3.Connection) -> None:
    assert_type(registry.typed(str).insert("x"), RegistryKey[str])
    assert_type(registry.typed(Store).insert(Memory()), RegistryKey[Store])
    assert_type(registry.typed(int | None).insert(None), RegistryKey[int | None])
    assert_type(registry.typed(list[int]).insert([]), RegistryKey[list[int]])
    assert_type(registry.typed(Callable[[int], int]).insert(lambda n: n + 1), RegistryKey[Callable[[int], int]])
    assert_type(registry.typed(str).insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT), RegistryKey[str])
    assert_type(registry.typed(Movie).insert({"title": "Brazil", "year": 1985}), RegistryKey[Movie])
    registry.typed(Movie).insert([1985])  # E: argument
    registry.typed(str).insert(1)  # E: argument
    registry.typed(Store).insert(1)  # E: argument
    registry.typed(list[int]).insert(["x"])  # E: argument mypy=list-item zuban=list-item
    registry.typed(int).insert(None)  # E: argument
    registry.typed(str).insert(connection)  # E: argument
    registry.typed(str).insert("x", finalizer=sqlite3.Connection.close)  # E: argument
    registry.typed(str).insert("x", int)  # E: positional mypy=arg-type,call-arg


def get(registry: SessionRefRegistry, number: RegistryKey[int], store: RegistryKey[Memory]) -> None:
    assert_type(registry.typed(int).get(number), int)
    assert_type(registry.typed(int).get(number, default=None), int | None)
    assert_type(registry.typed(int).get(number, default=0), int)
    assert_type(registry.typed(Store).get(store), Store)
    assert_type(registry.typed(int | str).get(number), int | str)
    registry.typed(str).get(number)  # E: argument
    registry.typed(str).get(number, default="")  # E: overload-argument mypy=arg-type zuban=arg-type
    registry.typed(Memory).get(RegistryKey.new(Store))  # E: argument
    registry.typed(int).get(number, None)  # E: no-overload


def kept(texts: TypedRefs[str], key: RegistryKey[object]) -> None:
    assert_type(texts.get(texts.insert("a")), str)
    texts.get(key)  # E: argument
    texts.remove(key)  # E: attribute
