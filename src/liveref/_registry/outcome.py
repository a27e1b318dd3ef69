"""What a run of finalizers asks for, step by step, and what it comes to."""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from liveref.exceptions import counted

__all__ = ["Outcome", "Pending", "Place", "Steps"]


class Place(Enum):
    """Where what a finalizer returned has to be awaited."""

    ANY_TASK = 0
    THIS_TASK = 1
    """In the task that closes, as the exit of an entered context."""
    IN_ITS_SCOPE = 2
    """There too; and the context holds a cancel scope, around which none can be opened any more."""


class Outcome:
    """What a run of finalizers came to.

    Attributes:
        error: the exception that leaves the session's body, as the next exit hook sees it.
        errors: what the finalizers raised, in the order they ran.
        count: refs dropped.
        is_cut: whether nothing can be awaited any more, so that what is asynchronous stays for the next close.
        is_hasty: whether the closing task was cancelled, so that nothing may hang any more.
    """

    count: int = 0
    is_cut: bool = False
    is_hasty: bool = False
    _cancelled: bool = False

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.errors: list[BaseException] = []

    def cancel(self, error: BaseException) -> None:
        """Note that the closing task was cancelled: once, though a cancel scope says so at each of its awaits."""
        if not self._cancelled:
            self.errors.append(error)
        self._cancelled = self.is_hasty = True

    def reraise(self, message: str = "", *, bare: bool = False) -> None:
        """Raise what was collected: a group, or first what is no Exception, bare, from that group.

        Args:
            message: of the group.
            bare: where it is one error, raise that itself.
        """
        if bare and len(self.errors) == 1:
            raise self.errors[0]
        fatal = next((error for error in self.errors if not isinstance(error, Exception)), None)
        others = [error for error in self.errors if error is not fatal]
        if fatal is not None and not others:
            raise fatal
        group = BaseExceptionGroup(message or f"{counted(len(others), 'finalizer')} failed", others)
        if fatal is not None:
            raise fatal from group
        raise group


class Pending(NamedTuple):
    """What a finalizer asks to be awaited.

    Attributes:
        held: what it returned, alone in a list: there it stays until it is awaited, whatever comes from outside.
        place: where.
    """

    held: list[Any]  # Any: an awaitable, which no list of objects is known to hold
    place: Place


Steps: TypeAlias = Generator[Pending, object, None]
