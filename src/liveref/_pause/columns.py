"""The fates of the objects as the columns of a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from operator import attrgetter
from typing import Any, Final

from liveref._hints.info import ClassInfo
from liveref._pause.fates import Fates
from liveref._pause.serializer import Serializer
from liveref._policy import RefLifetime
from liveref._recipe import AnyRecipe
from liveref._registry.entry import Holder
from liveref._registry.guards import Opening
from liveref._snapshot.contents import Contents, Dropping, Kind, RecipeCall, SerializerUse
from liveref._snapshot.guarded import Guarded
from liveref._snapshot.header import this_writer
from liveref._snapshot.stream import Stream

__all__ = ["columns_of"]

_LIFETIMES: Final = {id(lifetime): number for number, lifetime in enumerate(RefLifetime)}  # their hash is slow
_ID: Final[Callable[[Holder[Any]], bytes]] = attrgetter("_id")
_INFO: Final[Callable[[Holder[Any]], ClassInfo]] = attrgetter("_info")


def columns_of(fates: Fates, stream: Stream, dropped: dict[bytes, Dropping], when: str, policy: str) -> Contents:
    """What a snapshot holds.

    Args:
        fates: what becomes of the objects that are kept.
        stream: the pickles of those that are pickled.
        dropped: the refs that are left out.
        when: the moment, ISO 8601.
        policy: the value of the policy.
    """
    objects = _objects(fates, stream)
    tags, names = _tags(fates)
    return Contents(
        stream=stream.data,
        data=b"".join(objects.data),
        ids=list(map(_ID, fates.refs)),
        objects=_places(fates),
        tags=tags,
        tag_names=names,
        lifetimes=_lifetimes(fates),
        kinds=bytes(objects.kinds),
        ends=objects.ends,
        details=objects.details,
        recipes=objects.recipes,
        serializers=list(objects.uses),
        dropped=dropped,
        when=when,
        policy=policy,
        writer=this_writer(),
        guards=_guards(fates),
        shared=_shared(fates),
    )


def _guards(fates: Fates) -> dict[int, Guarded]:
    """The guards of the refs that have one."""
    if not any(entry.guard for entry in fates.distinct.values()):
        return {}
    rows = enumerate(entry.guard for entry in fates.entries)
    return {row: Guarded(guard.owner, guard.ttl, guard.idle, guard.left()) for row, guard in rows if guard}


def _places(fates: Fates) -> Sequence[int]:
    """For each ref which object it is of."""
    count = len(fates.objects)
    if count == len(fates.ids):
        return range(count)
    place = dict(zip(fates.objects, range(count), strict=True))
    return list(map(place.__getitem__, fates.ids))


def _lifetimes(fates: Fates) -> bytes:
    """For each ref the number of its lifetime."""
    of_entry = {uid: _LIFETIMES[id(entry.lifetime)] for uid, entry in fates.distinct.items()}
    if len(set(of_entry.values())) <= 1:
        return bytes(of_entry.values())[:1] * len(fates.refs)
    return bytes(map(of_entry.__getitem__, map(id, fates.entries)))


def _shared(fates: Fates) -> bytes:
    """For each ref whether other processes get copies of it; empty where there is none."""
    if not any(entry.shared for entry in fates.distinct.values()):
        return b""
    column = bytes(entry.shared for entry in fates.entries)
    return column if any(column) else b""


def _tags(fates: Fates) -> tuple[list[int], list[str]]:
    """Which type tag each ref has, and the tags: a hint is asked for its own once."""
    sources = list(map(id, map(_INFO, fates.refs)))
    if fates.recipes:
        pairs = zip(sources, fates.values, strict=True)
        sources = [id(value) if type(value) is Opening else source for source, value in pairs]
    if sources and sources.count(sources[0]) == len(sources):
        return [0] * len(sources), fates.tags([0])
    numbers: defaultdict[int, int] = defaultdict(count().__next__)  # counts the distinct ones at the speed of C
    column = list(map(numbers.__getitem__, sources))
    return column, fates.tags(_first_rows(column, len(numbers)))


def _first_rows(column: list[int], distinct: int) -> list[int]:
    """Where each number of a column stands first; they are counted up as they come."""
    rows = [0]
    for number in range(1, distinct):
        rows.append(column.index(number, rows[-1]))
    return rows[:distinct]


def _objects(fates: Fates, stream: Stream) -> _Objects:
    objects = _Objects()
    if len(fates.objects) == len(fates.pickled):
        objects.add_pickles(stream.ends, stream.counts)
        return objects
    pickles = zip(stream.ends, stream.counts, strict=True)
    for uid in fates.objects:
        if uid in fates.pickled:
            end, count = next(pickles)
            objects.add_pickles((end,), (count,))
        elif uid in fates.serialized:
            objects.add_serialized(*fates.serialized[uid])
        else:
            objects.add_opened(fates.recipes.get(uid), expected=uid in fates.expected)
    return objects


class _Objects:
    """The columns of the objects, while they are filled."""

    def __init__(self) -> None:
        self.kinds: Final = bytearray()
        self.ends: Final[list[int]] = []
        self.details: Final[list[int]] = []
        self.data: Final[list[bytes]] = []
        self.uses: Final[dict[SerializerUse, int]] = {}
        self.recipes: Final[list[RecipeCall]] = []
        self._size = 0

    def add_pickles(self, ends: Sequence[int], counts: Sequence[int]) -> None:
        """Add the next objects of the stream: where they end in it, and how many buffers they have."""
        self.kinds.extend(bytes((Kind.PICKLE,)) * len(ends))
        self.ends.extend(ends)
        self.details.extend(counts)

    def add_serialized(self, serializer: Serializer, data: bytes) -> None:
        """Add an object by the bytes that its serializer gave."""
        self.data.append(data)
        self._size += len(data)
        use = self.uses.setdefault(SerializerUse(serializer.tag, serializer.version), len(self.uses))
        self._add(Kind.SERIALIZER, use, self._size)

    def add_opened(self, recipe: AnyRecipe[object] | None, *, expected: bool) -> None:
        """Add an object by its recipe, or one that is expected, with a recipe or without."""
        if recipe is not None:
            self.recipes.append(RecipeCall(recipe._reopener.tag, recipe._args, recipe._kwargs))
        if expected:
            self._add(Kind.EXPECTED, len(self.recipes) if recipe is not None else 0)
        else:
            self._add(Kind.RECIPE, len(self.recipes) - 1)

    def _add(self, kind: Kind, detail: int, end: int = 0) -> None:
        self.kinds.append(kind)
        self.details.append(detail)
        self.ends.append(end)
