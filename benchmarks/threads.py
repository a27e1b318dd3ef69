"""Four threads, on one registry or each with its sessions: what they get done and lock, and whether the cap holds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from timeit import Timer
from typing import Final

from benchmarks.rows import Group
from benchmarks.timing import Contender
from liveref import CapacityExceededError, SessionRefRegistry

THREADS: Final = 4
LOOKUPS: Final = 400_000
SESSIONS: Final = 4_000
CAPACITY: Final = 1_000
_AT_MOST_ONE: Final = {"pure": 1.1, "compiled": 1.1}  # one, and what starting four threads takes
_NEVER: Final = {"pure": 0, "compiled": 0}


def lookups(contenders: Sequence[Contender]) -> Group:
    """The time that four threads take for the lookups that one does in a unit of time."""
    return _throughput("four threads: the same lookups", contenders, LOOKUPS)


def sessions(contenders: Sequence[Contender]) -> Group:
    """The same of sessions, and of the scopes of others."""
    return _throughput("four threads: the same sessions", contenders, SESSIONS)


def _throughput(name: str, contenders: Sequence[Contender], times: int) -> Group:
    timers = {each.name: each.timer() for each in contenders}
    targets = {each.name: _AT_MOST_ONE for each in contenders if each.targets}

    def measure() -> dict[str, float]:
        return {name: _wall(timer, THREADS, times) / _wall(timer, 1, times) for name, timer in timers.items()}

    return Group(name, "one thread", measure, targets)


def _wall(timer: Timer, threads: int, times: int) -> float:
    """Seconds on the wall, for what one thread alone is given or several share."""
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        done = [pool.submit(timer.timeit, times // threads) for _ in range(threads)]
        for each in done:
            each.result()
        return time.perf_counter() - start


def cap() -> Group:
    """The refs that four threads got in beyond the capacity, when each inserts until it is refused."""
    name = f"liveref beyond a capacity of {CAPACITY:,}"
    return Group("four threads: the cap", "refs", lambda: {name: float(abs(_inserted() - CAPACITY))}, {name: _NEVER})


def _inserted() -> int:
    registry = SessionRefRegistry(capacity=CAPACITY)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(_insert_all, [registry] * THREADS))
    finally:
        sys.setswitchinterval(interval)


def _insert_all(registry: SessionRefRegistry) -> int:
    """Insert until it is full; how many got in. What one releases on the way, another may take."""
    inserted = 0
    while True:
        try:
            registry.release(registry.insert(object()))
            registry.insert(object())
        except CapacityExceededError:
            return inserted
        inserted += 1


_COUNT_LOCKS: Final = """
import _thread, threading
taken = 0
class Counting:
    def __init__(self, lock): self.lock = lock
    def acquire(self, *args, **options):
        global taken
        taken += 1
        return self.lock.acquire(*args, **options)
    def __enter__(self): return self.acquire()
    def __exit__(self, *exc): self.lock.release()
    def __getattr__(self, name): return getattr(self.lock, name)
lock, rlock = threading.Lock, threading.RLock
threading.Lock = _thread.allocate_lock = lambda: Counting(lock())
threading.RLock = _thread.RLock = lambda: Counting(rlock())
import liveref
registry = liveref.SessionRefRegistry()
keys = [registry.insert(number) for number in range(100)]
keys.append(registry.insert([1], list[int]))
before = taken
for key in keys:
    registry.get(key), registry[key], registry.get(key, default=None), registry.get_any(key)
print(taken - before)
"""


def locks() -> Group:
    """The locks that lookups take, counted in a new interpreter whose locks count."""
    name = "liveref taken by 404 lookups"
    return Group("four threads: the locks", "locks", lambda: {name: float(_locks_taken())}, {name: _NEVER})


def _locks_taken() -> int:
    command = [sys.executable, "-c", _COUNT_LOCKS]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)  # noqa: S603  our own
