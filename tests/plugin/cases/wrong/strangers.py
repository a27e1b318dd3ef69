"""Classes that have nothing in common, though one of them may be abstract or a mixin."""

from __future__ import annotations

import abc
import enum
import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import BinaryIO, Protocol, final, runtime_checkable

from typing_extensions import TypedDict

from liveref import RegistryKey, SessionRefRegistry


class Repository(abc.ABC):
    @abc.abstractmethod
    def load(self, name: str) -> bytes: ...


class Disk(Repository):
    def load(self, name: str) -> bytes:
        return name.encode()


class Memory(Repository):
    def load(self, name: str) -> bytes:
        return name.encode()


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


@final
class Sealed: ...


class Auditing: ...


class Connection: ...


class Audited(Connection): ...


class Movie(TypedDict):
    title: str


class Colour(enum.Enum):
    RED = 1


def siblings(
    refs: SessionRefRegistry,
    disk: RegistryKey[Disk],
    connection: RegistryKey[Connection],
    disks: RegistryKey[dict[str, Disk]],
    cls: RegistryKey[type[Disk]],
) -> None:
    refs.get(disk, Memory)  # E: liveref-overlap
    refs.get(disk, Connection)  # E: liveref-overlap
    refs.get(connection, Auditing)  # E: liveref-overlap
    refs.get(connection, Disk | Memory)  # E: liveref-overlap
    refs.get(disks, dict[str, Memory])  # E: liveref-overlap
    refs.get(cls, type[Memory])  # E: liveref-overlap
    RegistryKey.parse(str(disk), Memory)  # E: liveref-roundtrip


def closed(
    refs: SessionRefRegistry,
    sealed: RegistryKey[Sealed],
    movie: RegistryKey[Movie],
    number: RegistryKey[int],
    text: RegistryKey[str],
    numbers_: RegistryKey[list[int]],
    colour: RegistryKey[Colour],
) -> None:
    refs.get(sealed, Repository)  # E: liveref-overlap
    refs.get(sealed, Closes)  # E: liveref-overlap, liveref-shallow
    refs.get(movie, Repository)  # E: liveref-overlap
    refs.get(movie, Closes)  # E: liveref-overlap, liveref-shallow
    refs.get(movie, Sequence[str])  # E: liveref-overlap
    refs.get(number, Repository)  # E: liveref-overlap
    refs.get(number, Closes)  # E: liveref-overlap, liveref-shallow
    refs.get(number, Sequence[int])  # E: liveref-overlap
    refs.get(number, BinaryIO)  # E: liveref-overlap
    refs.get(text, numbers.Number)  # E: liveref-overlap
    refs.get(text, Mapping[str, str])  # E: liveref-overlap
    refs.get(numbers_, Mapping[int, int])  # E: liveref-overlap
    refs.get(numbers_, Hashable)  # E: liveref-overlap
    refs.get(colour, Repository)  # E: liveref-overlap
