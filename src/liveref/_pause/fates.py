"""What becomes of each object that a snapshot is taken of."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import compress
from typing import Final

from liveref._hints.info import tags_of
from liveref._pause.serializer import Serializer
from liveref._policy import EXPECTED
from liveref._recipe import AnyRecipe
from liveref._registry.entry import Entry
from liveref._registry.guards import Opening
from liveref._registry.moment import Moment
from liveref._snapshot.stream import HeldError, Trial
from liveref._text.blame import innermost, pickled_parts, user_place, why_not_pickled
from liveref._text.marker import redact
from liveref._text.tag import printable
from liveref.exceptions import RefFailure

__all__ = ["Fates", "blame_each", "blame_whole", "drop_holders"]

_SHARED: Final = frozenset(map(id, (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))))
"""The ids of the classes whose objects the interpreter shares, so that their identity means nothing."""


class Fates:
    """What becomes of the objects. They go by a number, their id, so that the refs of one object share what it is.

    10,000 small refs are to cost little more than their pickle: what is done for each of them is done
    column by column, in comprehensions and maps.

    Attributes:
        refs, entries, values: the columns of the state.
        distinct: the entries by their ids.
        ids: for each ref the number of its object.
        objects: the objects, in the order of their inserts.
        recipes: those that have one.
        expected: the numbers of those that outlive the run.
        serialized: the serializer and the bytes of those that were given to one.
        pickled: those that a pickle holds.
        failures: why the others are not kept.
        cause: what code of the user's raised for the first of those that it did so for.
    """

    def __init__(self, state: Moment, distinct: Mapping[int, Entry]) -> None:
        self.refs, self.entries, self.values = state
        self.distinct: Final = distinct
        self.ids: list[int] = list(map(id, self.values))
        self.recipes: Final[dict[int, AnyRecipe[object]]] = {}
        self.expected: Final[set[int]] = set()
        expected = {uid for uid, entry in distinct.items() if entry.lifetime in EXPECTED}
        if expected or any(entry.recipe is not None for entry in distinct.values()):
            self._find_unpickled(expected)
        self.objects: dict[int, object] = dict(zip(self.ids, self.values, strict=True))
        self.serialized: Final[dict[int, tuple[Serializer, bytes]]] = {}
        self.pickled: dict[int, object] = {}
        self.failures: Final[dict[int, str]] = {}
        self.cause: Exception | None = None

    def _find_unpickled(self, expected: Container[int]) -> None:
        """Note the recipes, and what outlives the run: a ref of a shared object speaks for itself alone."""
        for row, (entry, value) in enumerate(zip(self.entries, self.values, strict=True)):
            if entry.recipe is None and id(entry) not in expected:
                continue
            if id(type(value)) in _SHARED:
                self.ids[row] = ~row  # no id is negative
            if entry.recipe is not None:
                self.recipes.setdefault(self.ids[row], entry.recipe)
            if id(entry) in expected:
                self.expected.add(self.ids[row])

    def fail(self, found: Mapping[int, str], cause: Exception | None = None) -> None:
        """Note why objects are not kept, and what code of the user's raised for one of them."""
        self.failures.update((uid, printable(reason)) for uid, reason in found.items())
        self.cause = self.cause or cause
        for uid in found:
            self.pickled.pop(uid, None)

    def lost(self) -> list[int]:
        """The rows of the refs that are not kept."""
        return [row for row, uid in enumerate(self.ids) if uid in self.failures]

    def told(self) -> list[RefFailure]:
        """The refs that are not kept, in words."""
        rows = self.lost()
        return [
            RefFailure(redact(self.refs[row]._id), tag, self.failures[self.ids[row]], self.entries[row].where())
            for row, tag in zip(rows, self.tags(rows), strict=True)
        ]

    def leave_out_lost(self) -> None:
        """Take the refs that are not kept out of the columns, and their objects."""
        stays = [uid not in self.failures for uid in self.ids]
        self.refs, self.entries, self.values = Moment(self.refs, self.entries, self.values).only(stays)
        self.ids = list(compress(self.ids, stays))
        self.objects = dict(zip(self.ids, self.values, strict=True))

    def tags(self, rows: Sequence[int]) -> list[str]:
        """The type tags of some refs."""
        tags = tags_of([self.refs[row]._info for row in rows])
        values = [self.values[row] for row in rows]
        return [value.type_tag if type(value) is Opening else tag for value, tag in zip(values, tags, strict=True)]

    def stand_ins(self) -> dict[int, int]:
        """For each object that a pickle refers to instead of holding it, its place among those that are kept."""
        kept = [uid for uid in self.objects if uid not in self.failures] if self.failures else list(self.objects)
        if len(kept) == len(self.pickled):
            return {}
        return {uid: at for at, uid in enumerate(kept) if uid not in self.pickled and self.has_identity(uid)}

    def all_as_stand_ins(self) -> dict[int, int]:
        """For each object itself, so that none is pickled as a part of another."""
        return {uid: uid for uid in self.objects if self.has_identity(uid)}

    def has_identity(self, uid: int) -> bool:
        """Whether it matters which object this is: not where the interpreter shares it."""
        return id(type(self.objects[uid])) not in _SHARED


def blame_each(fates: Fates, *, drop: bool) -> bool:
    """Note which objects can't be pickled though all others stand in for themselves; whether there are any.

    So a container is not blamed for what it contains.

    Args:
        fates: what becomes of the objects.
        drop: what holds an object that is not kept, is not kept either.
    """
    found = _blame(fates, fates.all_as_stand_ins())
    if drop:
        drop_holders(fates)
    return found


def blame_whole(fates: Fates) -> bool:
    """Note which objects can't be pickled with all that they hold: it may be nested too deeply only then."""
    return _blame(fates, fates.stand_ins())


def _blame(fates: Fates, stand_ins: Mapping[int, int]) -> bool:
    trial = Trial(stand_ins)
    troubles = {uid: trial.run(value) for uid, value in fates.pickled.items()}
    found = {uid: error for uid, error in troubles.items() if error is not None}
    for uid, error in found.items():
        culprit = innermost(fates.objects[uid], error, trial.run_part, pickled_parts)
        fates.fail({uid: why_not_pickled(culprit)}, culprit.error if user_place(culprit.error) else None)
    return bool(found)


def drop_holders(fates: Fates) -> None:
    """Drop what holds a dropped object, itself or in an object that it holds."""
    if not fates.failures:
        return
    names = dict(zip(fates.ids, fates.refs, strict=True))
    barred = set(filter(fates.has_identity, fates.failures))
    trial = Trial(fates.stand_ins(), barred)
    for uid, value in list(fates.pickled.items()):
        error = trial.run(value)
        if isinstance(error, HeldError):
            fates.fail({uid: f"its state holds the dropped ref {redact(names[error.uid]._id)}"})
            barred.add(uid)
