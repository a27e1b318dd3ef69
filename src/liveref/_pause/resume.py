"""Resuming: the refs of a snapshot in a registry, under their keys."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from time import monotonic
from typing import Any, Final, cast

from liveref import _recipe
from liveref._pause.serializer import Serializer, serializer_tagged
from liveref._policy import RefLifetime
from liveref._registry.entry import Entry, Holder, hold, hold_all
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from liveref._registry.store import Store
from liveref._snapshot.contents import Contents, Dropping, Kind
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._snapshot.stream import first_bad_item, load_stream
from liveref._text.marker import redact
from liveref._text.tag import readable
from liveref._typing import MISSING
from liveref.exceptions import CapacityExceededError, RefLoadError, ReopenError, SnapshotError

__all__ = ["NOT_CARRIED", "restore"]

NOT_CARRIED: Final = "it outlives the run and was not carried over: pass carry= to Session.resume"


class Revival:
    """The objects of one resume. They go by their number in the snapshot.

    Attributes:
        loaded: those that were pickled or serialized.
        finalizers: of those whose serializer has one.
        openings: of those that have a recipe.
        carried: for those that another registry holds, a ref to each.

    Raises:
        UnknownTypeTagError, SnapshotVersionError: a recipe or serializer is not registered, or in an older version.
    """

    def __init__(self, contents: Contents, carry: Store | None) -> None:
        self.loaded: Final[dict[int, object]] = {}
        self.finalizers: Final[dict[int, Finalizer]] = {}
        self._contents: Final = contents
        self._carry: Final = carry
        self._serializers: Final = [serializer_tagged(*use) for use in contents.serializers]
        self._data: Final = self._slices()
        self.carried: Final = {} if carry is None else self._find_carried(carry)
        self._rows: dict[int, int] | None = None
        self.openings: Final = self._find_openings()

    def _slices(self) -> dict[int, memoryview]:
        """The bytes of each serialized object."""
        whole, spans = memoryview(self._contents.data), pairwise([0, *self._contents.ends])
        serialized = self._contents.of_kind(Kind.SERIALIZER)
        return {at: whole[start:end] for at, (start, end) in zip(serialized, spans, strict=True)}

    def _find_carried(self, carry: Store) -> dict[int, Holder[Any]]:
        """A ref to each expected object that the other registry holds."""
        expected = set(self._contents.of_kind(Kind.EXPECTED))
        rows = zip(self._contents.ids, self._contents.objects, strict=True)
        refs = ((at, carry._refs.get(uid)) for uid, at in rows if at in expected) if expected else ()
        found: dict[int, Holder[Any]] = {}
        for at, ref in refs:
            if ref is not None:
                found.setdefault(at, ref)
        return found

    def _find_openings(self) -> dict[int, Opening]:
        openings: dict[int, Opening] = {}
        for at in self._contents.of_kind(Kind.RECIPE) + self._contents.of_kind(Kind.EXPECTED):
            call = self._contents.recipe_of(at)
            if call is not None and at not in self.carried:
                openings[at] = Opening(_recipe.recipe(*call), self._contents.tag_of(self._first_row(at)))
        return openings

    def load(self, snapshot: SessionSnapshot) -> None:
        """Load what is pickled, and what has a serializer.

        Raises:
            ReopenError: a recipe raised whose object a pickle holds.
            RefLoadError: one of them can't be loaded.
        """
        pickled = self._contents.of_kind(Kind.PICKLE)
        if pickled:
            values = self._load_pickles(pickled, snapshot)
            if type(values) is not list or len(cast("list[object]", values)) != len(pickled):
                raise self._failed(pickled[0], "its pickle holds something else")
            self.loaded.update(zip(pickled, cast("list[object]", values), strict=True))
        for number in self._data:
            self._deserialized(number)

    def abandon(self) -> list[str]:
        """Close what was loaded and opened, for nobody will get it; the types of what that raised."""
        duties = [(finalizer, self.loaded[at]) for at, finalizer in self.finalizers.items()]
        duties += [(opening.finalizer, None) for opening in self.openings.values() if opening.finalizer is not None]
        kinds: list[str] = []
        for finalizer, value in duties:
            try:
                finalizer.finish(value)
            except Exception as error:  # noqa: BLE001  user code: told as a note, below the error that is raised
                kinds.append(readable(type(error)))
        return kinds

    def _load_pickles(self, pickled: list[int], snapshot: SessionSnapshot) -> object:
        stream = self._contents.stream
        find = self._stand_in if len(pickled) < len(self._contents.kinds) else None
        try:
            return load_stream(stream, snapshot._fresh_buffers(), find)
        except (SnapshotError, ReopenError):
            raise
        except Exception as error:  # noqa: BLE001  of a pickle: its text may hold an object
            reason = f"loading its pickle raised {readable(type(error))}"
        number = first_bad_item(stream, snapshot._fresh_buffers(), self._stand_in)
        raise self._failed(pickled[min(number, len(pickled) - 1)], reason)

    def _stand_in(self, number: object) -> object:
        """The object that a pickle refers to."""
        kinds = self._contents.kinds
        if type(number) is not int or not 0 <= number < len(kinds) or kinds[number] == Kind.PICKLE:
            raise self._failed(0, "its pickle refers to an object that is not there")
        if number in self.carried and self._carry is not None:
            return self._carry._held(self.carried[number], parents=True)[1]
        if number in self.openings:
            return self.openings[number].open()
        if number in self._data:
            return self._deserialized(number)
        raise self._failed(number, f"a pickle refers to it, and {NOT_CARRIED}")

    def _deserialized(self, at: int) -> object:
        if at not in self.loaded:
            serializer = self._serializers[self._contents.details[at]]
            self.loaded[at] = self._deserialize(at, serializer)
            if serializer.finalizer is not None:
                self.finalizers[at] = Finalizer(serializer.finalizer)
        return self.loaded[at]

    def _deserialize(self, at: int, serializer: Serializer) -> object:
        try:
            value: object = serializer.load(bytes(self._data[at]))
        except Exception as error:  # noqa: BLE001  user code; its text may hold an object, so it goes no further
            reason = f"raised {readable(type(error))}"
        else:
            if type(value) is serializer.cls:
                return value
            reason = f"gave {readable(type(value))}, not {readable(serializer.cls)}"
        raise self._failed(at, f"serializer {serializer.tag!r} {reason}")

    def _failed(self, at: int, reason: str) -> RefLoadError:
        row = self._first_row(at)
        what = f"ref {redact(self._contents.ids[row])} ({self._contents.tag_of(row)}) can't be restored: {reason}"
        return RefLoadError(what, "Nothing was resumed: mend the cause and resume again.")

    def _first_row(self, at: int) -> int:
        if self._rows is None:
            rows = range(len(self._contents.objects))
            self._rows = dict(zip(reversed(self._contents.objects), reversed(rows), strict=True))
        return self._rows[at]


def restore(snapshot: SessionSnapshot, store: Store, carry: Store | None) -> None:
    """Put the refs of a snapshot into an empty registry. If this raises, nothing was put or moved.

    Args:
        snapshot: the snapshot.
        store: the registry.
        carry: the registry that holds the refs which the snapshot expects.

    Raises:
        CapacityExceededError: they do not fit.
        UnknownTypeTagError, SnapshotVersionError: a recipe or serializer is not registered, or in an older version.
        ReopenError: a recipe raised whose object a pickle holds.
        RefLoadError: one of them can't be loaded.
    """
    objects = Revival(snapshot._contents, carry)
    places = _Places(snapshot._contents, objects, store)
    brought = [] if carry is None else _former(snapshot._contents, carry)
    places.check_capacity(len(brought))
    try:
        objects.load(snapshot)
    except BaseException as error:
        for kind in objects.abandon():
            error.add_note(f"Closing what had been restored raised {kind}.")
        raise
    places.fill()
    if carry is not None:
        places.bring_over(brought, carry)


def _former(contents: Contents, carry: Store) -> list[Holder[Any]]:
    """What a former snapshot did not hold, for it outlives the run, and the other registry does."""
    found = [carry._refs[uid] for uid in contents.dropped if uid in carry._refs]
    return [ref for ref in found if ref._entry.lifetime is RefLifetime.UNTIL_EXPLICIT_DROP]


class _Places:
    """The places of the refs in the registry. They go by their rows in the snapshot."""

    def __init__(self, contents: Contents, objects: Revival, store: Store) -> None:
        self._contents: Final = contents
        self._objects: Final = objects
        self._store: Final = store
        self._born: Final = monotonic()
        self._plain: Final = [Entry(self._born, None, 0, lifetime) for lifetime in contents.lifetime_names]

    def check_capacity(self, more: int) -> None:
        """Raise where the refs and some more do not fit; what outlives the run and is not to be had takes no room."""
        expected, objects = self._contents.of_kind(Kind.EXPECTED), self._objects
        lost = {at for at in expected if at not in objects.carried and at not in objects.openings}
        refs = len(self._contents.ids) - (sum(map(lost.__contains__, self._contents.objects)) if lost else 0)
        if refs + more > self._store._capacity:
            raise CapacityExceededError(self._store._capacity)

    def fill(self) -> None:
        """Give each ref its place, but for those that are carried over."""
        plain = len(self._objects.loaded) == len(self._contents.kinds) and not self._objects.finalizers
        self._store._fill(self._plain_refs() if plain else self._refs())
        self._store._dropped |= self._contents.dropped

    def _plain_refs(self) -> list[Holder[Any]]:
        """The refs of a snapshot of nothing but values, which are most: each costs a third of one of `_refs`."""
        contents, plain = self._contents, self._plain
        values = map(self._objects.loaded.__getitem__, contents.objects)
        entries = map(plain.__getitem__, contents.lifetimes)
        return hold_all(contents.ids, values, entries, len(contents.ids))

    def _refs(self) -> list[Holder[Any]]:
        objects, refs = self._objects, list[Holder[Any]]()
        for row, at in enumerate(self._contents.objects):
            if at in objects.loaded:
                refs.append(self._ref(row, self._entry(row, objects.finalizers.get(at)), [objects.loaded[at]]))
            elif at in objects.openings:
                opening = objects.openings[at]
                refs.append(self._ref(row, self._entry(row, opening.finalizer, opening), opening.peek()))
            elif at not in objects.carried:
                self._drop(row)
        return refs

    def _ref(self, row: int, entry: Entry, values: list[object]) -> Holder[Any]:
        """A ref; without a value where its recipe is yet to give one."""
        return hold(self._contents.ids[row], type(values[0]) if values else object, entry, *values)

    def _entry(self, row: int, finalizer: Finalizer | None, opening: Opening | None = None) -> Entry:
        """The entry of a ref; those of one object share its finalizer."""
        plain = self._plain[self._contents.lifetimes[row]]
        if finalizer is None and opening is None:
            return plain
        if finalizer is not None:
            finalizer.share(self._contents.ids[row])
        recipe = None if opening is None else opening.recipe
        return dataclasses.replace(plain, finalizer=finalizer, recipe=recipe, opening=opening)

    def _drop(self, row: int) -> None:
        contents = self._contents
        dropping = Dropping(contents.tag_of(row), contents.policy, contents.when, NOT_CARRIED)
        self._store._dropped[contents.ids[row]] = dropping

    def bring_over(self, refs: list[Holder[Any]], carry: Store) -> None:
        """Move refs, and those that are expected; then give what they hold its other keys."""
        ids, carried = self._contents.ids, self._objects.carried
        rows = [row for row, at in enumerate(self._contents.objects) if at in carried] if carried else []
        for ref in [*refs, *filter(None, (carry._refs.get(ids[row]) for row in rows))]:
            carry._move(ref, self._store, ref._entry)
        for row in rows:
            if ids[row] not in self._store._refs:
                self._add_key(row)

    def _add_key(self, row: int) -> None:
        """Give what was carried over under another key this one too."""
        of = self._store._refs.get(self._objects.carried[self._contents.objects[row]]._id)
        if of is None:  # it went meanwhile
            self._drop(row)
            return
        uid = self._contents.ids[row]
        entry = _sharing(of, uid, self._plain[self._contents.lifetimes[row]])
        self._store._keep(hold(uid, of._info, entry, *_value_of(of)), "resume")


def _sharing(of: Holder[Any], uid: bytes, plain: Entry) -> Entry:
    """The entry of a key with the opening of another, and the finalizer that belongs to it."""
    entry = of._entry
    if entry.opening is None:
        return plain
    if entry.finalizer is not None:
        entry.finalizer.share(uid)
    return dataclasses.replace(plain, finalizer=entry.finalizer, recipe=entry.recipe, opening=entry.opening)


def _value_of(holder: Holder[Any]) -> list[object]:
    """A list of the value of a ref, which is empty where its recipe has not opened it."""
    value: object = getattr(holder, "_value", MISSING)
    return [] if value is MISSING else [value]
