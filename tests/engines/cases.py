"""What every engine keeps to: each case is run by LocalEngine, plain and strict, by Ray and by Dask."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    Pinned,
    RefDroppedError,
    RefDroppedWarning,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionStateError,
    current_session_registry,
    reopener,
)
from liveref.engine import (
    EngineError,
    RefElsewhereError,
    RefEngine,
    RefLostError,
    RefUnavailableError,
    RemoteCallError,
    RemoteResultError,
    Route,
    route_of,
    routed_id,
)


class Site(NamedTuple):
    """Where the cases run.

    Attributes:
        engine: of this process.
        elsewhere: runs a function in another process, or here where there is none.
        is_plain: objects are given as they are.
    """

    engine: RefEngine
    elsewhere: Callable[..., Any]
    is_plain: bool = False


class Odd(Exception):
    """An error that can't be loaded: its arguments are not those of its constructor."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


class Locked(Exception):
    """An error that can't be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


@reopener("tests.engines.list", finalizer=list.clear)
def open_list(*items: int) -> list[int]:
    if items and items[0] < 0:
        raise OSError
    return list(items)


async def close_later(_: object) -> None: ...


@reopener("tests.engines.awaited", finalizer=close_later)
def open_and_await() -> list[int]:
    raise AssertionError


def connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:")


def fetch(db: sqlite3.Connection) -> tuple[int]:
    found: tuple[int] = db.execute("select 42").fetchone()
    return found


def fail(error: type[Exception]) -> Callable[[object], object]:
    def raising(_: object) -> object:
        raise error

    return raising


def insert_plain(_: object) -> str:
    return str(current_session_registry().insert(bytearray(b"plain"), lifetime=RefLifetime.UNTIL_EXPLICIT_DROP))


CASES: list[Callable[[Site], None]] = []


def case(fn: Callable[[Site], None]) -> Callable[[Site], None]:
    CASES.append(fn)
    return fn


# Keys


@case
def a_key_is_an_ordinary_marker_that_says_where_its_ref_is(site: Site) -> None:
    with site.engine.session() as session:
        key = session.refs.insert([1])
        marker = json.loads(json.dumps(key.to_marker()))
        assert list(marker) == ["__blazen_session_ref__"]
        assert key.uuid.version == 8
        assert RegistryKey.from_marker(marker, list) == key
        route = route_of(key._id)
        assert route is not None
        assert route.home in site.engine.homes()
        assert str(route) == session.id == str(key).rpartition("-")[2]
        assert site.engine.refs.get(RegistryKey.from_marker(marker, list)) == [1]


@case
def no_number_of_a_session_comes_twice(site: Site) -> None:
    ids = set()
    for _ in range(5):
        with site.engine.session() as session:
            ids.add(session.id)
    assert len(ids) == 5


# Shared values


@case
def a_shared_value_is_found_from_everywhere(site: Site) -> None:
    with site.engine.session() as session:
        key = session.refs.insert({"a": [1, 2]})
        assert site.engine.refs[key] == site.engine.refs.get(key) == {"a": [1, 2]}
        assert site.elsewhere(_get, key) == {"a": [1, 2]}
        assert site.engine.refs.describe(key).kind == "shared"
        assert (site.engine.refs.get(key) is site.engine.refs.get(key)) == site.is_plain


def _get(engine: RefEngine, key: RegistryKey[Any]) -> object:
    return engine.refs.get(key)


@case
def an_array_can_not_be_written(site: Site) -> None:
    with site.engine.session() as session:
        key = session.refs.insert(np.arange(100_000))
        found = site.engine.refs.get(key)
        assert int(found.sum()) == 4_999_950_000
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 1


@case
def a_hint_is_checked_before_it_goes_and_when_it_comes(site: Site) -> None:
    with site.engine.session() as session:
        with pytest.raises(RefTypeError):
            session.refs.insert([1, "x"], list[int])
        key = session.refs.insert([1], list[int])
        assert key.hint == list[int]
        assert site.engine.refs.get(key) == [1]
        with pytest.raises(RefTypeError):
            site.engine.refs.get(RegistryKey.parse(str(key), list[str]))
        assert len(session.refs) == 1


@case
def many_are_asked_for_at_once_in_their_order(site: Site) -> None:
    with site.engine.session() as session, site.engine.session() as other:
        keys = [refs.insert(number) for number, refs in enumerate([session.refs, other.refs] * 5)]
        assert site.engine.refs.get_many(keys) == list(range(10))
        session.refs.release(keys[4])
        with pytest.raises(RefReleasedError):
            site.engine.refs.get_many(keys)
        plain = session.refs.create(list)
        assert [each.run(len) for each in site.engine.refs.get_many([plain])] == [0]
        hidden = RegistryKey.parse(site.engine.refs[plain].run(insert_plain), bytearray)
        if not site.is_plain:
            with pytest.raises(RefElsewhereError):
                site.engine.refs.get_many([hidden])
        gone = other.refs.insert(3)
    with pytest.raises(RefReleasedError):
        site.engine.refs.get_many([gone])


# Pinned objects


@case
def a_pinned_object_is_used_where_it_is_in_its_own_thread(site: Site) -> None:
    with site.engine.session() as session:
        db = session.refs.create(connect, finalizer=sqlite3.Connection.close)
        assert db.hint == Pinned[sqlite3.Connection]
        pinned = site.engine.refs[db]
        assert isinstance(pinned, Pinned)
        assert pinned.run(fetch) == (42,)
        assert site.elsewhere(_run, db, fetch) == (42,)
        assert pinned.run(lambda _: threading.get_ident()) == pinned.run(lambda _: threading.get_ident())
        assert asyncio.run(pinned.arun(fetch)) == (42,)
        assert pinned.call(_times, 3, by=2) == 6
        assert site.engine.refs.describe(db).kind == "pinned"


def _times(_: sqlite3.Connection, number: int, *, by: int) -> int:
    return number * by


def _run(engine: RefEngine, key: RegistryKey[Pinned[Any]], fn: Callable[[Any], object]) -> object:
    return engine.refs[key].run(fn)


@case
def a_key_that_does_not_say_so_gives_a_pinned_too(site: Site) -> None:
    with site.engine.session() as session:
        db = session.refs.create(connect, finalizer=sqlite3.Connection.close)
        found = site.engine.refs.get(RegistryKey.parse(str(db)))
        assert isinstance(found, Pinned)
        assert found.run(fetch) == (42,)
        assert "Connection" in repr(found)
        assert str(db) not in repr(found)
        with pytest.raises(RefTypeError):
            site.engine.refs.get(RegistryKey.parse(str(db), str))
        with pytest.raises(RefTypeError):
            site.engine.refs.get(RegistryKey.parse(str(db), Pinned[int])).run(len)
        with pytest.raises(RefTypeError):
            site.engine.refs.at(RegistryKey.parse(str(db), str)).run(len)


@case
def an_object_without_a_thread_is_used_by_many_at_once(site: Site) -> None:
    with site.engine.session() as session:
        lock = session.refs.create(threading.Lock, thread=False)
        pinned = site.engine.refs[lock]
        assert pinned.run(lambda it: it.acquire())
        waiting = threading.Thread(target=lambda: pinned.run(lambda it: it.acquire(timeout=5)))
        waiting.start()
        pinned.run(lambda it: it.release())
        waiting.join(6)
        assert pinned.run(lambda it: it.locked())


@case
def a_shared_value_is_used_where_it_is_too(site: Site) -> None:
    with site.engine.session() as session:
        key = session.refs.insert([3, 4])
        assert site.engine.refs.at(key).run(sum) == 7
        with pytest.raises(RefTypeError):
            site.engine.refs.at(RegistryKey.parse(str(key), str)).run(len)


@case
def what_is_derived_stays_in_the_same_thread(site: Site) -> None:
    with site.engine.session() as session:
        db = session.refs.create(connect, finalizer=sqlite3.Connection.close)
        cursor = site.engine.refs.derive(db, lambda it: it.cursor())
        assert cursor.hint == Pinned[sqlite3.Cursor]
        assert site.engine.refs[cursor].run(lambda it: it.execute("select 2").fetchall()) == [(2,)]
        with pytest.raises(RefElsewhereError):
            site.engine.refs.derive(session.refs.insert(1), lambda it: it)
        with pytest.raises(RefTypeError):
            site.engine.refs.derive(RegistryKey.parse(str(db), Pinned[str]), len)


@case
def code_at_the_home_has_the_registry_of_the_session(site: Site) -> None:
    with site.engine.session() as session:
        db = session.refs.create(list)
        plain = RegistryKey.parse(site.engine.refs[db].run(insert_plain), bytearray)
        assert plain in session.refs.keys()
        assert site.engine.refs.describe(plain).kind == "plain"
        assert site.engine.refs.at(plain).run(len) == 5
        if site.is_plain:
            assert site.engine.refs.get(plain) == b"plain"
        else:
            with pytest.raises(RefElsewhereError) as caught:
                site.engine.refs.get(plain)
            assert "refs.at(key).run" in str(caught.value)
        with pytest.raises(RefElsewhereError):
            site.engine.refs.transfer_ref(plain, session.refs)
        with pytest.raises(RefElsewhereError):
            site.engine.refs.transfer_ref(db, session.refs)


# What fails


@case
def what_a_function_raises_is_raised(site: Site) -> None:
    with site.engine.session() as session:
        pinned = site.engine.refs[session.refs.create(list)]
        with pytest.raises(ZeroDivisionError):
            pinned.run(fail(ZeroDivisionError))
        with pytest.raises(TimeoutError):
            pinned.run(fail(TimeoutError))
        with pytest.raises(Locked if site.is_plain else RemoteCallError):
            pinned.run(fail(Locked))
        with pytest.raises(Odd if site.is_plain else (RemoteCallError, Odd)):  # Dask teaches pickle about errors
            pinned.run(_raise_odd)
        with pytest.raises(ZeroDivisionError):
            session.refs.create(_divide)
        with pytest.raises(InvalidArgumentError):
            session.refs.create(3)  # type: ignore[arg-type]
        assert len(session.refs) == 1


def _raise_odd(_: object) -> object:
    raise Odd("one", "two")


def _divide() -> object:
    raise ZeroDivisionError


@case
def a_result_or_a_function_that_can_not_be_pickled_is_told(site: Site) -> None:
    lock = threading.Lock()
    with site.engine.session() as session:
        db = session.refs.create(connect, finalizer=sqlite3.Connection.close)
        pinned = site.engine.refs[db]
        if site.is_plain:
            assert isinstance(pinned.run(lambda it: it), sqlite3.Connection)
            return
        with pytest.raises(RemoteResultError, match="derive"):
            pinned.run(lambda it: it)
        with pytest.raises(InvalidArgumentError, match="pickled"):
            pinned.run(lambda _: lock.locked())
        with pytest.raises(InvalidArgumentError, match="pickled"):
            session.refs.insert(lock)
        assert pinned.run(fetch) == (42,)


@case
def a_deadline_holds_and_the_object_stays(site: Site) -> None:
    with site.engine.session() as session:
        pinned = site.engine.refs[session.refs.create(list)]
        began = time.monotonic()
        with pytest.raises(RefUnavailableError) as caught:
            pinned.run(lambda _: time.sleep(0.6), timeout=0.2)
        assert time.monotonic() - began < 0.6 + 1
        assert caught.value.args[4] >= 0.2
        assert pinned.run(len) == 0


@case
def absence_is_told_as_by_a_registry(site: Site) -> None:
    refs = site.engine.refs
    with site.engine.session() as session:
        key = session.refs.insert(1)
        assert refs.release(key)
        assert not refs.release(key)
        with pytest.raises(RefReleasedError):
            refs.get(key)
        assert refs.get(key, default=None) is None
        route = route_of(key._id)
        assert route is not None
        with pytest.raises(RefNotFoundError):
            refs.get(RegistryKey.new(int))
        assert refs.get(RegistryKey.new(int), default=3) == 3
        later = key_of(Route(route.home, route.session + 1000))
        with pytest.raises(RefNotFoundError):
            refs.get(later)
        assert not refs.release(later)
        kept = session.refs.insert(2)
        dropped = session.refs.create(list)
    with pytest.raises(RefReleasedError, match="session ended"):
        refs.get(kept)
    with pytest.raises(RefReleasedError, match="session ended"):
        refs[dropped].run(len)


@case
def a_forged_route_is_lost_and_default_does_not_hide_it(site: Site) -> None:
    taken = set(site.engine.homes())
    key = key_of(Route(next(home for home in range(100) if home not in taken), 1))
    for _ in range(3):
        with pytest.raises(RefLostError) as caught:
            site.engine.refs.get(key, default=None)
        assert str(key) not in str(caught.value)


def key_of(route: Route) -> RegistryKey[Any]:
    import uuid

    return RegistryKey.parse(str(uuid.UUID(bytes=routed_id(route))), int)


@case
def a_full_session_takes_no_more(site: Site) -> None:
    with site.engine.session(capacity=2) as session:
        session.refs.insert(1)
        session.refs.insert(2)
        with pytest.raises(CapacityExceededError):
            session.refs.insert(3)
        with pytest.raises(CapacityExceededError):
            session.refs.create(list, finalizer=list.clear)
        assert len(session.refs) == 2
        assert session.refs.drain() == 2
    with pytest.raises(RegistryClosedError):
        session.refs.insert(1)
    with pytest.raises(RegistryClosedError):
        len(session.refs)


# Sessions


@case
def the_end_of_a_session_runs_its_finalizers(site: Site) -> None:
    with site.engine.session() as log:
        ended = log.refs.create(list)
        with pytest.raises(ExceptionGroup) as caught, site.engine.session() as session:
            for error in (OSError, KeyError):
                session.refs.create(list, finalizer=fail(error))
        assert sorted(type(each).__name__ for each in caught.value.exceptions) == ["KeyError", "OSError"]
        with pytest.raises(ValueError, match="body") as body, site.engine.session() as session:
            session.refs.create(list, finalizer=fail(OSError))
            raise ValueError("body")
        assert any("OSError" in note for note in body.value.__notes__)
        assert site.engine.refs[ended].run(len) == 0
        session.close()
        with pytest.raises(SessionStateError), session:
            pass


@case
def errors_of_finalizers_that_can_not_be_pickled_come_too(site: Site) -> None:
    with pytest.raises(ExceptionGroup) as caught, site.engine.session() as session:
        session.refs.create(list, finalizer=fail(Locked))
        session.refs.create(list, finalizer=fail(OSError))
    assert {type(each) for each in caught.value.exceptions} == {OSError, Locked if site.is_plain else RemoteCallError}


@case
def a_session_ends_asynchronously(site: Site) -> None:
    async def main() -> RegistryKey[list[int]]:
        async with site.engine.session() as session:
            key = session.refs.insert([1])
            assert await site.engine.refs.aget(key) == [1]
        await session.aclose()
        return key

    key = asyncio.run(main())
    with pytest.raises(RefReleasedError):
        site.engine.refs[key]


@case
def who_has_the_token_may_change_a_session_and_its_id_grants_nothing(site: Site) -> None:
    with site.engine.session() as session:
        refs = site.engine.attach(session.token)
        key = refs.insert([1])
        assert refs.keys() == session.refs.keys() == [key]
        assert bool(refs)
        assert session.id in repr(refs)
        assert session.token not in repr(refs) + repr(session)
        with pytest.raises(InvalidArgumentError):
            site.engine.attach(session.id)
        route = route_of(key._id)
        assert route is not None
        forged = site.engine.attach(str(key_of(route)))
        for forbidden in (forged.keys, forged.drain, lambda: forged.insert(1), lambda: len(forged)):
            with pytest.raises(RegistryClosedError):
                forbidden()
        assert len(refs) == 1


@case
def a_lease_ends_a_session_that_nobody_renews(site: Site) -> None:
    session = site.engine.session(lease=1.5)
    key = session.refs.insert([1])
    time.sleep(3)
    assert site.engine.refs[key] == [1]
    session.abandon()
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline:
        time.sleep(2.0)
        if site.engine.refs.get(key, default=None) is None:
            break
    else:
        pytest.fail("the session did not end")
    session.close()


@case
def options_are_checked_at_once(site: Site) -> None:
    for options in ({"lease": 0}, {"lease": "x"}, {"policy": "warn"}, {"capacity": 0}, {"home": "x"}):
        with pytest.raises(InvalidArgumentError):
            site.engine.session(**options)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError):
        site.engine.session(near=RegistryKey.new(int))
    with site.engine.session() as session:
        with pytest.raises(InvalidArgumentError):
            session.refs.open("recipe")  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            session.refs.transfer_ref(session.refs.insert(1), "x")  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            site.engine.refs.at(session.refs.insert(1)).run(3)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            site.engine.resume("x")  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            site.engine.resume(session.snapshot(), broken="x")  # type: ignore[arg-type]
        with pytest.raises(RefTypeError):
            site.engine.refs.get("x")  # type: ignore[call-overload]


# Moving


@case
def a_clone_shares_the_object(site: Site) -> None:
    with site.engine.session() as session:
        key = session.refs.create(list, finalizer=list.clear)
        clone = site.engine.refs.clone_ref(key)
        assert clone != key
        site.engine.refs[key].run(lambda it: it.append(1))
        assert site.engine.refs[clone].run(len) == 1
        assert session.refs.release(key)
        assert site.engine.refs[clone].run(len) == 1


@case
def what_is_shared_moves_under_a_new_key(site: Site) -> None:
    with site.engine.session() as session, site.engine.session() as other:
        key = session.refs.insert([1], list[int])
        moved = site.engine.refs.transfer_ref(key, other.refs)
        assert moved != key
        assert site.engine.refs[moved] == [1]
        with pytest.raises(RefReleasedError, match="transferred"):
            site.engine.refs[key]
        with pytest.raises(RefReleasedError):
            site.engine.refs.transfer_ref(key, other.refs)
        near = site.engine.session(near=moved)
        assert near.id[:6] == other.id[:6]
        near.close()


# Pauses


@case
def a_snapshot_is_resumed_under_the_same_keys(site: Site) -> None:
    with site.engine.session() as session:
        rows = session.refs.insert(np.arange(5))
        items = session.refs.open(open_list.recipe(1, 2))
        lost = session.refs.create(connect, finalizer=sqlite3.Connection.close)
        with pytest.raises(SessionRefsNotSerializableError):
            session.snapshot()
        with pytest.warns(RefDroppedWarning):
            snapshot = session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)
        late = session.refs.insert("late")
    with pytest.raises(RefReleasedError):
        site.engine.refs[rows]
    with site.engine.resume(snapshot) as again:
        assert site.engine.refs[rows].tolist() == [0, 1, 2, 3, 4]
        assert site.elsewhere(_get, rows).tolist() == [0, 1, 2, 3, 4]
        assert site.engine.refs.describe(rows).kind == "shared"
        assert site.engine.refs[items].run(sum) == 3
        assert [each.run(sum) for each in site.engine.refs.get_many([items])] == [3]
        assert len(site.engine.refs.get_many([rows])) == 1
        assert site.engine.refs.release(site.engine.refs.clone_ref(rows))
        with pytest.raises(RefDroppedError):
            site.engine.refs[lost].run(fetch)
        with pytest.raises(RefReleasedError):
            site.engine.refs[late]
        new = again.refs.insert("new")
        second = again.snapshot()
    with site.engine.resume(second):
        assert site.engine.refs[rows].tolist() == [0, 1, 2, 3, 4]
        assert site.engine.refs[new] == "new"
        assert site.engine.refs.release(new)
        assert not site.engine.refs.release(new)
    with pytest.raises(RefReleasedError):
        site.engine.refs[rows]


@case
def a_recipe_that_fails_is_told(site: Site) -> None:
    with site.engine.session() as session:
        with pytest.raises(ReopenError):
            session.refs.open(open_list.recipe(-1))
        assert len(session.refs) == 0


# The resolver


@case
def a_plain_session_finds_what_an_engine_holds(site: Site) -> None:
    with site.engine.session() as home, Session(engine=site.engine) as session:
        rows, items = home.refs.insert([1, 2]), home.refs.create(list)
        gone = home.refs.insert(3)
        home.refs.release(gone)
        for registry in (session.refs, session.child(isolated=True).refs, session.child().refs):
            assert registry[rows] == registry.get(rows) == registry.get_any(rows) == [1, 2]
            assert registry.typed(list).get(rows) == [1, 2]
            assert registry[items].run(len) == 0
            assert registry.get(RegistryKey.parse(str(items)), Pinned[list]).run(len) == 0
            with pytest.raises(RefTypeError):
                registry.get(RegistryKey.parse(str(rows), str))
            with pytest.raises(RefReleasedError):
                registry[gone]
            assert registry.get(gone, default=None) is None
            with pytest.raises(RefNotFoundError):
                registry[RegistryKey.new(int)]
            assert rows not in registry
            assert not registry.release(rows)


# Sizes


@case
def a_thousand_sessions_live_side_by_side(site: Site) -> None:
    sessions = [site.engine.session() for _ in range(1_000)]
    keys = [session.refs.insert(number) for number, session in enumerate(sessions)]
    assert site.engine.refs.get_many(keys) == list(range(1_000))
    for session in sessions:
        session.close()


@case
def bad_arguments_are_refused_before_anything_is_done(site: Site) -> None:
    made = list[object]()
    engine, unknown = site.engine, RegistryKey.new(list)
    with engine.session() as session:
        shared, pinned = session.refs.insert([1]), session.refs.create(list)
        for timeout in ("x", 0, -1, float("nan"), float("inf"), True, 10**400):
            bad: Any = timeout
            for call in (
                lambda: engine.refs.get(shared, timeout=bad),  # noqa: B023  it is called at once, as the next ones
                lambda: engine.refs.get_many([shared], timeout=bad),  # noqa: B023
                lambda: engine.refs[pinned].run(made.append, timeout=bad),  # noqa: B023
                lambda: engine.refs.derive(pinned, made.append, timeout=bad),  # noqa: B023
                lambda: session.refs.insert(made, timeout=bad),  # noqa: B023
                lambda: session.refs.create(lambda: made.append(1), timeout=bad),  # noqa: B023
            ):
                with pytest.raises(InvalidArgumentError, match="timeout"):
                    call()
        assert engine.refs.get(shared, timeout=1e300) == [1]
        assert engine.refs[pinned].run(len, timeout=1e300) == 0
        with pytest.raises(InvalidArgumentError, match="fn"):
            engine.refs[pinned].run(5)  # type: ignore[arg-type]
        with pytest.raises(RefTypeError):
            engine.refs.at(5)  # type: ignore[call-overload]
        with pytest.raises(InvalidArgumentError, match="homes await nothing"):
            session.refs.create(lambda: made.append(1), finalizer=close_later)
        with pytest.raises(InvalidArgumentError, match="homes await nothing"):
            session.refs.open(open_and_await.recipe())
        assert len(session.refs) == 2
    assert not made
    with pytest.raises(RefNotFoundError):
        engine.refs.at(unknown)


class Lazy:
    """As a proxy of an object that opens at its first use."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ConnectionError


