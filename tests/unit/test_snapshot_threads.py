"""Snapshots and recipes beside other threads, after a fork, and with nobody left to close what they opened."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from liveref import (
    RefLoadError,
    RefReleasedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    current_session_registry,
    reopener,
)
from liveref._registry import moment

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
pytestmark = pytest.mark.usefixtures("switch_often")


class Beside:
    """Threads that work until the test has what it needs; what they raise fails it."""

    def __init__(self, *works: Callable[[], object]) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(works))
        self._works = works

    def __enter__(self) -> None:
        self._done = [self._pool.submit(self._run, work) for work in self._works]

    def _run(self, work: Callable[[], object]) -> None:
        while not self._stop.is_set():
            work()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for done in self._done:
            done.result()


def chain(refs: SessionRefRegistry, name: str) -> Callable[[], object]:
    """A worker that inserts link n + 1, then releases link n: at each moment one of them lives, or two that follow."""
    number = 0
    link = refs.insert((name, number))

    def step() -> None:
        nonlocal number, link
        number += 1
        after = refs.insert((name, number))
        refs.release(link)
        link = after

    return step


def assert_possible(links: list[object], names: str) -> None:
    """Whether the links that a snapshot holds lived at one moment, in one order."""
    for name in names:
        numbers = [number for of, number in links if of == name]  # type: ignore[misc]
        assert len(numbers) in {1, 2}
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("others", [0, 3_000], ids=["few refs", "many refs"])
def test_each_snapshot_taken_beside_other_threads_is_a_state_that_existed(others: int) -> None:
    with Session() as session:
        for _ in range(others):
            session.refs.insert(("other", 0))
        with Beside(*(chain(session.refs, name) for name in "abc")):
            snapshots = [session.snapshot() for _ in range(25)]
    for snapshot in snapshots:
        with Session.resume(SessionSnapshot.from_bytes(snapshot.to_bytes(), trusted=True)) as resumed:
            assert_possible([resumed.refs.get_any(key) for key in resumed.refs][others:], "abc")


def test_order_between_threads_holds_in_a_snapshot() -> None:
    """A pair is inserted first to last and released last to first: a last without its first never was."""
    session = Session()
    refs = session.refs

    def pair() -> None:
        first = refs.insert("first")
        last = refs.insert("last")
        refs.release(last)
        refs.release(first)

    with session, Beside(pair, pair):
        for _ in range(100):
            values = [ref.type_tag for ref in session.snapshot().refs]
            assert len(values) <= 4
            with Session.resume(session.snapshot()) as resumed:
                found = [resumed.refs.get_any(key) for key in resumed.refs]
                assert found.count("first") >= found.count("last")


def test_a_snapshot_does_not_start_anew_for_ever_where_refs_come_and_go_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 100,000 refs some always go between two steps of a snapshot: here one at each look at an entry."""
    session = Session()
    keys = [session.refs.insert(number) for number in range(50)]
    replaced = iter(range(1_000))

    def replace_one(ref: RegistryKey[object]) -> object:
        number = next(replaced, None)
        if number is not None:
            session.refs.release(keys.pop(0))
            keys.append(session.refs.insert(50 + number))
        return ref._entry

    monkeypatch.setattr(moment, "_ENTRY", replace_one)
    found = moment.moment_of(session.refs._refs)
    assert next(replaced) <= 100
    assert found.values == list(range(found.values[0], found.values[0] + 50))  # type: ignore[call-overload]
    monkeypatch.undo()
    session.close()


def test_what_the_garbage_collector_runs_does_not_tear_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    keys = [session.refs.insert(number) for number in range(10)]
    finalized = iter([True])

    def collect(ref: object, *_: object) -> object:
        if next(finalized, False):
            session.refs.release(keys.pop())
        return ref._value  # type: ignore[attr-defined]

    monkeypatch.setattr(moment, "getattr", collect, raising=False)
    assert moment._at_once(session.refs._refs).values == list(range(9))
    session.close()


