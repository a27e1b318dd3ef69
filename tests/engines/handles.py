"""Owners and leases, which every engine keeps to across its wire: more of the cases of `tests.engines.cases`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    Owner,
    RefExpiredError,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RegistryKey,
    Session,
    acting_as,
    current_owner,
    current_session_registry,
)
from liveref.engine import RefEngine, Route, route_of
from tests.engines.cases import CASES, Site, case, fail, key_of, open_list

__all__ = ["CASES"]

ANN = ("iss=here", "sub=ann")


def refused(fn: Callable[[], object]) -> str:
    """The text of the error of who may not know of a ref, without the digits of its key."""
    with pytest.raises(RefNotFoundError) as caught:
        fn()
    assert type(caught.value) is RefNotFoundError
    return str(caught.value).replace(str(caught.value.args[0]), "")


def beside(key: RegistryKey[Any]) -> RegistryKey[Any]:
    """A key of the same session that nobody has made."""
    return key_of(route_of(key._id) or Route(0, 0))


def get_as(engine: RefEngine, key: RegistryKey[Any], owner: Owner | None) -> object:
    with acting_as(owner):
        return engine.refs.get(key, default="refused")


def who_acts(_: object) -> Owner | None:
    return current_owner()


def insert_here(_: object) -> str:
    return str(current_session_registry().insert("plain"))


@case
def what_is_owned_is_there_for_its_owner_alone(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session() as session, site.engine.session() as other:
        with acting_as(ANN):
            rows = session.refs.insert([1])
            db, items = session.refs.create(list), session.refs.open(open_list.recipe(1, 2))
            assert refs.get(rows) == [1]
            assert (refs[db].run(len), refs[items].run(sum)) == (0, 3)
            assert refs[refs.clone_ref(rows)] == [1]
            session.refs.renew(rows)
            pinned = refs[db]
        assert site.elsewhere(get_as, rows, ANN) == [1]
        ways: list[Callable[[], object]] = [
            lambda: refs[rows],  # here was a copy of it a moment ago
            lambda: asyncio.run(refs.aget(rows)),
            lambda: refs.get(RegistryKey.parse(str(db))),
            lambda: refs.get(RegistryKey.parse(str(items))),
            lambda: refs.get_many([rows]),
            lambda: refs.at(rows).run(len),
            lambda: refs[db].run(len),
            lambda: refs.derive(db, len),
            lambda: refs.clone_ref(rows),
            lambda: refs.transfer_ref(rows, other.refs),
            lambda: refs.describe(rows),
            lambda: session.refs.renew(rows),
        ]
        if not site.is_plain:
            ways.append(lambda: pinned.run(len))  # a handle grants nothing by itself
        for owner in (None, "bob"):
            assert site.elsewhere(get_as, rows, owner) == "refused"
            with acting_as(owner):
                unknown = refused(lambda: refs[beside(rows)])
                assert [refused(way) for way in ways] == [unknown] * len(ways)
                assert refs.get(rows, default=None) is None
                assert not refs.release(rows)
                with Session(engine=site.engine) as plain:
                    assert plain.refs.get(rows, default=None) is None
        with acting_as("bob"):
            assert session.refs.keys() == []
        assert len(session.refs.keys()) == len(session.refs) == 4
        assert len(other.refs) == 0
        with acting_as(ANN):
            assert refs.release(rows)
            with pytest.raises(RefReleasedError):
                refs[rows]
        refused(lambda: refs[rows])  # nor was it there


@case
def who_acts_here_acts_at_the_home(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session() as session:
        nobodys = session.refs.create(list)
        for key in (nobodys, session.refs.create(list, thread=False)):
            with acting_as(ANN):
                assert refs[key].run(who_acts) == ANN
                assert asyncio.run(refs[key].arun(who_acts)) == ANN
            assert refs[key].run(who_acts) is None
        with acting_as("ann"):
            assert refs[session.refs.create(lambda: [current_owner()])].run(list) == ["ann"]
            plain = RegistryKey.parse(refs[nobodys].run(insert_here), str)
            assert refs.at(plain).run(len) == 5
            derived = refs.derive(nobodys, len)
            given = session.refs.insert("x", owner=None)
            for bobs in (session.refs.insert([], owner="bob"), session.refs.create(list, owner="bob")):
                refused(lambda: refs.at(bobs).run(len))  # noqa: B023  it is called at once
        refused(lambda: refs.at(plain).run(len))
        refused(lambda: refs[derived].run(str))
        assert refs[given] == "x"
        for wrong in ("", (), ("a", ""), 3):
            with pytest.raises(InvalidArgumentError):
                session.refs.insert(1, owner=wrong)  # type: ignore[call-overload]


@case
def a_session_may_ask_for_owners_and_give_each_a_share(site: Site) -> None:
    with site.engine.session(owned=True, per_owner=2) as session, site.engine.session() as other:
        made = other.refs.create(list)
        for forgotten in (
            lambda: session.refs.insert(1),
            lambda: session.refs.create(_raise),  # it is not called
            lambda: session.refs.open(open_list.recipe(-1)),
            lambda: site.engine.refs.transfer_ref(other.refs.insert(1), session.refs),
        ):
            with pytest.raises(InvalidArgumentError, match="owned=True"):
                forgotten()
        with acting_as("ann"):
            first = session.refs.insert(1)
            session.refs.create(list)
            with pytest.raises(CapacityExceededError, match="owner"):
                session.refs.insert(3)
        session.refs.insert(3, owner="bob")
        assert session.refs.drain(owner=None) == 0
        assert session.refs.drain(owner="ann") == 2
        assert len(session.refs) == 1
        with acting_as("ann"), pytest.raises(RefReleasedError, match="drained"):
            site.engine.refs[first]
        with pytest.raises(InvalidArgumentError):
            session.refs.drain(owner=())  # type: ignore[arg-type]
        assert session.refs.drain() == 1
        assert other.refs.release(made)


def _raise() -> object:
    raise ZeroDivisionError


@case
def owners_and_leases_go_along_where_a_ref_does(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session() as session, site.engine.session(ttl=0.01, idle=0.01) as other:
        with acting_as("ann"):
            moved = refs.transfer_ref(session.refs.insert([1]), other.refs)
            brief = refs.transfer_ref(session.refs.insert(5, lifetime=RefLifetime.UNTIL_SNAPSHOT), other.refs)
            given = refs.transfer_ref(session.refs.insert([2], owner=None), other.refs)
            aging = [session.refs.insert([3], ttl=1.5, idle=600), session.refs.insert([4], idle=1.5)]
            time.sleep(0.5)
            leased, idle = (refs.transfer_ref(key, other.refs) for key in aging)
        time.sleep(1.2)
        refused(lambda: refs[moved])
        assert refs[given] == [2]
        with acting_as("ann"):
            assert refs[moved] == [1]
            for expired, limit in ((leased, "ttl"), (idle, "idle")):
                with pytest.raises(RefExpiredError, match=f"{limit} of 1.5 s"):
                    refs[expired]
        snapshot = other.snapshot()
        with acting_as("ann"), pytest.raises(RefReleasedError, match="snapshot"):
            refs[brief]
    with site.engine.resume(snapshot, owned=True, per_owner=1, ttl=60, idle=60) as again:
        for missing in (moved, beside(moved)):  # that the session has ended is told for all of its keys
            with pytest.raises(RefReleasedError, match="session ended"):
                refs[missing]
        assert refs[given] == [2]
        with acting_as("ann"):
            assert refs[moved] == [1]
            with pytest.raises(CapacityExceededError):
                again.refs.insert(1)
        with pytest.raises(InvalidArgumentError, match="owned=True"):
            again.refs.insert(1)


@case
def what_has_expired_is_told_so_and_swept(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session(ttl=1.5) as session:
        rows, lists = session.refs.insert([1]), session.refs.create(list, finalizer=fail(OSError))
        items = session.refs.open(open_list.recipe(1), idle=1.2)
        kept, renewed = session.refs.insert(2, ttl=None), session.refs.insert(3, ttl=60)
        assert session.refs.sweep() == 0
        time.sleep(1.6)
        ways: list[tuple[Callable[[], object], str]] = [
            (lambda: refs[rows], "ttl"),
            (lambda: refs[lists].run(len), "ttl"),
            (lambda: refs[items].run(len), "idle"),
            (lambda: refs.get_many([kept, rows]), "ttl"),
            (lambda: refs.clone_ref(rows), "ttl"),
            (lambda: session.refs.renew(rows), "ttl"),
        ]
        for way, limit in ways:
            with pytest.raises(RefExpiredError) as caught:
                way()
            assert caught.value.args[1] == limit
        assert refs.get(rows, default=None) is None
        assert not refs.release(rows)
        assert session.refs.keys() == [kept, renewed]
        session.refs.renew(renewed)
        with pytest.raises(ExceptionGroup) as group:
            session.refs.sweep()
        assert [type(each) for each in group.value.exceptions] == [OSError]
        assert session.refs.sweep() == 0
        assert refs.get_many([kept, renewed]) == [2, 3]


@case
def limits_are_checked_at_once(site: Site) -> None:
    with site.engine.session() as session:
        for wrong in (0, -1, float("inf"), "x"):
            with pytest.raises(InvalidArgumentError):
                session.refs.insert(1, ttl=wrong)  # type: ignore[call-overload]
            for options in ({"ttl": wrong}, {"idle": wrong}, {"owned": wrong}, {"per_owner": wrong}):
                with pytest.raises(InvalidArgumentError):
                    site.engine.session(**options)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            session.refs.create(list, lifetime="x")  # type: ignore[arg-type]
        assert len(session.refs) == 0


@case
def use_keeps_a_ref_and_a_look_at_it_does_not(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session(idle=2.5) as session:
        used, by_many, seen = (session.refs.insert(number) for number in range(3))
        lists, busy = session.refs.create(list), session.refs.create(list, thread=False)
        longest = threading.Thread(target=lambda: refs.at(busy).run(lambda _: time.sleep(3.0)))
        longest.start()
        for _ in range(4):
            time.sleep(0.7)
            assert (refs[used], refs.get_many([by_many]), refs[lists].run(len)) == (0, [1], 0)
            with contextlib.suppress(RefExpiredError):
                refs.describe(seen)
        with pytest.raises(RefExpiredError):
            refs[seen]
        assert session.refs.sweep() == 0
        longest.join()
        assert refs.at(busy).run(len) == 0
        assert len(session.refs) == 4


@case
def a_full_session_makes_room_of_what_has_expired(site: Site) -> None:
    with site.engine.session(capacity=1, ttl=0.2) as session:
        session.refs.create(list, finalizer=list.clear)
        time.sleep(0.25)
        assert site.engine.refs[session.refs.insert(1, ttl=60)] == 1
        with pytest.raises(CapacityExceededError):
            session.refs.insert(1)
