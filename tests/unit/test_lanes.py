"""The methods that have a lane in C: what may not differ, and may not crash, with and without it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import permutations

import pytest

from liveref import (
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryKey,
    Session,
    SessionRefRegistry,
)
from liveref._text.ids import _BATCH
from liveref._lanes import LANES, build

METHODS = ("get", "__getitem__", "insert", "release", "_finish", "_end_with")
compiled = pytest.mark.skipif(LANES is None, reason="the fast lanes are not in this build")


class Store:
    """What is held."""


class Interrupting(type):
    """A class whose check is interrupted by Ctrl-C, once."""

    interruptions = 0

    def __instancecheck__(cls, instance: object) -> bool:
        cls.interruptions -= 1
        if cls.interruptions == 0:
            raise KeyboardInterrupt
        return True


class Interrupted(metaclass=Interrupting):
    """What it interrupts."""


def test_the_build_tells_which_it_is() -> None:
    stands_before = type(vars(SessionRefRegistry)["get"]).__name__ == "method_descriptor"
    assert build() == ("compiled" if stands_before else "pure")


@compiled
@pytest.mark.parametrize("name", METHODS)
def test_a_lane_stands_before_the_method(name: str) -> None:
    assert type(vars(SessionRefRegistry)[name]).__name__ == "method_descriptor"


TWO_COPIES = """
import sys
from liveref import SessionRefRegistry as First
for name in [name for name in sys.modules if name.partition(".")[0] == "liveref"]:
    del sys.modules[name]
from liveref import SessionRefRegistry as Second
assert First is not Second
for registry in (First(), Second()):
    key = registry.insert("x")
    print(type(type(registry).release).__name__, registry.get(key), registry[key], registry.release(key))
