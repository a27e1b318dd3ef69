"""Without a hint the type of the key is the type of the value."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TextIO, TypeVar

from typing_extensions import assert_type

from liveref import RefLifetime, RegistryKey, SessionRefRegistry

T = TypeVar("T")


class Pool:
    """A resource of one's own."""

    def ping(self) -> bool:
        return True


class Point(NamedTuple):
    x: int
    y: int


class Box(Generic[T]):
    def __init__(self, content: T) -> None:
        self.content = content


def classes(registry: SessionRefRegistry) -> None:
    assert_type(registry.insert(sqlite3.connect(":memory:")), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(Pool()), RegistryKey[Pool])
    assert_type(registry.insert(threading.Event()), RegistryKey[threading.Event])
    assert_type(registry.insert(Point(1, 2)), RegistryKey[Point])
    assert_type(registry.insert(Box("text")), RegistryKey[Box[str]])


def containers(registry: SessionRefRegistry, numbers: list[int], names: dict[str, Pool]) -> None:
    assert_type(registry.insert(numbers), RegistryKey[list[int]])
    assert_type(registry.insert(names), RegistryKey[dict[str, Pool]])
    assert_type(registry.insert((numbers, names)), RegistryKey[tuple[list[int], dict[str, Pool]]])


def forms(registry: SessionRefRegistry, maybe: Pool | None, either: int | str, file: TextIO) -> None:
    assert_type(registry.insert(maybe), RegistryKey[Pool | None])
    assert_type(registry.insert(either), RegistryKey[int | str])
    assert_type(registry.insert(file), RegistryKey[TextIO])
    assert_type(registry.insert(None), RegistryKey[None])


def functions(registry: SessionRefRegistry, fn: Callable[[int], str], cls: type[Pool]) -> None:
    assert_type(registry.insert(fn), RegistryKey[Callable[[int], str]])
    assert_type(registry.insert(cls), RegistryKey[type[Pool]])


def tasks(registry: SessionRefRegistry, task: asyncio.Task[int], queue: asyncio.Queue[str]) -> None:
    assert_type(registry.insert(task), RegistryKey[asyncio.Task[int]])
    assert_type(registry.insert(queue), RegistryKey[asyncio.Queue[str]])


def generic(registry: SessionRefRegistry, value: T) -> RegistryKey[T]:
    assert_type(registry.insert(value), RegistryKey[T])
    return registry.insert(value)


def through_a_generic_function(registry: SessionRefRegistry) -> None:
    assert_type(generic(registry, Pool()), RegistryKey[Pool])


def options(registry: SessionRefRegistry) -> None:
    assert_type(registry.insert(Pool(), lifetime=RefLifetime.UNTIL_EXPLICIT_DROP), RegistryKey[Pool])
    registry.insert(Pool(), lifetime="until_snapshot")  # E: insert-option mypy=call-overload
    registry.insert(Pool(), lifetime=1)  # E: insert-option mypy=call-overload
    registry.insert(Pool(), life=3)  # E: no-overload
    registry.insert()  # E: no-overload
    registry.insert(value=Pool(), hint=1)  # E: hint


def wrong_results(registry: SessionRefRegistry) -> RegistryKey[str]:
    first: RegistryKey[int] = registry.insert(Pool())  # E: key-assignment
    registry.get(first).bit_length()
    registry.get(registry.insert(Pool())).pong()  # E: attribute
    return registry.insert(Pool())  # E: return
