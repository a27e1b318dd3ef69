"""How a registry ends, in parts or as a whole: drains, sweeps, and refs that go to another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from inspect import isawaitable
from itertools import chain, count, islice, repeat
from typing import Any, Final

from liveref._key import RegistryKey
from liveref._policy import LASTING, lifetime_row
from liveref._registry.entry import Entry, Holder, enter, hold, is_asynchronous, place_of
from liveref._registry.finalize import adrive, arun, check_timeout, dismiss, run
from liveref._registry.leases import Book, making
from liveref._registry.outcome import Outcome, Steps
from liveref._registry.owners import Owner, check_owner
from liveref._registry.store import SHUT, Store
from liveref._registry.sweeping import Sweeping
from liveref._text.marker import redact
from liveref._text.telling import told
from liveref._typing import MISSING, Missing
from liveref.exceptions import CapacityExceededError, DuplicateKeyError, RegistryClosedError

__all__ = ["Closing"]

_LOANS: Final = map(int.to_bytes, count(), repeat(8))
"""What stands behind the id of a ref in those of its loans."""


class Closing(Store):
    """A registry as far as refs leave it."""

    __slots__ = ()

    def _move(self, holder: Holder[Any], to: Closing, entry: Entry) -> bool:
        """Hand a ref to another store under the same key; False if it went meanwhile. All or nothing."""
        there = to._at(holder._id)
        if there is not None and there is not holder:  # else another thread moves it there, or has
            raise DuplicateKeyError(redact(holder._id))
        to._admit("transfer_ref")
        if entry.guard is not None:
            to._make_share(entry.guard)
            entry = replace(entry, guard=entry.guard.twin(to._defaults.clock))
        with making():  # of two that move it at once the second finds it gone, and takes nothing from the first
            return self._is_here(holder) and self._pass_on(holder, to, entry)

    def _pass_on(self, holder: Holder[Any], to: Closing, entry: Entry) -> bool:
        place, before = place_of(holder), holder._entry
        try:
            to._take_in(holder)
            if self._book is not None and self._book.lent(holder._id):
                to._guarding().take_over(holder._id, self._book)
            if to._refs.get(place) is not holder or to._closed or len(to._refs) > to._capacity:
                to._confirm_moved(holder)
            enter(holder, entry)
            self._note(holder, "transferred")
            if self._refs.pop(place, None) is None:
                return to._give_back(holder)
        except BaseException:
            if self._refs.get(place) is holder and to._refs.get(place) is holder:
                to._give_back(holder)
                enter(holder, before)
            raise
        if entry.guard is not None:
            self._left(holder)
            to._guarding().enter(entry.guard, holder)
        return True

    def _confirm_moved(self, holder: Holder[Any]) -> None:
        """Raise where a move met a close, or another ref of the same key, or others that took the last room."""
        if self._closed:
            raise RegistryClosedError("transfer_ref")
        if not self._is_here(holder):
            raise DuplicateKeyError(redact(holder._id))
        if place_of(holder) not in set(islice(self._refs.copy(), self._capacity)):
            raise CapacityExceededError(self._capacity)

    def _give_back(self, holder: Holder[Any]) -> bool:
        """Undo the arrival of a ref; always False."""
        self._refs.pop(place_of(holder), None)
        self._left(holder)
        return False

    def _take_again(self, holder: Holder[Any], entry: Entry, before: Closing) -> None:
        """Undo a move to another store, whatever this one holds meanwhile."""
        place, guard = place_of(holder), entry.guard
        self._refs[place] = holder
        enter(holder, entry)
        before._refs.pop(place, None)
        if guard is not None:
            before._left(holder)
            book = self._guarding()
            book.enter(guard, holder)
            if guard.owner is not None:
                book.join(guard.owner, place)

    def _shut(self) -> bool:
        """Take no refs any more; whether there is nothing to end."""
        self._closed = True
        self._room = SHUT
        return not self._refs and (self._book is None or not self._book.due)

    def _end_with(self, error: BaseException | None, begun: Outcome | None = None) -> bool:
        """End with a session.

        Args:
            error: the exception that leaves it.
            begun: what the end came to, where a fast lane has begun it.

        Returns:
            Whether an exit swallows the exception.
        """
        if self._shut() and begun is None:
            return False
        outcome = begun or Outcome(error)
        run(self._finish(outcome), outcome)
        return error is not None and outcome.error is None

    async def _aend_with(self, error: BaseException | None, timeout: float | None) -> bool:
        """As `_end_with`, awaiting asynchronous finalizers."""
        if self._shut():
            return False
        outcome = Outcome(error)
        await arun(self._finish(outcome), outcome, timeout)
        return error is not None and outcome.error is None

    def _finish(self, outcome: Outcome) -> Steps:
        """Hand over what the parent takes, drop what does not last."""
        if self._parent is not None:
            self._hand_over(self._parent, outcome)
        ending = [ref for ref in reversed(self._refs.copy().values()) if ref._entry.lifetime not in LASTING]
        return self._drop(ending if self._book is None else chain(self._due(), ending), "session ended", outcome)

    def _hand_over(self, parent: Closing, outcome: Outcome) -> None:
        for holder in self._refs.copy().values():
            entry = holder._entry
            there = lifetime_row(entry.lifetime).in_parent
            if there is None:
                continue
            if there is not entry.lifetime:
                entry = replace(entry, lifetime=there)
            try:
                self._move(holder, parent, entry)
            except BaseException as error:  # noqa: BLE001  raised at the end: whatever it is, all finalizers run
                outcome.errors.append(error)

    def drain(self, *, owner: Owner | Missing | None = MISSING) -> int:
        """Release all refs, last in first out; how many were dropped.

        Args:
            owner: whose alone, as where somebody logs out; None for those of nobody.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        outcome = Outcome()
        run(self._drop(self._of(owner), "drained", outcome), outcome)
        return outcome.count

    async def adrain(self, *, owner: Owner | Missing | None = MISSING, timeout: float | None = None) -> int:
        """As `drain`, awaiting asynchronous finalizers.

        They are shielded from cancellation: a cancelled drain goes on to the end and then raises
        CancelledError. Exits of contexts entered run in the calling task.

        Args:
            owner: whose alone, as for `drain`.
            timeout: seconds for each finalizer; TimeoutError joins the group. Without one a
                finalizer may take its time, but ten seconds once the drain is cancelled.
        """
        outcome = Outcome()
        await arun(self._drop(self._of(owner), "drained", outcome), outcome, timeout)
        return outcome.count

    def _of(self, owner: Owner | Missing | None) -> Iterable[Holder[Any]]:
        """The refs of an owner, or all; what is due first of all, where it is everybody's."""
        refs = self._refs.copy().values()
        if owner is MISSING:
            return chain(self._due(), reversed(refs))
        if owner is not None:
            check_owner(owner)
        return [ref for ref in reversed(refs) if owner == (ref._entry.guard and ref._entry.guard.owner)]

    def sweep(self) -> int:
        """End what has expired, and run its synchronous finalizers; how many refs were taken out.

        Asynchronous finalizers stay due until `asweep`, ``async with sweeping``, `adrain` or the end of the session.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.

        Example:
            >>> from liveref import SessionRefRegistry
            >>> registry = SessionRefRegistry(ttl=60)
            >>> key = registry.insert([1])
            >>> registry.sweep()
            0
        """
        count, outcome = self._expire_all(), Outcome()
        told("debug", "%d refs were swept", count)
        self._end_due(outcome)
        if outcome.errors:
            outcome.reraise()
        return count

    async def asweep(self, *, timeout: float | None = None) -> int:
        """As `sweep`, awaiting asynchronous finalizers as `adrain` does.

        Args:
            timeout: seconds for each finalizer.
        """
        check_timeout(timeout)
        count, outcome = self._expire_all(), Outcome()
        told("debug", "%d refs were swept", count)
        await arun(self._drop(self._due(), "", outcome), outcome, timeout)
        return count

    def sweeping(self, every: float) -> Sweeping:
        """A context manager that sweeps every so many seconds; it ends with its ``with``, and with the session.

        ``with``: in a daemon thread, so that what expires has to be closable from any thread (a connection of
        sqlite3 by ``check_same_thread=False``). ``async with``: in a task, which awaits asynchronous finalizers.
        What finalizers raise is a RuntimeWarning, and does not stop it.

        Args:
            every: seconds.

        Raises:
            InvalidArgumentError: that is no positive number of seconds.

        Example:
            >>> from liveref import SessionRefRegistry
            >>> registry = SessionRefRegistry(idle=600)
            >>> with registry.sweeping(every=30):
            ...     key = registry.insert([1])
        """
        return Sweeping(self, every)

    def close(self) -> None:
        """Refuse inserts from now on and drain. Closing twice does nothing.

        Raises:
            ExceptionGroup: as `drain`.
        """
        self._shut()
        outcome = Outcome()
        run(self._drop(self._of(MISSING), "registry closed", outcome), outcome)

    async def aclose(self, *, timeout: float | None = None) -> None:
        """As `close`, awaiting asynchronous finalizers as `adrain` does."""
        self._shut()
        outcome = Outcome()
        await arun(self._drop(self._of(MISSING), "registry closed", outcome), outcome, timeout)

    def _lend(self, key: RegistryKey[Any]) -> tuple[Closing, Holder[Any], Holder[Any]]:
        """The registry that has a ref, the ref, and a loan of it."""
        while True:
            holder, value = self._held(key, parents=True, used=True)
            self._check("borrow", holder, value, key._info)
            loan = hold(holder._id + next(_LOANS), holder._info, holder._entry, value)
            finalizer = holder._entry.finalizer
            if finalizer is not None:
                finalizer.lend(loan._id)
            store = self._holding(holder)
            if store is not None:  # else it went before the loan was known
                store._guarding().lend(holder._id, loan)
                return store, holder, loan
            if finalizer is not None and finalizer.leave(loan._id):
                finalizer.finish(value)

    def _holding(self, holder: Holder[Any]) -> Closing | None:
        """This registry, or the one of its parents that holds a ref."""
        if self._is_here(holder):
            return self
        return None if self._parent is None else self._parent._holding(holder)

    def _take_back(
        self, holder: Holder[Any], loan: Holder[Any], leaving: BaseException | None
    ) -> Sequence[BaseException]:
        """End a loan: where it was the last that held a finalizer up, that runs now, or stays due; what it raised."""
        book = self._return(holder, loan)
        finalizer = loan._entry.finalizer
        if finalizer is None or (is_asynchronous(loan) and not self._closed and finalizer.is_last(loan._id)):
            return ()
        held: list[Any] = []
        errors = list[BaseException]()
        try:
            self._end_in(book.due, loan, held, leaving)
        except BaseException as error:  # noqa: BLE001  raised by who borrowed
            errors.append(error)
        for result in held:
            if result is not None and isawaitable(result):
                if self._closed:
                    errors.append(dismiss(result))
                else:
                    self._put_off(loan, held)
        return errors

    async def _atake_back(
        self, holder: Holder[Any], loan: Holder[Any], leaving: BaseException | None
    ) -> Sequence[BaseException]:
        """As `_take_back`, awaiting the finalizer."""
        self._return(holder, loan)
        if loan._entry.finalizer is None:
            return ()
        outcome = Outcome(leaving)
        await adrive(self._drop([loan], "", outcome), outcome, None)
        return outcome.errors

    def _return(self, holder: Holder[Any], loan: Holder[Any]) -> Book:
        book, guard = self._guarding(), holder._entry.guard
        if loan._entry.finalizer is not None:
            book.due[place_of(loan)] = loan  # first: there it is found, whatever comes from outside
        book.take_back(holder._id, loan)
        if guard is not None:
            with suppress(Exception):  # a clock that fails is told at the next lookup: the finalizer runs all the same
                guard.use()
        return book
