"""The state of a registry and the few operations that change it.

There is no lock. Every change is one operation of a dict, list or deque, which the interpreter
makes atomic; so ``__del__``, weakref callbacks and signal handlers may come in anywhere, and there
is nothing that a fork could leave locked. What is removed from ``_refs`` belongs to who removed it.
"""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from itertools import islice, repeat, tee
from operator import attrgetter
from time import monotonic
from typing import Final, NamedTuple, Never, Self

from liveref._hints.info import ClassInfo, Sealed, check_of, class_of, hint_of, mismatch, tag_of
from liveref._key import RegistryKey, make_key
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.entry import Entry
from liveref._registry.finalize import Finalizer, Outcome, Steps, finalize
from liveref._registry.guards import Opening
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
)

__all__ = ["State", "Store", "witness"]

_REMEMBERED: Final = 10_000
_TOKENS: Final = 64
_ID: Final[Callable[[RegistryKey[object]], bytes]] = attrgetter("_id")
_ENTRY: Final[Callable[[RegistryKey[object]], Entry]] = attrgetter("_entry")
_VALUE: Final[Callable[[RegistryKey[object]], object]] = attrgetter("_value")

witness: Final[ContextVar[Callable[[Store], object] | None]] = ContextVar("liveref_witness", default=None)
"""Is told of each registry that is made: so the pytest plugin knows those of a test."""


class State(NamedTuple):
    """The refs of one moment, in the order of their inserts, with what belongs to each.

    Attributes:
        refs: their home keys.
        entries: what is known of them.
        values: the objects; for one that was not opened yet, its opening.
    """

    refs: list[RegistryKey[object]]
    entries: list[Entry]
    values: list[object]


