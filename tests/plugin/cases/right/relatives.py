"""Classes that do not inherit each other, and have values in common all the same."""

from __future__ import annotations

import abc
import numbers
from collections.abc import Callable, Mapping, MutableSequence, Sequence, Sized
from decimal import Decimal
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from liveref import RegistryKey, SessionRefRegistry

T = TypeVar("T")


class Repository(abc.ABC):
    @abc.abstractmethod
    def load(self, name: str) -> bytes: ...


class Marker(abc.ABC):
    """An ABC without abstract methods, for isinstance alone."""


class Meta(metaclass=abc.ABCMeta): ...


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Auditing:
    """A mixin."""

    def audit(self) -> None: ...


class Connection:
    def close(self) -> None: ...


class Audited(Connection, Auditing): ...


class Row(NamedTuple):
    left: int


class Box(Generic[T]):
    item: T


class Wing: ...


class Engine: ...


def holder() -> type[Wing]:
    class Plane(Wing, Engine): ...

    return Plane


class Outer:
    class Inner(Connection, Wing): ...


@Marker.register
class Registered: ...


def abstract_hints(
    refs: SessionRefRegistry,
    connection: RegistryKey[Connection],
    registered: RegistryKey[Registered],
    repository: RegistryKey[Repository],
    closes: RegistryKey[Closes],
    box: RegistryKey[Box[int]],
    row: RegistryKey[Row],
) -> None:
    refs.get(connection, Repository)  # ok
    refs.get(connection, Marker)  # ok
    refs.get(connection, Meta)  # ok
    refs.get(registered, Marker)  # ok
    refs.get(repository, Marker)  # ok
    refs.get(closes, Repository)  # ok
    refs.get(connection, Repository | None)  # ok
    refs.get(connection, Sized)  # ok
    refs.get(connection, Sequence[int])  # ok
    refs.get(connection, Mapping[str, int])  # ok
    refs.get(connection, MutableSequence[str])  # ok
    refs.get(box, Repository)  # ok
    refs.get(row, Repository)  # ok


def mixed(
    refs: SessionRefRegistry,
    connection: RegistryKey[Connection],
    auditing: RegistryKey[Auditing],
    wing: RegistryKey[Wing],
    connections: RegistryKey[list[Connection]],
    cls: RegistryKey[type[Connection]],
) -> None:
    refs.get(connection, Auditing)  # ok
    refs.get(auditing, Connection)  # ok
    refs.get(auditing, Connection | None)  # ok
    refs.get(connections, list[Auditing])  # ok
    refs.get(cls, type[Auditing])  # ok
    refs.get(wing, Engine)  # ok
    refs.get(wing, Connection)  # ok
    RegistryKey.parse(str(connection), Auditing)  # ok


def number_kinds(
    refs: SessionRefRegistry,
    number: RegistryKey[int],
    real: RegistryKey[float],
    decimal: RegistryKey[Decimal],
    any_number: RegistryKey[numbers.Number],
) -> None:
    refs.get(number, numbers.Number)  # ok
    refs.get(number, numbers.Integral)  # ok
    refs.get(real, numbers.Real)  # ok
    refs.get(real, numbers.Integral)  # ok
    refs.get(decimal, numbers.Number)  # ok
    refs.get(any_number, int)  # ok
    refs.get(any_number, Decimal)  # ok


def in_builtins(
    refs: SessionRefRegistry,
    numbers: RegistryKey[list[int]],
    text: RegistryKey[str],
    table: RegistryKey[dict[str, int]],
    callback: RegistryKey[Callable[[], int]],
) -> None:
    refs.get(numbers, Sized)  # ok
    refs.get(numbers, Sequence[int])  # ok
    refs.get(numbers, Sequence[float])  # ok
    refs.get(text, Sequence[str])  # ok
    refs.get(table, Mapping[str, float])  # ok
    refs.get(callback, Repository)  # ok
