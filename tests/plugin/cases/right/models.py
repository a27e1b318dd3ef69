"""Keys in dataclasses, TypedDicts, pydantic models, dicts and attributes."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any, NamedTuple

import pydantic
from typing_extensions import TypedDict

from liveref import RegistryKey, Session, SessionRefRegistry


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    db: RegistryKey[sqlite3.Connection]
    lines: RegistryKey[list[str]] | None = None
    extra: dict[str, RegistryKey[object]] = dataclasses.field(default_factory=dict)


class Payload(TypedDict):
    db: RegistryKey[sqlite3.Connection]
    counts: list[RegistryKey[int]]


class Event(pydantic.BaseModel):
    db: RegistryKey[sqlite3.Connection]
    either: RegistryKey[int] | RegistryKey[str]
    tags: dict[str, RegistryKey[bytes]] = {}


class Step(NamedTuple):
    db: RegistryKey[sqlite3.Connection]


class Service:
    db: RegistryKey[sqlite3.Connection]

    def __init__(self, refs: SessionRefRegistry, db: RegistryKey[sqlite3.Connection]) -> None:
        self.refs = refs
        self.db = db

    def count(self) -> int:
        rows = self.refs.get(self.db).execute("select 1").fetchall()  # ok
        return len(rows)

    @property
    def connection(self) -> sqlite3.Connection:
        return self.refs[self.db]  # ok


def run(job: Job, refs: SessionRefRegistry) -> None:
    refs.get(job.db).commit()  # ok
    if job.lines is not None:
        refs.get(job.lines).append("x")  # ok
    for key in job.extra.values():
        refs.get(key, str | int)  # ok
    dataclasses.replace(job, db=refs.insert(sqlite3.connect(":memory:")))  # ok


def read(payload: Payload, refs: SessionRefRegistry) -> int:
    refs[payload["db"]].commit()  # ok
    return sum(refs[key] for key in payload["counts"])  # ok


def handle(event: Event, step: Step, refs: SessionRefRegistry) -> object:
    refs.get(step.db, sqlite3.Connection)  # ok
    refs.get(event.db)  # ok
    refs.get(event.tags["a"], bytes)  # ok
    return refs.get(event.either, int | str)  # ok


def parse(raw: dict[str, Any], refs: SessionRefRegistry) -> None:
    job = Job("a", RegistryKey.parse(raw["db"], sqlite3.Connection))  # ok
    refs.get(job.db)  # ok
    refs.get(raw["key"])  # ok
    refs.get(raw["key"], int)  # ok
    refs.release(raw["key"])  # ok


def build(session: Session) -> Payload:
    refs = session.refs
    return {
        "db": refs.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close),  # ok
        "counts": [refs.insert(n) for n in range(3)],  # ok
    }
