"""With a hint the key is of the hint, whatever kind of hint that is."""

from __future__ import annotations

import abc
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypeVar,
    Union,
    runtime_checkable,
)

from typing_extensions import TypedDict, TypeForm, assert_type

from liveref import RegistryKey, SessionRefRegistry, TypedRefs

T = TypeVar("T")
UserId = NewType("UserId", int)
Number = int | float


@runtime_checkable
class Store(Protocol):
    def load(self, name: str) -> bytes: ...


class Sink(abc.ABC):
    @abc.abstractmethod
    def write(self, text: str) -> int: ...


class Memory(Sink):
    def write(self, text: str) -> int:
        return len(text)

    def load(self, name: str) -> bytes:
        return name.encode()


class Point(NamedTuple):
    x: int
    y: int


class Movie(TypedDict):
    title: str
    year: int


class Box(Generic[T]):
    def __init__(self, content: T) -> None:
        self.content = content


def classes(registry: SessionRefRegistry, db: object) -> None:
    assert_type(registry.insert(db, sqlite3.Connection), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(db, hint=sqlite3.Connection), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(Memory(), Sink), RegistryKey[Sink])
    assert_type(registry.insert(Memory(), Store), RegistryKey[Store])
    assert_type(registry.insert(Memory(), object), RegistryKey[object])
    assert_type(registry.insert(Point(1, 2), Point), RegistryKey[Point])
    assert_type(registry.insert({"title": "Brazil", "year": 1985}, Movie), RegistryKey[Movie])


def unions(registry: SessionRefRegistry) -> None:
    assert_type(registry.insert(1, int | str), RegistryKey[int | str])
    assert_type(registry.insert(1, Union[int, str]), RegistryKey[int | str])
    assert_type(registry.insert(None, int | None), RegistryKey[int | None])
    assert_type(registry.insert(None, Optional[Memory]), RegistryKey[Memory | None])
    assert_type(registry.insert(None, None), RegistryKey[None])
    assert_type(registry.insert(1, Number), RegistryKey[int | float])


def callables(refs: SessionRefRegistry, fn: object) -> None:
    assert_type(refs.insert(fn, Callable[[int], str]), RegistryKey[Callable[[int], str]])
    assert_type(refs.insert(fn, Callable[..., int]), RegistryKey[Callable[..., int]])
    # deviation(pyright, basedpyright): beside a hint a lambda has no context; typed() gives it one
    key = refs.insert(lambda n: n, Callable[[int], int])  # E: pyright=reportUnknownArgumentType,reportUnknownLambdaType
    assert_type(key, RegistryKey[Callable[[int], int]])
    assert_type(refs.insert(fn, Callable[[], Awaitable[int]]), RegistryKey[Callable[[], Awaitable[int]]])


def special_forms(registry: SessionRefRegistry, value: object) -> None:
    assert_type(registry.insert(7, UserId), RegistryKey[UserId])
    assert_type(registry.insert(7, Annotated[int, "positive"]), RegistryKey[int])
    assert_type(registry.insert("r", Literal["r", "w"]), RegistryKey[Literal["r", "w"]])
    assert_type(registry.insert(Memory, type[Sink]), RegistryKey[type[Sink]])
    assert_type(registry.insert(value, Any), RegistryKey[Any])


def containers(registry: SessionRefRegistry, value: object) -> None:
    assert_type(registry.insert([], list[int]), RegistryKey[list[int]])
    assert_type(registry.insert({}, dict[str, Memory]), RegistryKey[dict[str, Memory]])
    assert_type(registry.insert(value, Mapping[str, Sequence[int]]), RegistryKey[Mapping[str, Sequence[int]]])
    assert_type(registry.insert((1, "x"), tuple[int, str]), RegistryKey[tuple[int, str]])
    assert_type(registry.insert((1, 2), tuple[int, ...]), RegistryKey[tuple[int, ...]])
    assert_type(registry.insert(iter([1]), Iterator[int]), RegistryKey[Iterator[int]])
    assert_type(registry.insert(value, Box[int]), RegistryKey[Box[int]])
    assert_type(registry.insert(value, list[Box[int] | None]), RegistryKey[list[Box[int] | None]])


def a_hint_as_parameter(registry: SessionRefRegistry, hint: TypeForm[T], value: object) -> RegistryKey[T]:
    assert_type(registry.insert(value, hint), RegistryKey[T])
    assert_type(registry.typed(hint), TypedRefs[T])
    return registry.insert(value, hint)


def a_class_as_parameter(registry: SessionRefRegistry, cls: type[T], value: object) -> RegistryKey[T]:
    # deviation(pyright, basedpyright): solves V as object for type[T] of an unbound T; TypeForm[T] works
    assert_type(registry.insert(value, cls), RegistryKey[T])  # E: pyright=reportAssertTypeFailure
    return registry.insert(value, cls)


def the_one_call_form_takes_any_value(registry: SessionRefRegistry) -> None:
    # A limit of every one-call signature: the run time refuses it, and the mypy plugin and typed() do before.
    assert_type(registry.insert(1, str), RegistryKey[str])


def a_text_as_hint(registry: SessionRefRegistry) -> None:
    # The run time has no way to know what it names, and refuses it.
    # deviation(mypy, pyright, basedpyright, ty, zuban): PEP 747 makes a text a type form; the mypy plugin refuses it
    registry.insert(1, "int")  # E: no-overload mypy=- pyright=- ty=- zuban=-


def not_a_hint(registry: SessionRefRegistry, value: object) -> None:
    registry.insert(value, 1)  # E: hint
    registry.insert(value, Memory())  # E: hint
    registry.insert(value, [int])  # E: hint


def not_of_the_hint(registry: SessionRefRegistry, value: object) -> RegistryKey[Memory]:
    wrong: RegistryKey[int] = registry.insert(value, str)  # E: key-assignment
    registry.get(wrong)
    registry.get(registry.insert(Memory(), Store)).write("x")  # E: attribute
    registry.get(registry.insert(value, int | None)).bit_length()  # E: optional
    return registry.insert(Memory(), Sink)  # E: return
