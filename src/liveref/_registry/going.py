"""How refs go from a registry: ended, expired, dropped one by one.

Every change is one operation of a dict or list, which the interpreter makes atomic. An exception may come from outside
between two bytecodes, as KeyboardInterrupt does, or at an allocation: what goes is taken out and finalized in one step,
`Finalizer.end`, or taken out and put among what is due in one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from inspect import isawaitable
from itertools import starmap
from time import monotonic
from typing import Any, Final

from liveref._registry.departures import Departures
from liveref._registry.entry import Holder, is_asynchronous, let_go, place_of, tell
from liveref._registry.finalize import dismiss, is_waiting
from liveref._registry.leases import Book, Defaults, Expiry, Guard, making
from liveref._registry.moment import Refs
from liveref._registry.outcome import Outcome, Pending, Steps
from liveref._text.marker import redact
from liveref._text.tag import readable
from liveref._text.telling import note_of, told
from liveref.exceptions import counted

__all__ = ["Going", "note_error"]

_FAILED: Final = "a finalizer of an expired ref raised %s: %s"
_FEW: Final = 16
"""Expired refs that an insert takes out at most where it finds the registry full."""


class Going:
    """The live refs of a registry, and what is done as they go."""

    __slots__ = ("_book", "_capacity", "_defaults", "_gone", "_refs")

    _refs: Refs
    """The live refs: for each id the key that the insert returned, which holds the value. Guarded ones: `GUARDED`."""
    _gone: Departures
    _book: Book | None
    """What there is to know of guarded refs, once there is one."""
    _capacity: int
    _defaults: Defaults

    def _guarding(self) -> Book:
        """The book of the guarded refs, which is made when the first comes."""
        if self._book is None:
            with making():
                self._book = self._book or Book()
        return self._book

    def _is_here(self, holder: Holder[Any]) -> bool:
        return self._refs.get(place_of(holder)) is holder

    def _is_over(self, holder: Holder[Any], guard: Guard) -> bool:
        """Whether a ref has expired; one that is lent does not."""
        return guard.is_over() and not (self._book and self._book.lent(holder._id))

    def _end(self, holder: Holder[Any], how: str, held: list[Any], leaving: BaseException | None = None) -> bool:
        """Take a ref out and run its finalizer.

        Args:
            holder: the ref.
            how: the way it goes.
            held: gets what the finalizer returned.
            leaving: the exception that leaves the session's body, for the exit of a context.

        Returns:
            Whether it was still there.
        """
        book = self._book
        if book is not None and book.due.get(place_of(holder)) is holder:  # it was counted, and noted, when it went
            self._end_one_due(book, holder, held, leaving)
            return False
        if holder._entry.guard is None:
            self._gone.append((holder._id, how, monotonic()))  # first: there is no moment between
        else:
            self._note(holder, how)
        return self._end_in(self._refs, holder, held, leaving)

    def _end_one_due(self, book: Book, holder: Holder[Any], held: list[Any], leaving: BaseException | None) -> None:
        """Run one finalizer that is due, or give what it returned when it was found to be asynchronous."""
        held.extend(book.held.pop(place_of(holder), ()))
        if held:
            book.due.pop(place_of(holder), None)
        else:
            self._end_in(book.due, holder, held, leaving)

    def _put_off(self, holder: Holder[Any], held: list[Any]) -> None:
        """Leave what a finalizer returned, and is to be awaited, to the next asynchronous close."""
        book, place = self._guarding(), place_of(holder)
        book.held[place], book.due[place] = held, holder

    def _note(self, holder: Holder[Any], how: str | Expiry) -> None:
        """Note a departure, with the owner, to whom alone it is told."""
        guard = holder._entry.guard
        if guard is None or guard.owner is None:
            self._gone.append((holder._id, how, monotonic()))
        else:
            self._gone.append((holder._id, how, monotonic(), guard.owner))

    def _end_in(self, refs: Refs, holder: Holder[Any], held: list[Any], leaving: BaseException | None) -> bool:
        """Take a ref out of where it is, among the live ones or those that are due, and run its finalizer."""
        entry = holder._entry
        finalizer, place, has_gone = entry.finalizer, holder._id if entry.guard is None else place_of(holder), False
        try:
            if finalizer is None:
                has_gone = refs.pop(place, None) is not None
            else:
                has_gone = finalizer.end(refs, place, holder, held, leaving)
        except BaseException:
            has_gone = finalizer is not None and finalizer.is_done()  # else it came before the call: the ref is there
            raise
        finally:
            if has_gone:
                if entry.guard is not None and refs is self._refs:
                    self._left(holder)
                try:  # noqa: SIM105  here let_go is inlined: a call costs five lookups in a dict
                    del holder._value
                except AttributeError:  # its recipe has not opened it
                    pass
        return has_gone

    def _left(self, holder: Holder[Any]) -> None:
        """Forget the guard of a ref that has gone."""
        guard = holder._entry.guard
        if guard is not None and self._book is not None:
            self._book.leave(guard, place_of(holder))
            self._book.tidy(self._is_here)

    def _release(self, holder: Holder[Any]) -> bool:
        if is_asynchronous(holder):
            raise TypeError(f"ref {redact(holder._id)} stays, for its finalizer is asynchronous: await arelease(key)")
        held: list[Any] = []
        was_there = self._end(holder, "released", held)
        for result in held:
            if result is not None and isawaitable(result):
                raise dismiss(result)
        return was_there

    # How refs expire.

    def _expire(self, holder: Holder[Any], guard: Guard) -> bool:
        """Take a ref out that has expired, in one step; its finalizer stays due. False where somebody was faster."""
        place, book = place_of(holder), self._guarding()
        try:
            book.due.update(zip((place,), map(self._refs.pop, (place,)), strict=True))
        except KeyError:
            return False
        self._note(holder, guard.expiry())
        self._left(holder)
        told("debug", "ref %s has expired", redact(holder._id))
        if holder._entry.finalizer is None:
            book.due.pop(place, None)
            let_go(holder)
        return True

    def _expire_all(self, most: int | None = None) -> int:
        """Take out what has expired, the longest expired first; how many."""
        book = self._book
        if book is None:
            return 0
        due = book.expired(self._defaults.clock(), self._is_here, self._is_over, most)
        return sum(starmap(self._expire, due))

    def _make_room(self) -> bool:
        """Take out some of what has expired, and run what is due; whether there is room now."""
        self._expire_all(_FEW)
        self._run_due()
        return len(self._refs) < self._capacity

    def _make_share(self, guard: Guard) -> None:
        """Take out what has expired of an owner's refs, where those are as many as one may have, and run what is due.

        In nobody's turn, for a finalizer may wait for another thread that inserts.
        """
        most, owner = self._defaults.per_owner, guard.owner
        if most is None or owner is None:
            return
        share = self._guarding().share_of(owner)
        if len(share) < most:
            return
        for holder in filter(None, map(self._refs.get, share.copy())):
            theirs = holder._entry.guard
            if theirs is not None and self._is_over(holder, theirs):
                self._expire(holder, theirs)
        self._run_due()

    def _run_due(self) -> None:
        """Run the synchronous finalizers that are due; what they raise is a warning."""
        outcome = Outcome()
        self._end_due(outcome)
        for error in outcome.errors:
            if not isinstance(error, Exception):
                outcome.reraise()
            told("warning", _FAILED, readable(type(error)), note_of(error))
        for error in outcome.errors:  # last: a program may make errors of them
            warnings.warn(_FAILED % (readable(type(error)), note_of(error)), RuntimeWarning, stacklevel=2)

    def _end_due(self, outcome: Outcome) -> None:
        """Run the finalizers that are due; those that are asynchronous, known to be or found to be, stay so."""
        book = self._book
        if book is None:
            return
        for place, holder in book.due.copy().items():
            if place in book.held or is_asynchronous(holder):
                continue
            held: list[Any] = []
            try:
                self._end_in(book.due, holder, held, None)
            except BaseException as error:  # noqa: BLE001  raised at the end, or told
                outcome.errors.append(error)
                tell(error, holder)
            if held and held[0] is not None and isawaitable(held[0]):
                self._put_off(holder, held)

    def _due(self) -> Iterator[Holder[Any]]:
        """The refs that have gone, and whose finalizers are yet to run."""
        return iter(()) if self._book is None else iter(list(self._book.due.values()))

    def _drop(self, holders: Iterable[Holder[Any]], how: str, outcome: Outcome) -> Steps:
        """Drop refs one by one, each just before its finalizer runs, whatever that raises."""
        for holder in holders:
            finalizer = holder._entry.finalizer
            if outcome.is_cut and finalizer is not None and finalizer.is_asynchronous():
                continue  # it is left to the next close
            held: list[Any] = []
            while True:
                result = None
                try:
                    if not held:
                        outcome.count += self._end(holder, how, held, outcome.error)
                    result = held[0] if held else None
                    if result is not None and finalizer is not None and isawaitable(result):
                        result = yield Pending(held, finalizer.place)
                    if result and finalizer is not None and finalizer.is_exit:
                        outcome.error = None  # the hook swallows the exception, as in contextlib.ExitStack
                except BaseException as error:  # noqa: BLE001  all of them are raised at the end
                    if result is not None and isinstance(error, GeneratorExit):
                        return  # who drives this was cut off itself
                    note_error(error, holder, outcome)
                if not held or held[0] is None or not is_waiting(held[0]):
                    break  # else something came before it was awaited

    def __del__(self) -> None:
        try:
            if not self._refs and self._book is None:  # as at the end of most
                return
            holders = list(self._refs.values())
        except AttributeError:  # __init__ has raised
            return
        if self._book is not None:
            holders += self._book.due.values()
            for loans in self._book.loans.values():
                if loans.books[0] is self._book:  # else another registry lent it, where it may yet be given back
                    holders += loans.values()
        entries = [holder._entry for holder in holders if hasattr(holder, "_value")]
        undone = [entry for entry in entries if entry.finalizer and entry.finalizer.is_of_this_process()]
        for holder in holders:
            let_go(holder)
        if undone:
            places = ", ".join(sorted({entry.where() or "resume" for entry in undone})[:5])
            warnings.warn(
                f"a registry was collected with {counted(len(undone), 'finalizer')} not run, "
                f"of refs inserted at {places}: end its session, or close() it",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )


def note_error(error: BaseException, holder: Holder[Any], outcome: Outcome) -> None:
    """Note what a finalizer raised; an exit that lets the exception through that it saw has not failed."""
    if error is not outcome.error:
        outcome.errors.append(error)
        tell(error, holder)
    if holder._entry.finalizer is not None and holder._entry.finalizer.is_exit:
        outcome.error = error
