"""Keys in the places where programs keep them."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from typing_extensions import TypeAlias, TypedDict, assert_type

from liveref import RegistryKey, SessionRefRegistry, SnapshotKeys, jsonable

T = TypeVar("T")
DbKey: TypeAlias = RegistryKey[sqlite3.Connection]


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    db: DbKey
    log: RegistryKey[list[str]] | None = None


class State(TypedDict):
    db: DbKey
    step: int


class Step(NamedTuple):
    number: int
    key: RegistryKey[int]


@dataclasses.dataclass
class Slot(Generic[T]):
    key: RegistryKey[T]

    def value(self, registry: SessionRefRegistry) -> T:
        return registry.get(self.key)


def dataclass_field(registry: SessionRefRegistry, job: Job, other: RegistryKey[str]) -> None:
    assert_type(registry.get(job.db), sqlite3.Connection)
    if job.log is not None:
        assert_type(registry[job.log], list[str])
    Job("a", db=other)  # E: argument
    registry.get(job.log)  # E: argument


def typed_dict_item(registry: SessionRefRegistry, state: State, other: RegistryKey[str]) -> None:
    assert_type(registry.get(state["db"]), sqlite3.Connection)
    assert_type(state["db"].to_marker(), dict[str, str])
    state["db"] = other  # E: typed-dict-item


def named_tuple_item(registry: SessionRefRegistry, step: Step) -> None:
    number, key = step
    assert_type(registry.get(key), int)
    assert_type(registry.get(step.key) + number, int)


def generic_slot(registry: SessionRefRegistry, slot: Slot[sqlite3.Connection]) -> None:
    assert_type(slot.value(registry), sqlite3.Connection)
    assert_type(Slot(registry.insert("x")), Slot[str])


def containers(registry: SessionRefRegistry, keys: list[RegistryKey[int]], named: dict[str, DbKey]) -> None:
    assert_type([registry.get(key) for key in keys], list[int])
    assert_type({name: registry[key] for name, key in named.items()}, dict[str, sqlite3.Connection])
    assert_type(registry.get(named["main"]), sqlite3.Connection)
    assert_type([registry.insert(number) for number in (1, 2)], list[RegistryKey[int]])
    keys.append(registry.insert("x"))  # E: argument
    named["log"] = registry.insert([1])  # E: item mypy=arg-type zuban=assignment


def as_dict_key(notes: dict[RegistryKey[object], str], key: RegistryKey[int]) -> None:
    assert_type(notes[key], str)
    assert_type(notes.get(key), str | None)
    notes["key"] = "x"  # E: item


def lookup_all(registry: SessionRefRegistry, keys: Iterable[RegistryKey[T]]) -> list[T]:
    return [registry.get(key) for key in keys]


def generic_lookup(registry: SessionRefRegistry, keys: list[RegistryKey[int]]) -> None:
    assert_type(lookup_all(registry, keys), list[int])
    assert_type(list(map(registry.get_any, keys)), list[object])


def hook_of_an_encoder(key: RegistryKey[int]) -> None:
    assert_type(jsonable.default(key), dict[str, str])
    assert_type(json.dumps({"key": key}, default=jsonable.default), str)
    jsonable.default()  # E: missing


def recipes_go_along(registry: SessionRefRegistry, key: RegistryKey[int], ring: SnapshotKeys) -> None:
    written = jsonable.encode({"key": key}, registry=registry, live=[sqlite3.Connection], recipes=ring)
    assert_type(jsonable.decode(written, registry=registry, recipes=ring), object)
    jsonable.encode(key, recipes=None)
    jsonable.encode(key, recipes=b"ring")  # E: argument
    jsonable.decode(written, recipes={"key": b"ring"})  # E: argument
