"""Siblings in a union, and the other types that have values in common."""

from __future__ import annotations

import datetime
import enum
import io
import numbers
import sqlite3
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, MutableMapping, Sequence, Sized
from typing import IO, Any, BinaryIO, Literal, NamedTuple, NewType, TextIO

from typing_extensions import TypedDict

from liveref import RegistryKey, SessionRefRegistry

UserId = NewType("UserId", int)
OrderId = NewType("OrderId", int)
Rows = NewType("Rows", list[int])


class Cat: ...


class Dog: ...


class Puppy(Dog): ...


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Movie(TypedDict):
    title: str
    year: int


class Titled(TypedDict):
    title: str


class Pair(NamedTuple):
    left: int
    right: str


def siblings(
    refs: SessionRefRegistry,
    pet: RegistryKey[Cat | Dog],
    dog: RegistryKey[Dog],
    maybe: RegistryKey[Dog | None],
    anything: RegistryKey[object],
) -> None:
    refs.get(pet, Cat)  # ok
    refs.get(pet, Dog)  # ok
    refs.get(pet, Puppy)  # ok
    refs.get(pet, Cat | int)  # ok
    refs.get(dog, Puppy)  # ok
    refs.get(dog, object)  # ok
    refs.get(dog, Dog | None)  # ok
    refs.get(maybe, Dog)  # ok
    refs.get(maybe, None)  # ok
    refs.get(maybe, Puppy | str)  # ok
    refs.get(maybe, Cat | None)  # ok
    refs.get(anything, Cat)  # ok
    refs.get(anything, int | None, default=None)  # ok


def numbers_and_new_types(
    refs: SessionRefRegistry,
    number: RegistryKey[int],
    ratio: RegistryKey[float],
    flag: RegistryKey[bool],
    user: RegistryKey[UserId],
    rows: RegistryKey[Rows],
    point: RegistryKey[complex],
) -> None:
    refs.get(number, float)  # ok
    refs.get(number, complex)  # ok
    refs.get(number, bool)  # ok
    refs.get(number, UserId)  # ok
    refs.get(number, numbers.Integral)  # ok
    refs.get(ratio, int)  # ok
    refs.get(ratio, numbers.Real)  # ok
    refs.get(flag, int)  # ok
    refs.get(flag, float)  # ok
    refs.get(user, int)  # ok
    refs.get(user, OrderId)  # ok
    refs.get(user, float)  # ok
    refs.get(rows, list[int])  # ok
    refs.get(rows, Sequence[int])  # ok
    refs.get(point, int)  # ok
    refs.get(point, numbers.Integral)  # ok
    refs.get(user, Literal[1])  # ok
    refs.get(ratio, Literal[1])  # ok
    refs.get(number, Literal[1, "a"])  # ok


def literals(
    refs: SessionRefRegistry,
    mode: RegistryKey[Literal["r", "w"]],
    text: RegistryKey[str],
    colour: RegistryKey[Colour],
    flag: RegistryKey[Literal[True]],
) -> None:
    refs.get(mode, str)  # ok
    refs.get(mode, Literal["w", "x"])  # ok
    refs.get(text, Literal["r"])  # ok
    refs.get(colour, Literal[Colour.RED])  # ok
    refs.get(flag, bool)  # ok
    refs.get(flag, int)  # ok


def containers(
    refs: SessionRefRegistry,
    numbers_held: RegistryKey[list[int]],
    anything: RegistryKey[list[Any]],
    some: RegistryKey[Sequence[int]],
    objects: RegistryKey[list[object]],
    table: RegistryKey[dict[str, object]],
    record: RegistryKey[Movie],
    pair: RegistryKey[Pair],
    plain: RegistryKey[tuple[int, str]],
    many: RegistryKey[tuple[int, ...]],
) -> None:
    refs.get(numbers_held, Sequence[int])  # ok
    refs.get(numbers_held, list[Any])  # ok
    refs.get(numbers_held, list[bool])  # ok
    refs.get(numbers_held, list[int | str])  # ok
    refs.get(numbers_held, Collection[float])  # ok
    refs.get(numbers_held, Sized)  # ok
    refs.get(anything, list[str])  # ok
    refs.get(some, list[int])  # ok
    refs.get(some, tuple[int, ...])  # ok
    refs.get(objects, list[str])  # ok
    refs.get(table, dict[str, Any])  # ok
    refs.get(table, Movie)  # ok
    refs.get(table, MutableMapping[str, object])  # ok
    refs.get(record, dict[str, Any])  # ok
    refs.get(record, Mapping[str, object])  # ok
    refs.get(record, Titled)  # ok
    refs.get(record, Hashable | dict[str, object])  # ok
    refs.get(pair, tuple[int, str])  # ok
    refs.get(plain, Pair)  # ok
    refs.get(plain, tuple[int, ...] | None)  # ok
    refs.get(many, tuple[int, int])  # ok
    refs.get(many, Sequence[int])  # ok


def files_and_dates(
    refs: SessionRefRegistry,
    buffer: RegistryKey[io.BytesIO],
    raw: RegistryKey[io.BufferedIOBase],
    text: RegistryKey[TextIO],
    day: RegistryKey[datetime.date],
    db: RegistryKey[sqlite3.Connection],
) -> None:
    refs.get(buffer, BinaryIO)  # ok
    refs.get(buffer, IO[bytes])  # ok
    refs.get(raw, BinaryIO)  # ok
    refs.get(text, io.StringIO)  # ok
    refs.get(text, IO[str])  # ok
    refs.get(day, datetime.datetime)  # ok
    refs.get(db, sqlite3.Connection)  # ok


def objects_and_functions(refs: SessionRefRegistry, key: RegistryKey[Iterable[int]], cat: RegistryKey[Cat]) -> None:
    refs.get(key, list[int])  # ok
    refs.get(key, range)  # ok
    refs.get(cat, type(Cat()))  # ok
    refs.insert([1], Iterable[Any])  # ok
    refs.insert(print, Callable[..., Any])  # ok