class Store:
    """The refs of one registry, in the order of their inserts."""

    __slots__ = (
        "__weakref__",
        "_capacity",
        "_closed",
        "_dropped",
        "_free",
        "_gone",
        "_latest",
        "_parent",
        "_refs",
        "_unissued",
    )

    _refs: dict[bytes, RegistryKey[object]]
    """The live refs: for each id the key that the insert returned, which holds the value."""
    _free: list[None]
    """A token for each ref that may still be inserted: to pop one is to have room, exactly."""
    _unissued: repeat[None]
    """The tokens that are not in ``_free`` yet, so that a large capacity costs nothing."""
    _gone: deque[tuple[bytes, str, float]]
    """The last departures: the id, how it went, and when, in seconds of the monotonic clock."""
    _dropped: dict[bytes, Dropping]
    """The refs that snapshots left out on the way here."""

    def __init__(self, capacity: int) -> None:
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            shown = str(capacity) if isinstance(capacity, int) else readable(type(capacity))
            raise InvalidArgumentError("capacity", "an int of at least 1", shown)
        self._capacity: Final = capacity
        self._refs = {}
        self._free = []
        self._unissued = repeat(None, min(capacity, sys.maxsize))
        self._gone = deque(maxlen=_REMEMBERED)
        self._dropped = {}
        self._closed = False
        self._parent: Self | None = None
        self._latest: Entry | None = None
        told = witness.get()
        if told is not None:
            told(self)

    def _admit(self, operation: str) -> None:
        """Take the room of one ref.

        Raises:
            CapacityExceededError: there is none.
            RegistryClosedError: the registry takes no refs any more.
        """
        if self._closed:
            raise RegistryClosedError(operation)
        while True:
            exhausted = not self._unissued.__length_hint__()  # asked first: what is issued later is tried for
            try:
                self._free.pop()
            except IndexError:
                if exhausted:
                    break
                self._free.extend(islice(self._unissued, _TOKENS))
            else:
                return
        raise CapacityExceededError(self._capacity)

    def _keep(self, value: object, info: ClassInfo, entry: Entry, operation: str) -> RegistryKey[Never]:
        """Store a value under a new key."""
        self._admit(operation)
        key = make_key(fresh_id(), info)
        key._entry = entry
        if value is not MISSING:  # a clone of what its recipe has not opened
            key._value = value
        self._refs[key._id] = key
        if self._closed:
            self._withdraw(key, operation)
        return key

    def _fill(self, keys: list[RegistryKey[object]]) -> None:
        """Take refs in, which have their value and entry, or an opening; they fit, and nobody else adds any yet."""
        deque(islice(self._unissued, len(keys)), maxlen=0)
        self._refs.update(zip(map(_ID, keys), keys, strict=True))

    def _insert(
        self,
        value: object,
        info: ClassInfo | None,
        lifetime: RefLifetime,
        finalizer: Callable[..., object] | None,
        reopen: Recipe[object] | None,
    ) -> RegistryKey[object]:
        """Insert with all there is; called by a public method, whose caller is noted."""
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
        duty = None if finalizer is None else Finalizer(finalizer)
        entry = Entry.of_call(lifetime, duty, reopen)
        return self._keep(value, class_of(value) if info is None else info, entry, "insert")

    def _withdraw(self, key: RegistryKey[object], operation: str) -> None:
        """Undo an insert that met a close, unless that close has drained it already."""
        if self._refs.pop(key._id, None) is None:
            return
        _take_value(key)
        self._free.append(None)
        raise RegistryClosedError(operation)

    def _own(self, key: RegistryKey[object], operation: str) -> tuple[RegistryKey[object], object]:
        """The ref of a key in this registry, not in its parents, and its value, checked."""
        found = self._held(id_of(key))
        if found is None:
            raise self._absence(key)
        self._check(operation, key, *found, key._info, full=False)
        return found

    def _own_unopened(self, key: RegistryKey[object], operation: str) -> tuple[RegistryKey[object], object]:
        """As `_own`, but what its recipe has not opened stays so: then the value is MISSING."""
        ref = self._refs.get(id_of(key))
        if ref is None or ref._entry.opening is None or hasattr(ref, "_value"):
            return self._own(key, operation)
        return ref, MISSING

    def _held(self, uid: bytes) -> tuple[RegistryKey[object], object] | None:
        """A ref of this registry and its value, which a recipe may have to open first."""
        ref = self._refs.get(uid)
        if ref is None:
            return None
        try:
            return ref, ref._value
        except AttributeError:
            opening: Opening | None = ref._entry.opening
        return None if opening is None else self._opened(ref, opening)  # without one it goes in this very moment

    def _opened(self, ref: RegistryKey[object], opening: Opening) -> tuple[RegistryKey[object], object] | None:
        """A ref whose value its recipe opens now; None where it goes meanwhile."""
        value = opening.open()
        ref._value = value
        ref._info = class_of(value)
        if self._refs.get(ref._id) is ref:
            return ref, value
        with suppress(AttributeError):  # who removed it may have come by after the value was set
            del ref._value
        return None

    def _state(self) -> State:
        """The refs of one moment."""
        refs = list(self._refs.copy().values())
        with suppress(AttributeError):  # one of them has gone since, or was not opened yet
            return State(refs, list(map(_ENTRY, refs)), list(map(_VALUE, refs)))
        return self._state_at_once()

    def _state_at_once(self) -> State:
        """As `_state`, in one go: of 100,000 refs that come and go, some always go between two steps."""
        while True:
            refs, same = tee(self._refs.values())
            values = map(getattr, same, repeat("_value"), repeat(MISSING))
            with suppress(RuntimeError):  # the garbage collector ran code that changed the dict
                return _state_of(list(zip(refs, values, strict=True)))

    def _live(self, key: RegistryKey[object]) -> tuple[RegistryKey[object], object] | None:
        """The ref of a key and its value, here or in a parent."""
        uid = id_of(key)
        return next(filter(None, (store._held(uid) for store in self._lineage())), None)

    def _known(self, key: RegistryKey[object]) -> RegistryKey[object]:
        """The ref of a key, here or in a parent, opened or not; raises where there is none."""
        uid = id_of(key)
        ref = next(filter(None, (store._refs.get(uid) for store in self._lineage())), None)
        if ref is None:
            raise self._absence(key)
        return ref

    def _found(self, key: RegistryKey[object]) -> tuple[RegistryKey[object], object]:
        """As `_live`; raises where there is none."""
        found = self._live(key)
        if found is None:
            raise self._absence(key)
        return found

    def _look_up(self, key: RegistryKey[object], info: ClassInfo | None, default: object) -> object:
        """What `get` does, with all its cases and errors."""
        found = self._live(key)
        if found is not None:
            ref, value = found
            self._check("get", key, ref, value, key._info if info is None else info, full=False)
            return value
        absence = self._dropping(key) if default is not MISSING else self._absence(key)
        if absence is not None:
            raise absence
        return default

    def _lineage(self) -> Iterator[Store]:
        store: Store | None = self
        while store is not None:
            yield store
            store = store._parent

    def _absence(self, key: RegistryKey[object]) -> RefLookupError:
        """Why a key is not there."""
        dropped = self._dropping(key)
        if dropped is not None:
            return dropped
        for store in self._lineage():
            for uid, how, when in reversed(store._gone.copy()):
                if uid == key._id:
                    return RefReleasedError(redact(uid), how, monotonic() - when)
        return RefNotFoundError(redact(key._id), len(self._refs))

    def _dropping(self, key: RegistryKey[object]) -> RefDroppedError | None:
        """The error of a ref that a snapshot dropped; None where none did."""
        for store in self._lineage():
            gone = store._dropped.get(key._id)
            if gone is not None:
                facts = map(printable, (gone.type_tag, gone.policy, gone.when, gone.reason))
                return RefDroppedError(redact(key._id), *facts)
        return None

    def _take(self, ref: RegistryKey[object], how: str) -> tuple[Finalizer | None, object] | None:
        """Remove a ref: its finalizer and value, or None where someone else was faster."""
        self._gone.append((ref._id, how, monotonic()))  # before it goes: there is no moment between
        if self._refs.pop(ref._id, None) is None:
            return None
        value = _take_value(ref)
        self._free.append(None)
        return ref._entry.finalizer, value

    def _move(self, ref: RegistryKey[object], to: Store, entry: Entry) -> bool:
        """Hand a ref to another store under the same key; False if it went meanwhile. All or nothing."""
        uid = ref._id
        if uid in to._refs:
            raise DuplicateKeyError(redact(uid))
        to._admit("transfer_ref")
        self._gone.append((uid, "transferred", monotonic()))
        if self._refs.pop(uid, None) is None:
            to._free.append(None)
            return False
        refusal: Exception | None = None
        if to._refs.setdefault(uid, ref) is not ref:
            refusal = DuplicateKeyError(redact(uid))
        elif to._closed and to._refs.pop(uid, None) is not None:
            refusal = RegistryClosedError("transfer_ref")
        if refusal is not None:
            self._refs[uid] = ref
            to._free.append(None)
            raise refusal
        ref._entry = entry
        self._free.append(None)
        return True

    def _purge(self, outcome: Outcome, how: str, keep: Callable[[RefLifetime], bool]) -> Steps:
        """Drop the refs of all lifetimes but those to keep, last in first out, and run their finalizers."""
        refs = [ref for ref in self._refs.copy().values() if not keep(ref._entry.lifetime)]
        return finalize(self._duties(reversed(refs), how, outcome), outcome)

    def _duties(
        self, refs: Iterable[RegistryKey[object]], how: str, outcome: Outcome
    ) -> Iterator[tuple[Finalizer, object]]:
        """Remove refs one by one, each just before its finalizer runs."""
        for ref in refs:
            taken = self._take(ref, how)
            if taken is None:
                continue
            outcome.count += 1
            finalizer, value = taken
            if finalizer is not None and finalizer.give_up() and finalizer.is_of_this_process():
                yield finalizer, value

    def _check(
        self,
        operation: str,
        key: RegistryKey[object],
        ref: RegistryKey[object],
        value: object,
        info: ClassInfo,
        *,
        full: bool,
    ) -> None:
        """Raise RefTypeError unless the value of a ref fits."""
        if isinstance(check_of(info), Sealed):
            if tag_of(info) != tag_of(ref._info):
                raise RefTypeError(operation, redact(key._id), printable(tag_of(info)), printable(tag_of(ref._info)))
            info = ref._info
        found = mismatch(value, info, full=full)
        if found is not None:
            raise RefTypeError(operation, redact(key._id), readable(hint_of(info)), found)

    def __del__(self) -> None:
        try:
            refs = list(self._refs.values())
        except AttributeError:  # __init__ has raised
            return
        entries: list[Entry] = [ref._entry for ref in refs if hasattr(ref, "_value")]
        undone = [entry for entry in entries if entry.finalizer and entry.finalizer.is_of_this_process()]
        for ref in refs:
            _take_value(ref)
        if undone:
            places = ", ".join(sorted({entry.where() or "resume" for entry in undone})[:5])
            warnings.warn(
                f"a registry was collected with {len(undone)} finalizers not run, of refs inserted at {places}: "
                f"end its session, or close() it",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )


