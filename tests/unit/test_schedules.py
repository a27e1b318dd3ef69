"""Tasks that borrow, look up, release and sweep in random order, each cancelled at any of its awaits.

Whatever the schedule: nothing is used after its finalizer, what was opened is closed once, and nothing is left.
``LIVEREF_SCHEDULES`` asks for the long form: 10000.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Final

import pytest

from liveref import RefLookupError, RegistryKey, Session, SessionRefRegistry, reopener

SCHEDULES: Final = int(os.environ.get("LIVEREF_SCHEDULES", "1000"))
TASKS: Final = 6
REFS: Final = 3


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Pool:
    """What is opened and closed; it counts both."""

    made: list[Pool] = []  # noqa: RUF012  of one schedule, emptied before each
    random = Random()

    def __init__(self) -> None:
        self.closed = 0
        self.made.append(self)

    async def aclose(self) -> None:
        await pause(self.random)
        self.closed += 1

    def use(self) -> None:
        assert self.closed == 0


async def pause(random: Random) -> None:
    """Let others run, a few times or never."""
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)


@reopener("tests.schedules.pool", finalizer=Pool.aclose)
async def open_pool() -> Pool:
    await pause(Pool.random)
    return Pool()


class Schedule:
    """One random run of some tasks over a few refs."""

    def __init__(self, seed: int) -> None:
        self.random = Pool.random = Random(seed)
        self.clock = Clock()
        Pool.made.clear()

    async def run(self) -> None:
        async with Session() as session:
            keys = [await session.refs.aopen(open_pool.recipe()) for _ in range(REFS)]
            snapshot = session.snapshot()
        async with Session.resume(snapshot, clock=self.clock) as session:
            keys += [
                session.refs.insert(Pool(), finalizer=Pool.aclose, idle=5, reopen=open_pool.recipe()) for _ in "ab"
            ]
            tasks = [asyncio.ensure_future(self.work(session.refs, keys)) for _ in range(TASKS)]
            spared = self.random.sample(tasks, TASKS)  # who is cancelled twice gives its finalizer up
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0)
                if spared and self.random.random() < 0.1:
                    spared.pop().cancel()
            for task in tasks:
                if not task.cancelled():
                    task.result()
        assert [pool.closed for pool in Pool.made] == [1] * len(Pool.made)
        assert session.refs.is_empty()
        stats = session.refs.stats()
        assert (stats.lent, stats.due) == (0, 0)

    async def work(self, refs: SessionRefRegistry, keys: list[RegistryKey[Pool]]) -> None:
        doings: list[Callable[[SessionRefRegistry, RegistryKey[Pool]], Awaitable[object]]] = [
            self.look_up, self.look_up, self.borrow, self.borrow, self.release, self.sweep, self.clone,
        ]  # fmt: skip
        for _ in range(5):
            with suppress(RefLookupError):
                await self.random.choice(doings)(refs, self.random.choice(keys))
            await pause(self.random)

    async def look_up(self, refs: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
        (await refs.aget(key)).use()

    async def borrow(self, refs: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
        async with refs.borrow(key) as pool:
            pool.use()
            await pause(self.random)
            pool.use()

    async def release(self, refs: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
        await refs.arelease(key)

    async def sweep(self, refs: SessionRefRegistry, _key: RegistryKey[Pool]) -> None:
        self.clock.now += self.random.randrange(4)
        await refs.asweep()

    async def clone(self, refs: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
        refs.clone_ref(key)


@pytest.mark.parametrize("tenth", range(10))
def test_nothing_is_used_after_its_end_and_all_is_closed_once(tenth: int) -> None:
    for seed in range(tenth, SCHEDULES, 10):
        try:
            asyncio.run(Schedule(seed).run())
        except BaseException as error:
            error.add_note(f"schedule {seed}")
            raise
