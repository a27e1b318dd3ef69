"""Generic classes without brackets, as hints and in keys: the same under ``disallow_any_generics``."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from typing_extensions import TypedDict

from liveref import RegistryKey, SessionRefRegistry

T = TypeVar("T")
Lists: TypeAlias = list  # ok
Callback = Callable  # E: strict:type-arg


class Box(Generic[T]):
    item: T


class Record(TypedDict):
    items: list  # E: strict:type-arg


class Pair(NamedTuple):
    left: dict  # E: strict:type-arg


class Many(Generic[T]):
    key: RegistryKey  # E: liveref-untyped, strict:type-arg


def lookups(refs: SessionRefRegistry, number: RegistryKey[int], thing: RegistryKey[object]) -> None:
    refs.get(number, list)  # E: liveref-overlap
    refs.get(number, dict)  # E: liveref-overlap
    refs.get(number, set | None)  # E: liveref-overlap, strict:arg-type
    refs.get(number, tuple)  # E: liveref-overlap
    refs.get(number, type)  # E: liveref-overlap
    refs.get(number, Box)  # E: liveref-overlap
    refs.get(number, queue.Queue)  # E: liveref-overlap
    refs.get(number, dict[str, list])  # E: liveref-overlap, strict:type-arg
    refs.get(number, list[list | None])  # E: liveref-overlap, strict:type-arg
    refs.get(number, Lists)  # E: liveref-overlap
    refs.get(number, Record)  # E: liveref-overlap
    refs.get(number, Pair)  # E: liveref-overlap
    refs.get(number, Callable)  # E: liveref-overlap, strict:call-overload
    refs.get(number, Callback)  # E: liveref-overlap
    refs.get(thing, list)  # ok
    refs.get(thing, list | None)  # E: strict:arg-type
    refs.get(thing, Box)  # ok
    refs.get(thing, Lists)  # ok
    refs.get(thing, Record)  # ok
    refs.get(thing, Pair)  # ok
    refs.get(thing, Callable)  # E: strict:call-overload
    refs.get(thing, Iterator)  # E: strict:type-abstract
    refs.get(thing, type)  # ok


def keys_of_bare_generics(
    refs: SessionRefRegistry,
    items: RegistryKey[list],  # E: strict:type-arg
    box: RegistryKey[Box],  # E: strict:type-arg
    callback: RegistryKey[Callable],  # E: strict:type-arg
) -> None:
    refs.get(items, list[int])  # ok
    refs.get(items)  # ok
    refs.get(items, int)  # E: liveref-overlap
    refs.get(box, Box[str])  # E: liveref-shallow
    refs.get(box, str)  # E: liveref-overlap
    refs.get(callback, int)  # E: liveref-overlap
    refs[callback]  # ok


def round_trips(number: RegistryKey[int], items: RegistryKey[list[int]], text: str, marker: object) -> None:
    RegistryKey.parse(str(number), list)  # E: liveref-roundtrip
    RegistryKey.from_marker(number.to_marker(), dict)  # E: liveref-roundtrip
    RegistryKey.parse(f"{number}", list | None)  # E: liveref-roundtrip, strict:arg-type
    RegistryKey.parse(str(items), list)  # ok
    RegistryKey.parse(text, dict)  # ok
    RegistryKey.from_marker(marker, Box)  # ok
    RegistryKey.new(list)  # ok


def inserts(refs: SessionRefRegistry, loose: Any) -> None:
    refs.insert(1, list)  # E: arg-type
    refs.insert(1, list | None)  # E: arg-type
    refs.insert(1, Box)  # E: arg-type
    refs.insert([], list)  # ok
    refs.insert([1], list | None)  # E: strict:arg-type
    refs.insert(Box(), Box)  # ok
    refs.insert(loose, dict)  # ok
    refs.insert(print, Callable)  # E: strict:call-overload


def through_bare_keys(
    refs: SessionRefRegistry,
    many: Many[int],
    key: RegistryKey,  # E: liveref-untyped, strict:type-arg
) -> None:
    refs.get(key)  # E: liveref-untyped
    refs[key]  # E: liveref-untyped
    refs.get(key, default=None)  # E: liveref-untyped
    refs.get(many.key)  # E: liveref-untyped
    refs.get(key, int)  # ok
    refs.get_any(key)  # ok
    refs.typed(list).insert([])  # ok
    refs.typed(list).insert(1)  # E: arg-type
