"""Threads, forks, signals and garbage collection: real ones."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from liveref import (
    CapacityExceededError,
    DuplicateKeyError,
    RefLookupError,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    acting_as,
)
from liveref._registry.finalize import Finalizer

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
pytestmark = pytest.mark.usefixtures("switch_often")


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """What each of several threads that start together gives."""
    barrier = threading.Barrier(count)

    def run(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("capacity", [1, 50, 64, 130])
def test_the_cap_is_exact_under_threads(capacity: int) -> None:
    registry = SessionRefRegistry(capacity=capacity)
    most = 0

    def work(_number: int) -> int:
        nonlocal most
        stored = 0
        for value in range(capacity):
            try:
                registry.insert(value)
            except CapacityExceededError:
                pass
            else:
                stored += 1
            most = max(most, len(registry))
        return stored

    assert sum(in_threads(8, work)) == capacity == len(registry) == most


def test_the_cap_holds_while_refs_come_and_go() -> None:
    registry = SessionRefRegistry(capacity=50)

    def work(_number: int) -> int:
        most = 0
        for _ in range(2_000):
            try:
                key = registry.insert(0)
            except CapacityExceededError:
                continue
            most = max(most, len(registry))
            registry.release(key)
        return most

    assert max(in_threads(4, work)) <= 50
    assert registry.is_empty()
    assert [registry.insert(0) for _ in range(50)]
    with pytest.raises(CapacityExceededError):
        registry.insert(0)


def test_a_key_is_given_out_once() -> None:
    registry = SessionRefRegistry(capacity=100_000)
    keys = in_threads(8, lambda _: [registry.insert(0) for _ in range(2_000)])
    assert len({str(key) for part in keys for key in part}) == 16_000


def test_a_ref_is_released_by_one_thread_only() -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    keys = [registry.insert(value, finalizer=done.append) for value in range(500)]
    released = in_threads(8, lambda _: sum(registry.release(key) for key in keys))
    assert sum(released) == 500
    assert sorted(done) == list(range(500))


def test_drains_clones_and_releases_together_run_each_finalizer_once() -> None:
    done: list[object] = []
    registry = SessionRefRegistry(capacity=100_000)
    keys = [registry.insert(value, finalizer=done.append) for value in range(300)]

    def work(number: int) -> None:
        for key in keys if number % 2 else reversed(keys):
            try:
                registry.clone_ref(key)
            except RefLookupError:
                pass
            if number < 3:
                registry.release(key)
        if number == 3:
            registry.drain()

    in_threads(6, work)
    registry.drain()
    assert sorted(done) == list(range(300))


def test_there_is_no_moment_between_there_and_released() -> None:
    registry = SessionRefRegistry()
    others = itertools.cycle([SessionRefRegistry(), SessionRefRegistry()])

    def work(number: int) -> None:
        for _ in range(500):
            key = registry.insert(number)
            reader = threading.Thread(target=read, args=(key,))
            reader.start()
            if number % 2:
                registry.release(key)
            else:
                registry.transfer_ref(key, next(others)) if number == 2 else registry.remove(key)
            reader.join()

    odd: list[BaseException] = []

    def read(key: RegistryKey[int]) -> None:
        try:
            while registry.get(key) is not None:
                pass
        except RefReleasedError:
            pass
        except BaseException as error:
            odd.append(error)

    in_threads(4, work)
    assert odd == []


def test_a_ref_in_transit_is_found_at_every_moment() -> None:
    with Session() as outer, outer.child(isolated=True) as child:
        key = child.refs.insert("x")
        moving = True

        def work(number: int) -> int:
            nonlocal moving
            if number == 0:
                for _ in range(300):
                    child.refs.transfer_ref(key, outer.refs)
                    outer.refs.transfer_ref(key, child.refs)
                moving = False
                return 0
            looked = 0
            while moving:
                assert child.refs[key] == "x"
                assert key in child.refs
                assert child.refs.lifetime_of(key)
                looked += 1
            return looked

        assert sum(in_threads(3, work)) > 0  # type: ignore[arg-type]


def test_a_finalizer_that_clones_share_runs_once_whatever_threads_do_to_them() -> None:
    for _ in range(20):
        done: list[object] = []
        taken: list[object] = []
        registry, other = SessionRefRegistry(), SessionRefRegistry()
        first = registry.insert("x", finalizer=done.append)
        keys = [first] + [registry.clone_ref(first) for _ in range(7)]

        def work(number: int) -> None:
            key = keys[number]
            with suppress(RefLookupError):
                clone = registry.clone_ref(keys[(number + 1) % 8])
                if number % 2:
                    registry.transfer_ref(clone, other)
                else:
                    registry.release(clone)
            if number == 5:
                taken.append(registry.remove(key))
            elif number == 6:
                other.release(registry.transfer_ref(key, other))
            else:
                registry.release(key)

        in_threads(8, work)
        registry.drain()
        other.drain()
        assert len(done) <= 1
        assert done == ["x"] or taken == ["x"]


def test_nothing_stays_in_a_registry_that_is_closed_while_threads_insert() -> None:
    for _ in range(30):
        registry = SessionRefRegistry(capacity=10**6)
        started = threading.Event()

        def work(number: int) -> None:
            if number == 0:
                started.wait()
                registry.close()
                return
            with pytest.raises(RegistryClosedError):
                for value in itertools.count():
                    registry.insert(value) if number == 1 else registry.insert(value, finalizer=len_of)
                    started.set()

        in_threads(3, work)
        assert registry.is_empty()


def len_of(value: object) -> int:
    return len(str(value))


def test_keys_and_describe_are_copies_while_others_write() -> None:
    registry = SessionRefRegistry(capacity=10**6)
    stop = threading.Event()

    def work(number: int) -> int:
        if number:
            while not stop.is_set():
                registry.release(registry.insert(0))
            return 0
        for _ in range(300):
            list(registry)
            registry.describe()
        stop.set()
        return 1

    assert sum(in_threads(3, work)) == 1


class Meddler(dict[bytes, RegistryKey[object]]):
    """The refs of a registry, at one operation of which another thread comes in between."""

    def __init__(self, refs: dict[bytes, RegistryKey[object]], operation: str, meddle: Callable[[], object]) -> None:
        super().__init__(refs)
        self.operation, self.meddle = operation, meddle

    def before(self, operation: str) -> None:
        if operation == self.operation:
            self.operation = ""
            self.meddle()

    def get(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
        self.before("get")
        return super().get(key, default)

    def pop(self, key: bytes, *default: object) -> object:  # type: ignore[override]
        self.before("pop")
        return super().pop(key, *default)  # type: ignore[arg-type]

    def setdefault(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
        self.before("set")
        return super().setdefault(key, default)  # type: ignore[arg-type]

    def __setitem__(self, key: bytes, value: RegistryKey[object]) -> None:
        self.before("set")
        super().__setitem__(key, value)


def meddled(
    operation: str, meddle: Callable[[SessionRefRegistry, RegistryKey[object]], object]
) -> tuple[SessionRefRegistry, RegistryKey[object], list[object]]:
    """A registry with one ref, its key, and what its finalizer is called with."""
    done: list[object] = []
    registry = SessionRefRegistry(capacity=2)
    key: RegistryKey[object] = registry.insert("x", finalizer=done.append)
    registry._refs = Meddler(registry._refs, operation, lambda: meddle(registry, key))
    return registry, key, done


def has_full_room(registry: SessionRefRegistry) -> bool:
    return len([registry.insert(0) for _ in range(2 - len(registry))]) + 1 > 0 and len(registry) == 2


@pytest.mark.parametrize("call", ["remove", "clone_ref", "transfer_ref"])
def test_a_ref_that_is_released_in_between_is_gone_and_finalized_once(call: str) -> None:
    operation = {"remove": "pop", "clone_ref": "set", "transfer_ref": "pop"}[call]
    registry, key, done = meddled(operation, lambda registry, key: registry.release(key))
    other = SessionRefRegistry(capacity=1)
    arguments = (key, other) if call == "transfer_ref" else (key,)
    if call == "clone_ref":  # the finalizer is shared by then: it stays with the clone
        clone = registry.clone_ref(key)
        assert (key in registry, registry[clone], done) == (False, "x", [])
        registry.release(clone)
    else:
        with pytest.raises(RefReleasedError):
            getattr(registry, call)(*arguments)
    assert done == ["x"]
    assert has_full_room(registry)
    assert other.insert(1) in other


def test_a_clone_whose_ref_went_before_its_finalizer_was_shared_is_refused() -> None:
    registry, key, done = meddled("", lambda *_: None)
    finalizer = registry._refs[key._id]._entry.finalizer
    share = finalizer.share

    class Late:
        """The finalizer, with a release that comes in before or after the clone counts itself."""

        def __init__(self, when: str) -> None:
            self.when = when

        def share(self, *uids: bytes) -> None:
            if self.when == "before":
                registry.release(key)
            share(*uids)
            if self.when == "after":
                registry.release(key)

        def __getattr__(self, name: str) -> object:
            return getattr(finalizer, name)

    registry._refs[key._id]._entry.finalizer = Late("after")
    with pytest.raises(RefReleasedError):
        registry.clone_ref(key)
    assert done == ["x"]
    key = registry.insert("y", finalizer=done.append)
    finalizer = registry._refs[key._id]._entry.finalizer
    share = finalizer.share
    registry._refs[key._id]._entry.finalizer = Late("before")
    with pytest.raises(RefReleasedError):
        registry.clone_ref(key)
    assert done == ["x", "y"]
    assert has_full_room(registry)


def test_of_two_releases_at_once_one_says_no() -> None:
    registry, key, done = meddled("pop", lambda registry, key: registry.release(key))
    assert not registry.release(key)
    assert done == ["x"]
    assert has_full_room(registry)


def test_of_two_releases_of_a_plain_ref_at_once_one_says_no() -> None:
    registry, _, _ = meddled("", lambda *_: None)
    key = registry.insert("plain")
    registry._refs = Meddler(registry._refs, "pop", lambda: registry.release(key))
    assert not registry.release(key)
    registry.close()


def test_of_two_that_run_the_finalizer_at_once_one_does() -> None:
    class Late(dict[bytes, bool]):
        """The sharers of a finalizer, whose duty another thread takes just before."""

        def pop(self, key: bytes, *default: bool) -> bool:  # type: ignore[override]
            if not default:
                super().pop(key)
            return super().pop(key, *default)

    registry, key, done = meddled("", lambda *_: None)
    finalizer = registry._refs[key._id]._entry.finalizer
    assert finalizer is not None
    finalizer._sharers = Late(finalizer._sharers)  # type: ignore[misc]
    assert registry.release(key)
    assert done == []
    assert registry.is_empty()


def test_a_finalizer_of_before_a_fork_is_not_run_for_a_clone_that_was_not_stored() -> None:
    done: list[object] = []
    finalizer = Finalizer(done.append)
    finalizer._generation = -1
    finalizer.finish("x")
    assert done == []


class Crowded(dict[bytes, RegistryKey[object]]):
    """The refs of a registry, into which another thread puts one more right after each."""

    def __setitem__(self, key: bytes, value: RegistryKey[object]) -> None:
        super().__setitem__(key, value)
        super().__setitem__(b"another", value)

    def setdefault(self, key: bytes, default: RegistryKey[object]) -> RegistryKey[object]:  # type: ignore[override]
        self[key] = default
        return default


@pytest.mark.parametrize("way", ["insert", "finalized", "transfer"])
def test_of_two_that_find_the_last_room_the_first_is_not_refused(way: str) -> None:
    registry, other = SessionRefRegistry(capacity=1), SessionRefRegistry()
    registry._refs = Crowded()
    if way == "transfer":
        key = other.transfer_ref(other.insert("x"), registry)
    else:
        key = registry.insert("x") if way == "insert" else registry.insert("x", finalizer=len_of)
    assert registry[key] == "x"
    assert len(registry) == 1
    dict.pop(registry._refs, b"another")
    registry.close()


class Passing(dict[bytes, RegistryKey[object]]):
    """The refs of a registry, into which another thread puts one before the first, and takes it out once it was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.coming = [b"another"]

    def __setitem__(self, key: bytes, value: RegistryKey[object]) -> None:
        if self.coming:
            super().__setitem__(self.coming.pop(), value)
        super().__setitem__(key, value)

    def copy(self) -> dict[bytes, RegistryKey[object]]:
        found = super().copy()
        super().pop(b"another", None)
        return found


