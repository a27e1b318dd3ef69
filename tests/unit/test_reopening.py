"""Refs that a recipe opens after a pause: once, at the first lookup, and closed once."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from liveref import (
    DuplicateKeyError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    current_session_registry,
    reopener,
)

from .refs_of_all_kinds import EXPLICIT, SECRET, Box, Handle, counting, open_handle, redacted

Keys = tuple[RegistryKey[Handle], SessionSnapshot]


@pytest.fixture
def paused() -> Keys:
    """The key of a handle with a recipe, and a snapshot that holds it."""
    with Session() as session:
        return session.refs.open(open_handle.recipe("db")), session.snapshot()


@pytest.fixture
def resumed(paused: Keys) -> Iterator[Session]:
    with counting(), Session.resume(paused[1]) as session:
        yield session


@pytest.fixture
def key(paused: Keys) -> RegistryKey[Handle]:
    return paused[0]


OPENING = {
    "get": lambda refs, key: refs.get(key),
    "get with a hint": lambda refs, key: refs.get(key, Handle),
    "get with a default": lambda refs, key: refs.get(key, default=None),
    "typed": lambda refs, key: refs.typed(Handle).get(key),
    "[]": lambda refs, key: refs[key],
    "get_any": lambda refs, key: refs.get_any(key),
    "verify": lambda refs, key: refs.verify(key),
    "remove": lambda refs, key: refs.remove(key),
}

NOT_OPENING = {
    "in": lambda refs, key: key in refs,
    "len": lambda refs, _key: len(refs),
    "keys": lambda refs, _key: refs.keys(),
    "describe": lambda refs, _key: refs.describe(),
    "lifetime_of": lambda refs, key: refs.lifetime_of(key),
    "clone_ref": lambda refs, key: refs.clone_ref(key),
    "transfer_ref": lambda refs, key: refs.transfer_ref(key, SessionRefRegistry()),
    "release": lambda refs, key: refs.release(key),
    "drain": lambda refs, _key: refs.drain(),
    "adrain": lambda refs, _key: asyncio.run(refs.adrain()),
    "close": lambda refs, _key: refs.close(),
}

Ask = Callable[[SessionRefRegistry, RegistryKey[Handle]], object]


@pytest.mark.parametrize("ask", OPENING.values(), ids=OPENING)
def test_a_lookup_opens_the_ref(resumed: Session, key: RegistryKey[Handle], ask: Ask) -> None:
    assert Handle.opened == []
    found = ask(resumed.refs, key)
    assert found is None or isinstance(found, Handle)
    assert len(Handle.opened) == 1


@pytest.mark.parametrize("ask", NOT_OPENING.values(), ids=NOT_OPENING)
def test_what_is_no_lookup_does_not_open_the_ref(resumed: Session, key: RegistryKey[Handle], ask: Ask) -> None:
    ask(resumed.refs, key)
    resumed.close()
    assert Handle.opened == []
    assert Handle.closed == []


def test_a_recipe_runs_once(resumed: Session, key: RegistryKey[Handle]) -> None:
    first = resumed.refs.get(key)
    assert first.name == "db"
    assert resumed.refs[key] is resumed.refs.get_any(key) is first
    assert [found.hint for found in resumed.refs.keys()] == [Handle]
    assert len(Handle.opened) == 1


def test_before_it_is_opened_a_ref_tells_what_it_was(resumed: Session) -> None:
    (info,) = resumed.refs.describe()
    assert info.type_tag.endswith(":Handle")
    assert [found.hint for found in resumed.refs.keys()] == [object]


def test_an_isolated_child_opens_its_parents_ref(resumed: Session, key: RegistryKey[Handle]) -> None:
    with resumed.child(isolated=True) as child:
        assert child.refs[key] is resumed.refs[key]
    assert Handle.closed == []


def test_eight_threads_open_it_once(resumed: Session, key: RegistryKey[Handle]) -> None:
    ready = threading.Barrier(8)

    def look(_: int) -> Handle:
        ready.wait()
        return resumed.refs[key]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, range(8)))
    assert len(set(map(id, found))) == 1
    assert len(Handle.opened) == 1


def test_a_clone_of_what_is_not_opened_shares_it(resumed: Session, key: RegistryKey[Handle]) -> None:
    clone = resumed.refs.clone_ref(key)
    assert Handle.opened == []
    assert resumed.refs[clone] is resumed.refs[key]
    assert resumed.refs.release(key)
    assert Handle.closed == []
    assert resumed.refs.release(clone)
    assert Handle.closed == ["db"]
    assert len(Handle.opened) == 1


def test_what_is_not_opened_is_opened_where_it_was_transferred_to(resumed: Session, key: RegistryKey[Handle]) -> None:
    other = SessionRefRegistry()
    resumed.refs.transfer_ref(key, other)
    with pytest.raises(RefReleasedError, match="transferred"):
        resumed.refs[key]
    assert other[key].name == "db"
    other.close()
    assert Handle.closed == ["db"]


def test_a_transfer_of_what_is_not_opened_is_all_or_nothing(paused: Keys) -> None:
    key, snapshot = paused
    with counting(), Session.resume(snapshot) as first, Session.resume(snapshot) as second:
        with pytest.raises(DuplicateKeyError):
            first.refs.transfer_ref(key, second.refs)
        assert key in first.refs
        assert Handle.opened == []


def test_a_closed_registry_takes_no_clone_of_what_is_not_opened(paused: Keys) -> None:
    with Session() as session:
        key = session.refs.open(open_handle.recipe("pool"), lifetime=EXPLICIT)
        snapshot = session.snapshot()
        session.refs.drain()
    with counting():
        with Session.resume(snapshot) as resumed:
            pass
        with pytest.raises(RegistryClosedError):
            resumed.refs.clone_ref(key)
        resumed.refs.drain()
        assert Handle.opened == Handle.closed == []


def test_two_keys_are_closed_once_when_the_last_goes() -> None:
    with Session() as session:
        handle = Handle("shared")
        keys = [session.refs.insert(handle), session.refs.insert(handle, reopen=open_handle.recipe("shared"))]
        snapshot = session.snapshot()
    with counting():
        with Session.resume(snapshot) as resumed:
            assert resumed.refs[keys[0]] is resumed.refs[keys[1]]
            assert resumed.refs.release(keys[1])
            assert Handle.closed == []
        assert Handle.closed == ["shared"]


def test_closing_is_the_duty_of_who_removes_the_last_key(resumed: Session, key: RegistryKey[Handle]) -> None:
    assert resumed.refs.remove(key).name == "db"
    resumed.close()
    assert Handle.closed == []


def test_a_session_that_ends_closes_what_was_opened(paused: Keys) -> None:
    key, snapshot = paused
    with counting():
        with Session.resume(snapshot) as resumed:
            resumed.refs[key]
        assert Handle.closed == ["db"]
        with pytest.raises(RefReleasedError, match="session ended"):
            resumed.refs[key]


async def close_later(handle: Handle) -> None:
    await asyncio.sleep(0)
    handle.close()


@reopener("tests.reopening.closed_later", finalizer=close_later)
def open_closed_later() -> Handle:
    return Handle("later")


def test_an_asynchronous_finalizer_of_a_recipe_is_awaited() -> None:
    async def run() -> None:
        async with Session() as session:
            key = session.refs.open(open_closed_later.recipe())
            snapshot = session.snapshot()
        with counting():
            async with Session.resume(snapshot) as resumed:
                resumed.refs[key]
            assert Handle.closed == ["later"]
            async with Session.resume(snapshot):
                pass
            assert Handle.closed == ["later"]

    asyncio.run(run())


def test_a_registry_that_is_collected_warns_of_what_was_opened_only(paused: Keys) -> None:
    key, snapshot = paused
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Session.resume(snapshot)
        gc.collect()
    resumed = Session.resume(snapshot)
    resumed.refs[key]
    with pytest.warns(ResourceWarning, match="1 finalizer not run, of refs inserted at resume"):
        del resumed
        gc.collect()


# What fails

faults: list[BaseException] = []


@reopener("tests.reopening.faulty", finalizer=Handle.close)
def open_faulty(path: str, *more: object, password: str = SECRET, **options: object) -> Handle:
    if faults:
        raise faults.pop()
    return Handle(path)


def pause_faulty() -> tuple[RegistryKey[Handle], SessionSnapshot]:
    faults.clear()
    with Session() as session:
        recipe = open_faulty.recipe(SECRET, {"a": SECRET}, password=SECRET, mode=SECRET)
        return session.refs.open(recipe), session.snapshot()


@pytest.mark.parametrize("ask", OPENING.values(), ids=OPENING)
def test_a_failing_recipe_is_told_without_values_and_can_be_tried_again(ask: Ask) -> None:
    key, snapshot = pause_faulty()
    with counting(), Session.resume(snapshot) as resumed:
        for _ in range(2):
            faults.append(OSError(f"no {SECRET}"))
            with pytest.raises(ReopenError) as caught:
                ask(resumed.refs, key)
            assert caught.value.args[:2] == ("tests.reopening.faulty", ("path", "more", "password", "options"))
            assert caught.value.args[2].startswith(f"OSError at {__file__}:")
            assert SECRET not in f"{caught.value} {caught.value.args}"
            assert str(caught.value.__cause__) == f"no {SECRET}"  # the user's own words
        assert key in resumed.refs
        ask(resumed.refs, key)
        assert len(Handle.opened) == 1


def test_an_interrupt_in_a_recipe_passes_and_can_be_tried_again() -> None:
    key, snapshot = pause_faulty()
    with Session.resume(snapshot) as resumed:
        faults.append(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            resumed.refs[key]
        assert resumed.refs[key].name == SECRET


def test_a_recipe_that_failed_closes_nothing() -> None:
    key, snapshot = pause_faulty()
    with counting():
        with Session.resume(snapshot) as resumed:
            faults.append(OSError())
            with pytest.raises(ReopenError):
                resumed.refs[key]
        assert Handle.closed == []


made_of: list[object] = [Handle("right")]


@reopener("tests.reopening.anything")
def open_anything() -> object:
    return made_of[0]


def test_a_result_of_the_wrong_type_is_a_type_error() -> None:
    with Session() as session:
        key = session.refs.open(open_anything.recipe())
        snapshot = session.snapshot()
    made_of.insert(0, Box(SECRET))
    with Session.resume(snapshot) as resumed:
        for look in (resumed.refs.get, resumed.refs.verify, resumed.refs.remove):
            with pytest.raises(RefTypeError, match=r"expected .*Handle, found .*Box") as caught:
                look(key)
            assert SECRET not in str(caught.value)
        with pytest.raises(RefTypeError):
            resumed.refs.get(key, default=None)
        assert resumed.refs.get(key, Box) is resumed.refs.get_any(key) is made_of[0]
    made_of.pop(0)


def test_a_recipe_that_opens_nothing_gives_none() -> None:
    with Session() as session:
        key = session.refs.insert(None, reopen=open_nothing.recipe())
        snapshot = session.snapshot()
    ran.clear()
    with Session.resume(snapshot) as resumed:
        assert resumed.refs[key] is None
        assert resumed.refs.get_any(key) is None
        assert len(ran) == 1


ran: list[object] = []


@reopener("tests.reopening.nothing")
def open_nothing() -> None:
    ran.append(None)


@reopener("tests.reopening.circular")
def open_circular(text: str) -> Box:
    return Box(current_session_registry().get_any(RegistryKey.parse(text)))


def test_a_recipe_that_looks_up_its_own_ref_is_told_so() -> None:
    with Session() as session:
        key = session.refs.insert(Box())
        other = RegistryKey.parse(str(key))
        clone = session.refs.insert(session.refs[key], reopen=open_circular.recipe(str(key)))
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        with pytest.raises(ReopenError, match=r"raised liveref\.ReopenError"):
            resumed.refs[other]
        with pytest.raises(ReopenError):
            resumed.refs[clone]


def test_a_recipe_may_look_up_another_ref() -> None:
    with Session() as session:
        inner = session.refs.open(open_handle.recipe("inner"))
        outer = session.refs.open(open_circular.recipe(str(inner)))
        snapshot = session.snapshot()
    with counting(), Session.resume(snapshot) as resumed:
        assert resumed.refs[outer].content is resumed.refs[inner]
        assert len(Handle.opened) == 1


def test_what_a_function_does_to_its_arguments_changes_no_later_call() -> None:
    with Session() as session:
        key = session.refs.open(open_greedy.recipe(["a"], options={"b": [1]}))
        snapshot = session.snapshot()
    for _ in range(2):
        with Session.resume(snapshot) as resumed:
            assert resumed.refs[key].content == (["a"], {"b": [1]})
            snapshot = resumed.snapshot()


@reopener("tests.reopening.greedy")
def open_greedy(names: list[str], options: dict[str, list[int]]) -> Box:
    taken = Box((list(names), {name: list(numbers) for name, numbers in options.items()}))
    names.clear()
    options["b"].append(2)
    return taken


# Refs that go while they are opened


class Waiting(Handle):
    """A handle whose opening waits."""


started, go_on = threading.Event(), threading.Event()
waits = False


@reopener("tests.reopening.waiting", finalizer=Handle.close)
def open_waiting() -> Waiting:
    if waits:
        started.set()
        assert go_on.wait(30)
    return Waiting("waiting")


@pytest.mark.parametrize("how", ["released", "drained", "session ended"])
def test_what_goes_while_it_is_opened_is_closed(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        key = session.refs.open(open_waiting.recipe())
        snapshot = session.snapshot()
    monkeypatch.setitem(globals(), "waits", True)
    started.clear()
    go_on.clear()
    with counting(), ThreadPoolExecutor(1) as pool:
        resumed = Session.resume(snapshot)
        looked = pool.submit(resumed.refs.get, key)
        assert started.wait(30)
        {"released": lambda: resumed.refs.release(key), "drained": resumed.refs.drain, "session ended": resumed.close}[
            how
        ]()
        assert Handle.closed == []
        go_on.set()
        with pytest.raises(RefReleasedError, match=how):
            looked.result(30)
        assert Handle.closed == ["waiting"]
        assert resumed.refs.is_empty()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_a_fork_opens_what_a_thread_of_its_parent_was_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        key = session.refs.open(open_waiting.recipe())
        snapshot = session.snapshot()
    monkeypatch.setitem(globals(), "waits", True)
    started.clear()
    go_on.clear()
    with counting(), ThreadPoolExecutor(1) as pool, Session.resume(snapshot) as resumed:
        looked = pool.submit(resumed.refs.get, key)
        assert started.wait(30)
        child = os.fork()
        if not child:
            code = 1
            try:
                globals()["waits"] = False
                code = 0 if resumed.refs[key].name == "waiting" else 2
            finally:
                os._exit(code)
        go_on.set()
        assert looked.result(30).name == "waiting"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# A second pause


def test_what_was_not_opened_goes_through_a_second_pause_unopened(paused: Keys) -> None:
    key, snapshot = paused
    with counting():
        for _ in range(3):
            with Session.resume(snapshot) as resumed:
                snapshot = resumed.snapshot()
        assert Handle.opened == Handle.closed == []
        (row,) = snapshot.refs
        assert (row.key, row.how) == (redacted(key), "recipe")
        assert row.type_tag.endswith(":Handle")
        with Session.resume(snapshot) as resumed:
            assert resumed.refs[key].name == "db"
        assert len(Handle.opened) == 1


def test_opened_or_not_two_keys_of_one_object_are_one_after_a_second_pause() -> None:
    with Session() as session:
        key = session.refs.open(open_handle.recipe("db"))
        clone = session.refs.clone_ref(key)
        snapshot = session.snapshot()
    for look in (False, True):
        with Session.resume(snapshot) as resumed:
            if look:
                resumed.refs[key]
            with Session.resume(resumed.snapshot()) as again:
                assert again.refs[key] is again.refs[clone]


def test_a_pickled_ref_that_holds_what_another_key_has_not_looked_up_yet_stays_one_with_it() -> None:
    with Session() as session:
        key = session.refs.open(open_handle.recipe("db"))
        box = session.refs.insert(Box(session.refs[key]))
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed, Session.resume(resumed.snapshot()) as again:
        assert again.refs[box].content is again.refs[key]
