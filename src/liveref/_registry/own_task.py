"""An asynchronous context in a task of its own: what was entered by one task can so be left by another."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Final, Generic, TypeAlias

from liveref._registry.finalize import Exit, Finalizer
from liveref._registry.outcome import Place
from liveref._registry.shield import innermost_scope, library_here, see_out
from liveref._typing import T

__all__ = ["enter"]

_Seen: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


async def enter(cm: AbstractAsyncContextManager[T, bool | None], *, own_task: bool) -> tuple[T, Finalizer]:
    """What a context gives, which is entered now, and what leaves it.

    Raises:
        RuntimeError: a task of its own is wanted, and no event loop of asyncio runs here.
    """
    if own_task:
        task = OwnTask(cm)
        return await task.enter(), Exit(task.leave, asynchronous=True)
    cls, around = type(cm), innermost_scope()
    value = await cls.__aenter__(cm)
    place = Place.THIS_TASK if innermost_scope() is around else Place.IN_ITS_SCOPE
    return value, Exit(partial(cls.__aexit__, cm), place=place, asynchronous=True)


class OwnTask(Generic[T]):
    """A task that enters a context, waits, and leaves it when it is told to.

    Raises:
        RuntimeError: no event loop of asyncio runs here.
    """

    def __init__(self, cm: AbstractAsyncContextManager[T, bool | None]) -> None:
        if library_here() is not asyncio:
            raise RuntimeError("own_task=True needs asyncio, or anyio on it: nothing was entered")
        loop = asyncio.get_running_loop()
        self._entered: Final[asyncio.Future[T]] = loop.create_future()
        self._told: Final[asyncio.Future[_Seen]] = loop.create_future()
        self._task: Final = loop.create_task(self._live(cm))

    async def enter(self) -> T:
        """What the context gives; where the caller is cancelled, the task leaves it first."""
        try:
            either: list[asyncio.Future[Any]] = [self._task, self._entered]  # Any: of two types
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError as error:
            self._told.set_result((type(error), error, error.__traceback__))  # where entering can't be cancelled
            self._task.cancel()
            await see_out(self._task, error)
            raise
        if not self._entered.done():
            self._task.result()  # raises
        return self._entered.result()

    async def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """The exit of the context, for any task: it sees the exception that leaves the session's body."""
        if not self._told.done():
            self._told.set_result((kind, error, traceback))
        return await self._task

    async def _live(self, cm: AbstractAsyncContextManager[T, bool | None]) -> bool | None:
        cls = type(cm)
        self._entered.set_result(await cls.__aenter__(cm))
        try:
            seen = await self._told
        except BaseException as error:
            if not await cls.__aexit__(cm, type(error), error, error.__traceback__):
                raise
            return True
        return await cls.__aexit__(cm, *seen)
