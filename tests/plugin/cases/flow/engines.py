"""Refs of an engine are no registries: any of them finds the keys of all."""

from __future__ import annotations

import sqlite3

from liveref import Pinned, RegistryKey, Session, pin
from liveref.engine import LocalEngine


def found_everywhere(engine: LocalEngine) -> RegistryKey[list[int]]:
    with engine.session() as one, engine.session() as two:
        key = one.refs.insert([1])
        two.refs[key]  # ok
        two.refs.get(key)  # ok
        two.refs.release(key)  # ok
        engine.refs.get(key)  # ok
        moved = one.refs.transfer_ref(key, two.refs)
        one.refs.get(moved)  # ok
    engine.refs.get(key)  # ok
    return key  # ok


def through_a_session(engine: LocalEngine) -> None:
    with engine.session() as home, Session(engine=engine) as session:
        key = home.refs.create(lambda: sqlite3.connect(":memory:"))
        session.refs[key].run(sqlite3.Connection.commit)  # ok
        session.refs.get(RegistryKey.parse(str(key)), Pinned[sqlite3.Connection])  # ok


def pinned_here() -> RegistryKey[Pinned[list[int]]]:
    with Session() as session:
        key = session.refs.insert(pin(lambda: [1]))
        session.refs[key].run(len)  # ok
    session.refs.get(key)  # E: liveref-escape
    return key  # E: liveref-escape