def _take_value(ref: RegistryKey[object]) -> object:
    """The value of a ref that goes; None where its recipe has not opened it."""
    try:
        value: object = ref._value
        del ref._value  # the key, which its owner may keep, keeps nothing alive
    except AttributeError:
        return None
    return value


def _state_of(found: list[tuple[RegistryKey[object], object]]) -> State:
    """A state of refs and their values; of those that are yet to be opened their openings."""
    rows = [(ref, _ENTRY(ref), value) for ref, value in found]
    openings = {id(opening): opening for _, entry, _ in rows if (opening := entry.opening) is not None}
    opened = {at: next(iter(opening.peek()), opening) for at, opening in openings.items()}  # once, for all its refs
    rows = [(ref, entry, opened.get(id(entry.opening), value)) for ref, entry, value in rows]
    rows = [row for row in rows if row[2] is not MISSING]  # else it goes in this very moment
    return State([ref for ref, _, _ in rows], [entry for _, entry, _ in rows], [value for _, _, value in rows])


def id_of(key: RegistryKey[object]) -> bytes:
    """The id of a key.

    Raises:
        RefTypeError: it is no key.
    """
    if type(key) is not RegistryKey:
        advice = "A text or a marker becomes a key by RegistryKey.parse(text, hint) or from_marker(marker, hint)."
        raise RefTypeError("lookup", None, "a RegistryKey", readable(type(key)), advice)
    return key._id
