"""Running finalizers: one body for the synchronous and the asynchronous callers.

A body is a generator that yields what has to be awaited. `run` drives it in a synchronous call, where nothing
can be awaited; `arun` in an asynchronous one, with shield and timeout.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress, starmap
from threading import RLock
from typing import Any, Final

from liveref._recipe import is_coroutine_function
from liveref._registry.outcome import Outcome, Pending, Place, Steps
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError

__all__ = [
    "DUTY",
    "Exit",
    "Finalizer",
    "adrive",
    "afinish",
    "arun",
    "check_timeout",
    "closing",
    "drive",
    "finish",
    "generation",
    "is_waiting",
    "lock_of",
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


def lock_of(locks: dict[int, RLock]) -> RLock:
    """That of this process: a fork leaves a lock behind that nobody frees."""
    return locks.get(_generation) or locks.setdefault(_generation, RLock())


DUTY: Final = b"duty"  # no id: those have 16 bytes


class Finalizer:
    """How the object of a ref is closed. Refs may share one: it runs when the last of them goes, once.

    Attributes:
        call: takes the live object; or the exit of an entered context, which takes the exception that leaves it.
        is_exit: whether it is such an exit, an `Exit`.
        place: where it has to run.
    """

    __slots__ = ("_generation", "_sharers", "call")

    is_exit: bool = False
    place: Place = Place.ANY_TASK
    _asynchronous: bool = False

    def __init__(self, call: Callable[..., object], uid: bytes = DUTY) -> None:
        self.call: Final = call
        self._generation = _generation
        self._sharers: Final[dict[bytes, bool]] = {DUTY: True, uid: True}  # and ids of refs; those of loans: False

    def share(self, uid: bytes) -> None:
        """Note a ref that has it, or shares it from now on."""
        self._sharers[uid] = True

    def lend(self, uid: bytes) -> None:
        """Note a loan, which puts the call off and is no ref."""
        self._sharers[uid] = False

    def hand_over(self, uid: bytes) -> None:
        """Note that a ref is removed: where no other one is left, the object is its remover's, lent or not."""
        self._sharers.pop(uid, None)
        if not any(self._sharers[each] for each in self._sharers.keys() - {DUTY} if each in self._sharers):
            self._sharers.pop(DUTY, None)

    def leave(self, uid: bytes) -> bool:
        """Note that a ref does not share it any more; whether that was the last, and its duty is now the caller's."""
        self._sharers.pop(uid, None)
        return len(self._sharers) == 1 and self._sharers.pop(DUTY, False)

    def end(
        self, refs: dict[bytes, Any], place: bytes, holder: Any, held: list[object], leaving: BaseException | None
    ) -> bool:
        """Take a ref out and, where it was the last that shares this, call; whether the ref was still there.

        An exception that comes from outside, as KeyboardInterrupt does, finds the ref still there, or the call begun:
        to take the duty over, to call and to hold what that returns is one step of the interpreter.

        Args:
            refs: the refs of the registry.
            place: where the ref stands in them.
            holder: the ref, a Holder: Any, for those stand on the floor above.
            held: gets what the call returns.
            leaving: the exception that an exit sees.
        """
        uid, sharers = holder._id, self._sharers
        args = (getattr(holder, "_value", None),) if not self.is_exit else _seen(leaving)
        try:
            if refs.pop(place, None) is None:
                return False
            sharers.pop(uid, None)
            if len(sharers) == 1:
                call = self.call if self._generation == _generation else _leave_to_the_parent
                held.extend(starmap(call, compress((args,), map(sharers.pop, (DUTY,)))))
        except BaseException as error:
            if type(error) is KeyError and error.args and error.args[0] is DUTY:  # another thread was faster to run it
                return True
            if place not in refs:
                sharers.pop(uid, None)
                if len(sharers) == 1 and DUTY in sharers:
                    self.rejoin(uid)
                    refs[place] = holder
            raise
        return True

    def is_last(self, uid: bytes) -> bool:
        """Whether nothing else shares it."""
        return self._sharers.keys() <= {DUTY, uid}

    def rejoin(self, uid: bytes) -> None:
        """Undo a `leave`."""
        self._sharers.update({uid: True, DUTY: True})

    def is_done(self) -> bool:
        """Whether it has run, or its duty was handed over."""
        return DUTY not in self._sharers

    def finish(self, *values: object) -> None:
        """Run it alone, in a synchronous call; what it raises is raised bare."""
        if self.is_of_this_process():
            finish(self.call, *(_seen(None) if self.is_exit else values or (None,)))

    def leave_again(self, error: BaseException) -> Steps:
        """Leave an asynchronous context whose ref was not stored."""
        result = self.call(*_seen(error))
        if inspect.isawaitable(result):
            yield Pending([result], self.place)

    def is_asynchronous(self) -> bool:
        """Whether it is known, without a call, that there is something to await."""
        return self._generation == _generation and (self._asynchronous or is_coroutine_function(self.call))

    def adopt(self) -> None:
        """Count it as made here: what it closes was opened in this process."""
        self._generation = _generation

    def is_of_this_process(self) -> bool:
        """Whether it was made here and not before a fork: the parent runs those."""
        return self._generation == _generation


