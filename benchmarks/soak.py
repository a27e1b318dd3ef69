"""What a server sees that opens handles for clients who vanish: ``python -m benchmarks soak``.

A million opens, of which 4.2 % are released, as at a public gateway; the rest goes by its idle lease. The clock is
moved by hand, a second an open, so that half of the registry is alive. Then one greedy owner beside others.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from statistics import median
from typing import Final

from benchmarks.rows import Row
from benchmarks.timing import CPU
from liveref import CapacityExceededError, SessionRefRegistry

OPENS: Final = 1_000_000
CAPACITY: Final = 10_000
RELEASED: Final = 24
"""Every so many-th ref is released: 4.2 %."""
ROUNDS: Final = 3
GREEDY: Final = 20_000
SHARE: Final = 100


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def rows(*, quick: bool) -> Iterator[Row]:
    """What was refused, what was finalized, how long inserts took, and how memory grew."""
    opens = OPENS // 20 if quick else OPENS
    clock, closed = Clock(), [0] * opens
    registry = SessionRefRegistry(capacity=CAPACITY, idle=CAPACITY / 2, clock=clock)
    refused, sizes = 0, list[int]()

    def close(number: int) -> None:
        closed[number] += 1

    gc.collect()
    tracemalloc.start()
    for number in range(opens):
        clock.now += 1
        try:
            key = registry.insert(number, finalizer=close)
        except CapacityExceededError:
            refused += 1
            continue
        if number % RELEASED == 0:
            registry.release(key)
        if number % (opens // 20) == opens // 20 - 1:
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    registry.close()
    yield Row.of("soak", "refused", [refused / opens], "opens", target=0)
    yield Row.of("soak", "finalizers that ran once", [closed.count(1) / opens], "opens", target=1)
    yield Row.of("soak", "memory at the end", [sizes[-1] / sizes[len(sizes) // 2]], "that in the middle", target=1.05)
    seconds = list(map(min, *(_inserts(opens // 4) for _ in range(ROUNDS))))  # what is late in each is late by itself
    yield Row.of("soak", "the slowest insert", [max(seconds) / median(seconds)], "the median insert", target=50)
    yield from _greedy()


def _inserts(opens: int) -> list[float]:
    """How long each insert takes, the ending of what has expired included."""
    clock = Clock()
    registry = SessionRefRegistry(capacity=CAPACITY, idle=CAPACITY / 2, clock=clock)
    found = list[float]()
    gc.disable()
    for number in range(opens):
        clock.now += 1
        start = CPU()
        key = registry.insert(number, finalizer=_close)
        found.append(CPU() - start)
        if number % RELEASED == 0:
            registry.release(key)
    gc.enable()
    registry.close()
    return found


def _close(_number: int) -> None:
    """What a ref costs that closes nothing."""


def _greedy() -> Iterator[Row]:
    registry = SessionRefRegistry(capacity=CAPACITY, per_owner=SHARE)
    refused = {"greedy": 0, "other": 0}
    for number in range(GREEDY):
        for owner in ("greedy", "other") if number < SHARE else ("greedy",):
            try:
                registry.insert(number, owner=owner)
            except CapacityExceededError:
                refused[owner] += 1
    registry.close()
    yield Row.of("soak", "refused to a greedy owner", [refused["greedy"] / (GREEDY - SHARE)], "opens over its share")
    yield Row.of("soak", "refused to another owner", [refused["other"] / SHARE], "opens", target=0)
