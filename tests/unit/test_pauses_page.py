"""The tables of docs/pauses.md, made from what happens."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from liveref import (
    RefDroppedError,
    RefDroppedWarning,
    RefLifetime,
    RefNotFoundError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
)

from .refs_of_all_kinds import (
    EXPLICIT,
    POLICIES,
    Blob,
    Box,
    Handle,
    Keys,
    Kind,
    both,
    counting,
    failing_serializer,
    holder,
    holder_of_a_lock,
    nested_too_deeply,
    open_handle,
    part,
    plain,
    pool,
    raising,
    redacted,
    reopenable,
    reopenable_pool,
    serializable,
    texting_serializer,
    two_keys,
    two_lifetimes,
    unpicklable,
    until_snapshot,
)

PAGE: Final = Path(__file__).parents[2] / "docs" / "pauses.md"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(head)]
    lines = [cells[0], ["---"] * len(cells[0]), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("| ---", "|---").replace("--- |", "---|") for line in lines)


def quietly(session: Session, policy: SessionPausePolicy) -> SessionSnapshot:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        return session.snapshot(policy=policy)


# What a policy makes of a ref

KINDS: Final[dict[str, list[Kind]]] = {
    "can be pickled": [plain],
    "can't be pickled": [unpicklable, raising, nested_too_deeply],
    "has a recipe": [reopenable],
    "has a serializer": [serializable],
    "has both": [both],
    "has a serializer that fails, or gives no bytes": [failing_serializer, texting_serializer],
    "its object has another key, with a recipe": [two_keys],
    "its object is part of another ref's state": [part],
    "its state holds the object of a ref that is kept": [holder],
    "its state holds the object of a ref that is not": [holder_of_a_lock],
    "`UNTIL_EXPLICIT_DROP`, with a recipe or without": [pool, reopenable_pool],
    "its object has another key, `UNTIL_EXPLICIT_DROP`": [two_lifetimes],
    "`UNTIL_SNAPSHOT`": [until_snapshot],
}


def what_becomes_of(kind: Kind, policy: SessionPausePolicy) -> str:
    with Session() as session:
        try:
            return "".join(found(session, kind(session), policy))
        finally:
            session.refs.drain()


def found(session: Session, keys: Keys, policy: SessionPausePolicy) -> set[str]:
    names = set(map(redacted, keys))
    try:
        snapshot = quietly(session, policy)
    except SessionRefsNotSerializableError as error:
        return {"**refused**" if names <= {failure.key for failure in error.failures} else "**refused** for that one"}
    kept = {ref.how for ref in snapshot.refs if ref.key in names}
    dropped = {"dropped" for ref in snapshot.dropped if ref.key in names}
    expected = {"expected" for ref in snapshot.expected if ref.key in names}
    return kept | dropped | expected or {"purged"}


def test_the_table_of_policies_is_what_happens() -> None:
    rows = [
        [name, *("/".join({what_becomes_of(kind, policy): None for kind in kinds}) for policy in POLICIES)]
        for name, kinds in KINDS.items()
    ]
    assert table(["a ref", *(f"`{policy.name}`" for policy in POLICIES)], rows) in PAGE.read_text("utf-8")


# What comes of that


def kept_by(value: Callable[[], object]) -> Callable[[Session], RegistryKey[object]]:
    return lambda session: session.refs.insert(value())


OUTCOMES: Final[dict[str, tuple[Callable[[Session], RegistryKey[object]], bool]]] = {
    "pickle": (kept_by(Box), False),
    "serializer": (kept_by(lambda: Blob(b"x")), False),
    "recipe": (lambda session: session.refs.open(open_handle.recipe("db")), False),
    "dropped": (kept_by(threading.Lock), False),
    "expected, and carried over": (lambda session: pool(session)[0], True),
    "expected, with a recipe, not carried over": (lambda session: reopenable_pool(session)[0], False),
    "expected, without one, not carried over": (lambda session: pool(session)[0], False),
    "purged": (lambda session: until_snapshot(session)[0], False),
}


def fate(make: Callable[[Session], RegistryKey[object]], *, carry: bool) -> list[str]:
    """What happens to one ref at each event, in words."""
    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session:
        key = make(session)
        snapshot = quietly(session, SessionPausePolicy.PICKLE_OR_DROP)
        told = ["live" if key in session.refs else "purged", f"{listed(snapshot)}"]
        with counting() as handles:
            resumed = Session.resume(snapshot, carry=session.refs if carry else None)
            there = key in resumed.refs
            told.append(("comes back" if there and loaded(resumed, key) else "waits") if there else "is not there")
            told.append(looked_up(resumed, key))
            if there and told[-1] == "is given" and handles.opened:
                told[-1] = "is opened"
        told.append(listed(resumed.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)))
        resumed.refs.close()
        session.refs.drain()
    return told


def listed(snapshot: SessionSnapshot) -> str:
    names = {"`refs`": snapshot.refs, "`dropped`": snapshot.dropped, "`expected`": snapshot.expected}
    return "".join(name for name, rows in names.items() if rows) or "nowhere"


def loaded(session: Session, key: RegistryKey[object]) -> bool:
    (ref,) = (each for each in session.refs.keys() if each == key)
    return ref.hint is not object


def looked_up(session: Session, key: RegistryKey[object]) -> str:
    try:
        session.refs.get_any(key)
    except RefDroppedError as error:
        return "`RefDroppedError`: pass `carry=`" if "carry=" in str(error) else "`RefDroppedError`"
    except RefNotFoundError:
        return "`RefNotFoundError`"
    return "is given"


def test_the_table_of_outcomes_is_what_happens() -> None:
    head = ["outcome", "in the session", "the snapshot lists it in", "at `resume` it", "at its first lookup", "the next pause lists it in"]  # fmt: skip
    rows = [[name, *fate(make, carry=carry)] for name, (make, carry) in OUTCOMES.items()]
    assert table(head, rows) in PAGE.read_text("utf-8")


# What ends a ref


def where(keys: Iterable[RegistryKey[object]], key: RegistryKey[object]) -> str:
    return "kept" if key in keys else "purged"


def a_borrowing_child_ends(lifetime: RefLifetime) -> str:
    with Session() as session:
        with session.child() as child:
            key = child.refs.insert("x", lifetime=lifetime)
        return where(session.refs.keys(), key)


def an_isolated_child_ends(lifetime: RefLifetime) -> str:
    with Session() as session:
        with session.child(isolated=True) as child:
            key = child.refs.insert("x", lifetime=lifetime)
        if key not in session.refs:
            return "purged"
        there = session.refs.lifetime_of(key)
        return "handed to the parent" if there is lifetime else f"handed to the parent, there `{there.name}`"


def the_owner_ends(lifetime: RefLifetime) -> str:
    with Session() as session:
        key = session.refs.insert("x", lifetime=lifetime)
    return where(session.refs.keys(), key)


def a_snapshot_succeeds(lifetime: RefLifetime) -> str:
    with Session() as session:
        key = session.refs.insert("x", lifetime=lifetime)
        session.snapshot()
        return where(session.refs.keys(), key)


def a_snapshot_is_refused(lifetime: RefLifetime) -> str:
    with Session() as session:
        key = session.refs.insert("x", lifetime=lifetime)
        session.refs.insert(threading.Lock())
        with suppress(SessionRefsNotSerializableError):
            session.snapshot()
        return where(session.refs.keys(), key)


def after_resume(lifetime: RefLifetime) -> str:
    with Session() as session:
        key = session.refs.insert("x", lifetime=lifetime)
        resumed = Session.resume(session.snapshot(), carry=session.refs)
    return f"`{resumed.refs.lifetime_of(key).name}`" if key in resumed.refs else "not there"


EVENTS: Final = {
    "a borrowing child ends": a_borrowing_child_ends,
    "an isolated child ends": an_isolated_child_ends,
    "the owner ends": the_owner_ends,
    "a snapshot succeeds": a_snapshot_succeeds,
    "a snapshot is refused": a_snapshot_is_refused,
    "after `resume(carry=…)`": after_resume,
}


def test_the_table_of_lifetimes_is_what_happens() -> None:
    rows = [[f"`{lifetime.name}`", *(event(lifetime) for event in EVENTS.values())] for lifetime in RefLifetime]
    assert table(["lifetime", *EVENTS], rows) in PAGE.read_text("utf-8")
