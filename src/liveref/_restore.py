"""Resuming: the refs of a snapshot, live again in a registry."""

from __future__ import annotations

from itertools import pairwise
from time import monotonic
from typing import Final, cast

from liveref._contents import Contents, Dropping, Kind
from liveref._entry import Entry
from liveref._finalize import Finalizer, Outcome, drive, finalize
from liveref._key import RegistryKey, make_bare_keys, make_key
from liveref._marker import redact
from liveref._opening import Opening
from liveref._recipe import named_recipe
from liveref._serializer import Serializer, serializer_tagged
from liveref._snapshot import SessionSnapshot
from liveref._store import Store
from liveref._stream import first_bad_item, load_stream
from liveref._tag import readable
from liveref.exceptions import CapacityExceededError, LiveRefError, RefLoadError

__all__ = ["restore"]

_CARRY: Final = "it outlives the run and was not carried over: pass carry= to Session.resume"


def restore(snapshot: SessionSnapshot, store: Store, carry: Store | None) -> None:
    """Put the refs of a snapshot into an empty registry, under their keys.

    Args:
        snapshot: the snapshot.
        store: the registry. If this raises, it holds some of them, which are the caller's to close.
        carry: the registry that holds the refs which the snapshot expects.

    Raises:
        CapacityExceededError: they do not fit.
        UnknownTypeTagError, SnapshotVersionError: a recipe or serializer is not registered, or in an older version.
        ReopenError: a recipe raised whose object a pickle holds.
        RefLoadError: one of them can't be loaded.
    """
    restoring = _Restoring(snapshot._contents, store, carry)
    try:
        restoring.load(snapshot)
    except BaseException as error:
        for kind in restoring.abandon():
            error.add_note(f"Closing what had been restored raised {kind}.")
        raise
    restoring.insert()


