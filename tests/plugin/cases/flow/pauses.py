"""Keys that leave their sessions in a snapshot, or without one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from liveref import RefLifetime, RegistryKey, Session, SessionRefRegistry, SessionSnapshot, SnapshotKeys


class Paused(NamedTuple):
    key: RegistryKey[int]
    snapshot: SessionSnapshot


def saved(path: Path, ring: SnapshotKeys) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        session.save(path, keys=ring)
        return key  # ok


def saved_and_returned_after(path: Path, ring: SnapshotKeys) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        session.save(path, keys=ring)
    return key  # ok


def captured() -> tuple[SessionSnapshot, RegistryKey[int]]:
    with Session() as session:
        key = session.refs.insert(1)
        snap = session.snapshot()
        return snap, key  # ok


def captured_at_once() -> tuple[SessionSnapshot, RegistryKey[int]]:
    with Session() as session:
        key = session.refs.insert(1)
        return session.snapshot(), key  # ok


def captured_in_a_record() -> dict[str, object]:
    with Session() as session:
        key = session.refs.insert(1)
        return {"key": key, "snapshot": session.snapshot()}  # ok


def captured_in_a_tuple() -> Paused:
    with Session() as session:
        key = session.refs.insert(1)
        return Paused(key, session.snapshot())  # ok


async def saved_in_a_thread(path: Path) -> RegistryKey[int]:
    async with Session() as session:
        key = session.refs.insert(1)
        await asyncio.to_thread(session.save, path)
        return key  # ok


def saved_elsewhere(path: Path) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        checkpoint(session, path)
        return key  # ok


def checkpoint(session: Session, path: Path) -> None:
    session.save(path)


def saved_now_and_then(path: Path, flag: bool) -> RegistryKey[int] | None:
    with Session() as session:
        key = session.refs.insert(1)
        if flag:
            session.save(path)
        return key  # ok


def saved_or_not(path: Path, flag: bool) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        if flag:
            session.save(path)
            return key  # ok
    with Session() as other:
        late = other.refs.insert(2)
    return late  # E: liveref-escape


def inserted_after(path: Path) -> tuple[RegistryKey[int], RegistryKey[str]]:
    with Session() as session:
        key = session.refs.insert(1)
        session.save(path)
        late = session.refs.insert("late")
        return key, late  # E: liveref-escape


def saved_and_used_after(path: Path) -> int:
    with Session() as session:
        key = session.refs.insert(1)
        session.save(path)
    again = Session.resume(SessionSnapshot.read(path, trusted=True))
    print(session.refs.get(key))  # E: liveref-escape
    return again.refs.get(key)  # ok


def returned_after() -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
    return key  # E: liveref-escape


def returned_long_after(names: list[str]) -> RegistryKey[int]:
    session = Session()
    key = session.refs.insert(1)
    for name in names:
        print(name)
    session.close()
    return key  # E: liveref-escape


def returned_in_a_dict() -> dict[str, object]:
    with Session() as session:
        key = session.refs.insert(1)
        other = session.refs.insert(2, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
        return {"count": 1, "key": key, "other": other}  # E: liveref-escape


def returned_in_containers(flag: bool) -> object:
    with Session() as session:
        first = session.refs.insert(1)
        second = session.refs.insert(2)
        third = session.refs.insert(3)
        if flag:
            return [first]  # E: liveref-escape
        if not flag:
            return {second}  # E: liveref-escape
        return {"steps": [(1, third)]}  # E: liveref-escape


def returned_as_something_else() -> object:
    with Session() as session:
        key = session.refs.insert(1)
        return {"count": session.refs.get(key), **{"a": 1}}  # ok


def given(session: Session) -> dict[str, RegistryKey[int]]:
    key = session.refs.insert(1)
    return {"key": key}  # ok


def moved(target: SessionRefRegistry) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        session.refs.transfer_ref(key, target)
    return key  # ok
