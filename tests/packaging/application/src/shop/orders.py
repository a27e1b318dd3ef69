"""An order goes from step to step as JSON; the connection it needs stays in the registry."""

from __future__ import annotations

import sqlite3
from typing import TypedDict

from liveref import RegistryKey, Session, SessionRefRegistry


class Event(TypedDict):
    order: int
    database: object


def accept(refs: SessionRefRegistry, order: int) -> Event:
    key = refs.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
    return {"order": order, "database": key.to_marker()}


def store(refs: SessionRefRegistry, event: Event) -> int:
    key = RegistryKey.from_marker(event["database"], sqlite3.Connection)
    rows: list[tuple[int]] = refs.get(key).execute("select ?", (event["order"],)).fetchall()
    return rows[0][0]


def main() -> int:
    with Session() as session:
        return store(session.refs, accept(session.refs, 42))
