"""Refs of other processes keep their types, and what stays where it is can't be used elsewhere."""

from __future__ import annotations

import sqlite3

from typing_extensions import assert_type

from liveref import (
    EngineError,
    Pinned,
    Recipe,
    RefElsewhereError,
    RefLookupError,
    RefLostError,
    RefUnavailableError,
    RegistryKey,
    RemoteCallError,
    RemoteResultError,
    Session,
    pin,
)
from liveref.engine import EngineRefs, LocalEngine, RemoteSession, SessionRefs


def connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:")


def changes(db: sqlite3.Connection) -> int:
    return db.total_changes


def times(db: sqlite3.Connection, number: int, *, by: int) -> float:
    return number * by / db.total_changes


def looked_up(refs: EngineRefs, rows: RegistryKey[list[int]], db: RegistryKey[Pinned[sqlite3.Connection]]) -> None:
    assert_type(refs.get(rows), list[int])
    assert_type(refs[rows], list[int])
    assert_type(refs.get(rows, default=None), list[int] | None)
    assert_type(refs.get_many([rows]), list[list[int]])
    assert_type(refs.get(db), Pinned[sqlite3.Connection])
    assert_type(refs[db], Pinned[sqlite3.Connection])
    assert_type(refs.at(rows), Pinned[list[int]])
    assert_type(refs.at(db), Pinned[sqlite3.Connection])
    refs.get(db).execute("select 1")  # E: attribute
    refs[db].total_changes  # E: attribute
    refs.get("x")  # E: closest-overload


def used(pinned: Pinned[sqlite3.Connection]) -> None:
    assert_type(pinned.run(changes), int)
    assert_type(pinned.run(changes, timeout=3.0), int)
    assert_type(pinned.call(times, 3, by=2), float)
    pinned.run(3)  # E: argument
    pinned.call(times, "3", by=2)  # E: argument


async def awaited(refs: EngineRefs, rows: RegistryKey[list[int]], pinned: Pinned[sqlite3.Connection]) -> None:
    assert_type(await refs.aget(rows), list[int])
    assert_type(await pinned.arun(changes), int)


def made(refs: SessionRefs, recipe: Recipe[sqlite3.Connection], other: SessionRefs) -> None:
    db = refs.create(connect, finalizer=sqlite3.Connection.close)
    assert_type(db, RegistryKey[Pinned[sqlite3.Connection]])
    assert_type(refs.open(recipe), RegistryKey[Pinned[sqlite3.Connection]])
    assert_type(refs.insert([1], list[int]), RegistryKey[list[int]])
    assert_type(refs.derive(db, changes), RegistryKey[Pinned[int]])
    assert_type(refs.clone_ref(db), RegistryKey[Pinned[sqlite3.Connection]])
    assert_type(refs.keys(), list[RegistryKey[object]])
    assert_type(refs.drain(), int)
    assert_type(refs.drain(owner=("sub=ann",)), int)
    assert_type(refs.sweep(), int)
    assert_type(refs.insert([1], ttl=60, idle=None, owner="ann"), RegistryKey[list[int]])
    assert_type(refs.insert([1], list[int], ttl=None, owner=None), RegistryKey[list[int]])
    assert_type(refs.create(connect, ttl=60, idle=9.5, owner="ann"), RegistryKey[Pinned[sqlite3.Connection]])
    assert_type(refs.open(recipe, idle=60, owner=("a", "b")), RegistryKey[Pinned[sqlite3.Connection]])
    refs.renew(db)
    refs.create(connect, ttl="60")  # E: argument
    refs.drain(owner=3)  # E: argument
    refs.renew("x")  # E: argument
    text: RegistryKey[str] = refs.create(connect)  # E: assignment
    refs.transfer_ref(text, "x")  # E: argument


def of_sessions(engine: LocalEngine, token: str) -> None:
    assert_type(engine.session(), RemoteSession)
    assert_type(engine.session(ttl=60, idle=9.5, owned=True, per_owner=3), RemoteSession)
    engine.session(per_owner="3")  # E: argument
    assert_type(engine.attach(token), SessionRefs)
    assert_type(engine.refs, EngineRefs)
    assert_type(engine.homes(), dict[int, str])
    assert_type(Session(engine=engine), Session)
    Session(engine="x")  # E: argument


def pinned_here() -> None:
    assert_type(pin(connect, finalizer=sqlite3.Connection.close), Pinned[sqlite3.Connection])
    assert_type(Session().refs.insert(pin(connect)), RegistryKey[Pinned[sqlite3.Connection]])
    pin(3)  # E: argument


def failing(
    elsewhere: RefElsewhereError, lost: RefLostError, silent: RefUnavailableError, call: RemoteCallError
) -> None:
    lookups: list[RefLookupError] = [elsewhere, lost]
    errors: list[EngineError] = [elsewhere, lost, silent, call, RemoteResultError("0f…", "there", "a.B")]
    assert_type(lost.public, str)
    wrong: RefLookupError = silent  # E: assignment
    lookups.append(wrong)
    errors.extend(lookups)  # E: argument
    RefLostError("0f…")  # E: missing
