"""The objects of this process that stay in it, and each in its thread: `pin`."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, final

from liveref._hints.forms import subscribe
from liveref._hints.pinned import Pinned
from liveref._hints.predicates import Part
from liveref._registry.finalize import Finalizer
from liveref._registry.leases import check_seconds
from liveref._text.elsewhere import RefLostError, RefUnavailableError
from liveref._text.tag import readable, type_tag
from liveref._typing import T
from liveref.exceptions import InvalidArgumentError, RefReleasedError

if TYPE_CHECKING:
    from queue import SimpleQueue

__all__ = ["Here", "as_here", "duty_of", "end_pinned", "hint_of_pinned", "pin", "pin_within", "this_process", "within"]

R = TypeVar("R")


class Job(Generic[R]):
    """Something to be done in another thread, with the context variables of now."""

    def __init__(self, fn: Callable[[], R]) -> None:
        self._fn: Final = fn
        self._context: Final = contextvars.copy_context()
        self._done: Final = threading.Event()
        self._results: Final[list[R]] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._results.append(self._context.run(self._fn))
        except BaseException as error:  # noqa: BLE001  it is raised where it is awaited
            self._error = error
        self._done.set()

    def wait(self, timeout: float | None, key: str, of: str) -> R:
        """What it comes to, within so many seconds.

        Raises:
            RefUnavailableError: it takes longer, and goes on.
                What the function raises is raised here.
        """
        began = monotonic()
        if not self._done.wait(None if timeout is None else min(timeout, threading.TIMEOUT_MAX)):
            raise RefUnavailableError(key, of, this_process(), "it is still at work", monotonic() - began)
        if self._error is not None:
            raise self._error
        return self._results.pop()


class LaneThread(threading.Thread):
    """The thread of a lane: who is in it waits for no other."""


class Lane:
    """A thread in which things are done one after the other; it ends when nobody uses it any more."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # noqa: PLC0415  few pin

        self._jobs: Final[SimpleQueue[Callable[[], None] | None]] = SimpleQueue()
        self._users = 0
        self._pid: Final = os.getpid()
        self._thread: Final = LaneThread(target=_work, args=(self._jobs,), name="liveref-pinned", daemon=True)
        self._thread.start()

    def is_here(self) -> bool:
        """Whether this thread is the lane's."""
        return self._thread is threading.current_thread()

    def is_of_this_process(self) -> bool:
        """Whether no fork lies in between, which left the thread behind."""
        return self._pid == os.getpid()

    def submit(self, fn: Callable[[], R]) -> Job[R]:
        """A function as something that the thread will do."""
        job = Job(fn)
        self._jobs.put(job)
        return job

    def join(self) -> None:
        """Note one more user."""
        self._users += 1

    def leave(self) -> None:
        """Note that a user goes; the last one ends the thread, once it has done what it was asked for."""
        self._users -= 1
        if self._users <= 0:
            self._jobs.put(None)


