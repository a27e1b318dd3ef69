"""A class that is not final may have a subclass that has what a Protocol asks for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sized
from typing import Literal, Protocol, final, runtime_checkable

from liveref import RegistryKey, SessionRefRegistry


class Loads(Protocol):
    def load(self, name: str) -> bytes: ...


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


@runtime_checkable
class Counts(Protocol):
    def __index__(self) -> int: ...


class Plain: ...


@final
class Vault:
    def load(self, name: str) -> bytes:
        return name.encode()


class Meta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Everything(metaclass=Meta): ...


class Numbers(Iterator[int]):
    def __next__(self) -> int:
        return 1


def protocol_of_key(
    refs: SessionRefRegistry,
    loads: RegistryKey[Loads],
    closes: RegistryKey[Closes],
    plain: RegistryKey[Plain],
    vault: RegistryKey[Vault],
    everything: RegistryKey[Everything],
    lines: RegistryKey[Iterable[int]],
    ratio: RegistryKey[float],
    counts: RegistryKey[Counts],
    cls: RegistryKey[type],
    one: RegistryKey[Literal[1]],
) -> None:
    refs.get(counts, float)  # ok
    refs.get(counts, complex | None)  # ok
    refs.get(closes, type)  # ok
    refs.get(cls, Sized)  # ok
    refs.get(one, Everything)  # ok
    refs.get(loads, Plain)  # ok
    refs.get(loads, Vault)  # ok
    refs.get(closes, Plain)  # ok
    refs.get(loads, Plain | None)  # ok
    refs.get(plain, Hashable)  # ok
    refs.get(plain, Sized)  # ok
    refs.get(vault, Hashable)  # ok
    refs.get(everything, int)  # ok
    refs.get(vault, Everything)  # ok
    refs.get(lines, Numbers)  # ok
    refs.get(lines, Sized)  # ok
    refs.get(loads, object)  # ok
