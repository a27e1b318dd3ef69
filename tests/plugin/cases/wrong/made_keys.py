"""Keys made with a type that is lost, refused, partly checked, or another one than before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Union, Generic, Never, NoReturn, ParamSpec, Protocol, TypeVar
from typing import runtime_checkable

from typing_extensions import NotRequired, TypedDict, TypeForm, TypeGuard

from liveref import RegistryKey, SessionRefRegistry

T = TypeVar("T")
P = ParamSpec("P")
IntKey = RegistryKey[int]
OldJson = Union[int, list["OldJson"]]


class Secret(Protocol):
    def load(self) -> bytes: ...


@runtime_checkable
class Store(Protocol):
    def load(self) -> bytes: ...


class Vault(TypedDict):
    inner: Secret


class Hooks(TypedDict):
    start: Callable[[int], None]


class Box(Generic[T]):
    item: T


def lost(text: str, marker: object) -> None:
    RegistryKey[int].new()  # E: liveref-lost-hint
    RegistryKey[int].parse(text)  # E: liveref-lost-hint
    RegistryKey[list[int]].from_marker(marker)  # E: liveref-lost-hint
    RegistryKey[list[int]].read(marker)  # E: liveref-lost-hint
    RegistryKey[int | None].parse(text=text)  # E: liveref-lost-hint
    IntKey.new()  # E: liveref-lost-hint
    IntKey.parse(text)  # E: liveref-lost-hint


def round_trips(key: RegistryKey[int], either: RegistryKey[int | str], dog: RegistryKey[Store]) -> None:
    RegistryKey.parse(str(key), str)  # E: liveref-roundtrip
    RegistryKey.parse(str(key.uuid), str)  # E: liveref-roundtrip
    RegistryKey.parse(f"{key}", list[int])  # E: liveref-roundtrip
    RegistryKey.parse(f"{key!s}", hint=str)  # E: liveref-roundtrip
    RegistryKey.parse(f"{key.uuid}", str)  # E: liveref-roundtrip
    RegistryKey.parse(str(either), bytes)  # E: liveref-roundtrip
    RegistryKey.from_marker(key.to_marker(), str)  # E: liveref-roundtrip
    RegistryKey.read(key.to_marker(), str)  # E: liveref-roundtrip
    RegistryKey.read(f"{key}", str)  # E: liveref-roundtrip
    RegistryKey.read(key.to_marker(), int)  # ok
    RegistryKey.from_marker(key.to_marker(typed=True), hint=str)  # E: liveref-roundtrip
    text = str(key)
    RegistryKey.parse(text, str)  # E: liveref-roundtrip
    marker: object = key.to_marker()
    RegistryKey.from_marker(marker, bytes | None)  # E: liveref-roundtrip


def widened(refs: SessionRefRegistry) -> RegistryKey[object]:
    key: RegistryKey[object] = refs.insert(1)  # E: liveref-widened
    other: RegistryKey[object] = refs.insert([1], finalizer=print)  # E: liveref-widened
    if key:
        inner: RegistryKey[object] = refs.insert("a")  # E: liveref-widened
        print(inner)
    return other


class Holder:
    refs = SessionRefRegistry()
    first: RegistryKey[object] = refs.insert(1)  # E: liveref-widened

    def __init__(self) -> None:
        self.second: RegistryKey[object] = self.refs.insert(2)  # E: liveref-widened


def shallow(refs: SessionRefRegistry, key: RegistryKey[object], text: str) -> None:
    RegistryKey.new(Callable[[int], str])  # E: liveref-shallow
    RegistryKey.new(Store)  # E: liveref-shallow
    RegistryKey.new(Box[int])  # E: liveref-shallow
    RegistryKey.parse(text, Iterator[int])  # E: liveref-shallow
    RegistryKey.from_marker({}, Iterable[int])  # E: liveref-shallow
    refs.get(key, Hooks)  # E: liveref-shallow
    refs.get(key, list[Callable[[], int]] | None)  # E: liveref-shallow
    refs.insert(print, Callable[..., None])  # E: liveref-shallow
    refs.typed(type[Store])  # E: liveref-shallow
    refs.typed(dict[str, Box[int]])  # E: liveref-shallow


def refused(refs: SessionRefRegistry, key: RegistryKey[object]) -> None:
    refs.get(key, Secret)  # E: liveref-unsupported
    refs.get(key, Secret | None)  # E: liveref-unsupported
    refs.get(key, list[Secret])  # E: liveref-unsupported
    refs.get(key, Callable[[Secret], int])  # E: liveref-unsupported
    refs.get(key, Vault)  # E: liveref-unsupported
    refs.get(key, "int")  # E: liveref-unsupported
    refs.get(key, list["int"])  # E: liveref-unsupported
    refs.get(key, dict[str, "int | None"])  # E: liveref-unsupported
    refs.get(key, Annotated["int", "seconds"])  # E: liveref-unsupported
    RegistryKey.new(NoReturn)  # E: liveref-unsupported
    RegistryKey.new(list[Never])  # E: liveref-unsupported
    RegistryKey.new(TypeGuard[int])  # E: liveref-unsupported
    refs.typed(Secret)  # E: liveref-unsupported
    refs.get(key, Never)  # E: liveref-unsupported


def odd(refs: SessionRefRegistry, key: RegistryKey[object]) -> None:
    refs.get(key, TypeForm("int"))  # E: liveref-unsupported
    refs.get(key, OldJson)  # E: liveref-unsupported
    refs.get(key, Final)  # E: liveref-unsupported
    refs.get(key, Union)  # E: liveref-unsupported


def variables(refs: SessionRefRegistry, key: RegistryKey[object], value: T) -> T:
    refs.get(key, list[T])  # E: liveref-unsupported
    refs.get(key, type[T])  # E: liveref-unsupported, misc
    refs.get(key, T)  # E: liveref-unsupported, misc
    refs.get(key, T | None)  # E: liveref-unsupported, misc
    return value
