"""Closing: whatever raises, every finalizer is attempted; what a release refuses; whose an error was."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import subprocess
import sys
import threading
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from liveref import (
    CapacityExceededError,
    DuplicateKeyError,
    InvalidArgumentError,
    RefLifetime,
    RefReleasedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    current_session_registry,
    reopener,
    use_session_registry,
)

from liveref._registry import departures, entry, guards
from liveref._registry.entry import Entry
from liveref._registry.finalize import Finalizer, generation
from liveref._registry.store import witness

from .refs_of_all_kinds import Box

HERE = __file__


class Boom(Exception):
    """What a finalizer raises."""


def fail(_value: object) -> None:
    raise Boom


async def afail(_value: object) -> None:
    await asyncio.sleep(0)
    raise Boom


async def wait(_value: object) -> None:
    await asyncio.sleep(0)


# Whose an error was.


def note_of(error: BaseException) -> str:
    (note,) = error.__notes__
    return str(note)


@pytest.mark.parametrize("end", ["drain", "close", "session", "adrain", "aclose", "async session"])
def test_each_error_tells_the_ref_its_type_and_the_place_of_its_insert(end: str) -> None:
    session = Session()
    places: list[str] = []
    for value, finalizer in ((1, fail), ("x", lambda value: wait(value) if "a" not in end else afail(value))):
        key: RegistryKey[object] = session.refs.insert(value, finalizer=finalizer)
        line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
        name = type(value).__name__
        places.insert(0, f"finalizer of ref {str(key)[:6]}… (builtins:{name}, inserted at {HERE}:{line})")

    async def aend() -> None:
        async with session:
            pass

    calls: dict[str, Callable[[], object]] = {
        "drain": session.refs.drain,
        "close": session.refs.close,
        "session": session.close,
        "adrain": lambda: asyncio.run(as_coroutine(session.refs.adrain)),
        "aclose": lambda: asyncio.run(as_coroutine(session.refs.aclose)),
        "async session": lambda: asyncio.run(aend()),
    }
    with pytest.raises(ExceptionGroup) as caught:
        calls[end]()
    assert [note_of(error) for error in caught.value.exceptions] == places


async def as_coroutine(call: Callable[[], Any]) -> None:
    await call()


def test_an_error_of_what_a_resume_has_opened_tells_so() -> None:
    with Session() as session:
        key = session.refs.open(open_failing.recipe())
        snapshot = session.snapshot()
        with pytest.raises(Boom):
            session.refs.release(key)
    resumed = Session.resume(snapshot)
    resumed.refs.get_any(key)
    with pytest.raises(ExceptionGroup) as caught:
        resumed.close()
    assert "inserted at the resume of its session" in note_of(caught.value.exceptions[0])


@reopener("tests.closing.failing", finalizer=fail)
def open_failing() -> Box:
    return Box(1)


class Unnotable(Exception):
    """An exception that takes no notes."""

    def add_note(self, note: str) -> None:
        raise SystemExit

    @property
    def __notes__(self) -> object:
        raise Boom


def test_an_exception_that_takes_no_notes_is_told_without() -> None:
    def refuse(_value: object) -> None:
        raise Unnotable

    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert("first", finalizer=done.append)
    registry.insert("last", finalizer=refuse)
    with pytest.raises(ExceptionGroup) as caught:
        registry.close()
    assert [type(error) for error in caught.value.exceptions] == [Unnotable]
    assert done == ["first"]


def test_what_is_no_exception_keeps_the_cause_it_has_where_it_is_alone() -> None:
    def end(_value: object) -> None:
        raise SystemExit from Boom()

    registry = SessionRefRegistry()
    registry.insert(1, finalizer=end)
    with pytest.raises(SystemExit) as caught:
        registry.close()
    assert isinstance(caught.value.__cause__, Boom)


def test_a_key_error_of_a_finalizer_is_told() -> None:
    def look(_value: object) -> None:
        raise KeyError(bytes([100, 117, 116, 121]))

    registry = SessionRefRegistry()
    registry.insert(1, finalizer=look)
    with pytest.raises(ExceptionGroup) as caught:
        registry.close()
    assert isinstance(caught.value.exceptions[0], KeyError)


# An awaitable that a synchronous close meets.


class Awaitable:
    """What can be awaited, and is ended in its own way."""

    def __await__(self) -> Iterator[None]:
        yield


class Closed(Awaitable):
    def close(self) -> None:
        raise Boom


class Cancelled(Awaitable):
    close = None

    def cancel(self) -> None:
        raise Boom


class Hostile(Awaitable):
    @property
    def close(self) -> object:
        raise Boom


class Fatal(Awaitable):
    def close(self) -> None:
        raise KeyboardInterrupt


ENDS: dict[str, Callable[[SessionRefRegistry], object]] = {
    "drain": SessionRefRegistry.drain,
    "close": SessionRefRegistry.close,
    "release": lambda registry: [registry.release(key) for key in registry.keys()[::-1]],
}


@pytest.mark.parametrize("kind", [Closed, Cancelled, Hostile])
@pytest.mark.parametrize("end", ["drain", "close"])
def test_an_awaitable_that_can_not_be_ended_stops_no_other(end: str, kind: type[Awaitable]) -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert("first", finalizer=done.append)
    registry.insert("last", finalizer=lambda _: kind())
    with pytest.raises(ExceptionGroup) as caught:
        ENDS[end](registry)
    (error,) = caught.value.exceptions
    assert isinstance(error, TypeError)
    assert isinstance(error.__cause__, Boom)
    assert done == ["first"]


@pytest.mark.parametrize("kind", [Closed, Cancelled, Hostile])
def test_a_release_that_meets_such_an_awaitable_tells_of_both(kind: type[Awaitable]) -> None:
    registry = SessionRefRegistry()
    with pytest.raises(TypeError, match="arelease") as caught:
        registry.release(registry.insert(1, finalizer=lambda _: kind()))
    assert isinstance(caught.value.__cause__, Boom)


def test_an_interrupt_while_an_awaitable_is_ended_is_raised_after_all_have_run() -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert("first", finalizer=done.append)
    registry.insert("last", finalizer=lambda _: Fatal())
    with pytest.raises(KeyboardInterrupt):
        registry.close()
    assert done == ["first"]


def test_a_close_whose_loop_is_gone_runs_all_that_needs_none() -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert("first", finalizer=done.append)
    registry.insert("hostile", finalizer=lambda _: Hostile())
    registry.insert("last", finalizer=wait)

    async def main() -> None:
        closing = registry.aclose()
        closing.send(None)
        closing.close()

    asyncio.run(main())
    assert done == ["first"]
    assert registry.is_empty()


# The hand-over at the end of an isolated child.


def copy_into(parent: SessionRefRegistry, key: RegistryKey[str]) -> None:
    other = SessionRefRegistry()
    other._keep_value("same", None, Entry.of_call(None), "insert", key._id)
    other.transfer_ref(key, parent)


@pytest.mark.parametrize("why", ["duplicate", "closed", "full"])
@pytest.mark.parametrize("how", ["close", "aclose"])
def test_a_parent_that_takes_nothing_stops_no_finalizer(how: str, why: str) -> None:
    done: list[object] = []
    parent = Session(capacity=3)
    child = parent.child(isolated=True)
    child.refs.insert("plain", finalizer=done.append)
    moving = child.refs.insert("moving", lifetime=RefLifetime.UNTIL_PARENT_FINISH, finalizer=done.append)
    if why == "duplicate":
        copy_into(parent.refs, moving)
    elif why == "closed":
        parent.close()
    else:
        for value in range(3):
            parent.refs.insert(value)
    with pytest.raises(ExceptionGroup) as caught:
        child.close() if how == "close" else asyncio.run(child.aclose())
    names = {"duplicate": "DuplicateKeyError", "closed": "RegistryClosedError", "full": "CapacityExceededError"}
    assert [type(error).__name__ for error in caught.value.exceptions] == [names[why]]
    assert done == ["moving", "plain"]
    assert child.refs.is_empty()
    parent.close()


def test_a_key_that_the_parent_holds_stays_with_the_child() -> None:
    parent = Session()
    child = parent.child(isolated=True)
    key = child.refs.insert("x", lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    copy_into(parent.refs, key)
    with pytest.raises(ExceptionGroup) as caught:
        child.close()
    assert isinstance(caught.value.exceptions[0], DuplicateKeyError)
    assert child.refs[key] == "x"
    assert parent.refs[key] == "same"
    parent.close()
    parent.refs.close()


# What a synchronous release refuses, before anything goes.


class Async:
    async def method(self, _value: object) -> None:
        await asyncio.sleep(0)

    async def __call__(self, _value: object) -> None:
        await asyncio.sleep(0)


ASYNCHRONOUS: dict[str, Callable[[object], object]] = {
    "function": wait,
    "method": Async().method,
    "partial": functools.partial(wait),
    "partial of a partial": functools.partial(functools.partial(wait)),
    "object": Async(),
    "partial of an object": functools.partial(Async()),
}


def is_refused(registry: SessionRefRegistry, key: RegistryKey[Any]) -> None:
    with pytest.raises(TypeError, match=rf"ref {str(key)[:6]}… stays.*await arelease\(key\)"):
        registry.release(key)
    assert key in registry


@pytest.mark.parametrize("finalizer", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS)
def test_a_release_refuses_what_is_known_to_be_asynchronous(finalizer: Callable[[object], object]) -> None:
    registry = SessionRefRegistry()
    key = registry.insert("x", finalizer=finalizer)
    clone = registry.clone_ref(key)
    is_refused(registry, key)
    is_refused(registry, clone)
    assert registry[key] == registry[clone] == "x"
    assert asyncio.run(registry.arelease(key))
    is_refused(registry, clone)
    assert asyncio.run(registry.arelease(clone))
    assert not asyncio.run(registry.arelease(clone))
    assert not registry.release(clone)


class PlainExit:
    """An asynchronous context whose exit is no coroutine function."""

    def __init__(self) -> None:
        self.left = 0

    async def __aenter__(self) -> str:
        return "x"

    def __aexit__(self, *_error: object) -> Any:
        self.left += 1
        return wait("x")


@pytest.mark.parametrize("own_task", [False, True])
def test_a_release_refuses_each_asynchronous_context(own_task: bool) -> None:
    async def main() -> None:
        registry = SessionRefRegistry()
        context = PlainExit()
        key = await registry.enter_async_context(context, own_task=own_task)
        is_refused(registry, key)
        assert context.left == 0
        assert await registry.arelease(key)
        assert context.left == 1

    asyncio.run(main())


@reopener("tests.closing.asynchronous", finalizer=wait)
def open_asynchronous() -> Box:
    return Box(1)


@reopener("tests.closing.nothing")
def open_plainly() -> Box:
    return Box(1)


def test_a_release_refuses_what_a_recipe_has_opened_and_drops_what_it_has_not() -> None:
    async def main() -> None:
        async with Session() as session:
            key = session.refs.open(open_asynchronous.recipe())
            is_refused(session.refs, key)
            snapshot = session.snapshot()
        async with Session.resume(snapshot) as resumed:
            clone = resumed.refs.clone_ref(key)
            assert resumed.refs.release(clone)
            resumed.refs.get_any(key)
            is_refused(resumed.refs, key)
            assert await resumed.refs.arelease(key)
        async with Session.resume(snapshot) as resumed:
            assert resumed.refs.release(key)

    asyncio.run(main())


def test_what_a_recipe_without_a_finalizer_has_opened_is_released() -> None:
    with Session() as session:
        key = session.refs.open(open_plainly.recipe())
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        clone = resumed.refs.clone_ref(key)
        assert resumed.refs.release(clone)
        resumed.refs.get_any(key)
        assert resumed.refs.release(key)
        assert resumed.refs.is_empty()


def test_an_open_without_room_tells_that_what_it_opened_is_not_closed() -> None:
    registry = SessionRefRegistry(capacity=1)
    registry.insert(1)
    with pytest.raises(TypeError, match="asynchronous finalizer") as caught:
        registry.open(open_asynchronous.recipe())
    assert isinstance(caught.value.__context__, CapacityExceededError)


def test_what_was_opened_is_not_opened_again_once_its_refs_went() -> None:
    with Session() as session:
        key = session.refs.open(open_failing.recipe())
        snapshot = session.snapshot()
        session.refs.remove(key)
    with Session.resume(snapshot) as resumed:
        opening = resumed.refs._refs[key._id]._entry.opening
        assert opening is not None
        resumed.refs.release(key)
        assert opening.open() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_releases_what_its_parent_closes() -> None:
    registry = SessionRefRegistry()
    key = registry.insert("x", finalizer=wait)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if registry.release(key) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert asyncio.run(registry.arelease(key))


@contextlib.contextmanager
def context() -> Iterator[str]:
    yield "x"


@contextlib.asynccontextmanager
async def acontext() -> AsyncIterator[str]:
    yield "x"


@pytest.mark.parametrize("kind", ["context", "asynchronous context", "own task"])
def test_a_remove_of_an_entered_context_is_refused(kind: str) -> None:
    async def main() -> None:
        registry = SessionRefRegistry()
        if kind == "context":
            key = registry.enter_context(context())
        else:
            key = await registry.enter_async_context(acontext(), own_task=kind == "own task")
        clone = registry.clone_ref(key)
        for ref in (key, clone):
            with pytest.raises(InvalidArgumentError, match=r"arelease\(key\)"):
                registry.remove(ref)
            assert registry[ref] == "x"
        await registry.aclose()
        with pytest.raises(RefReleasedError):
            registry.remove(key)

    asyncio.run(main())


def test_arelease_runs_a_synchronous_finalizer_and_a_plain_ref_too() -> None:
    async def main() -> None:
        done: list[object] = []
        registry = SessionRefRegistry()
        assert await registry.arelease(registry.insert("x", finalizer=done.append))
        assert await registry.arelease(registry.insert("y"))
        with pytest.raises(Boom) as caught:
            await registry.arelease(registry.insert("z", finalizer=afail))
        assert "builtins:str" in note_of(caught.value)
        assert done == ["x"]

    asyncio.run(main())


# An empty registry, and what is no key.


def test_an_empty_registry_is_true() -> None:
    registry = SessionRefRegistry()
    assert bool(registry) is True
    registry.close()
    assert bool(registry) is True


# Without a Python frame.


NO_FRAME = """
import _thread, atexit, time
from liveref import SessionRefRegistry
registry = SessionRefRegistry()
def tell():
    print([row.where for row in registry.describe()])
    registry.close()