def test_drains_and_closes_beside_snapshots_leave_none_torn() -> None:
    for _ in range(20):
        session = Session()
        for number in range(200):
            session.refs.insert(number)
        with ThreadPoolExecutor(1) as pool:
            draining = pool.submit(session.refs.drain)
            snapshot = session.snapshot()
            assert draining.result() == 200
        with Session.resume(snapshot) as resumed:
            found = [resumed.refs.get_any(key) for key in resumed.refs]
        assert found == list(range(len(found)))  # a drain takes the last first
        session.close()


# Recipes


opened: list[list[str]] = []
closed: list[list[str]] = []
gate: list[Callable[[], object]] = []


@reopener("threads.opened", finalizer=closed.append)
def open_list(name: str) -> list[str]:
    if gate:
        gate[0]()
    opened.append([name])
    return opened[-1]


@reopener("threads.plain")
def open_plain(name: str) -> list[str]:
    if gate:
        gate[0]()
    opened.append([name])
    return opened[-1]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    opened.clear()
    closed.clear()
    gate.clear()


def paused(
    *values: object, recipe: object = open_list, keys: int = 1
) -> tuple[SessionSnapshot, list[RegistryKey[object]]]:
    """A snapshot of the ref of a recipe under some keys, and of other objects."""
    with Session() as session:
        first = session.refs.open(recipe.recipe("it"))  # type: ignore[attr-defined]
        made = [first, *(session.refs.clone_ref(first) for _ in range(keys - 1))]
        made += [session.refs.insert(value) for value in values]
        snapshot = session.snapshot()
    opened.clear()
    closed.clear()
    return snapshot, made


def hold() -> tuple[threading.Event, threading.Event]:
    """Let recipes wait: the event that one has begun, and the one that lets it go on."""
    begun, go_on = threading.Event(), threading.Event()
    gate.append(lambda: (begun.set(), go_on.wait(10)))
    return begun, go_on


@pytest.mark.parametrize("keys", [1, 3])
@pytest.mark.parametrize("recipe", [open_list, open_plain], ids=["with finalizer", "without"])
def test_eight_threads_open_a_ref_once(recipe: object, keys: int) -> None:
    snapshot, made = paused(recipe=recipe, keys=keys)
    for _ in range(10):
        with Session.resume(snapshot) as session, ThreadPoolExecutor(8) as pool:
            barrier = threading.Barrier(8)
            gate[:] = [lambda: threading.Event().wait(0.001)]

            def get(number: int) -> object:
                barrier.wait()
                return session.refs.get_any(made[number % keys])

            found = list(pool.map(get, range(8)))
        assert len(opened) == 1
        assert all(each is opened[0] for each in found)
        assert len(closed) == (recipe is open_list)
        opened.clear()
        closed.clear()


@pytest.mark.parametrize("end", ["release", "drain", "close"])
@pytest.mark.parametrize("waiting", [1, 3])
def test_a_ref_that_goes_while_its_recipe_opens_it_is_closed_and_not_found(end: str, waiting: int) -> None:
    snapshot, (key,) = paused()
    session = Session.resume(snapshot)
    begun, go_on = hold()
    with ThreadPoolExecutor(waiting) as pool:
        gets = [pool.submit(session.refs.get_any, key) for _ in range(waiting)]
        assert begun.wait(10)
        end_it = {"release": lambda: session.refs.release(key), "drain": session.refs.drain, "close": session.close}
        end_it[end]()
        assert (opened, closed) == ([], [])
        go_on.set()
        for get in gets:
            with pytest.raises(RefReleasedError):
                get.result()
    assert opened == closed == [["it"]]
    session.close()
    assert len(closed) == 1


def test_one_of_two_keys_that_goes_while_the_recipe_runs_leaves_the_other() -> None:
    snapshot, (first, second) = paused(keys=2)
    session = Session.resume(snapshot)
    begun, go_on = hold()
    with ThreadPoolExecutor(1) as pool:
        get = pool.submit(session.refs.get_any, first)
        assert begun.wait(10)
        session.refs.release(first)
        go_on.set()
        with pytest.raises(RefReleasedError):
            get.result()
    assert session.refs.get_any(second) is opened[0]
    assert closed == []
    session.close()
    assert closed == opened == [["it"]]


