"""What a lookup does before it gives a value: a recipe opens it at the first one after a pause."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from threading import RLock, get_ident
from typing import Any, Final, get_type_hints

from liveref._hints.info import ClassInfo, class_info, hint_of, mismatch
from liveref._recipe import Recipe, Reopener
from liveref._registry.finalize import Finalizer, finish, generation, is_coroutine_function
from liveref._text.tag import readable
from liveref.exceptions import RefTypeError, ReopenError

__all__ = ["Opening", "opened_by"]

_NOBODY: Final = (-1, -1)


class Opening:
    """The object of a recipe, for all the refs that share it: opened once, by whoever asks first.

    Attributes:
        recipe: opens it.
        type_tag: what it was before the pause.
        finalizer: closes it, if it was opened, when the last of the refs goes; None where there is nothing to do.
    """

    __slots__ = ("_ended", "_locks", "_opened", "_opener", "finalizer", "recipe", "type_tag")

    def __init__(self, recipe: Recipe[Any], type_tag: str) -> None:  # Any: what it opens is checked at each lookup
        self.recipe: Final = recipe
        self.type_tag: Final = type_tag
        self.finalizer: Final = Finalizer(self._close) if recipe._finalizer() is not None else None
        self._opened: Final[list[object]] = []
        self._locks: Final[dict[int, RLock]] = {}
        self._opener = _NOBODY
        self._ended = False

    def open(self) -> object:
        """The object; opened in this thread, under a lock that other lookups of it wait for. None once its refs went.

        Raises:
            ReopenError: the recipe raised, or waits for itself. A later call tries again.
        """
        with self._turn():
            for opened in self._opened:
                return opened
            if self._ended:
                return None
            opened = self._run()
            self._opened.append(opened)
        if self._ended and self.finalizer is not None:  # the refs went meanwhile, with nothing to close yet
            finish(self._close, None)
        return opened

    def peek(self) -> list[object]:
        """A list of the object, empty before it is opened."""
        return self._opened

    def is_asynchronous(self) -> bool:
        """Whether it was opened, and it is known, without a call, that there is something to await at its end."""
        finalizer, close = self.finalizer, self.recipe._finalizer()
        here = bool(self._opened) and finalizer is not None and finalizer.is_of_this_process()
        return here and is_coroutine_function(close)

    @contextmanager
    def _turn(self) -> Generator[None]:
        """Wait until no other thread opens it.

        Raises:
            ReopenError: who opens it waits for this thread.
        """
        here, now = get_ident(), generation()
        outer = _WAITING.get(here)
        _WAITING[here] = self  # first, so that of two that wait for each other one sees it
        try:
            self._refuse_circle((now, here))
            with self._locks.setdefault(now, RLock()):  # a fork leaves a lock behind that nobody frees
                _wait_for(here, outer)
                yield
        finally:
            _wait_for(here, outer)

    def _refuse_circle(self, asking: tuple[int, int]) -> None:
        """Raise where who opens this waits for something that is opened here, itself or through others."""
        opening: Opening | None = self
        while opening is not None and opening._opener != asking:
            opening = _WAITING.get(opening._opener[1]) if opening._opener[0] == asking[0] else None
            if opening is self:  # a circle of others: they are told
                return
        if opening is not None:
            circle = "a lookup of its own ref" if opening is self else "a lookup that waits for this one"
            raise ReopenError(self.recipe.tag, self.recipe._argument_names(), circle)

    def _run(self) -> object:
        self._opener = generation(), get_ident()
        try:
            opened = opened_by(self.recipe)
        finally:
            self._opener = _NOBODY
        if self.finalizer is not None:
            self.finalizer.adopt()
        return opened

    def _close(self, _value: object) -> object:
        """Close the object if it was opened: who pops it, does."""
        self._ended = True
        close = self.recipe._finalizer()
        if close is None or not self._opened:
            return None
        return next(map(close, map(self._opened.pop, (0,))))


def opened_by(recipe: Recipe[Any]) -> object:
    """What a recipe opens now, checked against the return annotation of its function, where that can be.

    Raises:
        ReopenError: the recipe raised.
        RefTypeError: it gave something else, which was closed again.
    """
    opened: object = recipe._open()
    promised = _promised(recipe._reopener)
    found = None if promised is None else mismatch(opened, promised, full=True)
    if promised is None or found is None:
        return opened
    advice = "What it opened was closed again: mend the recipe, or its annotation."
    error = RefTypeError(f"recipe {recipe.tag!r}", None, readable(hint_of(promised)), found.found, advice)
    close = recipe._finalizer()
    if close is not None:
        try:
            finish(close, opened)
        except Exception as failed:  # noqa: BLE001  any code of the user's
            error.add_note(f"Closing it raised {readable(type(failed))}.")
    raise error from found.cause


@cache
def _promised(reopener: Reopener[..., Any]) -> ClassInfo | None:
    """What a reopener's function says that it gives; None where it does not, or it can't be checked."""
    try:
        return class_info(get_type_hints(reopener._function, include_extras=True)["return"])
    except Exception:  # noqa: BLE001  no annotation, one of a local name, one that is no hint
        return None


_WAITING: Final[dict[int, Opening]] = {}
"""For each thread what it waits for."""


def _wait_for(thread: int, opening: Opening | None) -> None:
    if opening is None:
        _WAITING.pop(thread, None)
    else:
        _WAITING[thread] = opening
