"""Awaiting a finalizer: shielded from the cancellation of who closes, and for a limited time.

asyncio cancels a task once. A cancel scope of anyio or trio cancels again at every await: from the first time on the
closing task waits in a shielded scope. Not from the start, or a finalizer that hangs would hold it for ever.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import ModuleType
from typing import Any, Final

from liveref._registry.outcome import Outcome, Place
from liveref._typing import T
from liveref.exceptions import spelled

__all__ = [
    "in_thread",
    "innermost_scope",
    "library_here",
    "off_loop",
    "require_asyncio",
    "see_out",
    "settle",
    "to_its_end",
]

GRACE: Final = 10.0
"""Seconds that a finalizer without a timeout of its own gets once its closing task is cancelled."""

FAREWELL: Final = 1.0
"""Seconds that a finalizer gets to end once it is cancelled."""


async def settle(held: list[Any], outcome: Outcome, place: Place, timeout: float | None) -> object:
    """What a finalizer comes to, on asyncio and trio, with anyio or without.

    A cancelled closing task waits for it, for the timeout or `GRACE` at most; where asyncio cancels it once more, not
    any longer.

    Args:
        held: what the finalizer returned, alone in a list, and then the task that awaits it. It is left there where an
            exception comes from outside, to be waited for again. Any: see `Pending`.
        outcome: takes the cancellation in.
        place: where it has to run.
        timeout: seconds.
    """
    library = library_here()
    if library is None:
        return await held[0]
    if timeout is None and outcome.is_hasty:
        timeout = GRACE  # asyncio cancels once: what comes later would wait for ever
    if place is not Place.ANY_TASK:
        return await _in_this_task(library, held[0], place, timeout)
    try:
        held[:] = map(asyncio.ensure_future if library is asyncio else _TrioJob, held)  # in one step: it is known
    except RuntimeError:  # the run of trio ends, as for a generator that was left behind: no task begins any more
        return await _in_this_task(library, held[0], Place.THIS_TASK, timeout)
    job = _Job(held[0]) if library is asyncio else held[0]
    begun = job.now()
    asked = await _wait(job, outcome, timeout)
    held.clear()
    if job.done() and not (asked and job.cancelled()):
        return job.result()
    job.forget()
    raise _too_slow(job.now() - begun)


async def see_out(awaitable: Awaitable[object], error: BaseException) -> None:
    """Wait for what an error has ended already, through cancellations, but no longer than `GRACE`."""
    job = _Job(awaitable)
    await _wait(job, Outcome(error), GRACE)
    job.forget()


async def in_thread(work: Callable[[], T], outcome: Outcome) -> T:
    """What blocking work gives, done in a thread of asyncio's.

    Who is cancelled meanwhile waits until it has ended, however long that takes: the cancellation is in the outcome.
    """
    job = asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, work)
    with ExitStack() as shield:
        while not job.done():
            try:
                await asyncio.wait({job})
            except asyncio.CancelledError as error:
                if not outcome.is_hasty:
                    shield.enter_context(_Job.shield())
                outcome.cancel(error)
    return job.result()


async def off_loop(work: Callable[[], T]) -> T:
    """What blocking work gives, done in a thread of asyncio's or trio's; who is cancelled leaves it to itself."""
    library = library_here()
    if library is None or library is asyncio:
        return await asyncio.to_thread(work)
    result: T = await library.to_thread.run_sync(work, abandon_on_cancel=True)
    return result


async def to_its_end(work: Callable[[], T]) -> T:
    """As `off_loop`, but it begins though who asks is cancelled, and who is cancelled meanwhile waits until it ends."""
    library = library_here()
    if library is None or library is asyncio:
        outcome = Outcome()
        try:
            return await in_thread(work, outcome)
        finally:
            if outcome.errors:
                outcome.reraise()
    with library.CancelScope(shield=True):
        result: T = await library.to_thread.run_sync(work)
    return result


def require_asyncio(operation: str) -> None:
    """Raise RuntimeError unless the event loop that runs here is asyncio's."""
    if library_here() is not asyncio:
        raise RuntimeError(f"{operation}() needs asyncio, or anyio on it: nothing was done")


def innermost_scope() -> object:
    """The cancel scope in which this task is, of anyio or trio; neither has a public name for it."""
    library = library_here()
    if library is None:
        return None
    if library is not asyncio:
        return getattr(library.lowlevel.current_task(), "_cancel_status", None)
    states = getattr(sys.modules.get("anyio._backends._asyncio"), "_task_states", {})
    return getattr(states.get(asyncio.current_task()), "cancel_scope", None)


def library_here() -> ModuleType | None:
    """The library whose event loop runs this task; None for one that is not known here."""
    if "trio" in sys.modules and sys.modules["trio"].lowlevel.in_trio_task():
        return sys.modules["trio"]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return asyncio


