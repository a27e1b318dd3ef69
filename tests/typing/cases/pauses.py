"""Snapshots: taken, written, read and resumed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from typing_extensions import assert_type

from liveref import (
    CapturedRef,
    DroppedRef,
    ExpectedRef,
    RefDroppedWarning,
    RefFailure,
    RefLifetime,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    SnapshotLimits,
)


def taken(session: Session, path: Path) -> None:
    assert_type(session.snapshot(), SessionSnapshot)
    assert_type(session.snapshot(policy=SessionPausePolicy.WARN_DROP), SessionSnapshot)
    assert_type(session.snapshot(policy=None), SessionSnapshot)
    session.snapshot(SessionPausePolicy.WARN_DROP)  # E: positional
    session.snapshot(policy="warn_drop")  # E: argument
    assert_type(session.snapshot(verify=True), SessionSnapshot)
    session.snapshot(keys=None)  # E: unknown
    session.snapshot(verify="yes")  # E: argument


def saved(session: Session, path: Path, keys: SnapshotKeys) -> None:
    assert_type(session.save(path), SessionSnapshot)
    assert_type(session.save("run.snapshot", keys=keys, policy=SessionPausePolicy.HARD_ERROR), SessionSnapshot)
    session.save()  # E: missing
    session.save(path, keys)  # E: positional
    session.save(1)  # E: argument
    session.save(b"run.snapshot")  # E: argument
    session.save(path, keys=b"secret")  # E: argument
    session.save(path, policy="hard_error")  # E: argument
    assert_type(session.save(path, verify=True), SessionSnapshot)
    session.save(path, verify=None)  # E: argument
    assert_type(session.save(path, progress=told), SessionSnapshot)
    session.save(path, progress=len)  # E: argument


async def saved_beside_the_loop(session: Session, path: Path, keys: SnapshotKeys) -> None:
    assert_type(await session.asave(path), SessionSnapshot)
    assert_type(await session.asave(path, keys=keys, policy=None, copy=False, progress=told), SessionSnapshot)
    await session.asave(path, keys)  # E: positional
    await session.asave(path, copy="no")  # E: argument
    await session.asave(path, progress=len)  # E: argument
    assert_type(SessionSnapshot.read(path, keys=keys, progress=told), SessionSnapshot)
    SessionSnapshot.read(path, progress=1)  # E: argument


def told(done: int, total: int) -> None:
    """What is told of the progress."""


class NamedSession(Session):
    name = "mine"


def resumed(snapshot: SessionSnapshot, registry: SessionRefRegistry, key: RegistryKey[list[int]]) -> None:
    assert_type(Session.resume(snapshot), Session)
    assert_type(NamedSession.resume(snapshot), NamedSession)
    with NamedSession.resume(snapshot, carry=registry, capacity=5, policy=SessionPausePolicy.WARN_DROP) as session:
        assert_type(session, NamedSession)
        assert_type(session.name, str)
        assert_type(session.refs[key], list[int])
    assert_type(NamedSession().resume(snapshot), NamedSession)
    Session.resume()  # E: missing
    Session.resume(b"snapshot")  # E: argument
    Session.resume(snapshot, registry)  # E: positional
    Session.resume(snapshot, carry=Session())  # E: argument
    Session.resume(snapshot, capacity="5")  # E: argument
    Session.resume(snapshot, policy="warn_drop")  # E: argument
    Session.resume(snapshot, keys=None)  # E: unknown
    assert_type(NamedSession.resume(snapshot, broken="drop"), NamedSession)
    Session.resume(snapshot, broken="raise")
    Session.resume(snapshot, broken="keep")  # E: argument
    Session.resume(snapshot, broken=True)  # E: argument


async def resumed_asynchronously(snapshot: SessionSnapshot) -> None:
    async with NamedSession.resume(snapshot) as session:
        assert_type(session, NamedSession)


def as_bytes(snapshot: SessionSnapshot, keys: SnapshotKeys, limits: SnapshotLimits) -> None:
    assert_type(snapshot.to_bytes(), bytes)
    assert_type(snapshot.to_bytes(keys=keys), bytes)
    assert_type(SessionSnapshot.from_bytes(b"", keys=keys), SessionSnapshot)
    assert_type(SessionSnapshot.from_bytes(bytearray(), trusted=True, limits=limits), SessionSnapshot)
    assert_type(SessionSnapshot.from_bytes(memoryview(b"")), SessionSnapshot)
    snapshot.to_bytes(keys)  # E: positional
    SessionSnapshot.from_bytes("snapshot", keys=keys)  # E: argument
    SessionSnapshot.from_bytes(b"", keys)  # E: positional
    SessionSnapshot.from_bytes(b"", keys=b"secret")  # E: argument
    SessionSnapshot.from_bytes(b"", trusted="false")  # E: argument
    SessionSnapshot.from_bytes(b"", limits=5)  # E: argument


def as_a_file(snapshot: SessionSnapshot, path: os.PathLike[str], keys: SnapshotKeys) -> None:
    assert_type(snapshot.write(path, keys=keys), None)
    assert_type(SessionSnapshot.read(path, keys=keys), SessionSnapshot)
    assert_type(SessionSnapshot.read("run.snapshot", trusted=True, limits=SnapshotLimits()), SessionSnapshot)
    snapshot.write(path, keys)  # E: positional
    snapshot.write(3)  # E: argument
    SessionSnapshot.read(b"run.snapshot")  # E: argument
    SessionSnapshot.read(path, trusted=1)  # E: argument


def rows(snapshot: SessionSnapshot) -> None:
    assert_type(snapshot.refs, list[CapturedRef])
    assert_type(snapshot.dropped, list[DroppedRef])
    assert_type(snapshot.expected, list[ExpectedRef])
    for ref in snapshot.refs:
        assert_type((ref.key, ref.type_tag, ref.how, ref.size), tuple[str, str, str, int])
        assert_type((ref.lifetime, ref.name), tuple[RefLifetime, str | None])
    for gone in snapshot.dropped:
        assert_type((gone.key, gone.type_tag, gone.reason), tuple[str, str, str])
    for expected in snapshot.expected:
        assert_type((expected.key, expected.type_tag, expected.name), tuple[str, str, str | None])
    assert_type((snapshot.when, snapshot.policy), tuple[str, str])
    assert_type(snapshot.key_name, str | None)
    assert_type(snapshot.writer, str | None)
    assert_type(snapshot.verified, bool)
    snapshot.refs[0].size = 1  # E: read-only
    snapshot.refs = []  # E: read-only
    snapshot.dropped[0].size  # E: attribute
    snapshot.key_name.upper()  # E: optional


def no_constructor() -> None:
    SessionSnapshot()  # E: missing pyrefly=bad-argument-count
    SessionSnapshot(b"")  # E: argument


class MySnapshot(SessionSnapshot):  # E: final
    """A snapshot is final."""


class MyKeys(SnapshotKeys):  # E: final
    """A ring of keys is final."""


def rings(secret: bytes) -> None:
    keys = SnapshotKeys({"2026-11": secret}, current="2026-11")
    assert_type(keys, SnapshotKeys)
    assert_type(keys.current, str)
    assert_type(keys.names, list[str])
    SnapshotKeys({"2026-11": secret})  # E: missing
    SnapshotKeys({"2026-11": "secret"}, current="2026-11")  # E: item-value pyrefly=bad-assignment
    SnapshotKeys(secret, current="2026-11")  # E: argument
    keys.current = "2026-12"  # E: read-only


def limits() -> None:
    assert_type(SnapshotLimits(max_bytes=1, max_refs=2, max_ref_bytes=3, max_header_bytes=4), SnapshotLimits)
    assert_type(SnapshotLimits().max_bytes, int)
    SnapshotLimits(5)  # E: positional
    SnapshotLimits(max_bytes="5")  # E: argument
    SnapshotLimits(max_size=5)  # E: unknown
    SnapshotLimits().max_refs = 5  # E: read-only


def warned(failure: RefFailure, show: Callable[[Warning], None]) -> None:
    warning: UserWarning = RefDroppedWarning(failure, "warn_drop")
    show(warning)
    RefDroppedWarning("lost", "warn_drop")  # E: argument
