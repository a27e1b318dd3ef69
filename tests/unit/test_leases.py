"""Refs that expire: by a ttl, or by not being used."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from unittest.mock import ANY

import pytest

import liveref._registry.leases as leases_room
from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    RefExpiredError,
    RefNotFoundError,
    RefReleasedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotFormatError,
    acting_as,
    reopener,
)
from liveref._snapshot.container import pack
from liveref._snapshot.contents import BLOBS
from tests.waiting import wait_for

SOON = 0.005


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refs(clock: Clock) -> Iterator[SessionRefRegistry]:
    registry = SessionRefRegistry(clock=clock)
    yield registry
    asyncio.run(registry.aclose())


@reopener("tests.leases.text", finalizer=lambda _found: None)
def open_text() -> str:
    return "opened"


def test_a_ttl_counts_from_the_insert(refs: SessionRefRegistry, clock: Clock) -> None:
    key = refs.insert([1], ttl=10)
    clock.now += 9.9
    assert refs[key] == [1]
    clock.now += 0.1
    with pytest.raises(RefExpiredError) as caught:
        refs.get(key)
    assert caught.value.args[1:3] == ("ttl", 10)
    for look_up in (refs.get, refs.__getitem__, refs.get_any, refs.verify, refs.remove, refs.lifetime_of, refs.renew):
        with pytest.raises(RefExpiredError):
            look_up(key)  # type: ignore[operator]
    assert refs.get(key, default=None) is None
    assert key not in refs
    assert not refs.release(key)


@pytest.mark.parametrize("use", ["get", "__getitem__", "get_any", "verify"])
def test_idle_time_counts_from_the_last_use(refs: SessionRefRegistry, clock: Clock, use: str) -> None:
    key = refs.insert([1], idle=10)
    for _ in range(3):
        clock.now += 9
        getattr(refs, use)(key)
    clock.now += 10
    with pytest.raises(RefExpiredError, match=r"its idle of 10 s since its last use ended"):
        refs[key]


def test_to_ask_about_a_ref_is_no_use(refs: SessionRefRegistry, clock: Clock) -> None:
    key = refs.insert([1], idle=10)
    clock.now += 9
    assert key in refs
    assert refs.keys() == [key]
    assert refs.describe()[0].expires_in == pytest.approx(1)
    refs.lifetime_of(key)
    clock.now += 1
    assert key not in refs


def test_both_limits_hold_and_the_first_tells(refs: SessionRefRegistry, clock: Clock) -> None:
    key, other = refs.insert([1], ttl=15, idle=10), refs.insert([2], ttl=15, idle=10)
    clock.now += 9
    _ = refs[key]
    clock.now += 6
    with pytest.raises(RefExpiredError, match="its ttl of 15 s since the insert"):
        refs[key]
    with pytest.raises(RefExpiredError, match="its idle of 10 s"):
        refs[other]


def test_a_renewal_begins_both_anew(refs: SessionRefRegistry, clock: Clock) -> None:
    key, plain = refs.insert([1], ttl=10, idle=5), refs.insert([2])
    clock.now += 4
    refs.renew(key)
    refs.renew(plain)
    clock.now += 4
    assert refs[key] == [1]
    with pytest.raises(RefNotFoundError):
        refs.renew(RegistryKey.new())


def test_what_expired_is_not_seen_but_takes_room_until_it_is_ended(refs: SessionRefRegistry, clock: Clock) -> None:
    key = refs.insert([1], ttl=10)
    stays = refs.insert([2])
    clock.now += 10
    assert refs.keys() == [stays] == list(refs)
    assert [info.type_tag for info in refs.describe()] == ["builtins:list"]
    assert len(refs) == refs.stats().live == 2
    assert refs.sweep() == 1
    assert len(refs) == 1
    with pytest.raises(RefExpiredError):
        refs[key]


def test_the_defaults_of_a_registry_are_for_each_insert_that_says_nothing(clock: Clock) -> None:
    with SessionRefRegistry(ttl=10, idle=5, clock=clock).sweeping(60), Session(ttl=10, clock=clock) as session:
        refs = session.refs
        key, never = refs.insert([1]), refs.insert([2], ttl=None)
        opened, entered = refs.open(open_text.recipe()), refs.enter_context(memoryview(b"x"))
        typed = refs.typed(str).insert("x")
        child = session.child(isolated=True)
        inner = child.refs.insert([3])
        clock.now += 10
        assert refs.keys() == [never]
        for each in (key, opened, entered, typed):
            assert each not in refs
        assert inner not in child.refs
        child.close()


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, -math.inf, 10**400, "5", True, object()])
@pytest.mark.parametrize("limit", ["ttl", "idle"])
def test_what_is_no_number_of_seconds_is_refused(refs: SessionRefRegistry, limit: str, seconds: object) -> None:
    named = {limit: seconds}
    with pytest.raises(InvalidArgumentError, match=limit):
        refs.insert([1], **named)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgumentError, match=limit):
        SessionRefRegistry(**named)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="every"):
        refs.sweeping(seconds)  # type: ignore[arg-type]
    assert refs.is_empty()


def test_what_may_be_none_is_told_so(refs: SessionRefRegistry) -> None:
    with pytest.raises(
        InvalidArgumentError, match="^ttl must be a positive finite number of seconds, or None, found 0.$"
    ):
        refs.insert([1], ttl=0)
    with pytest.raises(InvalidArgumentError, match="^every must be a positive finite number of seconds, found 0.$"):
        refs.sweeping(0)


@pytest.mark.parametrize("opened", [SessionRefRegistry, Session])
@pytest.mark.parametrize(
    "wrong",
    [
        {"owned": 1},
        {"owned": 0},
        {"owned": 0.0},
        {"per_owner": 0},
        {"per_owner": True},
        {"clock": 5},
        *({name: ANY} for name in ("ttl", "idle", "owned", "per_owner", "clock")),
    ],
    ids=repr,
)
def test_what_is_no_default_is_refused_though_it_equals_one(
    opened: Callable[..., object], wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        opened(**wrong)


def test_every_none_is_refused_too(refs: SessionRefRegistry) -> None:
    with pytest.raises(InvalidArgumentError, match="^every must be a number of seconds, found None.$"):
        refs.sweeping(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_clock_that_goes_backwards_ends_nothing_early(refs: SessionRefRegistry, clock: Clock) -> None:
    key = refs.insert([1], ttl=10, idle=10)
    clock.now -= 500
    assert refs[key] == [1]
    refs.renew(key)
    clock.now += 509
    assert refs[key] == [1]
    clock.now += 1
    assert key not in refs


@pytest.mark.parametrize("seed", range(5))
def test_a_clock_that_goes_to_and_fro_ends_nothing_early_and_raises_nothing(seed: int) -> None:
    chance, clock = random.Random(seed), Clock()
    refs, other = SessionRefRegistry(clock=clock), SessionRefRegistry(clock=lambda: clock.now * 2)
    for _ in range(200):
        key, until = refs.insert([1], ttl=10, idle=20), clock.now + 10
        clock.now += chance.uniform(-30, 9)
        refs.sweep()
        assert (clock.now >= until) or refs[key] == [1]
        refs.renew(key)
        with refs.borrow(key):
            clock.now -= chance.uniform(0, 30)
        refs.describe()
        refs.transfer_ref(key, other)
        other.sweep()
        assert key in other
    refs.close()
    other.close()


def test_a_sweeper_waits_as_long_as_a_thread_can(refs: SessionRefRegistry) -> None:
    with refs.sweeping(1e300):
        (thread,) = (each for each in threading.enumerate() if each.name == "liveref sweeping")
        thread.join(SOON)
        assert thread.is_alive()


# Finalizers


def test_a_lookup_takes_it_out_and_leaves_its_finalizer_due(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()
    key = refs.insert("x", ttl=10, finalizer=closed.append)
    clock.now += 10
    assert key not in refs
    assert closed == []
    assert (refs.stats().live, refs.stats().due) == (0, 1)
    assert refs.sweep() == 0
    assert closed == ["x"]
    assert refs.stats().due == 0


def test_a_sweep_tells_what_finalizers_raised_once_all_have_run(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()

    def fail(_value: str) -> None:
        raise ValueError

    refs.insert("x", ttl=1, finalizer=fail)
    refs.insert("y", ttl=2, finalizer=closed.append)
    clock.now += 2
    with pytest.raises(ExceptionGroup) as caught:
        refs.sweep()
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert "finalizer of ref" in caught.value.exceptions[0].__notes__[0]
    assert closed == ["y"]
    assert refs.sweep() == 0


def test_asynchronous_finalizers_stay_due_until_they_can_be_awaited(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    refs.insert("known", ttl=10, finalizer=close)
    refs.insert("found", ttl=10, finalizer=lambda value: close(value))
    clock.now += 10
    assert refs.sweep() == 2
    assert closed == []
    assert refs.stats().due == 2
    assert refs.sweep() == 0
    assert asyncio.run(refs.asweep()) == 0
    assert sorted(closed) == ["found", "known"]
    assert refs.stats().due == 0


@pytest.mark.parametrize("end", ["adrain", "aclose", "asweep"])
def test_what_is_due_runs_whoever_ends_it(refs: SessionRefRegistry, clock: Clock, end: str) -> None:
    closed = list[str]()

    async def close(value: str) -> None:
        closed.append(value)

    refs.insert("x", ttl=10, finalizer=close)
    clock.now += 10
    refs.sweep()
    asyncio.run(getattr(refs, end)())
    assert closed == ["x"]


def test_the_end_of_a_session_runs_what_is_due(clock: Clock) -> None:
    closed = list[str]()
    with Session(clock=clock) as session:
        key = session.refs.insert("x", ttl=10, finalizer=closed.append)
        clock.now += 10
        assert key not in session.refs
    assert closed == ["x"]


def test_a_finalizer_may_sweep(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()

    def close(value: str) -> None:
        closed.append(value)
        assert refs.sweep() == 0

    refs.insert("x", ttl=10, finalizer=close)
    refs.insert("y", ttl=10, finalizer=close)
    clock.now += 10
    assert refs.sweep() == 2
    assert sorted(closed) == ["x", "y"]


def test_release_of_an_expired_one_that_is_here_runs_its_finalizer(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()
    key, other = refs.insert("x", ttl=10, finalizer=closed.append), refs.insert("y", ttl=10)
    third = refs.insert("z", ttl=10, finalizer=closed.append)
    clock.now += 10
    assert refs.release(key)
    assert refs.release(other)
    assert asyncio.run(refs.arelease(third))
    assert closed == ["x", "z"]
    with pytest.raises(RefReleasedError, match="released"):
        refs[key]


def test_release_of_a_leased_one_with_an_asynchronous_finalizer_is_refused(refs: SessionRefRegistry) -> None:
    async def close(_value: str) -> None: ...

    key = refs.insert("x", ttl=10, finalizer=close)
    with pytest.raises(TypeError, match="arelease"):
        refs.release(key)
    assert refs[key] == "x"


def test_remove_of_a_leased_one_hands_it_over(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()
    key = refs.insert("x", ttl=10, finalizer=closed.append)
    assert refs.remove(key) == "x"
    clock.now += 10
    assert refs.sweep() == 0
    assert closed == []


# Capacity


def test_a_full_registry_takes_out_what_has_expired(clock: Clock) -> None:
    closed = list[int]()
    refs = SessionRefRegistry(capacity=3, clock=clock)
    for number in range(3):
        refs.insert(number, ttl=number + 1, finalizer=closed.append)
    with pytest.raises(CapacityExceededError):
        refs.insert(9)
    clock.now += 2
    refs.insert(10)
    assert closed == [0, 1]
    assert len(refs) == 2
    refs.close()


def test_a_few_go_at_once_that_no_insert_takes_long(clock: Clock) -> None:
    refs = SessionRefRegistry(capacity=100, clock=clock)
    for _ in range(100):
        refs.insert([1], ttl=1)
    clock.now += 1
    refs.insert([2])
    assert len(refs) == 100 - 16 + 1


def test_what_a_finalizer_raises_at_an_insert_is_a_warning(clock: Clock) -> None:
    def fail(_value: object) -> None:
        raise ValueError

    refs = SessionRefRegistry(capacity=1, clock=clock)
    refs.insert("x", ttl=1, finalizer=fail)
    clock.now += 1
    with pytest.warns(RuntimeWarning, match="ValueError: finalizer of ref"):
        key = refs.insert("y")
    assert refs[key] == "y"


def test_what_is_no_exception_is_raised_at_an_insert(clock: Clock) -> None:
    def fail(_value: object) -> None:
        raise KeyboardInterrupt

    refs = SessionRefRegistry(capacity=1, clock=clock)
    refs.insert("x", ttl=1, finalizer=fail)
    clock.now += 1
    with pytest.raises(KeyboardInterrupt):
        refs.insert("y")


def test_the_book_does_not_grow_with_what_goes(refs: SessionRefRegistry) -> None:
    for _ in range(20_000):
        refs.release(refs.insert([1], ttl=10))
    book = refs._book
    assert book is not None
    assert len(book._rows) < 300


def test_what_is_used_is_looked_at_again(refs: SessionRefRegistry, clock: Clock) -> None:
    key = refs.insert([1], idle=10)
    clock.now += 9
    _ = refs[key]
    clock.now += 2
    assert refs.sweep() == 0
    clock.now += 8
    assert refs.sweep() == 1


def test_a_heap_that_another_thread_emptied_is_empty(refs: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def empty(_rows: list[object]) -> object:
        raise IndexError

    refs.insert([1], ttl=10)
    book = refs._book
    assert book is not None
    rows = book._rows.copy()
    monkeypatch.setattr(leases_room, "heappop", lambda found: found.clear() or empty(found))
    assert list(book.expired(math.inf, lambda _: True, lambda _h, _g: True, None)) == []
    book._rows.extend(rows)


# Moves and pauses


def test_a_clone_has_a_lease_of_its_own_with_the_same_deadline(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()
    key = refs.insert("x", ttl=10, finalizer=closed.append)
    clock.now += 4
    clone = refs.clone_ref(key)
    refs.renew(key)
    clock.now += 6
    assert clone not in refs
    assert refs[key] == "x"
    refs.sweep()
    assert closed == []
    clock.now += 4
    refs.sweep()
    assert closed == ["x"]


def test_a_transfer_keeps_what_is_left_by_another_clock(refs: SessionRefRegistry, clock: Clock) -> None:
    other_clock = Clock()
    other_clock.now = 5.0
    other = SessionRefRegistry(clock=other_clock)
    key = refs.insert("x", ttl=10, idle=8)
    clock.now += 4
    refs.transfer_ref(key, other)
    with pytest.raises(RefReleasedError, match="transferred"):
        refs[key]
    other_clock.now += 3.9
    assert key in other
    other_clock.now += 0.1
    assert key not in other
    assert other.keys() == []
    clock.now += 100
    assert refs.sweep() == 0


def test_a_transfer_by_the_same_clock_keeps_the_deadlines(refs: SessionRefRegistry, clock: Clock) -> None:
    other = SessionRefRegistry(clock=clock)
    key = refs.insert("x", ttl=10)
    clock.now += 4
    refs.transfer_ref(key, other)
    clock.now += 5
    assert other[key] == "x"
    clock.now += 1
    assert other.sweep() == 1


def test_a_child_finds_the_leased_refs_of_its_parent_and_uses_them(clock: Clock) -> None:
    with Session(clock=clock) as session:
        key = session.refs.insert([1], idle=10)
        with session.child(isolated=True) as child:
            clock.now += 9
            assert child.refs[key] == [1]
            clock.now += 9
            assert key in session.refs
            clock.now += 1
            with pytest.raises(RefExpiredError):
                child.refs[key]


def test_a_snapshot_carries_leases_and_they_go_on(clock: Clock) -> None:
    with Session(clock=clock) as session:
        key = session.refs.insert([1], ttl=10, idle=8)
        gone = session.refs.insert([2], ttl=1)
        plain = session.refs.insert([3])
        clock.now += 4
        data = session.snapshot().to_bytes()
    later = Clock()
    again = Session.resume(SessionSnapshot.from_bytes(data, trusted=True), clock=later)
    assert again.refs.keys() == [key, plain]
    with pytest.raises(RefNotFoundError):
        again.refs[gone]
    later.now += 5.9
    assert again.refs[key] == [1]
    later.now += 0.2
    with pytest.raises(RefExpiredError, match="ttl"):
        again.refs[key]
    assert again.refs[plain] == [3]
    again.close()


def test_a_snapshot_without_guards_is_of_format_1() -> None:
    with Session() as session:
        session.refs.insert([1])
        plain = session.snapshot()._contents.encode()[0]
        session.refs.insert([1], ttl=5)
        guarded = session.snapshot()._contents.encode()[0]
    assert (plain["format"], guarded["format"]) == (1, 2)
    assert "guards" not in plain


# Sweeping


def test_a_thread_sweeps_and_ends_with_its_with(clock: Clock) -> None:
    closed = list[str]()
    refs = SessionRefRegistry(clock=clock)
    with refs.sweeping(SOON):
        refs.insert("x", ttl=10, finalizer=closed.append)
        clock.now += 10
        wait_for(lambda: closed == ["x"])
    wait_for(lambda: not [each for each in threading.enumerate() if each.name == "liveref sweeping"])


def test_a_thread_ends_with_the_registry_and_does_not_keep_it(clock: Clock) -> None:
    refs = SessionRefRegistry(clock=clock)
    sweeping = refs.sweeping(SOON)
    sweeping.__enter__()
    refs.close()
    wait_for(lambda: not [each for each in threading.enumerate() if each.name == "liveref sweeping"])
    refs = SessionRefRegistry(clock=clock)
    refs.sweeping(SOON).__enter__()
    del refs
    gc.collect()
    wait_for(lambda: not [each for each in threading.enumerate() if each.name == "liveref sweeping"])
    refs = SessionRefRegistry(clock=clock)
    refs.sweeping(SOON).__exit__(None, None, None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_finalizers_raise_is_a_warning_and_the_sweeping_goes_on(clock: Clock) -> None:
    closed = list[str]()

    def fail(_value: str) -> None:
        raise ValueError

    refs = SessionRefRegistry(clock=clock)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with refs.sweeping(SOON):
            refs.insert("x", ttl=1, finalizer=fail)
            clock.now += 1
            wait_for(lambda: refs.is_empty() and told)
            refs.insert("y", ttl=1, finalizer=closed.append)
            clock.now += 1
            wait_for(lambda: closed)
    assert "1 finalizer of expired refs failed: ValueError. The sweeping goes on." in str(told[0].message)


def test_a_task_sweeps_and_awaits_finalizers(clock: Clock) -> None:
    closed = list[str]()

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    async def fail(_value: str) -> None:
        raise ValueError

    async def main() -> None:
        refs = SessionRefRegistry(clock=clock)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            async with refs.sweeping(SOON):
                refs.insert("x", ttl=10, finalizer=fail)
                clock.now += 10
                while not told:
                    await asyncio.sleep(SOON)
                refs.insert("y", ttl=10, finalizer=close)
                clock.now += 10
                while not closed:
                    await asyncio.sleep(SOON)
        tasks = len(asyncio.all_tasks())
        async with refs.sweeping(SOON):
            await refs.aclose()
            while len(asyncio.all_tasks()) > tasks:
                await asyncio.sleep(SOON)
        assert len(asyncio.all_tasks()) == tasks
        await refs.sweeping(SOON).__aexit__(None, None, None)

    asyncio.run(main())
    assert closed == ["y"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_after_a_fork_has_no_sweeper(clock: Clock) -> None:
    refs = SessionRefRegistry(clock=clock)
    with refs.sweeping(SOON), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
        if not pid:
            os._exit(len([each for each in threading.enumerate() if each.name == "liveref sweeping"]))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_collected_registry_tells_of_what_was_due(clock: Clock) -> None:
    refs = SessionRefRegistry(clock=clock)
    key = refs.insert("x", ttl=1, finalizer=str)
    clock.now += 1
    assert key not in refs
    with pytest.warns(ResourceWarning, match="1 finalizer not run"):
        del refs, key
        gc.collect()


# Guards in a snapshot that was tampered with


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([["", 5, None, [0, 5]]], id="an empty owner"),
        pytest.param([[["a", ""], 5, None, [0, 5]]], id="an owner with an empty part"),
        pytest.param([[[], 5, None, [0, 5]]], id="an owner of no parts"),
        pytest.param([[["a", 1], None, None, [0, None]]], id="an owner of numbers"),
        pytest.param([[7, None, None, [0, None]]], id="an owner that is a number"),
        pytest.param([[None, None, None, [0, None]]], id="a guard of nothing"),
        pytest.param([["a", None, None, [0]]], id="half a pair"),
        pytest.param([["a", None, None, "x"]], id="no list"),
        pytest.param([["a", None, None, [7, None]]], id="no ref"),
        pytest.param([["a", None, None, [True, None]]], id="no row"),
        pytest.param([["a", None, None, [0, None, 0, None]]], id="a ref twice"),
        pytest.param([["a", 0, None, [0, 5]]], id="a ttl of nothing"),
        pytest.param([["a", -1, None, [0, 5]]], id="a negative ttl"),
        pytest.param([["a", True, None, [0, 5]]], id="a ttl that is true"),
        pytest.param([["a", 5, "x", [0, 5]]], id="an idle that is a text"),
        pytest.param([["a", 5, None, [0, None]]], id="nothing left"),
        pytest.param([["a", 5, None, [0, -1]]], id="less than nothing left"),
        pytest.param([["a", 10**400, None, [0, 5]]], id="a ttl that is no float"),
        pytest.param([["a", 5, 10**400, [0, 5]]], id="an idle that is no float"),
        pytest.param([["a", 5, None, [0, 10**400]]], id="more left than a float holds"),
        pytest.param([["a", 5, None]], id="a short row"),
    ],
)
def test_guards_that_do_not_fit_are_a_format_error(rows: list[object]) -> None:
    with Session() as session:
        session.refs.insert([1], ttl=5, owner=("a", "b"))
        header, blobs = session.snapshot()._contents.encode()
    header["guards"] = rows  # type: ignore[assignment]
    with pytest.raises(SnapshotFormatError):
        SessionSnapshot.from_bytes(pack(header, blobs, None, copied=BLOBS), trusted=True)


def test_two_that_meet_an_expired_ref_end_it_once(refs: SessionRefRegistry, clock: Clock) -> None:
    closed = list[str]()
    key = refs.insert("x", ttl=1, finalizer=closed.append)
    holder = refs._at(key._id)
    assert holder is not None
    clock.now += 1
    guard = holder._entry.guard
    assert guard is not None
    assert refs._expire(holder, guard)
    assert not refs._expire(holder, guard)
    refs.sweep()
    assert closed == ["x"]


def test_expiries_are_logged_where_something_is_logged(
    refs: SessionRefRegistry, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "liveref")
    key = refs.insert("secret value", ttl=1)
    with acting_as("ann"):
        owned = refs.insert("secret value")
    clock.now += 1
    assert key not in refs
    assert owned not in refs
    texts = [record.getMessage() for record in caplog.records if record.name == "liveref"]
    assert texts == [
        f"ref {str(key)[:6]}… has expired",
        f"ref {str(owned)[:6]}… is another owner's: refused",
    ]


def test_nothing_is_logged_where_logging_is_not_loaded(
    refs: SessionRefRegistry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = refs.insert("x", ttl=1)
    clock.now += 1
    monkeypatch.delitem(sys.modules, "logging")
    assert key not in refs
    assert "logging" not in sys.modules
