"""A lookup gives what the key promises."""

from __future__ import annotations

import abc
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, NewType, Protocol, TypeVar, runtime_checkable

from typing_extensions import TypedDict, assert_type

from liveref import RefLifetime, RegistryKey, SessionRefRegistry

T = TypeVar("T")
UserId = NewType("UserId", int)


@runtime_checkable
class Store(Protocol):
    def load(self, name: str) -> bytes: ...


class Sink(abc.ABC):
    @abc.abstractmethod
    def write(self, text: str) -> int: ...


class Movie(TypedDict):
    title: str
    year: int


class Animal: ...


class Dog(Animal):
    def bark(self) -> str:
        return "woof"


def get(registry: SessionRefRegistry, db: RegistryKey[sqlite3.Connection], maybe: RegistryKey[Dog | None]) -> None:
    assert_type(registry.get(db), sqlite3.Connection)
    assert_type(registry[db], sqlite3.Connection)
    assert_type(registry.get(maybe), Dog | None)
    assert_type(registry[db].execute("select 1"), sqlite3.Cursor)
    registry.get(db).nope()  # E: attribute
    registry[maybe].bark()  # E: optional
    text: str = registry[db]  # E: assignment
    registry.insert(text)


def get_default(registry: SessionRefRegistry, key: RegistryKey[Dog]) -> None:
    assert_type(registry.get(key, default=None), Dog | None)
    # deviation(ty): keeps the literal
    assert_type(registry.get(key, default="none"), Dog | str)  # E: ty=type-assertion-failure
    assert_type(registry.get(key, default=registry), Dog | SessionRefRegistry)
    assert_type(registry.get(key, default=Dog()), Dog)
    registry.get(key, default=None).bark()  # E: optional
    # A second argument is a hint: what is a default to dict.get gives a None that nothing can be done with.
    assert_type(registry.get(key, None), None)


def downcast(registry: SessionRefRegistry, key: RegistryKey[object], animal: RegistryKey[Animal]) -> None:
    assert_type(registry.get(key, Dog), Dog)
    assert_type(registry.get(key, hint=list[int]), list[int])
    assert_type(registry.get(animal, Dog), Dog)
    assert_type(registry.get(key, Dog | None), Dog | None)
    assert_type(registry.get(key, Callable[[int], str]), Callable[[int], str])
    assert_type(registry.get(key, Dog, default=None), Dog | None)
    # deviation(ty): keeps the literal
    assert_type(registry.get(key, Dog, default=0), Dog | int)  # E: ty=type-assertion-failure
    assert_type(registry.get(key, Dog, default=registry), Dog | SessionRefRegistry)
    assert_type(registry.get(key, Dog).bark(), str)
    registry.get(key, Dog, None)  # E: no-overload
    registry.get(key, 3)  # E: hint
    registry.get(animal).bark()  # E: attribute
    registry.get(key, Animal).bark()  # E: attribute


def every_kind_of_hint(registry: SessionRefRegistry, key: RegistryKey[object]) -> None:
    assert_type(registry.get(key, Store), Store)
    assert_type(registry.get(key, Sink), Sink)
    assert_type(registry.get(key, UserId), UserId)
    assert_type(registry.get(key, Movie)["title"], str)
    assert_type(registry.get(key, type[Sink]), type[Sink])
    assert_type(registry.get(key, tuple[int, str])[1], str)
    assert_type(registry.get(key, dict[str, list[int]] | None, default=None), dict[str, list[int]] | None)


def what_came_out_is_used(
    registry: SessionRefRegistry,
    fn: RegistryKey[Callable[[int], str]],
    later: RegistryKey[Callable[[], Awaitable[bytes]]],
    movie: RegistryKey[Movie],
    store: RegistryKey[Store],
) -> None:
    assert_type(registry[fn](1), str)
    assert_type(registry[later](), Awaitable[bytes])
    assert_type(registry[movie]["year"], int)
    assert_type(registry.get(store).load("x"), bytes)
    registry[fn]("1")  # E: argument
    registry.get(store).load(1)  # E: argument
    registry.get(store).save("x")  # E: attribute


def without_a_type(registry: SessionRefRegistry, key: RegistryKey[object], dog: RegistryKey[Dog]) -> None:
    assert_type(registry.get(key), object)
    assert_type(registry[key], object)
    # deviation(pyright, basedpyright): do not simplify object | None
    assert_type(registry.get(key, default=None), object)  # E: pyright=reportAssertTypeFailure
    assert_type(registry.get_any(dog), object)
    registry.get(key).bark()  # E: attribute
    registry.get_any(dog).bark()  # E: attribute
    probed = registry.get_any(key)
    if isinstance(probed, Dog):
        assert_type(probed, Dog)


def through_any(registry: SessionRefRegistry, key: RegistryKey[Any]) -> None:
    assert_type(registry.get(key), Any)
    assert_type(registry.get(key, Dog), Dog)


def generic(registry: SessionRefRegistry, key: RegistryKey[T], other: RegistryKey[T]) -> tuple[T, T]:
    assert_type(registry.get(key), T)
    return registry[key], registry.get(other)


def two_keys(registry: SessionRefRegistry, key: RegistryKey[int] | RegistryKey[str]) -> None:
    # deviation(mypy): joins the members of a union to solve T: object
    # deviation(ty): Unknown, where several overloads take a union
    assert_type(registry.get(key), int | str)  # E: mypy=assert-type ty=type-assertion-failure
    # deviation(mypy): as above
    assert_type(registry[key], int | str)  # E: mypy=assert-type
    assert_type(registry.get(key, int | str), int | str)


def other_questions(registry: SessionRefRegistry, key: RegistryKey[Dog]) -> None:
    assert_type(registry.verify(key), None)
    assert_type(registry.lifetime_of(key), RefLifetime)
    assert_type(key in registry, bool)
    assert_type(len(registry), int)
    assert_type(registry.is_empty(), bool)
    assert_type(registry.capacity, int)


def no_key(registry: SessionRefRegistry, text: str) -> None:
    registry.get(text)  # E: closest-overload
    registry[text]  # E: key-index
    registry.get_any(text)  # E: argument
    registry.verify(text)  # E: argument
    registry.lifetime_of(text)  # E: argument
    registry.get()  # E: no-overload
    registry["name"] = 1  # E: set-item
    del registry[text]  # E: delete-item
    registry.capacity = 5  # E: read-only