"""


@compiled
def test_a_second_copy_of_liveref_does_without_the_lanes() -> None:
    told = subprocess.run([sys.executable, "-c", TWO_COPIES], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["method_descriptor x x True", "function x x True"]


@pytest.mark.parametrize(
    ("name", "first"), [("get", "The object of"), ("insert", "The key under"), ("release", "Drop")]
)
def test_a_method_is_documented(name: str, first: str) -> None:
    assert getattr(SessionRefRegistry, name).__doc__.startswith(first)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get", ["self", "key", "hint", "default"]),
        ("__getitem__", ["self", "key"]),
        ("insert", ["self", "value", "hint", "lifetime", "finalizer", "reopen", "ttl", "idle", "owner"]),
        ("release", ["self", "key"]),
    ],
)
def test_a_method_tells_its_arguments(name: str, arguments: list[str]) -> None:
    signature = inspect.signature(getattr(SessionRefRegistry, name))
    assert list(signature.parameters) == arguments
    required = [each.name for each in signature.parameters.values() if each.default is each.empty]
    assert required == arguments[:2]


@compiled
def test_every_function_in_c_tells_its_arguments() -> None:
    functions = {name: found for name, found in vars(LANES).items() if callable(found) and not name.startswith("__")}
    first = {name: next(iter(inspect.signature(found).parameters)) for name, found in functions.items()}
    assert first == {"install": "registry", "text_of": "uid", "uid_of": "text"}


@pytest.mark.parametrize("arguments", [(), (1, 2, 3, 4, 5, 6, 7)], ids=["none", "seven"])
@pytest.mark.parametrize("name", METHODS)
def test_a_wrong_number_of_arguments_is_a_type_error(name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        getattr(SessionRefRegistry(), name)(*arguments)


@pytest.mark.parametrize("call", [SessionRefRegistry.get, SessionRefRegistry.__getitem__, SessionRefRegistry.release])
def test_a_key_that_nobody_has_made_is_an_error_and_no_crash(call: Callable[..., object]) -> None:
    with pytest.raises(AttributeError):
        call(SessionRefRegistry(), object.__new__(RegistryKey))


@pytest.mark.parametrize("name", METHODS)
def test_a_registry_that_nobody_has_made_is_an_error_and_no_crash(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(object.__new__(SessionRefRegistry), name)(RegistryKey.new(int))


@pytest.mark.parametrize("found", [None, "0f0e1d2c-3b4a-4958-8776-655443322110", 7, object()], ids=repr)
@pytest.mark.parametrize("name", ["get", "__getitem__", "release"])
def test_what_is_no_key_is_a_wrong_type(name: str, found: object) -> None:
    with pytest.raises(RefTypeError):
        getattr(SessionRefRegistry(), name)(found)


def test_an_interruption_of_a_check_is_no_verdict() -> None:
    registry = SessionRefRegistry()
    key = RegistryKey.parse(str(registry.insert(Store())), Interrupted)
    for look_up in (registry.get, registry.__getitem__):
        Interrupted.interruptions = 1
        with pytest.raises(KeyboardInterrupt):
            look_up(key)


def test_a_subclass_may_add_to_each_method() -> None:
    calls = []

    class Audited(SessionRefRegistry):
        __slots__ = ()

        def get(self, *args: object, **kwargs: object) -> object:
            calls.append("get")
            return super().get(*args, **kwargs)

        def __getitem__(self, key: RegistryKey[object]) -> object:
            calls.append("[]")
            return super().__getitem__(key)

        def insert(self, *args: object, **kwargs: object) -> object:
            calls.append("insert")
            return super().insert(*args, **kwargs)

        def release(self, key: RegistryKey[object]) -> bool:
            calls.append("release")
            return super().release(key)

    registry = Audited()
    key = registry.insert("x")
    assert (registry.get(key), registry[key], registry.release(key)) == ("x", "x", True)
    assert calls == ["insert", "get", "[]", "release"]


def test_each_method_gives_back_every_object_that_it_held() -> None:
    registry = SessionRefRegistry()
    value, foreign = Store(), RegistryKey.new(Store)

    def work() -> None:
        key = registry.insert(value)
        registry.get(key), registry[key], registry.get(key, object), registry.get(foreign, default=None)
        for look_up in (registry.get, registry.__getitem__):
            with pytest.raises(RefNotFoundError):
                look_up(foreign)
            with pytest.raises(RefTypeError):
                look_up(RegistryKey.parse(str(key), int))
        registry.release(key)
        with pytest.raises(RefReleasedError):
            registry.get(key)
        assert not registry.release(key)

    work()
    gc.collect()
    watched = (value, foreign, foreign._id, Store, registry, registry._refs, registry._gone)
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(50):
        work()
    gc.collect()
    assert [sys.getrefcount(each) for each in watched] == before


def test_more_rounds_take_no_more_memory() -> None:
    registry = SessionRefRegistry()

    def work(rounds: int) -> int:
        for _ in range(rounds):
            key = registry.insert(Store())
            registry.get(key), registry[key], registry.release(key)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = work(11 * _BATCH)  # more departures than are remembered; and as many ids are at hand as after the next
        assert work(3 * _BATCH) - full < 24_000
    finally:
        tracemalloc.stop()


def test_a_ref_that_the_garbage_collector_releases_meanwhile_goes_once() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(Store())
    released: list[bool] = []

    class Garbage:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            released.append(registry.release(key))

    threshold = gc.get_threshold()
    Garbage()
    gc.set_threshold(1)
    try:
        released.append(registry.release(key))
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert sorted(released) == [False, True]
    assert registry.is_empty()


class Ending:
    """A session with refs of all kinds, and what their finalizers were called with."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.closed = list[str]()

    def close(self, name: str) -> None:
        self.closed.append(name)

    def fail(self, name: str) -> None:
        self.closed.append(name)
        raise ValueError(name)

    def tell(self, name: str) -> str:
        self.closed.append(name)
        return name

    async def wait(self, name: str) -> None:
        await asyncio.sleep(0)
        self.closed.append(name)

    @contextmanager
    def context(self, name: str) -> Iterator[str]:
        yield name
        self.closed.append(name)

    def insert(self, kind: str) -> None:
        refs = self.session.refs
        match kind:
            case "plain":
                refs.insert(kind)
            case "closed":
                refs.insert(kind, finalizer=self.close)
            case "failing":
                refs.insert(kind, finalizer=self.fail)
            case "telling":
                refs.insert(kind, finalizer=self.tell)
            case "awaited":
                refs.insert(kind, finalizer=self.wait)
            case "awaited by chance":
                refs.insert(kind, finalizer=lambda name: self.wait(name))  # noqa: PLW0108  it is no coroutine function
            case "cloned":
                refs.clone_ref(refs.insert(kind, finalizer=self.close))
            case "entered":
                refs.enter_context(self.context(kind))
            case "leased":
                refs.insert(kind, finalizer=self.close, ttl=1000)
            case _:
                refs.insert(kind, finalizer=self.close, lifetime=RefLifetime.UNTIL_SNAPSHOT)


