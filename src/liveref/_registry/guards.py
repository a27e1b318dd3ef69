"""A ref after a pause whose object its recipe opens at the first lookup."""

from __future__ import annotations

from threading import RLock
from typing import Any, Final

from liveref._recipe import Recipe
from liveref._registry.finalize import Finalizer, finish, generation
from liveref.exceptions import ReopenError

__all__ = ["Opening"]


_NOWHERE: Final = -1


class Opening:
    """The object of a recipe, for all the refs that share it: opened once, by whoever asks first.

    Attributes:
        recipe: opens it.
        type_tag: what it was before the pause.
        finalizer: closes it, if it was opened, when the last of the refs goes; None where there is nothing to do.
    """

    __slots__ = ("_ended", "_locks", "_opened", "_running", "finalizer", "recipe", "type_tag")

    def __init__(self, recipe: Recipe[Any], type_tag: str) -> None:  # Any: what it opens is checked at each lookup
        self.recipe: Final = recipe
        self.type_tag: Final = type_tag
        self.finalizer: Final = Finalizer(self._close) if recipe._finalizer() is not None else None
        self._opened: Final[list[object]] = []
        self._locks: Final[dict[int, RLock]] = {}
        self._running = _NOWHERE
        self._ended = False

    def open(self) -> object:
        """The object; opened in this thread, under a lock that other lookups of it wait for. None once its refs went.

        Raises:
            ReopenError: the recipe raised, or looks up what it is to open. A later call tries again.
        """
        with self._locks.setdefault(generation(), RLock()):  # a fork leaves a lock behind that nobody frees
            for opened in self._opened:
                return opened
            if self._ended:
                return None
            opened = self._run()
            self._opened.append(opened)
        if self._ended and self.finalizer is not None:  # the refs went meanwhile, with nothing to close yet
            finish(self.finalizer, None)
        return opened

    def peek(self) -> list[object]:
        """A list of the object, empty before it is opened."""
        return self._opened

    def _run(self) -> object:
        if self._running == generation():  # else it was begun before a fork, by a thread that is not here
            raise ReopenError(self.recipe.tag, self.recipe._argument_names(), "a lookup of its own ref")
        self._running = generation()
        try:
            opened: object = self.recipe._open()
        finally:
            self._running = _NOWHERE
        if self.finalizer is not None:
            self.finalizer.adopt()
        return opened

    def _close(self, _value: object) -> object:
        """Close the object if it was opened: who pops it, does."""
        self._ended = True
        close = self.recipe._finalizer()
        try:
            opened = self._opened.pop()
        except IndexError:
            return None
        return close(opened) if close is not None else None