def _too_slow(seconds: float) -> TimeoutError:
    took = spelled(seconds)
    return TimeoutError(f"a finalizer was cancelled after {took} s: give it more by timeout=, or make it faster")


async def _in_this_task(
    library: ModuleType, awaitable: Awaitable[object], place: Place, timeout: float | None
) -> object:
    """Await an exit hook; where a scope is cancelled already that would cancel each of its awaits, in a shield.

    A context that holds a scope itself is left without one around: scopes have to end in their order.
    """
    levels = library if library is not asyncio else sys.modules.get("anyio")
    cancelled = levels is not None and levels.current_effective_deadline() <= levels.current_time()
    now = asyncio.get_running_loop().time if library is asyncio else library.current_time
    begun = now()
    if levels is not None and cancelled and place is Place.THIS_TASK:
        with levels.move_on_after(GRACE if timeout is None else timeout, shield=True):
            return await awaitable
    elif library is asyncio:
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await awaitable
        except TimeoutError:
            if not limit.expired():  # it is the hook's own
                raise
    elif timeout is None or place is Place.IN_ITS_SCOPE:
        return await awaitable
    else:
        with library.move_on_after(timeout):
            return await awaitable
    raise _too_slow(now() - begun)


async def _wait(job: _Job | _TrioJob, outcome: Outcome, timeout: float | None) -> bool:
    """Wait for a job through cancellations; at its deadline cancel it, and let it say farewell.

    Returns:
        Whether it was cancelled here.
    """
    deadline = None if timeout is None else job.now() + timeout
    cancelled = asked = False
    with ExitStack() as shield:
        while not job.done():
            try:  # first: however late it is, the job begins
                await job.wait(None if deadline is None else max(deadline - job.now(), 0.0))
            except job.Cancelled as error:
                outcome.cancel(error)
                if cancelled:
                    deadline = job.now()
                elif deadline is None:
                    deadline = job.now() + GRACE
                if not cancelled:
                    shield.enter_context(job.shield())
                cancelled = True
            if job.done() or deadline is None or job.now() < deadline:
                continue
            if asked:
                break
            job.cancel()
            asked, deadline = True, job.now() + FAREWELL
    return asked


class _Job:
    """A finalizer in a task of its own, on asyncio."""

    Cancelled: Final = asyncio.CancelledError

    def __init__(self, awaitable: Awaitable[object]) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._task: Final = asyncio.ensure_future(awaitable)
        self.now: Final = self._loop.time
        self.done: Final = self._task.done
        self.cancelled: Final = self._task.cancelled
        self.result: Final = self._task.result
        self.cancel: Final = self._task.cancel

    async def wait(self, seconds: float | None) -> None:
        await asyncio.wait({self._task}, timeout=seconds)

    @staticmethod
    def shield() -> AbstractContextManager[object]:
        """What keeps the scopes of anyio from cancelling what is awaited inside."""
        anyio = sys.modules.get("anyio")
        return nullcontext() if anyio is None else anyio.CancelScope(shield=True)

    def forget(self) -> None:
        """Nobody waits any more: take the exception, so that asyncio does not log it."""
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())


class _TrioJob:
    """A finalizer in a task of its own, on trio."""

    def __init__(self, awaitable: Awaitable[object]) -> None:
        self._trio: Final = sys.modules["trio"]
        self._scope: Final = self._trio.CancelScope()
        self._ended: Final = self._trio.Event()
        self._outcome: Final[list[tuple[object, BaseException | None]]] = []
        self.Cancelled: Final = (self._trio.Cancelled, KeyboardInterrupt)  # trio raises Ctrl-C where a task awaits
        self.now: Final = self._trio.current_time
        self.done: Final = self._ended.is_set
        self.cancel: Final = self._scope.cancel
        self._trio.lowlevel.spawn_system_task(self._run, awaitable, context=contextvars.copy_context())

    async def _run(self, awaitable: Awaitable[object]) -> None:
        """A system task must not raise: that would end the whole run."""
        try:
            with self._scope:
                self._outcome.append((await awaitable, None))
        except BaseException as error:  # noqa: BLE001  raised by result()
            self._outcome.append((None, error))
        finally:
            self._ended.set()

    def cancelled(self) -> bool:
        return not self._outcome

    def result(self) -> object:
        result, error = self._outcome[0]
        if error is not None:
            raise error
        return result

    async def wait(self, seconds: float | None) -> None:
        with self._trio.move_on_after(math.inf if seconds is None else seconds):
            await self._ended.wait()

    def shield(self) -> AbstractContextManager[object]:
        """What keeps the scopes around the closing task from cancelling what is awaited inside."""
        shield: AbstractContextManager[object] = self._trio.CancelScope(shield=True)
        return shield

    def forget(self) -> None:
        """Nobody waits any more: what it raises is in its outcome."""