@pytest.mark.parametrize("options", [{}, {"finalizer": len_of}], ids=["plain", "finalized"])
def test_who_found_no_room_takes_that_of_who_went_meanwhile(options: dict[str, Any]) -> None:
    registry = SessionRefRegistry(capacity=1)
    registry._refs = Passing()
    key = registry.insert("x", **options)
    assert registry.keys() == [key]
    assert registry[key] == "x"
    with pytest.raises(CapacityExceededError):
        registry.insert("y", **options)
    registry.close()


def test_a_drain_at_once_with_a_release_counts_what_it_dropped() -> None:
    registry, _, done = meddled("pop", lambda registry, key: registry.release(key))
    assert registry.drain() == 0
    assert done == ["x"]


def test_a_get_that_meets_a_release_takes_its_default() -> None:
    registry, key, _ = meddled("", lambda *_: None)
    ref = registry._refs[key._id]
    registry._refs = Meddler(registry._refs, "get", lambda: delattr(ref, "_value"))
    registry._gone.append((key._id, "released", 0.0))
    wrong = RegistryKey.parse(str(key), int)  # so that the quick look is not enough
    assert registry.get(wrong, default=None) is None
    with pytest.raises(RefReleasedError):
        registry.get(key)
    ref._value = "x"
    registry.close()


