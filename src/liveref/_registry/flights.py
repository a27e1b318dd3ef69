"""One attempt to open an object by an asynchronous recipe, for all the tasks that wait for it, on whatever event loops.

It has a task of its own, so that who waits may be cancelled alone; with the last of them it is cancelled too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from threading import RLock
from typing import Any, Final

from liveref._registry.finalize import generation

__all__ = ["Flight"]

_HERE: Final[ContextVar[Flight | None]] = ContextVar("liveref_flight", default=None)


class Flight:
    """One attempt to open, which begins now.

    Args:
        work: opens.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:  # Any: what its loop sends and is sent
        self._generation: Final = generation()
        self._loop: Final = asyncio.get_running_loop()
        self._turn: Final = RLock()
        self._waiting: Final[dict[asyncio.Future[None], None]] = {}
        self._asks: Final[list[Flight]] = []
        self._is_left = False
        context = copy_context()
        context.run(_HERE.set, self)
        self._task: Final = self._loop.create_task(work(), context=context)
        self._task.add_done_callback(self._land)

    def is_over(self) -> bool:
        """Whether nobody may wait for it any more: it has ended, was left, or its process or event loop has gone."""
        gone = self._generation != generation() or self._loop.is_closed()
        return gone or self._is_left or self._task.done()

    @contextmanager
    def asked(self) -> Generator[bool]:
        """Note that the flight whose recipe runs here waits for this one; whether that is a circle."""
        asking = _HERE.get()
        if asking is None or asking.is_over():  # what a recipe has begun goes on after it
            yield False
            return
        asking._asks.append(self)  # first, so that of two that wait for each other one sees it
        try:
            yield self._leads_to(asking)
        finally:
            asking._asks.remove(self)

    def _leads_to(self, other: Flight) -> bool:
        """Whether it waits for another one, itself or through others."""
        seen, found = set[Flight](), [self]
        while found:
            seen.add(flight := found.pop())
            found += [asked for asked in flight._asks.copy() if asked not in seen]
        return other in seen

    async def wait(self) -> None:
        """Wait until it ends. The last who is cancelled meanwhile cancels it.

        Raises:
            Exception: what it raised.
            asyncio.CancelledError: who waits was cancelled.
        """
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            if self._join(landed):
                await landed
        finally:
            self._leave(landed)
        error = None if self._is_cancelled() else self._task.exception()
        if error is not None:
            raise error

    def was_cut(self) -> bool:
        """Whether it was cancelled, though somebody of its own event loop still waited for it."""
        return self._is_cancelled() and not self._is_left and self._loop is asyncio.get_running_loop()

    def _is_cancelled(self) -> bool:
        return self._is_left or self._task.cancelled()

    def _join(self, landed: asyncio.Future[None]) -> bool:
        with self._turn:
            self._waiting[landed] = None
            return not self._task.done() and not self._is_left

    def _leave(self, landed: asyncio.Future[None]) -> None:
        with self._turn:
            del self._waiting[landed]
            if self._waiting or self._task.done():
                return
            self._is_left = True
        with suppress(RuntimeError):  # its event loop is closed
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _land(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # or asyncio would tell of it, where nobody waits any more
        with self._turn:
            waiting = list(self._waiting)
        for landed in waiting:
            with suppress(RuntimeError):  # who waited has gone with its event loop
                landed.get_loop().call_soon_threadsafe(_tell, landed)


def _tell(landed: asyncio.Future[None]) -> None:
    if not landed.done():
        landed.set_result(None)
