"""Lookups whose hint has nothing in common with the key's type."""

from __future__ import annotations

import datetime
import enum
import io
import numbers
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, BinaryIO, Generic, Literal, NamedTuple, NewType, Protocol, TextIO, TypeVar, final
from typing import runtime_checkable

from typing_extensions import TypedDict, Unpack

from liveref import RegistryKey, SessionRefRegistry

T = TypeVar("T")
A = TypeVar("A", bound="Animal")
UserId = NewType("UserId", int)


class Animal: ...


class Cat(Animal): ...


class Dog(Animal): ...


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.Enum):
    BIG = 1


class Level(enum.IntEnum):
    LOW = 1


class Movie(TypedDict):
    title: str
    year: int


class Numbered(TypedDict):
    title: int


class Pair(NamedTuple):
    left: int
    right: str


class Trio(NamedTuple):
    left: int
    right: str
    last: int


class Box(Generic[T]):
    item: T


@runtime_checkable
class Loads(Protocol):
    def load(self) -> bytes: ...


@final
class Sealed: ...


def classes(
    refs: SessionRefRegistry,
    number: RegistryKey[int],
    dog: RegistryKey[Dog],
    either: RegistryKey[int | str],
    maybe: RegistryKey[Dog | None],
    nothing: RegistryKey[None],
    user: RegistryKey[UserId],
    db: RegistryKey[sqlite3.Connection],
) -> None:
    refs.get(number, str)  # E: liveref-overlap
    refs.get(number, hint=str)  # E: liveref-overlap
    refs.get(number, str, default=None)  # E: liveref-overlap
    refs.get(key=number, hint=bytes)  # E: liveref-overlap
    refs.get(number, None)  # E: liveref-overlap
    refs.get(number, str | bytes)  # E: liveref-overlap
    refs.get(number, list[int])  # E: liveref-overlap
    refs.get(dog, Cat)  # E: liveref-overlap
    refs.get(dog, Cat | None)  # E: liveref-overlap
    refs.get(dog, datetime.date)  # E: liveref-overlap
    refs.get(either, bytes)  # E: liveref-overlap
    refs.get(either, Cat | Dog)  # E: liveref-overlap
    refs.get(maybe, Cat)  # E: liveref-overlap
    refs.get(nothing, int)  # E: liveref-overlap
    refs.get(user, str)  # E: liveref-overlap
    refs.get(db, sqlite3.Cursor)  # E: liveref-overlap


def literals(
    refs: SessionRefRegistry,
    mode: RegistryKey[Literal["r", "w"]],
    colour: RegistryKey[Colour],
    red: RegistryKey[Literal[Colour.RED]],
    yes: RegistryKey[Literal[True]],
    number: RegistryKey[int],
    flag: RegistryKey[bool],
    level: RegistryKey[Level],
) -> None:
    refs.get(flag, Literal[1])  # E: liveref-overlap
    refs.get(level, Literal[1])  # E: liveref-overlap
    refs.get(mode, Sequence[int])  # E: liveref-overlap
    refs.get(mode, Literal["x"])  # E: liveref-overlap
    refs.get(mode, int)  # E: liveref-overlap
    refs.get(mode, bytes)  # E: liveref-overlap
    refs.get(mode, tuple[int, int])  # E: liveref-overlap
    refs.get(mode, Loads)  # E: liveref-overlap, liveref-shallow
    refs.get(colour, Size)  # E: liveref-overlap
    refs.get(red, Literal[Colour.BLUE])  # E: liveref-overlap
    refs.get(yes, Literal[False])  # E: liveref-overlap
    refs.get(number, Literal["a"])  # E: liveref-overlap


def containers(
    refs: SessionRefRegistry,
    numbers: RegistryKey[list[int]],
    table: RegistryKey[dict[str, int]],
    pair: RegistryKey[tuple[int, str]],
    many: RegistryKey[tuple[int, ...]],
    named: RegistryKey[Pair],
    record: RegistryKey[Movie],
    box: RegistryKey[Box[int]],
    lines: RegistryKey[Sequence[str]],
) -> None:
    refs.get(numbers, list[str])  # E: liveref-overlap
    refs.get(numbers, set[int])  # E: liveref-overlap
    refs.get(numbers, Sequence[str])  # E: liveref-overlap
    refs.get(numbers, Iterable[bytes])  # E: liveref-overlap, liveref-shallow
    refs.get(numbers, tuple[int, ...])  # E: liveref-overlap
    refs.get(table, dict[int, int])  # E: liveref-overlap
    refs.get(table, Mapping[str, bytes])  # E: liveref-overlap
    refs.get(table, Movie)  # E: liveref-overlap
    refs.get(pair, tuple[int, int])  # E: liveref-overlap
    refs.get(pair, tuple[int, str, int])  # E: liveref-overlap
    refs.get(pair, list[int])  # E: liveref-overlap
    refs.get(pair, None)  # E: liveref-overlap
    refs.get(many, tuple[str, str])  # E: liveref-overlap
    refs.get(named, Trio)  # E: liveref-overlap
    refs.get(record, Numbered)  # E: liveref-overlap
    refs.get(record, list[str])  # E: liveref-overlap
    refs.get(record, dict[int, object])  # E: liveref-overlap
    refs.get(record, Pair)  # E: liveref-overlap
    refs.get(box, Box[str])  # E: liveref-overlap, liveref-shallow
    refs.get(lines, list[int])  # E: liveref-overlap


def functions_and_types(
    refs: SessionRefRegistry,
    callback: RegistryKey[Callable[[], int]],
    cls: RegistryKey[type[Dog]],
    sealed: RegistryKey[Sealed],
    source: RegistryKey[Loads],
) -> None:
    refs.get(callback, str)  # E: liveref-overlap
    refs.get(callback, Sealed)  # E: liveref-overlap
    refs.get(callback, tuple[int, int])  # E: liveref-overlap
    refs.get(cls, type[Cat])  # E: liveref-overlap
    refs.get(cls, Dog)  # E: liveref-overlap
    refs.get(sealed, Loads)  # E: liveref-overlap, liveref-shallow
    refs.get(source, Sealed)  # E: liveref-overlap
    refs.get(source, None)  # E: liveref-overlap


def more(
    refs: SessionRefRegistry,
    nothing: RegistryKey[None],
    many: RegistryKey[tuple[int, Unpack[tuple[str, ...]]]],
    cls: RegistryKey[type[Dog]],
) -> None:
    refs.get(nothing, numbers.Number)  # E: liveref-overlap
    refs.get(many, list[int])  # E: liveref-overlap
    refs.get(cls, tuple[int, int])  # E: liveref-overlap


def files(refs: SessionRefRegistry, text: RegistryKey[TextIO], buffer: RegistryKey[io.BytesIO]) -> None:
    refs.get(text, IO[bytes])  # E: liveref-overlap
    refs.get(buffer, TextIO | None)  # E: liveref-overlap
    refs.get(text, BinaryIO)  # E: liveref-overlap


def variables(refs: SessionRefRegistry, key: RegistryKey[A], cls: type[int], text: RegistryKey[str]) -> A:
    refs.get(key, str)  # E: liveref-overlap
    refs.get(text, cls)  # E: liveref-overlap
    return refs.get(key)


async def awaited(refs: SessionRefRegistry, number: RegistryKey[int]) -> None:
    await refs.aget(number, str)  # E: liveref-overlap
    await refs.aget(number, hint=bool)  # ok
