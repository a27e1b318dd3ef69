"""Keys without a type, and lookups through them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypedDict, cast

import liveref
from liveref import RegistryKey, SessionRefRegistry
from liveref import RegistryKey as Ref

Key = RegistryKey


def bare(key: RegistryKey) -> None:  # E: liveref-untyped, strict:type-arg
    print(key)


def bare_alias(key: Key, other: Ref) -> None:  # E: liveref-untyped, strict:type-arg
    print(key, other)


def bare_result(keys: list[RegistryKey]) -> liveref.RegistryKey:  # E: liveref-untyped, strict:type-arg
    return keys[0]


def bare_callback(callback: Callable[[RegistryKey], None]) -> None:  # E: liveref-untyped, strict:type-arg
    print(callback)


@dataclasses.dataclass
class Job:
    key: RegistryKey  # E: liveref-untyped, strict:type-arg
    other: RegistryKey | None = None  # E: liveref-untyped, strict:type-arg


class Payload(TypedDict):
    key: RegistryKey  # E: liveref-untyped, strict:type-arg


def variables(found: object) -> None:
    key: RegistryKey = RegistryKey.new(int)  # E: liveref-untyped, strict:type-arg
    other = cast(RegistryKey, found)  # E: liveref-untyped, strict:type-arg
    print(key, other)


def lookups(refs: SessionRefRegistry, key: RegistryKey[Any], keys: dict[str, RegistryKey[Any]]) -> None:
    refs.get(key)  # E: liveref-untyped
    refs[key]  # E: liveref-untyped
    refs.get(key, default=None)  # E: liveref-untyped
    refs.get(keys["a"])  # E: liveref-untyped
    refs[keys["a"]].anything()  # E: liveref-untyped
    [refs.get(each) for each in keys.values()]  # E: liveref-untyped


def told_apart(refs: SessionRefRegistry, value: object) -> object:
    if isinstance(value, RegistryKey):
        return refs.get(value)  # E: liveref-untyped
    match value:
        case RegistryKey():
            return refs[value]  # E: liveref-untyped
    return None
