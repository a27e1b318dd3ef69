"""Leases, owners and loans under eight threads: each finalizer once, nothing used after it, capacity exact.

``LIVEREF_THREAD_ROUNDS`` asks for the long form: 100.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from liveref import (
    CapacityExceededError,
    RefLookupError,
    RegistryKey,
    SessionRefRegistry,
    SnapshotKeys,
    acting_as,
    reopener,
)

ROUNDS = int(os.environ.get("LIVEREF_THREAD_ROUNDS", "2"))
RING = SnapshotKeys({"a": b"a" * 32}, current="a")
PEOPLE = ["ann", "bob", ("iss=a", "sub=eve"), None]


class Thing:
    """A live object that knows whether somebody uses it, and how often it was closed."""

    made: list[Thing] = []

    def __init__(self) -> None:
        self.users = list[int]()
        self.closed = list[int]()
        Thing.made.append(self)

    def close(self) -> None:
        assert not self.users
        self.closed.append(1)


@reopener("tests.threads.thing", finalizer=Thing.close)
def make() -> Thing:
    return Thing()


@pytest.fixture(autouse=True)
def anew() -> None:
    Thing.made.clear()


def in_threads(count: int, work: Callable[[int], None]) -> None:
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  raised below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for error in failed:
        raise error


class Visitors:
    """What eight threads do with one registry, each as somebody else from time to time."""

    def __init__(self, refs: SessionRefRegistry, ticks: list[float]) -> None:
        self.refs = refs
        self.ticks = ticks
        self.keys: list[RegistryKey[Thing]] = []

    def visit(self, number: int) -> None:
        chance = random.Random(number)
        steps = [self.open, self.open, self.look_up, self.lend, self.lend, self.release, self.clone, self.sweep]
        for _ in range(250):
            with acting_as(PEOPLE[chance.randrange(4)]), suppress(RefLookupError, CapacityExceededError):
                chance.choice(steps)(chance)
            assert len(self.refs) <= self.refs.capacity

    def open(self, chance: random.Random) -> None:
        ttl, idle = chance.choice([(3.0, None), (None, 2.0), (None, None)])
        self.keys.append(self.refs.open(make.recipe(), ttl=ttl, idle=idle))

    def any_key(self, chance: random.Random) -> RegistryKey[Thing]:
        return chance.choice(self.keys[-12:]) if self.keys else RegistryKey.new(Thing)

    def look_up(self, chance: random.Random) -> None:
        assert isinstance(self.refs[self.any_key(chance)], Thing)

    def lend(self, chance: random.Random) -> None:
        key = self.any_key(chance)
        with self.refs.borrow(key) as thing:
            thing.users.append(1)
            assert not thing.closed
            if chance.random() < 0.3:
                self.refs.release(key)
            assert not thing.closed
            thing.users.pop()

    def release(self, chance: random.Random) -> None:
        self.refs.release(self.any_key(chance))

    def clone(self, chance: random.Random) -> None:
        self.keys.append(self.refs.clone_ref(self.any_key(chance)))

    def sweep(self, _chance: random.Random) -> None:
        self.ticks[0] += 1
        self.refs.sweep()


@pytest.mark.parametrize("per_owner", [None, 3])
def test_each_finalizer_runs_once_and_nothing_is_used_after_it(switch_often: None, per_owner: int | None) -> None:
    for _ in range(ROUNDS):
        Thing.made.clear()
        ticks = [0.0]
        refs = SessionRefRegistry(capacity=10, per_owner=per_owner, clock=lambda: ticks[0])  # noqa: B023
        in_threads(8, Visitors(refs, ticks).visit)
        stats = refs.stats()
        assert stats.lent == 0
        assert stats.live == len(refs) <= 10
        with acting_as("ann"):
            refs.drain()
            held = [refs.insert([1], owner=None) for _ in range(10)]
            with pytest.raises(CapacityExceededError):
                refs.insert([1], owner=None)
            if per_owner is not None:
                refs.drain()
                mine = [refs.insert([1]) for _ in range(per_owner)]
                with pytest.raises(CapacityExceededError, match="this owner"):
                    refs.insert([1])
                assert len(mine) == per_owner
        assert len(held) == 10
        assert refs.stats().due == 0
        assert len(Thing.made) > 100
        assert {len(thing.closed) for thing in Thing.made} == {1}
        refs.close()


@pytest.mark.parametrize("owner", ["ann", None])
def test_a_marker_that_many_admit_at_once_opens_once(switch_often: None, owner: str | None) -> None:
    with acting_as(owner):
        first = SessionRefRegistry()
        markers = [first.sturdy_marker(first.open(make.recipe()), keys=RING) for _ in range(100 * ROUNDS)]
        first.close()
    Thing.made.clear()
    refs, found = SessionRefRegistry(capacity=len(markers)), [list[Thing]() for _ in markers]
    barrier = threading.Barrier(8)

    def admit(_number: int) -> None:
        for marker, things in zip(markers, found, strict=True):
            barrier.wait(30)
            with acting_as(owner):
                things.append(refs[refs.admit(marker, Thing, keys=RING)])

    in_threads(8, admit)
    assert [len(set(map(id, things))) for things in found] == [1] * len(markers)
    assert len(Thing.made) == len(refs) == len(markers)
    refs.close()
    assert {len(thing.closed) for thing in Thing.made} == {1}
