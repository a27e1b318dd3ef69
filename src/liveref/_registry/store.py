"""The state of a registry and the few operations that change it.

There is no lock. Every change is one operation of a dict or list, which the interpreter makes atomic; so
``__del__``, weakref callbacks and signal handlers may come in anywhere, and there is nothing that a fork could
leave locked. What is removed from ``_refs`` belongs to who removed it.

An exception may come from outside between two bytecodes, as KeyboardInterrupt does, or at an allocation. So what
is held is counted, never noted down; what goes is taken out and finalized in one step, `Finalizer.end`; and what
moves stands in both registries before it goes from the first.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from inspect import isawaitable
from itertools import islice
from operator import attrgetter
from sys import maxsize
from time import monotonic
from types import FrameType
from typing import Any, Final, Self

from liveref._hints.info import ClassInfo, Sealed, check_of, class_of, hint_of, mismatch, tag_of
from liveref._key import RegistryKey
from liveref._policy import LASTING, RefLifetime, lifetime_row
from liveref._recipe import Recipe
from liveref._registry.departures import Departure, Departures
from liveref._registry.entry import Entry, Holder, enter, fill, hold, let_go
from liveref._registry.finalize import FASTER, Finalizer, dismiss
from liveref._registry.moment import by_object
from liveref._registry.outcome import Outcome, Pending, Steps
from liveref._registry.pin import duty_of
from liveref._registry.resolver import Resolver, require_resolver, resolve
from liveref._snapshot.contents import Dropping
from liveref._text.ids import fresh_id
from liveref._text.marker import redact
from liveref._text.tag import printable, readable
from liveref._typing import MISSING
from liveref.exceptions import (
    CapacityExceededError,
    DuplicateKeyError,
    InvalidArgumentError,
    RefDroppedError,
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    counted,
)

__all__ = ["Store", "witness"]

_SHUT: Final = -1
_ID: Final[Callable[[RegistryKey[object]], bytes]] = attrgetter("_id")

witness: Final[ContextVar[Callable[[Store], object] | None]] = ContextVar("liveref_witness", default=None)
"""Is told of each registry that is made: so the pytest plugin knows those of a test."""


class Store:
    """The refs of one registry, in the order of their inserts."""

    __slots__ = (
        "__weakref__",
        "_capacity",
        "_closed",
        "_dropped",
        "_gone",
        "_latest",
        "_parent",
        "_refs",
        "_resolver",
        "_room",
    )

    _refs: dict[bytes, Holder[Any]]
    """The live refs: for each id the key that the insert returned, which holds the value."""
    _room: int
    """Refs up to which an insert goes the short way: the capacity, and less than none once the registry is closed."""
    _gone: Departures
    _dropped: dict[bytes, Dropping]
    """The refs that snapshots left out on the way here."""

    def __init__(self, capacity: int, resolver: Resolver | None = None) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            shown = str(capacity) if isinstance(capacity, int) else readable(type(capacity))
            raise InvalidArgumentError("capacity", "an int of at least 1", shown)
        self._capacity: Final = capacity
        self._closed = False
        self._room = min(capacity, maxsize)
        self._refs = {}
        self._gone = Departures()
        self._dropped = {}
        self._parent: Self | None = None
        self._latest: Entry | None = None
        self._resolver: Final = require_resolver(resolver)
        told = witness.get()
        if told is not None:
            told(self)

    def _shut(self) -> None:
        """Take no refs any more."""
        self._closed = True
        self._room = _SHUT

    # How refs come.

    def _fresh_id(self) -> bytes:
        """The id of a new key; that of a home's registry says where it is."""
        return fresh_id()

    def _admit(self, operation: str) -> None:
        """Raise unless there is room for one more.

        Raises:
            CapacityExceededError: there is none.
            RegistryClosedError: the registry takes no refs any more.
        """
        if self._closed:
            raise RegistryClosedError(operation)
        if len(self._refs) >= self._capacity:
            raise CapacityExceededError(self._capacity)

    def _keep(self, holder: Holder[Any], operation: str) -> Holder[Any]:
        """Store a holder under its id, which is new here.

        Raises:
            CapacityExceededError, RegistryClosedError: as `_admit`.
        """
        refs = self._refs
        if len(refs) >= self._room:
            self._admit(operation)
        refs[holder._id] = holder
        if len(refs) > self._room:
            self._confirm(holder, operation)
        return holder

    def _confirm(self, holder: Holder[Any], operation: str) -> None:
        """Undo an insert that met a close, or others that took the last room, unless it has gone already."""
        uid = holder._id
        if not self._closed and uid in set(islice(self._refs.copy(), self._capacity)):
            return  # of those that came at the same time the first stay
        if self._refs.pop(uid, None) is None:
            return
        let_go(holder)
        raise RegistryClosedError(operation) if self._closed else CapacityExceededError(self._capacity)

    def _fill(self, holders: list[Holder[Any]]) -> None:
        """Take refs in, which have their value and entry, or an opening; they fit, and nobody else adds any yet."""
        self._refs.update(zip(map(_ID, holders), holders, strict=True))

    def _insert(
        self,
        value: object,
        info: ClassInfo | None,
        frame: FrameType | None,
        *,
        lifetime: RefLifetime,
        finalizer: Callable[..., object] | None,
        reopen: Recipe[object] | None,
    ) -> Holder[Any]:
        """Insert with all there is; the frame is that of who called the public method."""
        if info is not None:
            found = mismatch(value, info, full=True)
            if found is not None:
                raise RefTypeError("insert", None, readable(hint_of(info)), found, "Nothing was stored.")
        if not isinstance(lifetime, RefLifetime):
            raise InvalidArgumentError("lifetime", "a RefLifetime", readable(type(lifetime)))
        if finalizer is not None and not callable(finalizer):
            raise InvalidArgumentError("finalizer", "callable", readable(type(finalizer)))
        if getattr(finalizer, "__isabstractmethod__", False) is True:  # typing.TextIO.close closes nothing
            raise InvalidArgumentError("finalizer", "a method that does something", "an abstract one")
        if reopen is not None and not isinstance(reopen, Recipe):
            raise InvalidArgumentError("reopen", "a Recipe", readable(type(reopen)))
        duty = duty_of(value) if finalizer is None else Finalizer(finalizer)
        return self._keep_value(value, info, Entry.of_call(frame, lifetime, duty, reopen), "insert")

    def _keep_value(
        self, value: object, info: ClassInfo | None, entry: Entry, operation: str, uid: bytes = b""
    ) -> Holder[Any]:
        """Store a value under a new key."""
        holder = hold(uid or self._fresh_id(), class_of(value) if info is None else info, entry, value)
        if entry.finalizer is not None:
            entry.finalizer.share(holder._id)
        return self._keep(holder, operation)

    # How refs are found: in this registry alone or in its parents too, with their value or without.

    def _find(self, uid: bytes, *, parents: bool) -> Holder[Any] | None:
        """A ref, whether its recipe has opened it or not."""
        found = self._refs.get(uid)
        return self._find_above(uid) if found is None and parents and self._parent is not None else found

    def _find_above(self, uid: bytes) -> Holder[Any] | None:
        """A ref of this registry or its parents; one that moves down meanwhile is found where it came to."""
        known: set[Departure] = set()
        while True:
            for store in self._lineage():
                found = store._refs.get(uid)
                if found is not None:
                    return found
            gone = {left for store in self._lineage() if (left := store._gone.find(uid)) is not None}
            if gone == known:
                return None
            known = gone

    def _lineage(self) -> list[Store]:
        """The registry and its parents."""
        return [self] if self._parent is None else [self, *self._parent._lineage()]

    def _by_object(self) -> dict[int, Holder[Any]]:
        """The first ref of each object that a lookup finds, by the id of the object; O(refs)."""
        return by_object([store._refs for store in self._lineage()])

    def _open(self, uid: bytes, *, parents: bool) -> tuple[Holder[Any], object] | None:
        """A ref and its value, which its recipe opens now if it has to.

        Raises:
            ReopenError: the recipe failed.
        """
        holder = self._find(uid, parents=parents)
        if holder is None:
            return None
        try:
            return holder, holder._value
        except AttributeError:
            opening = holder._entry.opening
        if opening is None:  # it goes in this very moment
            return None
        value = opening.open()
        fill(holder, value)
        if self._find(uid, parents=parents) is holder:
            return holder, value
        let_go(holder)  # it went meanwhile, or moved on
        return self._open(uid, parents=parents)

    def _held(self, key: RegistryKey[object], *, parents: bool) -> tuple[Holder[Any], object]:
        """As `_open`, for a key.

        Raises:
            RefLookupError: it is not here.
            ReopenError: the recipe failed.
        """
        uid = id_of(key)
        found = self._open(uid, parents=parents)
        if found is None:
            raise self._absence(uid)
        return found

    def _look_up(self, key: RegistryKey[object], info: ClassInfo | None, default: object) -> object:
        """What `get` does, with all its cases and errors."""
        uid = id_of(key)
        found = self._open(uid, parents=True)
        if found is not None:
            self._check("get", *found, key._info if info is None else info)
            return found[1]
        if self._resolver is not None:
            return resolve(self._resolver, key, info, default, self._absence(uid))
        if default is MISSING:
            raise self._absence(uid)
        if (dropped := self._dropping(uid)) is not None:
            raise dropped
        return default

    def _absence(self, uid: bytes) -> RefLookupError:
        """Why a ref is not there."""
        if (dropped := self._dropping(uid)) is not None:
            return dropped
        store: Store | None = self
        while store is not None:
            gone = store._gone.find(uid)
            if gone is not None:
                _, how, when = gone
                return RefReleasedError(redact(uid), how, monotonic() - when)
            store = store._parent
        return RefNotFoundError(redact(uid), len(self._refs))

    def _dropping(self, uid: bytes) -> RefDroppedError | None:
        """The error of a ref that a snapshot dropped; None where none did."""
        store: Store | None = self
        while store is not None:
            if uid in store._dropped:
                return RefDroppedError(redact(uid), *map(printable, store._dropped[uid]))
            store = store._parent
        return None

    def _check(
        self, operation: str, holder: Holder[Any], value: object, info: ClassInfo, *, full: bool = False
    ) -> None:
        """Raise RefTypeError unless the value of a ref fits."""
        if isinstance(check_of(info), Sealed):
            if tag_of(info) != tag_of(holder._info):
                raise RefTypeError(operation, redact(holder._id), tag_of(info), tag_of(holder._info))
            info = holder._info
        found = mismatch(value, info, full=full)
        if found is not None:
            raise RefTypeError(operation, redact(holder._id), readable(hint_of(info)), found)

    def _end(self, holder: Holder[Any], how: str, leaving: BaseException | None = None) -> object:
        """Take a ref out and run its finalizer.

        Args:
            holder: the ref.
            how: the way it goes.
            leaving: the exception that leaves the session's body, for the exit of a context.

        Returns:
            What the finalizer returned, or `FASTER` where somebody else has taken the ref.
        """
        uid = holder._id
        self._gone.append((uid, how, monotonic()))  # first: there is no moment between
        finalizer = holder._entry.finalizer
        if finalizer is None:
            result: object = FASTER if self._refs.pop(uid, None) is None else None
        else:
            try:
                result = finalizer.end(self._refs, holder, leaving)
            except BaseException:
                if finalizer.is_done():  # else the exception came before the call, and the ref is still there
                    let_go(holder)
                raise
        if result is not FASTER:
            let_go(holder)
        return result

    def _release(self, holder: Holder[Any]) -> bool:
        opening, finalizer = holder._entry.opening, holder._entry.finalizer
        known = opening.is_asynchronous() if opening is not None else finalizer and finalizer.is_asynchronous()
        if known:
            raise TypeError(f"ref {redact(holder._id)} stays, for its finalizer is asynchronous: await arelease(key)")
        result = self._end(holder, "released")
        if result is not None and isawaitable(result):
            raise dismiss(result)
        return result is not FASTER

    def _restore(self, holder: Holder[Any], value: object) -> None:
        """Undo a removal that was interrupted."""
        fill(holder, value)
        if holder._entry.finalizer is not None:
            holder._entry.finalizer.rejoin(holder._id)
        self._refs[holder._id] = holder

    def _unopened(self, key: RegistryKey[object], operation: str) -> tuple[Holder[Any], list[object]]:
        """A ref of this registry, and a list of its value, checked; an empty one where no recipe has opened it yet."""
        holder = self._find(id_of(key), parents=False)
        if holder is not None and holder._entry.opening is not None and not hasattr(holder, "_value"):
            return holder, []
        holder, value = self._held(key, parents=False)
        self._check(operation, holder, value, key._info)
        return holder, [value]

    def _clone(self, holder: Holder[Any], value: list[object]) -> Holder[Any]:
        """A new key of a ref, with what `_unopened` says of its value.

        Raises:
            RefLookupError: it went meanwhile.
        """
        uid, finalizer = self._fresh_id(), holder._entry.finalizer
        try:
            if finalizer is not None:
                finalizer.share(uid)
            if self._refs.get(holder._id) is holder:  # else it went before its finalizer was shared
                return self._keep(hold(uid, holder._info, holder._entry, *value), "clone_ref")
        except BaseException:
            self._disown(finalizer, uid, value)
            raise
        self._disown(finalizer, uid, value)
        raise self._absence(holder._id)

    def _disown(self, finalizer: Finalizer | None, uid: bytes, value: list[object]) -> None:
        """Take back the share of a clone that was not stored: the ref may have left its duty to it meanwhile."""
        if finalizer is not None and uid not in self._refs and finalizer.leave(uid):
            finalizer.finish(*value)

    def _move(self, holder: Holder[Any], to: Store, entry: Entry) -> bool:
        """Hand a ref to another store under the same key; False if it went meanwhile. All or nothing."""
        uid, before = holder._id, holder._entry
        if uid in to._refs:
            raise DuplicateKeyError(redact(uid))
        to._admit("transfer_ref")
        try:
            to._refs.setdefault(uid, holder)
            if to._refs.get(uid) is not holder or len(to._refs) > to._room:
                to._confirm_moved(holder)
            enter(holder, entry)
            self._gone.append((uid, "transferred", monotonic()))
            return self._refs.pop(uid, None) is not None or to._give_back(holder)
        except BaseException:
            if self._refs.get(uid) is holder and to._refs.get(uid) is holder:
                to._give_back(holder)
                enter(holder, before)
            raise

    def _confirm_moved(self, holder: Holder[Any]) -> None:
        """Raise where a move met a close, or another ref of the same key, or others that took the last room."""
        if self._closed:
            raise RegistryClosedError("transfer_ref")
        if self._refs.get(holder._id) is not holder:
            raise DuplicateKeyError(redact(holder._id))
        if holder._id not in set(islice(self._refs.copy(), self._capacity)):
            raise CapacityExceededError(self._capacity)

    def _give_back(self, holder: Holder[Any]) -> bool:
        """Undo the arrival of a ref; always False."""
        self._refs.pop(holder._id, None)
        return False

    def _purge(self, outcome: Outcome, how: str) -> Steps:
        """Drop all refs, last in first out, and run their finalizers."""
        return self._drop(reversed(self._refs.copy().values()), how, outcome)

    def _finish(self, outcome: Outcome) -> Steps:
        """End with the session: take no refs any more, hand over what the parent takes, drop what does not last."""
        self._shut()
        if self._parent is not None:
            self._hand_over(self._parent, outcome)
        ending = [holder for holder in self._refs.copy().values() if holder._entry.lifetime not in LASTING]
        yield from self._drop(reversed(ending), "session ended", outcome)

    def _hand_over(self, parent: Store, outcome: Outcome) -> None:
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

    def _drop(self, holders: Iterable[Holder[Any]], how: str, outcome: Outcome) -> Steps:
        """Drop refs one by one, each just before its finalizer runs, whatever that raises."""
        for holder in holders:
            finalizer, seen = holder._entry.finalizer, outcome.error
            try:
                result = self._end(holder, how, seen)
                if result is FASTER:
                    continue
                outcome.count += 1
                if result is not None and finalizer is not None and isawaitable(result):
                    result = yield Pending(result, finalizer.place)
                if result and finalizer is not None and finalizer.is_exit:
                    outcome.error = None  # the hook swallows the exception, as in contextlib.ExitStack
            except BaseException as error:  # noqa: BLE001  all of them are raised at the end
                if error is not seen:
                    outcome.errors.append(error)
                    tell(error, holder)
                if finalizer is not None and finalizer.is_exit:
                    outcome.error = error

    def __del__(self) -> None:
        try:
            holders = list(self._refs.values())
        except AttributeError:  # __init__ has raised
            return
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


def tell(error: BaseException, holder: Holder[Any]) -> None:
    """Note on what a finalizer raised whose it was."""
    note = f"finalizer of ref {redact(holder._id)} ({tag_of(holder._info)}, inserted at {holder._entry.origin()})"
    with suppress(Exception):  # notes of its own may be no list
        BaseException.add_note(error, note)  # a class may have its own add_note, which is user code


def id_of(key: RegistryKey[object]) -> bytes:
    """The id of a key.

    Raises:
        RefTypeError: it is no key.
    """
    if type(key) is not RegistryKey:
        advice = "A text or a marker becomes a key by RegistryKey.parse(text, hint) or from_marker(marker, hint)."
        raise RefTypeError("lookup", None, "a RegistryKey", readable(type(key)), advice)
    return key._id


def require_methods(cm: object, *methods: str) -> None:
    """Raise InvalidArgumentError unless a context manager has these methods."""
    if not all(hasattr(type(cm), method) for method in methods):
        raise InvalidArgumentError("cm", f"a context manager with {' and '.join(methods)}", readable(type(cm)))