@pytest.mark.parametrize("kind", ["plain", "finalized"])
def test_an_insert_that_meets_a_close_stores_nothing(kind: str) -> None:
    options = {"finalizer": len_of} if kind == "finalized" else {}
    registry = SessionRefRegistry()
    registry._refs = Meddler({}, "set", registry.close)
    with pytest.raises(RegistryClosedError):
        registry.insert("x", **options)
    assert registry.is_empty()


def test_an_insert_that_a_close_has_drained_already_came_before_it() -> None:
    class Drained(dict[bytes, RegistryKey[object]]):
        def __setitem__(self, key: bytes, value: RegistryKey[object]) -> None:
            super().__setitem__(key, value)
            registry.close()

    registry = SessionRefRegistry()
    registry._refs = Drained()
    key = registry.insert("x")
    with pytest.raises(RefReleasedError, match="registry closed"):
        registry.get(key)


def test_a_transfer_that_meets_a_close_of_the_target_moves_nothing() -> None:
    registry, key, done = meddled("", lambda *_: None)
    other = SessionRefRegistry(capacity=1)
    other._refs = Meddler({}, "set", other.close)
    with pytest.raises(RegistryClosedError):
        registry.transfer_ref(key, other)
    assert registry[key] == "x"
    assert (done, other.is_empty()) == ([], True)
    registry.close()


