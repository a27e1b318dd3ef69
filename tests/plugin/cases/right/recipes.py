"""Recipes that may open what the value is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypedDict, TypeVar

from liveref import Recipe, RegistryKey, SessionRefRegistry, reopener

T = TypeVar("T")
Number = TypeVar("Number", int, str)


class Base: ...


class Sub(Base): ...


class Point(NamedTuple):
    x: int
    y: int


class Movie(TypedDict):
    title: str


class Closes(Protocol):
    def close(self) -> None: ...


@reopener("right.connect", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


def classes(refs: SessionRefRegistry, base: Recipe[Base], sub: Recipe[Sub], anything: Recipe[object]) -> None:
    refs.insert(sqlite3.connect(":memory:"), reopen=connect.recipe(":memory:"))  # ok
    refs.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close, reopen=connect.recipe("a"))  # ok
    refs.insert(Base(), reopen=sub)  # ok
    refs.insert(Sub(), reopen=base)  # ok
    refs.insert(Sub(), reopen=anything)  # ok
    refs.insert(Sub(), reopen=None)  # ok
    refs.insert(Sub(), Base, reopen=base)  # ok


def containers(refs: SessionRefRegistry, numbers: Recipe[list[int]], pair: Recipe[tuple[int, str]]) -> None:
    refs.insert([], reopen=numbers)  # ok
    refs.insert([1], reopen=numbers)  # ok
    refs.insert(["a"], reopen=numbers)  # ok
    refs.insert([1.5], list[int] | list[float], reopen=numbers)  # ok
    refs.insert((1, "a"), reopen=pair)  # ok
    refs.insert((1, 2), reopen=pair)  # ok


def records(
    refs: SessionRefRegistry, point: Recipe[Point], movie: Recipe[Movie], texts: Recipe[dict[str, str]]
) -> None:
    refs.insert(Point(1, 2), reopen=point)  # ok
    film = Movie(title="a")
    refs.insert(film, reopen=movie)  # ok
    refs.insert(film, reopen=texts)  # ok
    refs.insert({"title": "a"}, reopen=movie)  # ok


def unions(refs: SessionRefRegistry, value: int | str, perhaps: Recipe[int | None], some: Recipe[int] | None) -> None:
    refs.insert(value, reopen=some)  # ok
    refs.insert(value, reopen=perhaps)  # ok
    refs.insert(1, reopen=perhaps)  # ok
    refs.insert(None, reopen=perhaps)  # ok
    refs.insert(True, reopen=some)  # ok


def open_types(refs: SessionRefRegistry, value: Any, thing: object, number: Recipe[int], loose: Recipe[Any]) -> None:
    refs.insert(value, reopen=number)  # ok
    refs.insert(thing, reopen=number)  # ok
    refs.insert("a", reopen=loose)  # ok
    refs.insert("a", object, reopen=number)  # ok


def forms(
    refs: SessionRefRegistry, closes: Recipe[Closes], call: Recipe[Callable[[], int]], two: Recipe[Literal[2]]
) -> None:
    refs.insert(Base(), reopen=closes)  # ok
    refs.insert(lambda: 1, reopen=call)  # ok
    refs.insert(len, reopen=call)  # ok
    refs.insert(1, reopen=two)  # ok


def generic(refs: SessionRefRegistry, value: T, recipe: Recipe[T], items: Sequence[T]) -> RegistryKey[T]:
    refs.insert(items, reopen=recipe)  # ok
    return refs.insert(value, reopen=recipe)  # ok


def one_of_two(refs: SessionRefRegistry, value: Number, number: Recipe[int]) -> None:
    refs.insert(value, reopen=number)  # ok