class _Restoring:
    """One resume. Objects go by their number in the snapshot."""

    def __init__(self, contents: Contents, store: Store, carry: Store | None) -> None:
        if len(contents.ids) > store._capacity:
            raise CapacityExceededError(store._capacity)
        self._contents: Final = contents
        self._store: Final = store
        self._carry: Final = carry
        self._born: Final = monotonic()
        self._serializers: Final = [serializer_tagged(*use) for use in contents.serializers]
        self._rows: dict[int, int] | None = None
        self._data: Final = self._slices()
        self._carried: Final = self._find_carried()
        self._openings: Final = self._find_openings()
        self._loaded: Final[dict[int, object]] = {}
        self._plain: Final = [Entry(self._born, None, 0, lifetime) for lifetime in contents.lifetime_names]
        self._finalizers: Final[dict[int, Finalizer]] = {}
        self._owned: Final[set[int]] = set()

    def load(self, snapshot: SessionSnapshot) -> None:
        """Load what is pickled, and what has a serializer."""
        pickled = self._contents.of_kind(Kind.PICKLE)
        if pickled:
            values = self._load_pickles(pickled, snapshot)
            if type(values) is not list or len(cast("list[object]", values)) != len(pickled):
                raise self._failed(pickled[0], "its pickle holds something else")
            self._loaded.update(zip(pickled, cast("list[object]", values), strict=True))
        for number in self._data:
            self._deserialized(number)

    def _load_pickles(self, pickled: list[int], snapshot: SessionSnapshot) -> object:
        stream = self._contents.stream
        find = self._stand_in if len(pickled) < len(self._contents.kinds) else None
        try:
            return load_stream(stream, snapshot._fresh_buffers(), find)
        except LiveRefError:
            raise
        except Exception as error:  # noqa: BLE001  of a pickle: its text may hold an object
            reason = f"loading its pickle raised {readable(type(error))}"
        number = first_bad_item(stream, snapshot._fresh_buffers(), self._stand_in)
        raise self._failed(pickled[min(number, len(pickled) - 1)], reason)

    def insert(self) -> None:
        """Give each ref its place; those that are carried over come last."""
        contents = self._contents
        plain = len(self._loaded) == len(contents.kinds) and not self._finalizers
        self._store._fill(self._plain_refs() if plain else self._refs())
        self._store._dropped |= contents.dropped
        if self._carry is not None:
            held, carried = self._carry._refs, [row for row, at in enumerate(contents.objects) if at in self._carried]
            for row in sorted(carried, key=lambda row: contents.ids[row] not in held):
                self._bring(row, self._carry)

    def _plain_refs(self) -> list[RegistryKey[object]]:
        """The refs of a snapshot of nothing but values, which are most: each costs a third of one of `_refs`."""
        contents, loaded, plain = self._contents, self._loaded, self._plain
        refs = make_bare_keys(len(contents.ids))
        for ref, uid, at, lifetime in zip(refs, contents.ids, contents.objects, contents.lifetimes, strict=True):
            value = loaded[at]
            ref._id = uid
            ref._info = type(value)
            ref._value = value
            ref._entry = plain[lifetime]
        return refs

    def _refs(self) -> list[RegistryKey[object]]:
        refs: list[RegistryKey[object]] = []
        for row, (uid, at) in enumerate(zip(self._contents.ids, self._contents.objects, strict=True)):
            if at in self._loaded:
                ref = make_key(uid, type(self._loaded[at]))
                ref._value = self._loaded[at]
                ref._entry = self._owning_entry(row, at) if at in self._finalizers else self._plain_entry(row)
                refs.append(ref)
            elif at in self._openings:
                ref = make_key(uid, object)
                ref._entry = self._owning_entry(row, at)
                refs.append(ref)
            elif at not in self._carried:
                self._drop(row)
        return refs

    def _plain_entry(self, row: int) -> Entry:
        return self._plain[self._contents.lifetimes[row]]

    def abandon(self) -> list[str]:
        """Close what was loaded and opened, for nobody will get it; the types of what that raised."""
        duties = [(finalizer, self._loaded[at]) for at, finalizer in self._finalizers.items()]
        duties += [(opening.finalizer, None) for opening in self._openings.values() if opening.finalizer is not None]
        outcome = Outcome()
        drive(finalize(duties, outcome))
        return [readable(type(error)) for error in outcome.errors]

    def _slices(self) -> dict[int, memoryview]:
        """The bytes of each serialized object."""
        whole, spans = memoryview(self._contents.data), pairwise([0, *self._contents.ends])
        serialized = self._contents.of_kind(Kind.SERIALIZER)
        return {at: whole[start:end] for at, (start, end) in zip(serialized, spans, strict=True)}

    def _find_carried(self) -> dict[int, RegistryKey[object]]:
        """A ref to each expected object that the other registry holds."""
        expected = set(self._contents.of_kind(Kind.EXPECTED))
        found: dict[int, RegistryKey[object]] = {}
        if self._carry is None or not expected:
            return found
        for uid, at in zip(self._contents.ids, self._contents.objects, strict=True):
            ref = self._carry._refs.get(uid) if at in expected else None
            if ref is not None:
                found.setdefault(at, ref)
        return found

    def _find_openings(self) -> dict[int, Opening]:
        openings: dict[int, Opening] = {}
        for at in self._contents.of_kind(Kind.RECIPE) + self._contents.of_kind(Kind.EXPECTED):
            call = self._contents.recipe_of(at)
            if call is not None and at not in self._carried:
                openings[at] = Opening(named_recipe(*call), self._contents.tag_of(self._first_row(at)))
        return openings

    def _first_row(self, at: int) -> int:
        if self._rows is None:
            rows = range(len(self._contents.objects))
            self._rows = dict(zip(reversed(self._contents.objects), reversed(rows), strict=True))
        return self._rows[at]

    def _stand_in(self, number: object) -> object:
        """The object that a pickle refers to."""
        kinds = self._contents.kinds
        if type(number) is not int or not 0 <= number < len(kinds) or kinds[number] == Kind.PICKLE:
            raise self._failed(0, "its pickle refers to an object that is not there")
        if number in self._carried and self._carry is not None:
            return self._carry._found(self._carried[number])[1]
        if number in self._openings:
            return self._openings[number].open()
        if number in self._data:
            return self._deserialized(number)
        raise self._failed(number, f"a pickle refers to it, and {_CARRY}")

    def _deserialized(self, at: int) -> object:
        if at not in self._loaded:
            serializer = self._serializers[self._contents.details[at]]
            self._loaded[at] = self._deserialize(at, serializer)
            if serializer.finalizer is not None:
                self._finalizers[at] = Finalizer(serializer.finalizer)
        return self._loaded[at]

    def _deserialize(self, at: int, serializer: Serializer) -> object:
        try:
            value: object = serializer.load(bytes(self._data[at]))
        except Exception as error:  # noqa: BLE001  user code; its text may hold an object
            raise self._failed(at, f"serializer {serializer.tag!r} raised {readable(type(error))}") from None
        if type(value) is serializer.cls:
            return value
        found = f"serializer {serializer.tag!r} gave {readable(type(value))}, not {readable(serializer.cls)}"
        raise self._failed(at, found)

    def _failed(self, at: int, reason: str) -> RefLoadError:
        row = self._first_row(at)
        what = f"ref {redact(self._contents.ids[row])} ({self._contents.tag_of(row)}) can't be restored: {reason}"
        return RefLoadError(what, "Nothing was resumed: mend the cause and resume again.")

    def _owning_entry(self, row: int, at: int) -> Entry:
        """The entry of a ref whose object has a finalizer, which all its refs share, or a recipe."""
        opening = self._openings.get(at)
        finalizer = self._finalizers.get(at) if opening is None else opening.finalizer
        if finalizer is not None and at in self._owned:
            finalizer.share()
        self._owned.add(at)
        lifetime = self._contents.lifetime_names[self._contents.lifetimes[row]]
        recipe = None if opening is None else opening.recipe
        return Entry(self._born, None, 0, lifetime, finalizer, recipe, opening)

    def _drop(self, row: int) -> None:
        contents = self._contents
        dropping = Dropping(contents.tag_of(row), contents.policy, contents.when, _CARRY)
        self._store._dropped[contents.ids[row]] = dropping

    def _bring(self, row: int, carry: Store) -> None:
        """Move a ref over; where it is but another key of an object that was, insert it."""
        at = self._contents.objects[row]
        ref = carry._refs.get(self._contents.ids[row])
        if ref is not None and carry._move(ref, self._store, ref._entry):
            return
        found = self._store._live(self._carried[at])
        if found is None:
            self._drop(row)
        else:
            key = make_key(self._contents.ids[row], type(found[1]))
            key._value, key._entry = found[1], self._plain_entry(row)
            self._store._fill([key])
