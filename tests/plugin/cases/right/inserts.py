"""Values that fit their hints."""

from __future__ import annotations

import io
import numbers
import sqlite3
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Literal, NewType

from typing_extensions import TypedDict

from liveref import Recipe, RefLifetime, RegistryKey, SessionRefRegistry, reopener

UserId = NewType("UserId", int)


class Movie(TypedDict):
    title: str


class Store: ...


class Disk(Store):
    def close(self) -> None: ...


@reopener("inserts.disk")
def open_disk(path: str) -> Disk:
    return Disk()


def values(refs: SessionRefRegistry, loose: Any, cls: type[Store], recipe: Recipe[Disk]) -> None:
    refs.insert(1, int)  # ok
    refs.insert(1, float)  # ok
    refs.insert(True, int)  # ok
    refs.insert(None, int | None)  # ok
    refs.insert([], list[int])  # ok
    refs.insert({}, dict[str, list[int]])  # ok
    refs.insert({"title": "Alien"}, Movie)  # ok
    refs.insert([1, 2.5], list[float])  # ok
    refs.insert((1, "a"), tuple[int, str])  # ok
    refs.insert("r", Literal["r", "w"])  # ok
    refs.insert(UserId(1), UserId)  # ok
    refs.insert(Disk(), Store)  # ok
    refs.insert(Disk(), cls)  # ok
    refs.insert(loose, str)  # ok
    refs.insert(hint=Store, value=Disk())  # ok
    refs.insert([1], Sequence[int])  # ok
    refs.insert({"a": 1}, Mapping[str, object])  # ok
    refs.insert(io.BytesIO(), BinaryIO)  # ok
    refs.insert(1, Any)  # ok
    refs.insert(1, object)  # ok
    refs.insert(Disk, type[Store])  # ok
    refs.insert(lambda: 1, Callable[..., Any])  # ok


async def later() -> int:
    return 1


def numbered() -> Iterator[int]:
    yield 1


def at_run_time_alone(refs: SessionRefRegistry, disk: Disk) -> None:
    refs.insert(later, types.FunctionType)  # ok
    refs.insert(print, types.BuiltinFunctionType | None)  # ok
    refs.insert(disk.close, types.MethodType)  # ok
    refs.insert(1, numbers.Number)  # ok
    refs.insert(True, numbers.Integral)  # ok
    refs.insert(1.5, numbers.Real | None)  # ok
    refs.insert(Decimal(1), numbers.Number)  # ok
    refs.insert((number for number in [1]), types.GeneratorType)  # ok


def options(refs: SessionRefRegistry, recipe: Recipe[Disk]) -> RegistryKey[Store]:
    refs.insert(Disk(), finalizer=Disk.close)  # ok
    refs.insert(Disk(), Disk, finalizer=Disk.close, reopen=recipe)  # ok
    refs.insert(Disk(), Store, finalizer=lambda store: print(store))  # ok
    refs.insert(Disk(), reopen=open_disk.recipe("a"), lifetime=RefLifetime.UNTIL_SNAPSHOT)  # ok
    refs.insert(sqlite3.connect(":memory:"), sqlite3.Connection, finalizer=sqlite3.Connection.close)  # ok
    return refs.insert(Disk(), Store, reopen=recipe)  # ok


def views(refs: SessionRefRegistry) -> None:
    texts = refs.typed(str)  # ok
    texts.get(texts.insert("a"))  # ok
    refs.typed(list[int]).insert([])  # ok
    refs.typed(int | None).insert(None)  # ok
