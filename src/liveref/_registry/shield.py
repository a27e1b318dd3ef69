"""Awaiting a finalizer: shielded from the cancellation of who closes, and for a limited time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

__all__ = ["settle"]

GRACE: Final = 10.0
"""Seconds that a finalizer without a timeout of its own gets once its closing task is cancelled."""

FAREWELL: Final = 1.0
"""Seconds that a finalizer gets to end once it is cancelled."""


async def settle(
    awaitable: Awaitable[object], errors: list[BaseException], *, hook: bool, timeout: float | None
) -> object:
    """What a finalizer comes to.

    A cancelled closing task waits for it, for the timeout or `GRACE` at most, and a second
    cancellation ends the waiting.

    Args:
        awaitable: what the finalizer returned.
        errors: takes the cancellations in.
        hook: whether it is an exit hook, which has to run in the closing task.
        timeout: seconds.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # another kind of event loop, without a shield of its own that is known here
        return await awaitable
    if hook:
        async with asyncio.timeout(timeout):
            return await awaitable
    task = asyncio.ensure_future(awaitable)
    await _wait(task, loop, errors, timeout)
    if task.done() and not task.cancelled():
        return task.result()
    task.add_done_callback(_retrieve)
    raise TimeoutError(f"a finalizer was cancelled: it took longer than {timeout or GRACE} s")


async def _wait(
    task: asyncio.Future[object], loop: asyncio.AbstractEventLoop, errors: list[BaseException], timeout: float | None
) -> None:
    """Wait for a task through cancellations; at its deadline cancel it, and let it say farewell."""
    deadline = None if timeout is None else loop.time() + timeout
    cancelled = asked = False
    while not task.done():
        left = None if deadline is None else deadline - loop.time()
        if left is not None and left <= 0:
            if asked:
                return
            asked, deadline = task.cancel(), loop.time() + FAREWELL
            continue
        try:
            await asyncio.wait({task}, timeout=left)
        except asyncio.CancelledError as error:
            errors.append(error)
            if cancelled:
                deadline = loop.time()
            elif deadline is None:
                deadline = loop.time() + GRACE
            cancelled = True


def _retrieve(task: asyncio.Future[object]) -> None:
    """Take the exception of a task that nobody waits for any more, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