def closing(finalizer: Callable[..., object]) -> Callable[..., object]:
    """A function that is to be a finalizer.

    Raises:
        InvalidArgumentError: it is none.
    """
    if not callable(finalizer):
        raise InvalidArgumentError("finalizer", "callable", readable(type(finalizer)))
    if getattr(finalizer, "__isabstractmethod__", False) is True:  # typing.TextIO.close closes nothing
        raise InvalidArgumentError("finalizer", "a method that does something", "an abstract one")
    return finalizer


class Exit(Finalizer):
    """The exit of an entered context."""

    __slots__ = ("_asynchronous", "place")

    is_exit = True

    def __init__(
        self, call: Callable[..., object], *, place: Place = Place.ANY_TASK, asynchronous: bool = False
    ) -> None:
        super().__init__(call)
        self.place = place
        self._asynchronous = asynchronous


def is_waiting(result: object) -> bool:
    """Whether what a finalizer returned is still to be awaited: nobody has begun to, or it is not done."""
    if not inspect.isawaitable(result):
        return False
    if inspect.iscoroutine(result):
        return inspect.getcoroutinestate(result) == inspect.CORO_CREATED
    from asyncio import isfuture  # noqa: PLC0415  it takes as long to import as all of liveref

    return isfuture(result) and not result.done()


def _seen(leaving: BaseException | None) -> tuple[object, ...]:
    """The arguments of an exit."""
    return (None, None, None) if leaving is None else (type(leaving), leaving, leaving.__traceback__)


def _leave_to_the_parent(*_args: object) -> None:
    """What a child process does with what its parent opened."""


def finish(call: Callable[..., object], *args: object) -> None:
    """Close one object in a synchronous call; what that raises is raised bare."""
    result = call(*args)
    if inspect.isawaitable(result):
        raise dismiss(result)


async def afinish(call: Callable[..., object], *args: object) -> None:
    """As `finish`, awaiting what that returns, shielded from cancellation as in `adrive`."""
    await arun(_called(call, args), Outcome(), None, bare=True)


def _called(call: Callable[..., object], args: Iterable[object]) -> Steps:
    held = [call(*args)]
    if inspect.isawaitable(held[0]):
        yield Pending(held, Place.ANY_TASK)


def drive(steps: Steps) -> None:
    """Run finalizers in a synchronous call; an awaitable is closed, as a TypeError."""
    pending = next(steps, None)
    if pending is not None:
        _run_from(steps, partial(steps.throw, dismiss(pending.held.pop())))


def run(steps: Steps, outcome: Outcome) -> None:
    """As `drive`, and raise what they raised."""
    drive(steps)
    if outcome.errors:
        outcome.reraise()


async def arun(steps: Steps, outcome: Outcome, timeout: float | None, *, bare: bool = False) -> None:
    """As `adrive`, and raise what they raised.

    Raises:
        InvalidArgumentError: the timeout is no number of seconds; no finalizer has run.
    """
    check_timeout(timeout)
    await adrive(steps, outcome, timeout)
    if outcome.errors:
        outcome.reraise(bare=bare)


async def adrive(steps: Steps, outcome: Outcome, timeout: float | None) -> None:
    """Run finalizers in an asynchronous call; plain ones are shielded from cancellation, as `settle` tells."""
    from asyncio import CancelledError  # noqa: PLC0415  it takes as long to import as all of liveref

    from liveref._registry.shield import settle  # noqa: PLC0415  so does what needs it

    outcome.is_hasty |= isinstance(outcome.error, CancelledError)
    advance: Callable[[], Pending] = partial(next, steps)
    held: list[Any] = []
    while True:
        try:
            held, place = advance()
            advance = partial(steps.send, await settle(held, outcome, place, timeout))
        except StopIteration:
            break
        except GeneratorExit:  # the event loop is gone: nothing can be awaited any more
            outcome.is_cut = True
            held.clear()
            _run_from(steps, partial(steps.throw, CancelledError()))
            raise
        except BaseException as error:  # the finalizer's, a cancellation, or one from outside
            if inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:  # it came from outside, and ended them
                raise
            outcome.is_hasty |= isinstance(error, CancelledError)
            advance = partial(steps.throw, error)


def check_timeout(timeout: float | None) -> None:
    """Raise InvalidArgumentError unless it is None or a number of seconds."""
    if timeout is None:
        return
    shown = readable(type(timeout))
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        try:
            seconds = float(timeout)
        except OverflowError:
            shown = "more than a float holds"
        else:
            if seconds >= 0:
                return
            shown = f"{seconds:g}"
    raise InvalidArgumentError("timeout", "a number of seconds of at least 0, or None", shown)


def _run_from(steps: Steps, advance: Callable[[], Pending]) -> None:
    while True:
        try:
            pending = advance()
        except StopIteration:
            return
        advance = partial(steps.throw, dismiss(pending.held.pop()))


def dismiss(awaitable: object) -> BaseException:
    """Close a coroutine that is never awaited, or cancel a future; the error that tells of it.

    A TypeError; or what that raised, where it is no Exception.
    """
    told = TypeError(
        "an asynchronous finalizer met a synchronous close: end its session with `async with` or aclose(), "
        "and one ref of it with arelease(key)"
    )
    try:
        for end in filter(callable, (getattr(awaitable, name, None) for name in ("close", "cancel"))):
            end()
            break
    except Exception as error:  # noqa: BLE001  user code
        told.__cause__ = error
    except BaseException as error:  # noqa: BLE001  raised in its place, once all finalizers have run
        return error
    return told
