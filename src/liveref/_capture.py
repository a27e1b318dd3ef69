"""Taking a snapshot: what the refs of a registry become under a policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress, count
from operator import attrgetter
from pickle import PickleBuffer
from typing import Final, NamedTuple

from liveref._contents import Contents, Dropping, Kind, RecipeCall, SerializerUse
from liveref._entry import Entry
from liveref._hints import ClassInfo, tag_of
from liveref._key import RegistryKey
from liveref._marker import redact
from liveref._opening import Opening
from liveref._policy import RefLifetime, SessionPausePolicy
from liveref._recipe import Recipe
from liveref._serializer import Serializer, serializer_of
from liveref._store import State, Store
from liveref._stream import describe_trouble, dump_stream, trouble
from liveref._tag import readable
from liveref._typing import T
from liveref.exceptions import RefFailure, SessionRefsNotSerializableError

__all__ = ["Capture", "capture"]

_PICKLES: Final = frozenset({SessionPausePolicy.PICKLE_OR_ERROR, SessionPausePolicy.PICKLE_OR_DROP})
_SERIALIZES: Final = _PICKLES | {SessionPausePolicy.SERIALIZE_OR_ERROR}
_DROPS: Final = frozenset({SessionPausePolicy.PICKLE_OR_DROP, SessionPausePolicy.WARN_DROP})
_REFUSALS: Final = {
    SessionPausePolicy.SERIALIZE_OR_ERROR: "it has neither recipe nor serializer, and the policy allows no pickle",
    SessionPausePolicy.WARN_DROP: "it has no recipe, and the policy keeps nothing else",
    SessionPausePolicy.HARD_ERROR: "the policy captures nothing",
}
_LIFETIMES: Final = {id(lifetime): number for number, lifetime in enumerate(RefLifetime)}  # their hash is slow
_ID: Final[Callable[[RegistryKey[object]], bytes]] = attrgetter("_id")
_INFO: Final[Callable[[RegistryKey[object]], ClassInfo]] = attrgetter("_info")
_EXPLICIT: Final = RefLifetime.UNTIL_EXPLICIT_DROP
_SNAPSHOT: Final = RefLifetime.UNTIL_SNAPSHOT  # a name here costs a third of an attribute of an enum
_SHARED: Final = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis)})
"""Classes whose objects the interpreter shares, so that their identity means nothing."""


class Capture(NamedTuple):
    """What a snapshot holds, and what is to be done once it stands.

    Attributes:
        contents: the columns.
        buffers: the out-of-band buffers of the pickles, which are views of live memory.
        purged: the refs that last until a snapshot.
        dropped: the refs that were left out.
    """

    contents: Contents
    buffers: list[PickleBuffer]
    purged: list[RegistryKey[object]]
    dropped: list[RefFailure]


def capture(store: Store, policy: SessionPausePolicy) -> Capture:
    """Capture the refs of a registry as they are at one moment; nothing is changed.

    Raises:
        SessionRefsNotSerializableError: the policy drops nothing, and refs can't be captured.
    """
    refs, entries, values = state = store._state()
    distinct = dict(zip(map(id, entries), entries, strict=True))  # most refs share theirs
    if all(entry.lifetime is not _SNAPSHOT for entry in distinct.values()):
        return _Capturing(state, distinct, policy).run(store, [])
    stays = [entry.lifetime is not _SNAPSHOT for entry in entries]
    purged = [ref for ref, stay in zip(refs, stays, strict=True) if not stay]
    kept = State(list(compress(refs, stays)), list(compress(entries, stays)), list(compress(values, stays)))
    return _Capturing(kept, distinct, policy).run(store, purged)


class _Capturing:
    """One capture. Objects are told apart by their id: refs of one object share what is kept of it.

    10,000 small refs are to cost little more than their pickle: what is done for each of them is done
    column by column, in comprehensions and maps.
    """

    def __init__(self, state: State, distinct: Mapping[int, Entry], policy: SessionPausePolicy) -> None:
        self._policy: Final = policy
        self._distinct: Final = distinct
        self._refs, self._entries, self._values = state
        self._ids: Final = list(map(id, self._values))
        self._objects: Final = dict(zip(self._ids, self._values, strict=True))
        self._recipes: Final[dict[int, Recipe[object]]] = {}
        self._expected: Final[set[int]] = set()
        if any(entry.recipe is not None or entry.lifetime is _EXPLICIT for entry in distinct.values()):
            self._find_unpickled()
        self._serialized: Final[dict[int, tuple[Serializer, bytes]]] = {}
        self._failures: Final[dict[int, str]] = {}
        self._pickled: dict[int, object] = {}

    def _find_unpickled(self) -> None:
        for uid, entry in zip(self._ids, self._entries, strict=True):
            if entry.recipe is not None:
                self._recipes.setdefault(uid, entry.recipe)
            if entry.lifetime is _EXPLICIT:
                self._expected.add(uid)

    def run(self, store: Store, purged: list[RegistryKey[object]]) -> Capture:
        self._sort()
        stream, buffers = self._pickle()
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        dropped = {uid: gone for uid, gone in store._dropped.items() if uid not in store._refs}
        for at, uid in enumerate(self._ids if self._failures else ()):
            if uid in self._failures:
                gone = Dropping(self._tag(at), self._policy.value, when, self._failures[uid])
                dropped[self._refs[at]._id] = gone
        return Capture(self._contents(stream, dropped, when), buffers, purged, self._told())

    def _sort(self) -> None:
        """Decide for each object how it is kept."""
        policy = self._policy
        refused = policy is SessionPausePolicy.HARD_ERROR
        others = self._objects.copy()
        for uid in self._expected if refused else self._expected | self._recipes.keys():
            del others[uid]
        if policy in _SERIALIZES:
            kinds = {cls: serializer for cls in set(map(type, others.values())) if (serializer := serializer_of(cls))}
            for uid in [uid for uid, value in others.items() if type(value) in kinds] if kinds else ():
                value = others.pop(uid)
                self._serialize(uid, value, kinds[type(value)])
        if policy in _PICKLES:
            self._pickled = others
        else:
            self._failures.update(dict.fromkeys(others, _REFUSALS[policy]))

    def _serialize(self, uid: int, value: object, serializer: Serializer) -> None:
        try:
            data: object = serializer.dump(value)
        except Exception as error:  # noqa: BLE001  user code; its text may hold the object
            self._failures[uid] = f"serializer {serializer.tag!r} raised {readable(type(error))}"
            return
        if isinstance(data, bytes):
            self._serialized[uid] = serializer, data
        else:
            self._failures[uid] = f"serializer {serializer.tag!r} gave {readable(type(data))} instead of bytes"

    def _pickle(self) -> tuple[bytes, list[PickleBuffer]]:
        """The pickle of all that is left, once those to blame are found; raises the refusal."""
        if self._failures and self._pickled:
            self._blame()
        while True:
            self._refuse()
            if not self._pickled:
                return b"", []
            try:
                return dump_stream(list(self._pickled.values()), self._stand_ins())
            except Exception as error:  # noqa: BLE001  user code; its text may hold an object
                if not self._blame():
                    self._blame_whole(error)

    def _refuse(self) -> None:
        if self._failures and self._policy not in _DROPS:
            raise SessionRefsNotSerializableError(self._policy.value, tuple(self._told()))

    def _told(self) -> list[RefFailure]:
        if not self._failures:
            return []
        return [
            RefFailure(redact(ref._id), self._tag(at), self._failures[self._ids[at]], self._entries[at].where())
            for at, ref in enumerate(self._refs)
            if self._ids[at] in self._failures
        ]

    def _stand_ins(self) -> dict[int, int]:
        """For each object that a pickle refers to instead of holding it, which object it is."""
        kept = self._kept()
        if len(kept) == len(self._pickled):
            return {}
        return {uid: at for at, uid in enumerate(kept) if uid not in self._pickled and self._has_identity(uid)}

    def _kept(self) -> list[int]:
        return [uid for uid in self._objects if uid not in self._failures] if self._failures else list(self._objects)

    def _has_identity(self, uid: int) -> bool:
        return type(self._objects[uid]) not in _SHARED

    def _blame(self) -> bool:
        """Pickle each object with the others as ids, so that a container is not blamed for what it contains."""
        others = {uid: uid for uid in self._objects if self._has_identity(uid)}
        holders: dict[int, list[int]] = {}
        found: dict[int, str] = {}
        for uid, value in self._pickled.items():
            reason, held = trouble(value, others)
            if reason is not None:
                found[uid] = reason
            for inner in held:
                holders.setdefault(inner, []).append(uid)
        self._fail(found)
        if self._policy in _DROPS:
            self._drop_holders(holders)
        return bool(found)

    def _blame_whole(self, error: Exception) -> None:
        """Each can be pickled alone, but not with what it holds, which is nested too deeply: blame those."""
        stand_ins = self._stand_ins()
        reasons = {uid: trouble(value, stand_ins)[0] for uid, value in self._pickled.items()}
        found = {uid: reason for uid, reason in reasons.items() if reason is not None}
        self._fail(found or dict.fromkeys(self._pickled, describe_trouble(error)))

    def _fail(self, found: Mapping[int, str]) -> None:
        self._failures.update(found)
        for uid in found:
            self._pickled.pop(uid, None)

    def _drop_holders(self, holders: Mapping[int, Iterable[int]]) -> None:
        """Drop what holds a dropped object, and what holds that."""
        names = dict(zip(self._ids, self._refs, strict=True))
        todo = list(self._failures)
        while todo:
            uid = todo.pop()
            reason = f"its state holds the dropped ref {redact(names[uid]._id)}"
            found = {holder: reason for holder in holders.get(uid, ()) if holder in self._pickled}
            self._fail(found)
            todo += found

    def _contents(self, stream: bytes, dropped: dict[bytes, Dropping], when: str) -> Contents:
        kept = self._kept()
        objects = _Objects()
        if len(kept) == len(self._pickled):
            objects.add_pickles(len(kept))
        else:
            for uid in kept:
                self._add(uid, objects)
        tags, names = self._tags()
        return Contents(
            stream=stream,
            data=b"".join(objects.data),
            ids=self._rows(map(_ID, self._refs)),
            objects=self._places(kept),
            tags=self._rows(tags),
            tag_names=names,
            lifetimes=self._lifetimes(),
            lifetime_names=list(RefLifetime),
            kinds=bytes(objects.kinds),
            ends=objects.ends,
            details=objects.details,
            recipes=objects.recipes,
            serializers=list(objects.uses),
            dropped=dropped,
            when=when,
            policy=self._policy.value,
        )

    def _lifetimes(self) -> bytes:
        """For each ref the number of its lifetime."""
        of_entry = {uid: _LIFETIMES[id(entry.lifetime)] for uid, entry in self._distinct.items()}
        if len(set(of_entry.values())) <= 1:
            return bytes(of_entry.values())[:1] * len(self._rows(self._refs))
        return bytes(self._rows(map(of_entry.__getitem__, map(id, self._entries))))

    def _rows(self, column: Iterable[T]) -> list[T]:
        """Of a column the rows of the refs that are kept."""
        if not self._failures:
            return list(column)
        return [item for item, uid in zip(column, self._ids, strict=True) if uid not in self._failures]

    def _places(self, kept: list[int]) -> Sequence[int]:
        """For each ref that is kept which object it is of."""
        if len(kept) == len(self._ids):
            return range(len(kept))
        place = dict(zip(kept, range(len(kept)), strict=True))
        return [place[uid] for uid in self._rows(self._ids)]

    def _add(self, uid: int, objects: _Objects) -> None:
        if uid in self._pickled:
            objects.add_pickles(1)
        elif uid in self._serialized:
            objects.add_serialized(*self._serialized[uid])
        else:
            objects.add_opened(self._recipes.get(uid), expected=uid in self._expected)

    def _tag(self, at: int) -> str:
        value = self._values[at]
        return value.type_tag if isinstance(value, Opening) else tag_of(self._refs[at]._info)

    def _tags(self) -> tuple[list[int], list[str]]:
        """Which type tag each ref has, and the tags: a hint is asked for its own once."""
        sources = list(map(id, map(_INFO, self._refs)))
        if self._recipes:
            pairs = zip(sources, self._values, strict=True)
            sources = [id(value) if isinstance(value, Opening) else source for source, value in pairs]
        numbers: defaultdict[int, int] = defaultdict(count().__next__)  # counts the distinct ones at the speed of C
        column = list(map(numbers.__getitem__, sources))
        return column, [self._tag(row) for row in _first_rows(column, len(numbers))]


def _first_rows(column: list[int], distinct: int) -> Iterator[int]:
    """Where each number of a column stands first; they are counted up as they come."""
    row = 0
    for number in range(distinct):
        row = column.index(number, row)
        yield row


class _Objects:
    """The columns of the objects, while they are filled."""

    def __init__(self) -> None:
        self.kinds: Final[list[int]] = []
        self.ends: Final[list[int]] = []
        self.details: Final[list[int]] = []
        self.data: Final[list[bytes]] = []
        self.uses: Final[dict[SerializerUse, int]] = {}
        self.recipes: Final[list[RecipeCall]] = []

    def add_pickles(self, count: int) -> None:
        """Add the next objects of the stream."""
        self.kinds.extend([Kind.PICKLE] * count)
        self.details.extend([0] * count)

    def add_serialized(self, serializer: Serializer, data: bytes) -> None:
        """Add an object by the bytes that its serializer gave."""
        self.data.append(data)
        self.ends.append(sum(self.ends[-1:]) + len(data))
        use = self.uses.setdefault(SerializerUse(serializer.tag, serializer.version), len(self.uses))
        self._add(Kind.SERIALIZER, use)

    def add_opened(self, recipe: Recipe[object] | None, *, expected: bool) -> None:
        """Add an object by its recipe, or one that is expected, with a recipe or without."""
        if recipe is not None:
            self.recipes.append(RecipeCall(recipe.tag, recipe._args, recipe._kwargs))
        if expected:
            self._add(Kind.EXPECTED, len(self.recipes) if recipe is not None else 0)
        else:
            self._add(Kind.RECIPE, len(self.recipes) - 1)

    def _add(self, kind: Kind, detail: int) -> None:
        self.kinds.append(kind)
        self.details.append(detail)
