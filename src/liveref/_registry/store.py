"""The state of a registry and the few operations that change it.

There is no lock. Every change is one operation of a dict or list, which the interpreter makes atomic; so
``__del__``, weakref callbacks and signal handlers may come in anywhere, and there is nothing that a fork could
leave locked. What is removed from ``_refs`` belongs to who removed it.

An exception may come from outside between two bytecodes, as KeyboardInterrupt does, or at an allocation. So what
is held is counted, never noted down; what goes is taken out and finalized in one step, `Finalizer.end`; and what
moves stands in both registries before it goes from the first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from itertools import islice
from operator import attrgetter
from sys import maxsize
from time import monotonic
from types import FrameType
from typing import Any, Final, Self, TypeVar

from liveref._hints.info import ClassInfo, Sealed, check_of, class_info, class_of, hint_of, mismatch, tag_of
from liveref._key import RegistryKey, new_object
from liveref._policy import DEFAULT_LIFETIME, RefLifetime
from liveref._recipe import AnyRecipe, AsyncRecipe, Recipe
from liveref._registry.departures import REMEMBERED, Departure, Departures, is_told
from liveref._registry.entry import Entry, Holder, fill, fitting, hold, let_go, place_of
from liveref._registry.finalize import Finalizer, closing
from liveref._registry.going import Going
from liveref._registry.leases import DEFAULTS, GUARDED, Book, Defaults, Expiry, Given, Guard, Seconds, Whose, guard_of
from liveref._registry.moment import Moment, Refs, by_object, moment_of
from liveref._registry.owners import ACTING, Owner
from liveref._registry.pin import duty_of
from liveref._registry.resolver import Resolver, require_resolver, resolve
from liveref._snapshot.contents import Dropping
from liveref._text.ids import fresh_id
from liveref._text.marker import redact
from liveref._text.tag import printable, readable
from liveref._text.telling import told
from liveref._typing import MISSING
from liveref.exceptions import (
    CapacityExceededError,
    InvalidArgumentError,
    RefDroppedError,
    RefExpiredError,
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
)

__all__ = ["SHUT", "Store", "id_of", "new_store", "witness"]

S = TypeVar("S", bound="Store")

SHUT: Final = -1
"""The room in a registry whose inserts all go the long way: it is closed, or gives its refs a guard."""
_NO_DEFAULT: Final = "It was asked for as None; to get None where it is gone, write get(key, default=None)."
_ID: Final[Callable[[RegistryKey[object]], bytes]] = attrgetter("_id")

witness: Final[ContextVar[Callable[[Store], object] | None]] = ContextVar("liveref_witness", default=None)
"""Is told of each registry that is made: so the pytest plugin knows those of a test."""


class Store(Going):
    """The refs of one registry, in the order of their inserts."""

    __slots__ = ("__weakref__", "_closed", "_dropped", "_latest", "_parent", "_resolver", "_room")

    _room: int
    """Refs up to which an insert goes the short way: the capacity, or `SHUT`."""
    _dropped: dict[bytes, Dropping]
    """The refs that snapshots left out on the way here."""

    def __init__(self, capacity: int, given: Given = DEFAULTS, resolver: Resolver | None = None) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            shown = str(capacity) if isinstance(capacity, int) else readable(type(capacity))
            raise InvalidArgumentError("capacity", "an int of at least 1", shown)
        self._capacity = capacity
        self._closed = False
        ttl, idle, owned, per_owner, clock = given
        is_plain = ttl is idle is per_owner is None and owned is False and clock is monotonic  # 0 equals False
        self._defaults = DEFAULTS if is_plain else Defaults(*given).checked()
        most = capacity if capacity < maxsize else maxsize  # noqa: FURB136  a tenth of the time of all this
        self._room = most if is_plain else SHUT
        self._book = None
        self._refs = {}
        self._gone = Departures((), REMEMBERED)
        self._dropped = {}
        self._parent: Self | None = None
        self._latest: Entry | None = None
        self._resolver: Final = None if resolver is None else require_resolver(resolver)
        watching = witness.get()
        if watching is not None:
            watching(self)

    # How refs come.

    _fresh_id: Callable[..., bytes] = staticmethod(fresh_id)
    """Gives the id of a new key; that of a home's registry says where it is."""

    def _admit(self, operation: str) -> None:
        """Raise unless there is room for one more.

        Raises:
            CapacityExceededError: there is none.
            RegistryClosedError: the registry takes no refs any more.
        """
        if self._closed:
            raise RegistryClosedError(operation)
        if len(self._refs) >= self._capacity and not self._make_room():
            raise CapacityExceededError(self._capacity)

    def _keep(self, holder: Holder[Any], operation: str) -> Holder[Any]:
        """Store a holder under its id, which is new here; of two that admit one marker at once the first stays.

        Raises:
            CapacityExceededError, RegistryClosedError: as `_admit`.
        """
        refs, guard = self._refs, holder._entry.guard
        if len(refs) >= self._room:
            self._admit(operation)
        if guard is None:
            refs.setdefault(holder._id, holder)
        else:
            self._make_share(guard)
            self._take_in(holder)
            book = self._guarding()
            book.enter(guard, holder)
            book.tidy(self._is_here)
        if self._closed or len(refs) > self._capacity:
            self._confirm(holder, operation)
        return holder

    def _take_in(self, holder: Holder[Any]) -> None:
        """Hold a ref, out of the fast paths' sight where it has a guard.

        Raises:
            CapacityExceededError: its owner has as many already as one may have.
        """
        place, guard = place_of(holder), holder._entry.guard
        if guard is None or guard.owner is None:
            self._refs.setdefault(place, holder)
            return
        book = self._guarding()
        with book.turn():
            self._check_share(book, guard.owner)
            if self._refs.setdefault(place, holder) is holder:
                book.join(guard.owner, place)

    def _check_share(self, book: Book, owner: Owner) -> None:
        """Raise where an owner has as many refs as one may have."""
        most, share = self._defaults.per_owner, book.share_of(owner)
        if most is None or len(share) < most:
            return
        share.difference_update([place for place in share if place not in self._refs])
        if len(share) >= most:
            raise CapacityExceededError(most, "owner")

    def _confirm(self, holder: Holder[Any], operation: str) -> None:
        """Undo an insert that met a close, or others that took the last room, unless it has gone already."""
        place, refs = place_of(holder), self._refs
        while True:
            if not self._closed and place in set(islice(refs.copy(), self._capacity)):
                return  # of those that came at the same time the first stay
            if not self._is_here(holder) or refs.pop(place, None) is None:
                return
            if self._closed or len(refs) >= self._capacity:
                break
            refs[place] = holder  # another went meanwhile, whose room would else be free though this one was refused
        self._left(holder)
        let_go(holder)
        raise RegistryClosedError(operation) if self._closed else CapacityExceededError(self._capacity)

    def _fill(self, holders: list[Holder[Any]]) -> None:
        """Take refs in, which have their value and entry, or an opening; they fit, and nobody else adds any yet."""
        self._refs.update(zip(map(_ID, holders), holders, strict=True))

    def _fill_guarded(self, holders: list[Holder[Any]]) -> None:
        """As `_fill`, of refs some of which have a guard."""
        for holder in holders:
            self._keep(holder, "resume")

    def _insert(
        self,
        value: object,
        frame: FrameType | None,
        hint: object = MISSING,
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        finalizer: Callable[..., object] | None = None,
        reopen: AnyRecipe[object] | None = None,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> Holder[Any]:
        """Insert with all there is; the frame is that of who called the public method."""
        info = None if hint is MISSING else fitting(value, class_info(hint))
        if lifetime is not DEFAULT_LIFETIME and not isinstance(lifetime, RefLifetime):
            raise InvalidArgumentError("lifetime", "a RefLifetime", readable(type(lifetime)))
        if reopen is not None and not isinstance(reopen, Recipe | AsyncRecipe):
            raise InvalidArgumentError("reopen", "a recipe", readable(type(reopen)))
        duty = duty_of(value) if finalizer is None else Finalizer(closing(finalizer))
        code, offset = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        plain = ttl is idle is owner is MISSING and self._defaults is DEFAULTS and ACTING.get() is None
        guard = None if plain else guard_of(ttl, idle, owner, self._defaults)
        entry = Entry(monotonic(), code, offset, lifetime, duty, reopen, None, guard)
        return self._keep_value(value, info, entry, "insert")

    def _keep_value(
        self, value: object, info: ClassInfo | None, entry: Entry, operation: str, uid: bytes = b""
    ) -> Holder[Any]:
        """Store a value under a new key."""
        holder = hold(uid or self._fresh_id(), class_of(value) if info is None else info, entry, value)
        if entry.finalizer is not None:
            entry.finalizer.share(holder._id)
        return self._keep(holder, operation)

    # How refs are found: in this registry alone or in its parents too, with their value or without.

    def _at(self, uid: bytes) -> Holder[Any] | None:
        """A ref of this registry, whoever asks."""
        return self._refs.get(uid) or self._refs.get(uid + GUARDED)

    def _reachable(self, uid: bytes) -> Holder[Any] | None:
        """A ref of this registry that who acts may end, expired or not."""
        found = self._at(uid)
        guard = None if found is None else found._entry.guard
        return found if guard is None or guard.is_visible() else None

    def _seen(self) -> Refs:
        """The refs that who acts may look up; where nobody does, all that have not expired."""
        if self._book is None:
            return self._refs
        owner = ACTING.get()
        return {
            place: holder
            for place, holder in self._refs.copy().items()
            if (guard := holder._entry.guard) is None or self._is_seen(holder, guard, owner)
        }

    def _is_seen(self, holder: Holder[Any], guard: Guard, owner: Owner | None) -> bool:
        return (owner is None or guard.owner in {None, owner}) and not self._is_over(holder, guard)

    def _to_write(self, uid: bytes) -> Holder[Any] | None:
        """A ref of this registry or its parents as a serializer finds it, which looks nothing up.

        Where nobody acts each ref is found, finding one is no use of it, and what has expired stays.
        """
        owner = ACTING.get()
        for store in self._lineage():
            holder = store._at(uid)
            guard = None if holder is None else holder._entry.guard
            if holder is not None and (guard is None or store._is_seen(holder, guard, owner)):
                return holder
        return None

    def _moment(self) -> Moment:
        """The refs that have not expired, whoever asks, as they are now."""
        if self._book is None:
            return moment_of(self._refs)
        refs = self._refs.copy().items()
        return moment_of(
            {place: ref for place, ref in refs if (guard := ref._entry.guard) is None or not self._is_over(ref, guard)}
        )

    def _find(self, uid: bytes, *, parents: bool, used: bool = False) -> Holder[Any] | None:
        """A ref that who acts may look up, whether its recipe has opened it or not.

        Args:
            uid: its id.
            parents: look in those too.
            used: count it as a use.
        """
        found = self._refs.get(uid)
        if found is None and self._book is not None:
            found = self._pass(uid, used=used)
        return self._find_above(uid, used=used) if found is None and parents and self._parent is not None else found

    def _pass(self, uid: bytes, *, used: bool) -> Holder[Any] | None:
        """A guarded ref, if its guard lets who acts pass; one that has expired goes now."""
        holder = self._refs.get(uid + GUARDED)
        guard = None if holder is None else holder._entry.guard
        if holder is None or guard is None:
            return None
        if not guard.is_visible():
            told("debug", "ref %s is another owner's: refused", redact(uid))
            return None
        if self._is_over(holder, guard):
            self._expire(holder, guard)
            return None
        if used:
            guard.use()
        return holder

    def _find_above(self, uid: bytes, *, used: bool) -> Holder[Any] | None:
        """A ref of this registry or its parents; one that moves down meanwhile is found where it came to."""
        known: set[Departure] = set()
        while True:
            for store in self._lineage():
                found = store._refs.get(uid) or store._pass(uid, used=used)
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
        return by_object([store._seen() for store in self._lineage()])

    def _open(self, uid: bytes, *, parents: bool, used: bool = False) -> tuple[Holder[Any], object] | None:
        """A ref and its value, which its recipe opens now if it has to.

        Raises:
            ReopenError: the recipe failed.
        """
        holder = self._find(uid, parents=parents, used=used)
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

    async def _aopen(self, key: RegistryKey[object]) -> None:
        """Let the recipe of a ref open it where that is asynchronous and has not run; nothing where it is not here."""
        holder = self._find(id_of(key), parents=True)
        if holder is not None and holder._entry.opening is not None and not hasattr(holder, "_value"):
            await holder._entry.opening.aopen()

    def _held(self, key: RegistryKey[object], *, parents: bool, used: bool = False) -> tuple[Holder[Any], object]:
        """As `_open`, for a key.

        Raises:
            RefLookupError: it is not here.
            ReopenError: the recipe failed.
        """
        uid = id_of(key)
        found = self._open(uid, parents=parents, used=used)
        if found is None:
            raise self._absence(uid)
        return found

    def _look_up(self, key: RegistryKey[object], info: ClassInfo | None, default: object) -> object:
        """What `get` does, with all its cases and errors."""
        if self._book is not None:
            try:  # a guarded ref that nothing is to be said about
                holder = self._refs[key._id + GUARDED]
                guard, value = holder._entry.guard, holder._value
                if guard is not None and isinstance(value, key._info if info is None else info) and guard.passes():
                    return value
            except Exception:  # noqa: BLE001, S110  told below, where there is time
                pass
        uid = id_of(key)
        found = self._open(uid, parents=True, used=True)
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
            if gone is not None and is_told(gone):
                how, ago = gone[1], monotonic() - gone[2]
                if isinstance(how, Expiry):
                    return RefExpiredError(redact(uid), *how, ago)
                return RefReleasedError(redact(uid), how, ago)
            store = store._parent
        return RefNotFoundError(redact(uid), self._count())

    def _count(self) -> int:
        """How many refs there are as far as who acts may know."""
        owner, book = ACTING.get(), self._book
        if owner is None or book is None:
            return len(self._refs)
        return max(len(self._refs) - book.owned() + len(book.share_of(owner)), 0)

    def _dropping(self, uid: bytes) -> RefDroppedError | None:
        """The error of a ref that a snapshot dropped; None where none did."""
        store: Store | None = self
        while store is not None:
            gone = store._dropped.get(uid)
            if gone is not None and gone.owner in {None, ACTING.get()}:
                return RefDroppedError(redact(uid), *map(printable, gone[:4]))
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
            advice = _NO_DEFAULT if operation == "get" and hint_of(info) is None else None
            raise RefTypeError(
                operation, redact(holder._id), readable(hint_of(info)), found.found, advice
            ) from found.cause

    def _restore(self, holder: Holder[Any], value: object) -> None:
        """Undo a removal that was interrupted."""
        fill(holder, value)
        if holder._entry.finalizer is not None:
            holder._entry.finalizer.rejoin(holder._id)
        self._refs[place_of(holder)] = holder

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
        uid, entry = self._fresh_id(), holder._entry
        finalizer = entry.finalizer
        if entry.guard is not None:
            entry = replace(entry, guard=entry.guard.twin())
        try:
            if finalizer is not None:
                finalizer.share(uid)
            if self._is_here(holder):  # else it went before its finalizer was shared
                return self._keep(hold(uid, holder._info, entry, *value), "clone_ref")
        except BaseException:
            self._disown(finalizer, uid, value)
            raise
        self._disown(finalizer, uid, value)
        raise self._absence(holder._id)

    def _disown(self, finalizer: Finalizer | None, uid: bytes, value: list[object]) -> None:
        """Take back the share of a clone that was not stored: the ref may have left its duty to it meanwhile."""
        if finalizer is not None and self._at(uid) is None and finalizer.leave(uid):
            finalizer.finish(*value)


def new_store(kind: type[S], capacity: int, given: Given, resolver: Resolver | None) -> S:
    """As the constructor of a registry, whose names cost a session a tenth."""
    made: S = new_object(kind)
    Store.__init__(made, capacity, given, resolver)
    return made


def id_of(key: RegistryKey[object]) -> bytes:
    """The id of a key.

    Raises:
        RefTypeError: it is no key.
    """
    if type(key) is not RegistryKey:
        advice = "A text or a marker becomes a key by RegistryKey.parse(text, hint) or from_marker(marker, hint)."
        raise RefTypeError("lookup", None, "a RegistryKey", readable(type(key)), advice)
    return key._id
