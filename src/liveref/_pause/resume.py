"""Resuming: the refs of a snapshot in a registry, under their keys."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from time import monotonic
from typing import Final

from liveref._key import RegistryKey, make_bare_keys, make_key
from liveref._pause.revival import NOT_CARRIED, Revival
from liveref._policy import RefLifetime
from liveref._registry.entry import Entry
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from liveref._registry.store import Store
from liveref._snapshot.contents import Contents, Dropping, Kind
from liveref._snapshot.snapshot import SessionSnapshot
from liveref.exceptions import CapacityExceededError

__all__ = ["restore"]


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


def _former(contents: Contents, carry: Store) -> list[RegistryKey[object]]:
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
        self._owned: Final[set[int]] = set()

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

    def _plain_refs(self) -> list[RegistryKey[object]]:
        """The refs of a snapshot of nothing but values, which are most: each costs a third of one of `_refs`."""
        contents, plain = self._contents, self._plain
        values = map(self._objects.loaded.__getitem__, contents.objects)
        refs = make_bare_keys(len(contents.ids))
        for ref, uid, value, lifetime in zip(refs, contents.ids, values, contents.lifetimes, strict=True):
            ref._id = uid
            ref._info = type(value)
            ref._value = value
            ref._entry = plain[lifetime]
        return refs

    def _refs(self) -> list[RegistryKey[object]]:
        objects, refs = self._objects, list[RegistryKey[object]]()
        for row, at in enumerate(self._contents.objects):
            if at in objects.loaded:
                refs.append(self._ref(row, self._entry(row, objects.finalizers.get(at)), [objects.loaded[at]]))
            elif at in objects.openings:
                opening = objects.openings[at]
                refs.append(self._ref(row, self._entry(row, opening.finalizer, opening), opening.peek()))
            elif at not in objects.carried:
                self._drop(row)
        return refs

    def _ref(self, row: int, entry: Entry, values: list[object]) -> RegistryKey[object]:
        """A ref; without a value where its recipe is yet to give one."""
        ref: RegistryKey[object] = make_key(self._contents.ids[row], object)
        ref._entry = entry
        for value in values:
            ref._value, ref._info = value, type(value)
        return ref

    def _entry(self, row: int, finalizer: Finalizer | None, opening: Opening | None = None) -> Entry:
        """The entry of a ref; those of one object share its finalizer."""
        plain, at = self._plain[self._contents.lifetimes[row]], self._contents.objects[row]
        if finalizer is None and opening is None:
            return plain
        if finalizer is not None and at in self._owned:
            finalizer.share()
        self._owned.add(at)
        recipe = None if opening is None else opening.recipe
        return dataclasses.replace(plain, finalizer=finalizer, recipe=recipe, opening=opening)

    def _drop(self, row: int) -> None:
        contents = self._contents
        dropping = Dropping(contents.tag_of(row), contents.policy, contents.when, NOT_CARRIED)
        self._store._dropped[contents.ids[row]] = dropping

    def bring_over(self, refs: list[RegistryKey[object]], carry: Store) -> None:
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
        ref: RegistryKey[object] = make_key(self._contents.ids[row], of._info)
        ref._entry = _sharing(of._entry, self._plain[self._contents.lifetimes[row]])
        with suppress(AttributeError):  # its recipe has not opened it
            ref._value = of._value
        self._store._admit("resume")
        self._store._refs[ref._id] = ref


def _sharing(of: Entry, plain: Entry) -> Entry:
    """An entry with the opening of another, and the finalizer that belongs to it."""
    if of.opening is None:
        return plain
    if of.finalizer is not None:
        of.finalizer.share()
    return dataclasses.replace(plain, finalizer=of.finalizer, recipe=of.recipe, opening=of.opening)
