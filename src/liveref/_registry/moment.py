"""The refs of one moment: what a snapshot is taken of, and where objects are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import compress, repeat, tee
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from liveref._registry.entry import Entry, Holder
from liveref._typing import MISSING

__all__ = ["Moment", "by_object", "moment_of"]

Refs: TypeAlias = dict[bytes, Holder[Any]]
_ENTRY: Final[Callable[[Holder[Any]], Entry]] = attrgetter("_entry")
_VALUE: Final[Callable[[Holder[Any]], object]] = attrgetter("_value")


class Moment(NamedTuple):
    """The refs of one moment, in the order of their inserts, with what belongs to each.

    Attributes:
        refs: their holders.
        entries: what is known of them.
        values: the objects; for one that was not opened yet, its opening.
    """

    refs: list[Holder[Any]]
    entries: list[Entry]
    values: list[object]

    def only(self, stays: list[bool]) -> Moment:
        """The refs that stay."""
        refs, entries, values = self
        return Moment(list(compress(refs, stays)), list(compress(entries, stays)), list(compress(values, stays)))


def moment_of(found: Refs) -> Moment:
    """The refs of a registry at this moment."""
    refs = list(found.copy().values())
    with suppress(AttributeError):  # one of them has gone since, or was not opened yet
        return Moment(refs, list(map(_ENTRY, refs)), list(map(_VALUE, refs)))
    return _at_once(found)


def _at_once(found: Refs) -> Moment:
    """As `moment_of`, in one go: of 100,000 refs that come and go, some always go between two steps."""
    while True:
        refs, same = tee(found.values())
        values = map(getattr, same, repeat("_value"), repeat(MISSING))
        with suppress(RuntimeError):  # the garbage collector ran code that changed the dict
            return _with_openings(list(zip(refs, values, strict=True)))


def _with_openings(found: list[tuple[Holder[Any], object]]) -> Moment:
    """A moment of refs and their values; of those that are yet to be opened their openings."""
    rows = [(ref, _ENTRY(ref), value) for ref, value in found]
    openings = {id(opening): opening for _, entry, _ in rows if (opening := entry.opening) is not None}
    opened = {at: next(iter(opening.peek()), opening) for at, opening in openings.items()}  # once, for all its refs
    rows = [(ref, entry, opened.get(id(entry.opening), value)) for ref, entry, value in rows]
    rows = [row for row in rows if row[2] is not MISSING]  # else it goes in this very moment
    return Moment([ref for ref, _, _ in rows], [entry for _, entry, _ in rows], [value for _, _, value in rows])


def by_object(lineage: Iterable[Refs]) -> dict[int, Holder[Any]]:
    """The first ref of each object in some registries, by the id of the object; O(refs)."""
    first: dict[int, Holder[Any]] = {}
    for refs in lineage:
        moment = moment_of(refs)
        for holder, value in zip(moment.refs, moment.values, strict=True):
            first.setdefault(id(value), holder)
    return first