def _work(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # else it keeps what it gave until the next one comes


def within(fn: Callable[[], R], timeout: float | None, key: str, of: str) -> R:
    """What a function gives within so many seconds; where there is a limit, it runs in a thread of its own.

    Not where an object's own thread calls: what runs there may need it.

    Raises:
        RefUnavailableError: it takes longer, and goes on.
    """
    if timeout is None or isinstance(threading.current_thread(), LaneThread):
        return fn()
    job = Job(fn)
    threading.Thread(target=job, name="liveref-call", daemon=True).start()
    return job.wait(timeout, key, of)


def this_process() -> str:
    """This process, for people."""
    return f"this process, pid {os.getpid()}"


NO_KEY: Final = "without a key"


@final
class Here(Pinned[T]):
    """The Pinned of this process; who asks for its class is told `Pinned`, so an insert makes a key of one.

    Attributes:
        held: the object.
        key: its redacted key, once it is known.
        around: a context manager to run functions in: so that of a home has the registry of its session.
    """

    __slots__ = ("_ended", "_finalizer", "_lane", "around", "held", "key")

    def __init__(self, held: T, lane: Lane | None, finalizer: Callable[[T], object] | None) -> None:
        self.held = held
        self.key = NO_KEY
        self.around: Callable[[], AbstractContextManager[object]] = nullcontext
        self._lane: Final = lane
        self._finalizer = finalizer
        self._ended: float | None = None
        if lane is not None:
            lane.join()

    if TYPE_CHECKING:
        pass  # to a checker its class is what it is
    else:

        @property
        def __class__(self) -> type[Pinned[T]]:
            return Pinned

    def run(self, fn: Callable[[T], R], /, *, timeout: float | None = None) -> R:
        if not callable(fn):
            raise InvalidArgumentError("fn", "callable", readable(type(fn)))
        check_seconds("timeout", timeout)
        with self.around():
            return self._run(fn, timeout)

    async def arun(self, fn: Callable[[T], R], /, *, timeout: float | None = None) -> R:
        from liveref._registry.shield import off_loop  # noqa: PLC0415  it loads asyncio

        return await off_loop(partial(self.run, fn, timeout=timeout))

    def _run(self, fn: Callable[[T], R], timeout: float | None) -> R:
        lane = self._lane
        if self._ended is not None:  # its thread would never come to it
            raise RefReleasedError(self.key, "released", monotonic() - self._ended)
        if lane is None:
            return within(lambda: fn(self.held), timeout, self.key, self._tag())
        if lane.is_here():
            return fn(self.held)
        if not lane.is_of_this_process():
            raise RefLostError(self.key, self._tag(), this_process(), "a fork left its thread behind")
        return lane.submit(lambda: fn(self.held)).wait(timeout, self.key, self._tag())

    def derive(self, fn: Callable[[T], R], timeout: float | None) -> Here[R]:
        """What a function gives for the object, pinned in the same thread."""
        return Here(self.run(fn, timeout=timeout), self._lane, None)

    def end(self) -> object:
        """Run the finalizer where the object was made, and let the thread go."""
        finalizer, self._finalizer = self._finalizer, None
        try:
            return None if finalizer is None else self.run(finalizer)
        finally:
            self._ended = monotonic()
            if self._lane is not None:
                self._lane.leave()

    def _fits(self, part: Part, *, full: bool) -> bool:
        return part.passes((self.held,), full)

    def _tag(self) -> str:
        return type_tag(hint_of_pinned(type(self.held)))

    def __repr__(self) -> str:
        return f"<Pinned[{readable(type(self.held))}] {self.key}>"


Here.__name__ = Here.__qualname__ = "Pinned"
Here.__module__ = "liveref"  # errors name the type of what they found


def hint_of_pinned(hint: object) -> object:
    """The hint ``Pinned[X]``."""
    return subscribe(Pinned, (hint,))


def as_here(value: Any) -> Here[Any] | None:  # Any: whatever is held
    """A value that is pinned here; None for any other."""
    here: Here[Any] = value
    return here if type(here) is Here else None


def duty_of(value: object) -> Finalizer | None:
    """How a value ends that was given no finalizer: what is pinned brings one along."""
    return None if as_here(value) is None else Finalizer(end_pinned)


def end_pinned(pinned: Pinned[Any]) -> object:
    """Ends what is pinned here: the finalizer of the ref that holds it."""
    return cast("Here[Any]", pinned).end()


def pin(
    factory: Callable[[], T], /, *, finalizer: Callable[[T], object] | None = None, thread: bool = True
) -> Pinned[T]:
    """What a factory makes, pinned to this process and, unless told otherwise, to a thread of its own.

    The ref that holds it ends it: ``session.refs.insert(pin(factory, finalizer=close))``.

    Args:
        factory: makes the object.
        finalizer: closes it, in the same thread.
        thread: the object has one thread, in which it is made, used and finalized, by one function at a time, as
            sqlite3 and many drivers ask for. Else functions run at the same time, where they are called: a lock needs
            that.

    Raises:
        InvalidArgumentError: the factory or the finalizer can't be called.
            What the factory raises is raised here.

    Examples:
        >>> pin(lambda: [1, 2], thread=False).run(len)
        2
    """
    return pin_within(factory, finalizer, thread=thread, timeout=None)


def pin_within(
    factory: Callable[[], T], finalizer: Callable[[T], object] | None, *, thread: bool, timeout: float | None
) -> Here[T]:
    """As `pin`, within so many seconds; what its thread makes later is closed again.

    Raises:
        RefUnavailableError: it takes longer.
    """
    if not callable(factory):
        raise InvalidArgumentError("factory", "callable", readable(type(factory)))
    if finalizer is not None and not callable(finalizer):
        raise InvalidArgumentError("finalizer", "callable", readable(type(finalizer)))
    if not thread:
        return Here(within(factory, timeout, NO_KEY, "what a factory makes"), None, finalizer)
    lane = Lane()
    job = lane.submit(factory)
    try:
        return Here(job.wait(timeout, NO_KEY, "what a factory makes"), lane, finalizer)
    except RefUnavailableError:
        lane.submit(lambda: Here(job.wait(None, "", ""), None, finalizer).end())
        lane.leave()
        raise
    except BaseException:
        lane.leave()
        raise
