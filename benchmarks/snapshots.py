"""What a snapshot of a session costs, beside pickling the same objects in a list."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from typing import Final

from benchmarks.rows import Group
from benchmarks.timing import Contender, Duel
from liveref import Session, SessionSnapshot, SnapshotKeys

KEYS: Final = SnapshotKeys({"benchmark": bytes(32)}, current="benchmark")
WRITE: Final = "pickle.dumps(values)"
READ: Final = "pickle.loads(pickled)"


@dataclasses.dataclass
class Note:
    """A small object."""

    number: int
    text: str


def session_of(size: int) -> Session:
    """A session with so many small objects."""
    session = Session(capacity=size)
    for number in range(size):
        session.refs.insert(Note(number, f"note {number}"))
    return session


def taking(size: int) -> Group:
    """Snapshots, against writing the objects."""
    return _group(f"snapshot of {size:,} refs", WRITE, [*_taking(size)])


def resuming(size: int) -> Group:
    """Resumes, against reading the objects."""
    return _group(f"resume of {size:,} refs", READ, [*_resuming(size)])


def _group(heading: str, reference: str, contenders: list[Contender]) -> Group:
    names = contenders[0].names
    return Group(heading, reference, Duel(Contender(heading, reference, reference, names), contenders).round)


def _taking(size: int) -> Iterator[Contender]:
    session = session_of(size)
    values = [session.refs.get(key) for key in session.refs]
    names = {"session": session, "values": values, "pickle": pickle, "keys": KEYS}
    yield Contender("snapshot", "liveref session.snapshot()", "session.snapshot()", names)
    signed = "session.snapshot().to_bytes(keys=keys)"
    yield Contender("snapshot", "liveref the same, to signed bytes", signed, names)


def _resuming(size: int) -> Iterator[Contender]:
    session = session_of(size)
    snapshot = session.snapshot()
    names = {
        "resume": _resume,
        "snapshot": snapshot,
        "read": SessionSnapshot.from_bytes,
        "written": snapshot.to_bytes(keys=KEYS),
        "keys": KEYS,
        "size": size,
        "pickle": pickle,
        "pickled": pickle.dumps([session.refs.get(key) for key in session.refs]),
    }
    yield Contender("resume", "liveref Session.resume(snapshot)", "resume(snapshot, size)", names)
    verified = "resume(read(written, keys=keys), size)"
    yield Contender("resume", "liveref the same, from signed bytes", verified, names)


def _resume(snapshot: SessionSnapshot, size: int) -> None:
    Session.resume(snapshot, capacity=size)
