"""Keys that come from no insert: `new`, `parse`, `from_marker`, `read`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from sqlite3 import Connection

from typing_extensions import assert_type

from liveref import SESSION_REF_TAG, RegistryKey


def new() -> None:
    assert_type(RegistryKey.new(), RegistryKey[object])
    assert_type(RegistryKey.new(Connection), RegistryKey[Connection])
    assert_type(RegistryKey.new(list[int]), RegistryKey[list[int]])
    assert_type(RegistryKey.new(int | None), RegistryKey[int | None])
    RegistryKey.new(1)  # E: hint
    RegistryKey.new(hint=Connection, capacity=1)  # E: no-overload


def parse(text: str, raw: bytes) -> None:
    assert_type(RegistryKey.parse(text), RegistryKey[object])
    assert_type(RegistryKey.parse(text, Connection), RegistryKey[Connection])
    assert_type(RegistryKey.parse(text, Sequence[str]), RegistryKey[Sequence[str]])
    assert_type(RegistryKey.parse(text, hint=str), RegistryKey[str])
    RegistryKey.parse(raw)  # E: closest-overload
    RegistryKey.parse(raw, int)  # E: overload-argument
    RegistryKey.parse(uuid.uuid4(), int)  # E: overload-argument
    RegistryKey.parse()  # E: no-overload


def from_marker(payload: dict[str, object], marker: object) -> None:
    assert_type(RegistryKey.from_marker(marker), RegistryKey[object])
    assert_type(RegistryKey.from_marker(payload["db"], Connection), RegistryKey[Connection])
    assert_type(RegistryKey.from_marker({SESSION_REF_TAG: "0f0e1d2c-3b4a-4958-8776-655443322110"}), RegistryKey[object])
    assert_type(RegistryKey.from_marker(marker, hint=tuple[int, ...]), RegistryKey[tuple[int, ...]])
    RegistryKey.from_marker()  # E: no-overload


def read(found: object, key: RegistryKey[Connection], payload: dict[str, object]) -> None:
    assert_type(RegistryKey.read(found), RegistryKey[object])
    assert_type(RegistryKey.read(found, Connection), RegistryKey[Connection])
    assert_type(RegistryKey.read(payload["db"], list[int] | None), RegistryKey[list[int] | None])
    assert_type(
        RegistryKey.read("0f0e1d2c-3b4a-4958-8776-655443322110", hint=Sequence[str]), RegistryKey[Sequence[str]]
    )
    assert_type(RegistryKey.read(key, object), RegistryKey[object])
    assert_type(RegistryKey.read(key), RegistryKey[object])
    RegistryKey.read()  # E: no-overload
    RegistryKey.read(found, 1)  # E: hint


def text_and_marker(key: RegistryKey[Connection]) -> None:
    assert_type(str(key), str)
    assert_type(key.to_marker(), dict[str, str])
    assert_type(key.to_marker(typed=True), dict[str, str])
    assert_type(RegistryKey.parse(str(key), Connection), RegistryKey[Connection])
    assert_type(RegistryKey.from_marker(key.to_marker(), Connection), RegistryKey[Connection])
    key.to_marker(True)  # E: positional


def a_hint_as_parameter(hint: type[Connection], text: str) -> None:
    assert_type(RegistryKey.parse(text, hint), RegistryKey[Connection])
    assert_type(RegistryKey.new(hint), RegistryKey[Connection])


def not_another_type(text: str) -> RegistryKey[str]:
    return RegistryKey.parse(text, int)  # E: return
