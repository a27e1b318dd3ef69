"""A resume that fails once it has begun to put refs in their places: nothing is moved, and what it opened is closed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any, TypeAlias

import pytest

from liveref import (
    CapacityExceededError,
    RefLifetime,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    acting_as,
    register_serializer,
    reopener,
)
from liveref._pause import resume as _resume
from liveref._registry.leases import Book


class Connection:
    """What a recipe opens."""


class Query:
    """Holds one, and can be pickled with it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


opened: list[Connection] = []
closed: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_open() -> None:
    opened.clear()
    closed.clear()


def close(connection: Connection) -> None:
    closed.append(connection)


@reopener("tests.resume_undone.connect", finalizer=close)
def connect() -> Connection:
    opened.append(Connection())
    return opened[-1]


def resume(snapshot: SessionSnapshot, **given: Any) -> Session:
    return Session.resume(snapshot, **given)


def aresume(snapshot: SessionSnapshot, **given: Any) -> Session:
    return asyncio.run(Session.aresume(snapshot, **given))


BOTH = pytest.mark.parametrize("again", [resume, aresume])
Held: TypeAlias = tuple[SessionSnapshot, SessionRefRegistry, list[RegistryKey[Connection]]]
OUTLIVES = RefLifetime.UNTIL_EXPLICIT_DROP


@BOTH
def test_what_was_opened_is_closed_where_an_owner_has_too_many_refs(again: Callable[..., Session]) -> None:
    with Session() as session, acting_as("ann"):
        connection = session.refs.open(connect.recipe())
        session.refs.insert(Query(session.refs[connection]))
        session.refs.insert("x")
        snapshot = session.snapshot()
    opened.clear()
    closed.clear()
    with pytest.raises(CapacityExceededError):
        again(snapshot, per_owner=2)
    assert len(opened) == 1
    assert closed == opened


@BOTH
def test_what_was_carried_over_goes_back_where_an_owner_has_too_many_refs(again: Callable[..., Session]) -> None:
    now = [0.0]
    with Session(clock=lambda: now[0]) as session:
        refs = session.refs
        keys = [refs.insert("plain", lifetime=OUTLIVES, finalizer=closed.append)]
        for owner in (None, "ann", "ann", "ann"):
            keys.append(refs.insert("leased", ttl=10, owner=owner, lifetime=OUTLIVES, finalizer=closed.append))
        refs.insert("x", owner="ann")
        snapshot = session.snapshot()
    now[0] = 4.0
    with pytest.raises(CapacityExceededError):
        again(snapshot, carry=refs, per_owner=3, clock=lambda: now[0])
    assert refs.stats().by_owner == {None: 2, "ann": 3}
    assert isinstance(refs._book, Book)
    assert refs._book.owned() == 3
    with acting_as("ann"):
        assert [refs[key] for key in keys] == ["plain", *["leased"] * 4]
    now[0] = 10.0
    assert refs.sweep() == 4
    assert closed == ["leased"] * 4
    refs.close()
    assert closed[4:] == ["plain"]


@pytest.fixture
def held_under_one_of_two_keys() -> Held:
    """A snapshot of two keys of one object, and a registry that holds it under the first alone."""
    with Session() as session:
        with acting_as("ann"):
            key = session.refs.open(connect.recipe(), ttl=10, lifetime=OUTLIVES)
            clone = session.refs.clone_ref(key)
        snapshot = session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)
    session.refs.close()
    closed.clear()
    former = Session.resume(snapshot)
    with acting_as("ann"):
        _ = former.refs[key]
        former.refs.release(clone)
    return snapshot, former.refs, [key, clone]


def test_another_key_of_what_was_carried_over_keeps_its_owner_and_its_lease(held_under_one_of_two_keys: Held) -> None:
    snapshot, carry, (key, clone) = held_under_one_of_two_keys
    session = Session.resume(snapshot, carry=carry)
    assert clone not in session.refs
    with acting_as("ann"):
        assert session.refs[clone] is session.refs[key]
    assert [(info.owner, bool(info.expires_in)) for info in session.refs.describe()] == [("ann", True)] * 2
    session.refs.close()
    assert len(closed) == 1


def test_another_key_that_finds_no_room_leaves_the_finalizer_to_the_first(held_under_one_of_two_keys: Held) -> None:
    snapshot, carry, (key, _) = held_under_one_of_two_keys
    with pytest.raises(CapacityExceededError):
        Session.resume(snapshot, carry=carry, per_owner=1)
    with acting_as("ann"):
        assert carry.release(key)
    assert len(closed) == 1


class Loaded:
    """What a serializer makes."""

    made = 0

    @classmethod
    def load(cls, _data: bytes) -> Loaded:
        cls.made += 1
        return cls()


register_serializer("tests.resume_undone.loaded", Loaded, lambda _value: b"", Loaded.load, finalizer=closed.append)


class Interrupt(BaseException):
    """What comes from outside."""


def interrupted(snapshot: SessionSnapshot, number: int) -> Session | None:
    """What a resume gives that is interrupted before the n-th of its lines."""
    left = number

    def trace(frame: FrameType, event: str, _arg: object) -> Callable[..., Any] | None:
        nonlocal left
        if frame.f_code.co_filename != _resume.__file__:
            return None
        left -= event == "line"
        if not left:
            raise Interrupt
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        return Session.resume(snapshot)
    except Interrupt:
        return None
    finally:
        sys.settrace(outer)


def test_what_comes_from_outside_at_any_line_leaves_nothing_open() -> None:
    with Session() as session:
        session.refs.insert(Loaded())
        session.refs.insert([session.refs[session.refs.insert(Loaded())]])
        connection = session.refs.open(connect.recipe())
        session.refs.insert(Query(session.refs[connection]))
        snapshot = session.snapshot()
    resumed, numbers = None, count(1)
    while resumed is None:
        opened.clear()
        closed.clear()
        Loaded.made = 0
        resumed = interrupted(snapshot, next(numbers))
        assert resumed or len(closed) == len(opened) + Loaded.made
    resumed.close()
    assert len(closed) == 3
