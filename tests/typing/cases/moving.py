"""What leaves a registry, moves or is cloned keeps its type."""

from __future__ import annotations

import sqlite3

from typing_extensions import assert_type

from liveref import MAX_SESSION_REFS_PER_RUN, RefInfo, RefLifetime, RegistryKey, SessionRefRegistry


def made() -> None:
    assert_type(SessionRefRegistry(), SessionRefRegistry)
    assert_type(SessionRefRegistry(capacity=5), SessionRefRegistry)
    assert_type(SessionRefRegistry(capacity=2 * MAX_SESSION_REFS_PER_RUN), SessionRefRegistry)
    SessionRefRegistry(5)  # E: positional
    SessionRefRegistry(capacity="5")  # E: argument
    SessionRefRegistry(capacity=None)  # E: argument


def moved(registry: SessionRefRegistry, other: SessionRefRegistry, key: RegistryKey[sqlite3.Connection]) -> None:
    assert_type(registry.remove(key), sqlite3.Connection)
    assert_type(registry.clone_ref(key), RegistryKey[sqlite3.Connection])
    assert_type(registry.transfer_ref(key, other), RegistryKey[sqlite3.Connection])
    assert_type(registry.transfer_ref(key, to=other), RegistryKey[sqlite3.Connection])
    assert_type(other[registry.transfer_ref(key, to=other)], sqlite3.Connection)
    registry.remove(key).nope()  # E: attribute
    registry.remove("x")  # E: argument
    registry.remove(key, default=None)  # E: unknown
    registry.clone_ref("x")  # E: argument
    registry.transfer_ref(key)  # E: missing
    registry.transfer_ref(key, [])  # E: argument
    wrong: RegistryKey[int] = registry.clone_ref(key)  # E: key-assignment
    registry.release(wrong)


def listed(registry: SessionRefRegistry) -> None:
    assert_type(registry.keys(), list[RegistryKey[object]])
    assert_type(list(registry), list[RegistryKey[object]])
    assert_type([registry.get(key) for key in registry], list[object])
    assert_type([registry.get(key, int) for key in registry], list[int])
    registry.keys()[0].bark()  # E: attribute
    registry.items()  # E: attribute


def described(registry: SessionRefRegistry) -> None:
    assert_type(registry.describe(), list[RefInfo])
    row = registry.describe()[0]
    assert_type(row.key, str)
    assert_type(row.type_tag, str)
    assert_type(row.lifetime, RefLifetime)
    assert_type(row.age, float)
    assert_type(row.where, str | None)
    row.where.upper()  # E: optional
    row.age = 1.0  # E: read-only
    row.value  # E: attribute
