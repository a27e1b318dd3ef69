"""Running finalizers: one body for the synchronous and the asynchronous callers.

`finalize` is a generator that yields what has to be awaited. `run` drives it in a synchronous call,
where nothing can be awaited; `arun` in an asynchronous one, with shield and timeout.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable, Generator, Iterable
from functools import partial
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "ExitHook",
    "Finalizer",
    "Outcome",
    "Pending",
    "Steps",
    "arun",
    "drive",
    "finalize",
    "finish",
    "generation",
    "run",
]

_generation = 0


def _count_fork() -> None:
    global _generation  # noqa: PLW0603  a process has one
    _generation += 1


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork
    os.register_at_fork(after_in_child=_count_fork)


def generation() -> int:
    """How many forks lie between this process and the one that imported liveref."""
    return _generation


ExitHook: TypeAlias = Callable[[type[BaseException] | None, BaseException | None, TracebackType | None], object]
"""The exit of an entered context manager, bound to it."""


class Finalizer:
    """A finalizer and the refs that share it: it runs when the last of them goes.

    Attributes:
        call: takes the live object.
        exit: the exit of an entered context manager, which is called instead.
    """

    __slots__ = ("_generation", "_shares", "call", "exit")

    def __init__(self, call: Callable[..., object] | None, exit_: ExitHook | None = None) -> None:
        self.call: Final = call
        self.exit: Final = exit_
        self._generation = _generation
        self._shares: Final[list[None]] = []  # one less than the refs; list operations are atomic

    def share(self) -> None:
        """Count one more ref."""
        self._shares.append(None)

    def give_up(self) -> bool:
        """Count one ref less; whether it was the last, whose duty it is to run the finalizer."""
        try:
            self._shares.pop()
        except IndexError:
            return True
        return False

    def adopt(self) -> None:
        """Count it as made here: what it closes was opened in this process."""
        self._generation = _generation

    def is_of_this_process(self) -> bool:
        """Whether it was made here and not before a fork: the parent runs those."""
        return self._generation == _generation


class Outcome:
    """What a run of finalizers came to.

    Attributes:
        error: the exception that leaves the session's body, as the next exit hook sees it.
        errors: what the finalizers raised, in the order they ran.
        count: refs dropped.
    """

    __slots__ = ("count", "error", "errors")

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.errors: list[BaseException] = []
        self.count = 0

    def reraise(self) -> None:
        """Raise what was collected: a group, or first what is no Exception, bare, from that group."""
        fatal = next((error for error in self.errors if not isinstance(error, Exception)), None)
        others = [error for error in self.errors if error is not fatal]
        group = BaseExceptionGroup(f"{len(others)} finalizers failed", others) if others else None
        if fatal is not None:
            raise fatal from group
        if group is not None:
            raise group


class Pending(NamedTuple):
    """What a finalizer asks to be awaited.

    Attributes:
        awaitable: what it returned.
        hook: whether it is an exit hook, which has to run in the closing task.
    """

    awaitable: Awaitable[object]
    hook: bool


Steps: TypeAlias = Generator[Pending, object, None]


def finalize(duties: Iterable[tuple[Finalizer, object]], outcome: Outcome) -> Steps:
    """Run finalizers on their objects, one after the other, whatever each of them raises."""
    for finalizer, value in duties:
        seen = outcome.error
        try:
            result = _call(finalizer, value, seen)
            if inspect.isawaitable(result):
                result = yield Pending(result, finalizer.exit is not None)
            if finalizer.exit is not None and result:
                outcome.error = None  # the hook swallows the exception, as in contextlib.ExitStack
        except BaseException as error:  # noqa: BLE001  all of them are raised at the end
            if error is not seen:
                outcome.errors.append(error)
            if finalizer.exit is not None:
                outcome.error = error


def finish(finalizer: Finalizer, value: object) -> None:
    """Run one finalizer in a synchronous call; what it raises is raised bare."""
    if finalizer.is_of_this_process():
        result = _call(finalizer, value, None)
        if inspect.isawaitable(result):
            raise _dismiss(result)


def drive(steps: Steps) -> None:
    """Run finalizers in a synchronous call; an awaitable is closed, as a TypeError."""
    _run_from(steps, partial(next, steps))


def run(steps: Steps, outcome: Outcome) -> None:
    """As `drive`, and raise what they raised."""
    drive(steps)
    outcome.reraise()


async def arun(steps: Steps, outcome: Outcome, timeout: float | None) -> None:
    """Drive finalizers in an asynchronous call and raise what they raised.

    Plain finalizers are shielded from cancellation, as `settle` tells.
    """
    from liveref._registry.shield import settle  # noqa: PLC0415  asyncio takes as long to import as all of liveref

    advance: Callable[[], Pending] = partial(next, steps)
    while True:
        try:
            pending = advance()
        except StopIteration:
            break
        try:
            result = await settle(pending.awaitable, outcome.errors, hook=pending.hook, timeout=timeout)
        except GeneratorExit as error:  # the event loop is gone: nothing can be awaited any more
            _run_from(steps, partial(steps.throw, error))
            raise
        except BaseException as error:  # noqa: BLE001  the finalizer's, or a cancellation
            advance = partial(steps.throw, error)
        else:
            advance = partial(steps.send, result)
    outcome.reraise()


def _call(finalizer: Finalizer, value: object, error: BaseException | None) -> object:
    if finalizer.exit is not None:
        return finalizer.exit(type(error) if error else None, error, error.__traceback__ if error else None)
    return finalizer.call(value) if finalizer.call is not None else None


def _run_from(steps: Steps, advance: Callable[[], Pending]) -> None:
    while True:
        try:
            pending = advance()
        except StopIteration:
            return
        advance = partial(steps.throw, _dismiss(pending.awaitable))


def _dismiss(awaitable: object) -> TypeError:
    """Close a coroutine that is never awaited, or cancel a future; the error that tells of it."""
    end = getattr(awaitable, "close", None) or getattr(awaitable, "cancel", None)
    if callable(end):
        end()
    return TypeError("an asynchronous finalizer met a synchronous close: end its session with `async with` or aclose()")