@pytest.mark.parametrize(
    "kinds",
    [
        ("plain", "closed", "failing", "telling", "awaited"),
        ("closed", "awaited by chance", "telling", "cloned", "failing"),
        ("closed", "entered", "failing", "snapshot", "closed"),
        ("closed", "leased", "awaited by chance", "failing", "plain"),
    ],
    ids=" ".join,
)
def test_a_session_ends_all_its_refs_the_last_first_in_whatever_order_their_kinds_are(kinds: tuple[str, ...]) -> None:
    async def end(order: tuple[str, ...]) -> list[str]:
        ending = Ending(Session())
        failed = list[str]()
        try:
            async with ending.session:
                for kind in order:
                    ending.insert(kind)
        except ExceptionGroup as group:
            failed = list(map(str, group.exceptions))
        assert failed == [kind for kind in reversed(order) if kind == "failing"]
        assert ending.session.refs.is_empty()
        return ending.closed

    async def main() -> None:
        for order in permutations(kinds):
            assert await end(order) == [kind for kind in reversed(order) if kind != "plain"]

    asyncio.run(main())


def test_what_a_finalizer_does_to_the_refs_that_are_yet_to_end_counts() -> None:
    closed, other = list[str](), SessionRefRegistry()
    with Session() as session:
        refs = session.refs
        moved = refs.insert("moved", finalizer=closed.append)
        released = refs.insert("released", finalizer=closed.append)

        def close(name: str) -> None:
            closed.append(name)
            refs.release(released)
            refs.transfer_ref(moved, other)
            session.close()

        refs.insert("first", finalizer=closed.append)
        refs.insert("busy", finalizer=close)
    assert closed == ["busy", "released", "first"]
    assert other[moved] == "moved"
    other.close()
    assert closed[3:] == ["moved"]


def test_a_shared_finalizer_runs_at_the_end_of_the_last_ref_that_shares_it() -> None:
    closed, other = list[str](), SessionRefRegistry()
    with Session() as session:
        kept = session.refs.insert("kept", finalizer=closed.append)
        shared = session.refs.insert("shared", finalizer=closed.append)
        session.refs.insert("between", finalizer=closed.append)
        session.refs.clone_ref(shared)
        session.refs.transfer_ref(session.refs.clone_ref(kept), other)
    assert closed == ["between", "shared"]
    other.close()
    assert closed[2:] == ["kept"]


def test_a_child_hands_its_parent_what_that_takes_before_a_finalizer_runs() -> None:
    found = list[str]()
    with Session() as outer, outer.child(isolated=True) as inner:
        handed = inner.refs.insert("handed", lifetime=RefLifetime.UNTIL_PARENT_FINISH)
        inner.refs.insert("closed", finalizer=lambda _: found.append(outer.refs[handed]))
    assert found == ["handed"]


def test_an_exit_sees_what_leaves_the_body_after_a_finalizer_that_failed() -> None:
    def fail(_value: object) -> None:
        raise ValueError

    @contextmanager
    def watch() -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            seen.append(error)

    seen = list[KeyError]()
    with pytest.raises(ExceptionGroup), Session() as session:
        session.refs.enter_context(watch())
        session.refs.insert("failing", finalizer=fail)
        raise KeyError(1)
    assert [error.args for error in seen] == [(1,)]


def test_ctrl_c_in_a_finalizer_is_raised_once_all_have_run() -> None:
    def strike(name: str) -> None:
        closed.append(name)
        raise KeyboardInterrupt

    closed = list[str]()
    with pytest.raises(KeyboardInterrupt), Session() as session:
        session.refs.insert("first", finalizer=closed.append)
        session.refs.insert("struck", finalizer=strike)
        session.refs.insert("last", finalizer=closed.append)
    assert closed == ["last", "struck", "first"]


def test_a_session_gives_back_every_object_that_it_held() -> None:
    def fail(_value: object) -> None:
        raise ValueError

    def work() -> None:
        with suppress(ExceptionGroup), Session() as session:
            keys.append(session.refs.insert(value, finalizer=fail))
            session.refs.insert(value, finalizer=id)
            session.refs.insert(value, finalizer=close)
            session.refs.insert(value, finalizer=tell)
            session.refs.insert(value)
        keys.clear()

    def close(_value: object) -> None: ...

    def tell(value: object) -> object:
        return value

    keys = list[RegistryKey[Store]]()
    value = Store()
    work()
    gc.collect()
    watched = (value, fail, close, tell, Store)
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(50):
        work()
    gc.collect()
    assert [sys.getrefcount(each) for each in watched] == before


def test_more_sessions_take_no_more_memory() -> None:
    def work(rounds: int) -> int:
        for _ in range(rounds):
            with Session() as session:
                session.refs.insert(Store(), finalizer=id)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = work(2 * _BATCH)
        assert work(3 * _BATCH) - full < 24_000
    finally:
        tracemalloc.stop()