def test_a_snapshot_while_a_recipe_opens_keeps_one_object_of_its_keys() -> None:
    snapshot, made = paused(keys=3)
    for _ in range(30):
        with Session.resume(snapshot) as session, ThreadPoolExecutor(1) as pool:
            get = pool.submit(session.refs.get_any, made[1])
            again = session.snapshot()
            get.result()
        with Session.resume(again) as session:
            assert len({id(session.refs.get_any(key)) for key in made}) == 1


def test_a_recipe_that_looks_up_its_own_ref_is_told_so_and_stays_retryable() -> None:
    snapshot, (key,) = paused()
    with Session.resume(snapshot) as session:
        gate.append(lambda: current_session_registry().get_any(key))
        with pytest.raises(ReopenError, match=r"'threads.opened' with arguments \(name\) raised .*ReopenError"):
            session.refs.get_any(key)
        gate.clear()
        assert session.refs.get_any(key) == ["it"]
    assert closed == opened == [["it"]]


def test_other_refs_can_be_looked_up_while_a_recipe_opens() -> None:
    snapshot, (key, other) = paused("other")
    session = Session.resume(snapshot)
    begun, go_on = hold()
    with ThreadPoolExecutor(1) as pool:
        get = pool.submit(session.refs.get_any, key)
        assert begun.wait(10)
        assert session.refs.get_any(other) == "other"
        assert len(session.snapshot().refs) == 2
        go_on.set()
        assert get.result() == ["it"]
    session.close()


def in_child(work: Callable[[], object]) -> int:
    """The exit code of a fork that does some work: 0 if that gave True."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
        pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@needs_fork
def test_after_a_fork_each_process_opens_and_closes_its_own() -> None:
    snapshot, (key,) = paused()
    session = Session.resume(snapshot)

    def child() -> bool:
        found = session.refs.get_any(key)
        session.close()
        return found == ["it"] and closed == [found]

    assert in_child(child) == 0
    assert session.refs.get_any(key) == ["it"]
    assert in_child(lambda: session.close() or closed == []) == 0  # the parent closes what it opened
    session.close()
    assert closed == opened == [["it"]]


@needs_fork
def test_a_fork_while_a_recipe_opens_can_open_it_too() -> None:
    snapshot, (key,) = paused()
    session = Session.resume(snapshot)
    begun, go_on = hold()
    with ThreadPoolExecutor(1) as pool:
        get = pool.submit(session.refs.get_any, key)
        assert begun.wait(10)

        def child() -> bool:
            gate.clear()
            return session.refs.get_any(key) == ["it"]

        assert in_child(child) == 0
        go_on.set()
        assert get.result() == ["it"]
    session.close()


# Nobody closes


@pytest.mark.parametrize("recipe", [open_list, open_plain], ids=["with finalizer", "without"])
@pytest.mark.parametrize("looked_up", [True, False])
def test_a_session_that_nobody_closes_warns_of_what_was_opened(recipe: object, looked_up: bool) -> None:
    snapshot, (key,) = paused(recipe=recipe)
    session = Session.resume(snapshot)
    if looked_up:
        session.refs.get_any(key)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del session
        gc.collect()
    expected = looked_up and recipe is open_list
    assert [warning.category for warning in told] == [ResourceWarning] * expected
    assert all("1 finalizer not run, of refs inserted at resume" in str(warning.message) for warning in told)


class Unloadable:
    """Raises when it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return _raise, ()


def _raise() -> object:
    raise RuntimeError


def test_a_resume_that_fails_closes_what_it_opened_and_warns_of_nothing() -> None:
    with Session() as session:
        key = session.refs.open(open_list.recipe("it"))
        session.refs.insert([session.refs.get(key)])
        session.refs.insert(Unloadable())
        snapshot = session.snapshot()
    opened.clear()
    closed.clear()
    with pytest.raises(RefLoadError, match="Unloadable"):
        Session.resume(snapshot)
    gc.collect()
    assert opened == closed == [["it"]]


def test_a_resume_that_is_interrupted_closes_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        key = session.refs.open(open_list.recipe("it"))
        session.refs.insert([session.refs.get(key), Unloadable()])
        snapshot = session.snapshot()
    opened.clear()
    closed.clear()

    def interrupt(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("tests.unit.test_snapshot_threads._raise", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Session.resume(snapshot)
    assert opened == closed == [["it"]]