@case
def no_attribute_of_a_value_is_asked_for_by_its_insert(site: Site) -> None:
    with site.engine.session() as session:
        assert type(site.engine.refs[session.refs.insert(Lazy())]) is Lazy


@case
def sessions_that_were_resumed_beside_each_other_answer_one_after_the_other(site: Site) -> None:
    refs = site.engine.refs
    first = site.engine.session()
    key = first.refs.insert([1])
    snapshot, later, home = first.snapshot(), first.refs.insert([2]), route_of(key._id)
    assert home is not None
    second, third, fourth = (site.engine.resume(snapshot, home=home.home) for _ in range(3))
    for each in (third, first, second):
        assert (refs[key], refs.get_many([key])) == ([1], [[1]])
        each.close()
    assert refs[key] == [1]
    with pytest.raises(RefReleasedError, match="session ended"):
        refs[later]
    fourth.close()
    with pytest.raises(RefReleasedError, match="session ended"):
        refs[key]


@case
def a_key_whose_class_is_of_no_module_opens_its_ref(site: Site) -> None:
    class Local:
        size = 3

    with site.engine.session() as session:
        key = session.refs.create(Local)
        assert site.engine.refs[key].run(lambda it: it.size) == 3


def name(case: Callable[[Site], None]) -> str:
    return case.__name__


def pid_of(engine: RefEngine, key: RegistryKey[Any]) -> int:
    """The process that holds a ref."""
    pid = int(engine.refs.describe(key).origin.partition("pid ")[2].split()[0])
    assert pid != os.getpid()
    return pid
