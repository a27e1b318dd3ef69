"""What a lookup does before it gives a value: a recipe opens it at the first one after a pause."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from functools import cache, partial
from inspect import Signature, unwrap
from threading import RLock, get_ident
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from liveref._hints.info import ClassInfo, class_info, hint_of, mismatch
from liveref._recipe import AnyRecipe, AsyncRecipe, Recipe, Registered, is_coroutine_function
from liveref._registry.finalize import Finalizer, afinish, finish, generation, lock_of
from liveref._text.tag import readable
from liveref._text.telling import told
from liveref.exceptions import LiveRefError, RefTypeError, ReopenError

if TYPE_CHECKING:
    from liveref._registry.flights import Flight

__all__ = ["Opening", "aclose_again", "aopened_by", "not_awaited", "opened_by"]

_NOBODY: Final = (-1, -1)


class Opening:
    """The object of a recipe, for all the refs that share it: opened once, by whoever asks first.

    Attributes:
        recipe: opens it.
        type_tag: what it was before the pause.
        finalizer: closes it, if it was opened, when the last of the refs goes; None where there is nothing to do.
    """

    __slots__ = ("_ended", "_flight", "_locks", "_opened", "_opener", "finalizer", "recipe", "type_tag")

    def __init__(self, recipe: AnyRecipe[Any], type_tag: str) -> None:  # Any: what it opens is checked at each lookup
        self.recipe: Final[AnyRecipe[Any]] = recipe
        self.type_tag: Final = type_tag
        self.finalizer: Final = Finalizer(self._close) if recipe._reopener.finalizer is not None else None
        self._opened: Final[list[object]] = []
        self._locks: Final[dict[int, RLock]] = {}
        self._opener = _NOBODY
        self._flight: Flight | None = None
        self._ended = False

    def open(self) -> object:
        """The object; opened in this thread, under a lock that other lookups of it wait for. None once its refs went.

        Raises:
            ReopenError: the recipe raised, or waits for itself; or is asynchronous. A later call tries again.
        """
        with self._turn():
            for opened in self._opened:
                return opened
            if self._ended:
                return None
            opened = self._run()
        if self._ended and self.finalizer is not None:  # the refs went meanwhile, with nothing to close yet
            finish(self._close, None)
        return opened

    async def aopen(self) -> None:
        """Open it by its recipe where that is asynchronous: once, however many tasks ask, on whatever event loops.

        Raises:
            ReopenError: as `open`, for each who asks.
            RefTypeError: it gave something else than its function says.
            RuntimeError: the event loop here is not asyncio's.
        """
        recipe = self.recipe
        if isinstance(recipe, Recipe) or self._opened:
            return
        from liveref._registry.flights import Flight  # noqa: PLC0415  it loads asyncio
        from liveref._registry.shield import require_asyncio  # noqa: PLC0415  so does this

        require_asyncio("aget")
        while not self._opened and not self._ended:
            with lock_of(self._locks):
                if self._flight is None or self._flight.is_over():
                    self._flight = Flight(partial(self._fly, recipe))
                flight = self._flight
            await self._wait(flight)

    async def _wait(self, flight: Flight) -> None:
        with flight.asked() as is_circle:
            if is_circle:
                raise self._failed("a lookup that waits for it")
            try:
                await flight.wait()
            except LiveRefError as error:
                raise copy(error) from error.__cause__  # each who waits gets one with a traceback of its own
        if flight.was_cut():
            raise self._failed("CancelledError")

    async def _fly(self, recipe: AsyncRecipe[Any]) -> None:
        opened = await aopened_by(recipe)
        if self._opened:  # a later one was faster than this, which nobody waits for any more
            await aclose_again(recipe, opened)
            return
        self._keep(opened)
        if self._ended and self.finalizer is not None:  # the refs went meanwhile, with nothing to close yet
            await afinish(self._close, None)

    def peek(self) -> list[object]:
        """A list of the object, empty before it is opened."""
        return self._opened

    def is_awaited(self) -> bool:
        """Whether an asynchronous recipe is yet to open it."""
        return isinstance(self.recipe, AsyncRecipe) and not self._opened

    def is_asynchronous(self) -> bool:
        """Whether it was opened, and it is known, without a call, that there is something to await at its end."""
        finalizer, close = self.finalizer, self.recipe._reopener.finalizer
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
            with lock_of(self._locks):
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
            raise self._failed("a lookup of its own ref" if opening is self else "a lookup that waits for this one")

    def _failed(self, how: str) -> ReopenError:
        return ReopenError(self.recipe.tag, self.recipe._argument_names(), how)

    def _run(self) -> object:
        if isinstance(self.recipe, AsyncRecipe):
            raise not_awaited(self.recipe, "Await its object first: await refs.aget(key).")
        self._opener = generation(), get_ident()
        try:
            opened = opened_by(self.recipe)
        finally:
            self._opener = _NOBODY
        self._keep(opened)
        return opened

    def _keep(self, opened: object) -> None:
        if self.finalizer is not None:
            self.finalizer.adopt()
        self._opened.append(opened)
        told("debug", "recipe %s was opened", self.recipe.tag)

    def _close(self, _value: object) -> object:
        """Close the object if it was opened: who pops it, does."""
        self._ended = True
        close = self.recipe._reopener.finalizer
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
    error, close = _broken(recipe, opened), recipe._reopener.finalizer
    if error is None:
        return opened
    if close is not None:
        try:
            finish(close, opened)
        except Exception as failed:  # noqa: BLE001  any code of the user's
            error.add_note(f"Closing it raised {readable(type(failed))}.")
    raise error


async def aopened_by(recipe: AsyncRecipe[Any]) -> object:
    """As `opened_by`, of what an asynchronous recipe opens."""
    opened: object = await recipe._open()
    error = _broken(recipe, opened)
    if error is None:
        return opened
    try:
        await aclose_again(recipe, opened)
    except Exception as failed:  # noqa: BLE001  any code of the user's
        error.add_note(f"Closing it raised {readable(type(failed))}.")
    raise error


async def aclose_again(recipe: AnyRecipe[Any], opened: object) -> None:
    """Close what a recipe opened and nobody gets; what that raises is raised bare."""
    close = recipe._reopener.finalizer
    if close is not None:
        await afinish(close, opened)


def not_awaited(recipe: AnyRecipe[Any], advice: str) -> ReopenError:
    """The error of who asks for the object of an asynchronous recipe where nothing can be awaited."""
    return ReopenError(recipe.tag, recipe._argument_names(), "is asynchronous and has not run", advice)


def _broken(recipe: AnyRecipe[Any], opened: object) -> RefTypeError | None:
    """The error of a recipe that gave something else than its function says."""
    promised = _promised(recipe._reopener)
    found = None if promised is None else mismatch(opened, promised, full=True)
    if promised is None or found is None:
        return None
    advice = "What it opened was closed again: mend the recipe, or its annotation."
    error = RefTypeError(f"recipe {recipe.tag!r}", None, readable(hint_of(promised)), found.found, advice)
    error.__cause__ = found.cause
    return error


@cache
def _promised(reopener: Registered[Any]) -> ClassInfo | None:
    """What a reopener's function says that it gives; None where it does not, or it can't be checked.

    The return annotation alone is evaluated: those of arguments may name what is there for checkers only, or never.
    """
    promise = reopener.signature.return_annotation
    names = getattr(unwrap(reopener._function), "__globals__", None)
    try:
        said = SimpleNamespace(__annotations__={} if promise is Signature.empty else {"return": promise})
        return class_info(get_type_hints(said, names, include_extras=True)["return"])
    except Exception:  # noqa: BLE001  no annotation, one of a local name, one that is no hint
        return None


_WAITING: Final[dict[int, Opening]] = {}
"""For each thread what it waits for."""


def _wait_for(thread: int, opening: Opening | None) -> None:
    if opening is None:
        _WAITING.pop(thread, None)
    else:
        _WAITING[thread] = opening