atexit.register(tell)
{how}
"""
WAIT = "\nuntil = time.monotonic() + 20\nwhile not len(registry) and time.monotonic() < until: pass"
HOW = {
    "a thread of C": "_thread.start_new_thread(registry.insert, ('x',))" + WAIT,
    "a finalized one": "_thread.start_new_thread(registry.insert, ('x',), {'finalizer': len})" + WAIT,
    "an exit function": "atexit.register(registry.insert, 'x')",
}


@pytest.mark.parametrize("how", HOW)
def test_an_insert_that_no_python_code_calls_has_no_place(how: str) -> None:
    code = NO_FRAME.format(how=HOW[how])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[None]\n", "")


def test_an_open_and_a_context_that_no_python_code_enters_have_no_place() -> None:
    import _thread

    registry = SessionRefRegistry()
    for call, argument in ((registry.open, open_plainly.recipe()), (registry.enter_context, context())):
        ended = threading.Event()
        _thread.start_new_thread(call, (argument,))
        while len(registry) == 0:
            ended.wait(0.001)
        assert [row.where for row in registry.describe()] == [None]
        registry.drain()


def test_where_no_frame_is_found_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_depth: int = 0) -> object:
        raise ValueError("call stack is not deep enough")

    registry = SessionRefRegistry()
    monkeypatch.setattr(entry, "sys", types.SimpleNamespace(_getframe=refuse))
    registry.typed(str).insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
    assert [row.where for row in registry.describe()] == [None]


def test_a_full_registry_refuses_an_insert_that_no_python_code_calls() -> None:
    import _thread

    registry = SessionRefRegistry(capacity=1)
    registry.insert(1)
    told: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda args: told.append(args.exc_type.__name__))
        _thread.start_new_thread(registry.insert, (2,))
        while not told:
            threading.Event().wait(0.001)
    assert told == ["CapacityExceededError"]
    assert len(registry) == 1


# Recipes that look each other up.


@reopener("tests.closing.looks_up")
def open_looking_up(meet: str, *keys: str) -> Box:
    """Looks other refs up, where threads meet all at once."""
    if meet in MEETINGS:
        with contextlib.suppress(threading.BrokenBarrierError):
            MEETINGS[meet].wait(10)
    try:
        return Box([current_session_registry().get_any(RegistryKey.parse(key)) for key in keys])
    except ReopenError as error:
        TOLD.append(str(error))
        raise


TOLD: list[str] = []


MEETINGS: dict[str, threading.Barrier] = {}


def circle(count: int, meet: str = "") -> tuple[Session, list[RegistryKey[Any]]]:
    """A resumed session with recipes of which each looks the next one up, in a circle."""
    keys: list[RegistryKey[Any]] = [RegistryKey.new(Box) for _ in range(count)]
    with Session() as session:
        for at, key in enumerate(keys):
            recipe = open_looking_up.recipe(meet, str(keys[(at + 1) % count]))
            session.refs._keep_value(Box(at), None, Entry.of_call(None, recipe=recipe), "insert", key._id)
        snapshot = session.snapshot()
    return Session.resume(snapshot), keys


@pytest.mark.parametrize("count", [1, 2, 3])
def test_recipes_that_look_each_other_up_are_told_so(count: int) -> None:
    session, keys = circle(count)
    with session:
        for key in keys:
            TOLD.clear()
            with pytest.raises(ReopenError) as caught:
                session.refs.get_any(key)
            assert "a lookup of its own ref" in TOLD[0]
            error: BaseException | None = caught.value
            for _ in range(count):  # each is told with the place in its own recipe, and by what it is caused
                assert error is not None
                assert f"raised liveref.ReopenError at {__file__}:" in str(error)
                error = error.__cause__
            assert str(error) == TOLD[0]


@pytest.mark.parametrize("count", [2, 3])
def test_recipes_that_look_each_other_up_in_as_many_threads_are_told_so(count: int) -> None:
    name = f"meeting of {count}"
    MEETINGS[name] = threading.Barrier(count, action=lambda: MEETINGS.pop(name))
    session, keys = circle(count, name)
    told: list[object] = []
    TOLD.clear()

    def look(key: RegistryKey[Any]) -> None:
        with use_session_registry(session.refs):
            try:
                session.refs.get_any(key)
            except ReopenError as error:
                told.append(error)

    threads = [threading.Thread(target=look, args=(key,), daemon=True) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads), "a dead-lock"
    assert len(told) == count
    assert any("a lookup that waits for this one" in text for text in TOLD)
    session.close()


def test_a_lookup_that_waits_for_a_circle_of_others_waits() -> None:
    """Two other threads wait for each other: one of them is told, and the rest goes on."""
    first, second = (guards.Opening(open_plainly.recipe(), "Box") for _ in range(2))
    now = generation()
    first._opener, second._opener = (now, -10), (now, -11)
    guards._WAITING.update({-10: second, -11: first})
    try:
        assert isinstance(first.open(), Box)
    finally:
        del guards._WAITING[-10], guards._WAITING[-11]


def test_a_lookup_inside_of_a_wait_leaves_the_wait_as_it_was() -> None:
    """As a finalizer does that the garbage collector runs while a thread waits."""
    waited, other = (guards.Opening(open_plainly.recipe(), "Box") for _ in range(2))
    guards._WAITING[threading.get_ident()] = waited
    try:
        assert isinstance(other.open(), Box)
        assert guards._WAITING[threading.get_ident()] is waited
    finally:
        del guards._WAITING[threading.get_ident()]


# What went.


def test_departures_are_found_in_an_index_that_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "REMEMBERED", 3)
    gone = departures.Departures((), 3)
    assert gone.find(b"0") is None
    for number in range(50):
        gone.append((b"%d" % number, "released", float(number)))
        assert gone.find(b"%d" % number) == (b"%d" % number, "released", float(number))
        assert (gone.find(b"%d" % (number - 2)) is None) == (number < 2)
        assert gone.find(b"%d" % (number - 3)) is None
        assert len(gone._indexed[0]) <= 3 * 3


def test_an_index_that_two_threads_take_up_at_once_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = departures.Departures([(b"a", "released", 1.0)])
    assert gone.find(b"a") is not None
    index, before = gone._indexed
    gone.extend((b"%d" % number, "released", 2.0) for number in range(10))
    monkeypatch.setattr(departures, "REMEMBERED", 0)  # so that this one begins a new index
    assert gone.find(b"5") is not None
    gone._indexed = index, before  # the other one, which has begun before, publishes its own
    monkeypatch.undo()
    assert all(gone.find(uid) is not None for uid in (b"a", b"0", b"9"))


def test_a_registry_tells_who_watches() -> None:
    told: list[object] = []
    token = witness.set(told.append)
    try:
        registry = SessionRefRegistry()
    finally:
        witness.reset(token)
    assert told == [registry]
