"""What a user of the installed package writes; the tests run it and have it type-checked."""

from __future__ import annotations

import sqlite3

from typing_extensions import assert_type

from liveref import RegistryKey, Session, SessionRefRegistry

with Session() as session:
    key = session.refs.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
    assert_type(key, RegistryKey[sqlite3.Connection])
    again = RegistryKey.from_marker(key.to_marker(), sqlite3.Connection)
    assert_type(session.refs.get(again), sqlite3.Connection)
    print(session.refs[again].execute("select 6 * 7").fetchone())


def wrong(registry: SessionRefRegistry, number: RegistryKey[int]) -> None:
    registry.typed(str).get(number)  # wrong
    registry.get("a text")  # wrong
    text: str = registry.get(number)  # wrong
    print(text)


print("ok")