@pytest.mark.parametrize("owner", [None, "ann"])
def test_of_two_transfers_of_a_ref_at_once_one_finds_it_gone(owner: str | None) -> None:
    def transfer() -> None:
        try:
            with acting_as(owner):
                moved.append(registry.transfer_ref(key, other))
        except RefReleasedError as error:
            moved.append(str(error))

    def meddle() -> None:
        second.start()
        second.join(0.2)  # where one waits for the other it ends later

    moved, done = list[object](), list[str]()
    registry, other = SessionRefRegistry(), SessionRefRegistry()
    key = registry.insert("x", finalizer=done.append, owner=owner)
    second = threading.Thread(target=transfer)
    registry._refs = Meddler(registry._refs, "pop", meddle)
    transfer()
    second.join()
    assert moved[0] is key
    assert "is gone: transferred" in str(moved[1])
    assert len(other) == 1
    other.close()
    assert done == ["x"]


def test_a_transfer_that_meets_the_same_key_in_the_target_moves_nothing() -> None:
    registry, key, _ = meddled("", lambda *_: None)
    other = SessionRefRegistry(capacity=2)
    theirs = RegistryKey.parse(str(key))
    other._refs = Meddler({}, "set", lambda: dict.__setitem__(other._refs, key._id, theirs))
    with pytest.raises(DuplicateKeyError):
        registry.transfer_ref(key, other)
    assert registry[key] == "x"
    registry.close()
    other._refs.clear()


