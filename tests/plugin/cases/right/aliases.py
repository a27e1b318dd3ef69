"""Aliases and re-exports of RegistryKey, and keys of anything."""

from __future__ import annotations

from typing import Any, TypeAlias

import liveref
from liveref import RegistryKey, SessionRefRegistry
from liveref import RegistryKey as Ref

Key = RegistryKey
Handle: TypeAlias = RegistryKey
IntKey = RegistryKey[int]
Keys = dict[str, RegistryKey[bytes]]


def annotated(a: Key[int], b: Handle[str], c: IntKey, d: Ref[int], e: liveref.RegistryKey[int], f: Keys) -> None:  # ok
    refs = SessionRefRegistry()
    refs.get(a)  # ok
    refs.get(b, str)  # ok
    refs.get(c, int)  # ok
    refs.get(d, bool)  # ok
    refs[e]  # ok
    refs[f["x"]]  # ok


def made() -> None:
    Key.new(int)  # ok
    Handle.parse("0f0e1d2c-3b4a-4958-8776-655443322110", list[int])  # ok
    liveref.RegistryKey.from_marker({}, hint=str)  # ok
    Ref.new()  # ok
    RegistryKey[object].new()  # ok
    RegistryKey[int].new(int)  # ok
    RegistryKey.new(RegistryKey)  # ok
    IntKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", int)  # ok


def told_apart(value: object, refs: SessionRefRegistry) -> object:
    if isinstance(value, RegistryKey):  # ok
        return refs.get_any(value)  # ok
    match value:
        case RegistryKey():  # ok
            return refs.get(value, int)  # ok
        case [Key(), *_]:  # ok
            return None
    return type(value) is RegistryKey  # ok


def of_anything(refs: SessionRefRegistry, key: RegistryKey[Any]) -> None:
    refs.get(key, int)  # ok
    refs.get_any(key)  # ok
    refs.verify(key)  # ok
    refs.typed(int).get(key)  # ok
    refs.lifetime_of(key)  # ok
    refs.release(key)  # ok
    print(key in refs)  # ok


ENCODERS = {RegistryKey: str, int: repr}  # ok