@pytest.mark.parametrize("kind", ["plain", "finalized", "clone", "transfer"])
def test_of_two_that_find_the_last_room_the_first_stays(kind: str) -> None:
    done: list[object] = []
    registry, other = SessionRefRegistry(capacity=2), SessionRefRegistry()
    first = registry.insert("first", finalizer=done.append)
    theirs = other.insert("theirs", finalizer=done.append)
    faster: list[RegistryKey[str]] = []
    registry._refs = Meddler(registry._refs, "set", lambda: faster.append(registry.insert("faster")))
    calls: dict[str, Callable[[], object]] = {
        "plain": lambda: registry.insert("slower"),
        "finalized": lambda: registry.insert("slower", finalizer=done.append),
        "clone": lambda: registry.clone_ref(first),
        "transfer": lambda: other.transfer_ref(theirs, registry),
    }
    with pytest.raises(CapacityExceededError):
        calls[kind]()
    assert registry.keys() == [first, *faster]
    assert other[theirs] == "theirs"
    assert done == []
    registry.close()
    other.close()
    assert done == ["first", "theirs"]


class Nosy:
    """Calls a registry when it is collected, which may be in the middle of an insert."""

    def __init__(self, registry: SessionRefRegistry) -> None:
        self.registry = registry
        self.me = self  # a cycle: only the garbage collector ends it

    def __del__(self) -> None:
        self.registry.release(self.registry.insert("from __del__"))
        self.registry.keys()


def test_a_del_during_garbage_collection_inside_insert_may_call_the_registry() -> None:
    registry = SessionRefRegistry(capacity=10**6)
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for value in range(300):
            Nosy(registry)
            registry.insert(value)
            registry.insert(value, int)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert len(registry) == 600


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no interval timer")
def test_a_signal_handler_may_call_the_registry() -> None:
    registry = SessionRefRegistry(capacity=1_000)
    calls = 0

    def handler(_number: int, _frame: object) -> None:
        nonlocal calls
        calls += 1
        registry.release(registry.insert("from a signal", finalizer=len_of))
        registry.describe()

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while calls < 50:
            registry.release(registry.insert(1, finalizer=len_of))
            registry.drain()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert registry.is_empty()
    assert [registry.insert(0) for _ in range(1_000)]


def in_child(work: Callable[[], object]) -> bool:
    """Whether some work is true in a forked child, which may not hang."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        status = 1
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_uses_its_copy_and_leaves_the_parents_finalizers_alone() -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    key = registry.insert("parent", finalizer=done.append)
    plain = registry.insert("plain")
    released = registry.insert("released", finalizer=done.append)

    def work() -> bool:
        mine = registry.insert("child", finalizer=done.append)
        same = registry[key] == "parent" and registry[plain] == "plain" and registry[mine] == "child"
        return same and registry.release(released) and registry.drain() == 3 and done == ["child"]

    assert in_child(work)
    assert done == []
    assert registry.drain() == 3
    assert done == ["released", "parent"]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_session_that_a_forked_child_ends_closes_there_what_came_there_alone() -> None:
    done: list[object] = []
    session = Session()
    session.refs.insert("parent", finalizer=done.append)

    def work() -> bool:
        session.refs.insert("child", finalizer=done.append)
        session.close()
        return session.refs.is_empty() and done == ["child"]

    with session:
        assert in_child(work)
        assert not session.refs.is_empty()
    assert done == ["parent"]


FORK_AMID_THREADS = """
import os, signal, sys, threading
from liveref import SessionRefRegistry

sys.setswitchinterval(1e-6)
registry = SessionRefRegistry(capacity=10**6)
stop = threading.Event()

def write():
    while not stop.is_set():
        registry.release(registry.insert(0, finalizer=id))
        registry.keys()

threads = [threading.Thread(target=write) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os._exit(0 if registry.drain() >= 0 and registry.insert(1) in registry else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
"""


@needs_fork
def test_a_child_forked_while_threads_write_does_not_hang() -> None:
    # In a process of its own, without coverage, whose own locks a child forked amid threads may inherit.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-W", "ignore", "-c", FORK_AMID_THREADS]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split() == ["0"] * 20


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_parent_and_child_never_make_the_same_key() -> None:
    RegistryKey.new()  # so that there are blank keys to inherit
    read, write = os.pipe()

    def work() -> bool:
        os.write(write, "\n".join(str(RegistryKey.new()) for _ in range(200)).encode())
        return True

    assert in_child(work)
    childs = set(os.read(read, 1 << 16).decode().split())
    os.close(read)
    os.close(write)
    assert len(childs) == 200
    assert childs.isdisjoint(str(RegistryKey.new()) for _ in range(600))
