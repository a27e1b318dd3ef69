"""What a snapshot holds, as columns, and how they stand in a container.

The header names everything once, and only what is used; the blobs hold a number or an id a ref, so that 10,000 refs
of one class do not repeat its name. Numbers are unsigned and little-endian. The blobs, in order::

    stream      the pickles of the pickled objects, which share a memo
    data        the bytes of each serialized object
    ids         16 bytes a ref
    objects     4 bytes a ref: which object it is of
    tags        4 bytes a ref: which of the header's type tags it has
    lifetimes   1 byte a ref: which of the header's lifetimes it has
    kinds       1 byte an object: in which of the header's kinds of ways it is kept
    ends        8 bytes an object: where it ends in the stream or the data; 0 where it is in neither
    details     4 bytes an object: which serializer or recipe of the header is its, or how many buffers its pickle has
    gone        16 bytes a dropped ref
    reasons     4 bytes a dropped ref: which of the header's reasons it has
    …           the out-of-band buffers of the pickles, in their order

A snapshot from before the first release names no kinds: its ends are those of the serialized objects alone, and its
stream is one pickle of a list.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import struct
from collections.abc import Iterable, Sequence
from itertools import compress, islice, pairwise, zip_longest
from typing import Final, NamedTuple, TypeVar, cast

from typing_extensions import Buffer

from liveref._policy import RefLifetime
from liveref._snapshot.guarded import Guarded, Guards, owner_from, owner_row, read_guards, write_guards
from liveref._snapshot.header import broken
from liveref._snapshot.keyring import SnapshotLimits
from liveref._text.json import JSON
from liveref._text.tag import printable
from liveref.exceptions import SnapshotVersionError

__all__ = ["BLOBS", "Contents", "Dropping", "Kept", "Kind", "RecipeCall", "SerializerUse"]

BLOBS: Final = 11
"""The blobs before the buffers."""

_FORMAT: Final = 2
"""The newest; what has neither an owner nor a lease nor a ref that is shared is of format 1, so that an older reader
takes it too."""
_ID: Final = 16
_NEWER: Final = "Read it with a newer liveref."

_DIGITS: Final = bytes.maketrans(b"\0\1", b"01")
_NUMBERS_OF_DIGITS: Final = bytes.maketrans(b"01", b"\0\1")

N = TypeVar("N")


class Kind(enum.IntEnum):
    """How a snapshot keeps an object. Their names stand in the header, their numbers nowhere."""

    PICKLE = 0
    SERIALIZER = 1
    RECIPE = 2
    EXPECTED = 3
    """Not at all: it outlives the run. Its detail is 0, or one more than its recipe's."""


_KIND_NAMES: Final = [kind.name.lower() for kind in Kind]
_LIFETIMES: Final = list(RefLifetime)
_LIFETIME_NAMES: Final = [lifetime.value for lifetime in RefLifetime]
_IS: Final = {kind: bytes(each == kind for each in range(256)) for kind in Kind}
"""For each kind the table that translates it to 1, and the others to 0: so a column is searched at the speed of C."""


class RecipeCall(NamedTuple):
    """A recipe, by name."""

    tag: str
    args: list[JSON]
    kwargs: dict[str, JSON]


class SerializerUse(NamedTuple):
    """A serializer, by name, and the version of its bytes."""

    tag: str
    version: int


class Kept(NamedTuple):
    """The objects of a snapshot by how it keeps them: by their numbers, in their order.

    Attributes:
        pickled: those in the stream.
        expected: those that outlive the run.
        serialized: of each that has a serializer which that is, and its bytes.
        opened: of each that has a recipe, be it expected or not, that recipe, and the type tag of its first ref.
    """

    pickled: list[int]
    expected: list[int]
    serialized: dict[int, tuple[SerializerUse, memoryview]]
    opened: dict[int, tuple[RecipeCall, str]]


class Dropping(NamedTuple):
    """Why a ref is not in the snapshot.

    Attributes:
        type_tag: what it was.
        policy: the policy that dropped it.
        when: when the snapshot was taken, ISO 8601.
        reason: why.
        owner: whose it was, and to whom alone it is told; None nobody's.
    """

    type_tag: str
    policy: str
    when: str
    reason: str
    owner: str | tuple[str, ...] | None = None


@dataclasses.dataclass(slots=True, kw_only=True)
class Contents:
    """The columns of a snapshot. Refs and objects are in the order of their inserts."""

    stream: Buffer
    data: Buffer
    ids: list[bytes]
    objects: Sequence[int]
    tags: Sequence[int]
    tag_names: list[str]
    lifetimes: bytes
    """For each ref the number of its lifetime, counted as the enum does: `lifetime_of` gives it."""
    kinds: bytes
    ends: Sequence[int]
    details: Sequence[int]
    recipes: list[RecipeCall]
    serializers: list[SerializerUse]
    dropped: dict[bytes, Dropping]
    when: str
    """When it was taken, ISO 8601."""
    policy: str
    writer: str | None
    """The versions of liveref and Python that wrote it; None from before the first release."""
    is_list: bool = False
    """The stream is one pickle of a list, as it was before the first release."""
    guards: Guards = dataclasses.field(default_factory=dict[int, Guarded])
    """The guards of refs that have one, by their rows."""
    shared: bytes = b""
    """For each ref 1 where other processes get copies of it, else 0; empty where there is none."""

    def encode(self) -> tuple[dict[str, JSON], list[Buffer]]:
        """The header and the blobs of the container."""
        reasons, reason_column = _interned(self.dropped.values())
        lifetimes, lifetime_column = _named(self.lifetimes, _LIFETIME_NAMES)
        kinds, kind_column = _named(self.kinds, _KIND_NAMES)
        header: dict[str, JSON] = {
            "format": _FORMAT if self.shared else 1,
            "when": self.when,
            "policy": self.policy,
            "writer": self.writer,
            "tags": list(self.tag_names),
            "lifetimes": lifetimes,
            "kinds": kinds,
            "recipes": [list(recipe) for recipe in self.recipes],
            "serializers": [list(use) for use in self.serializers],
            "reasons": [list(reason[:4]) for reason in reasons],
        }
        if self.guards or any(gone.owner is not None for gone in reasons):
            header |= {"format": 2, "guards": write_guards(self.guards), "whose": [owner_row(x.owner) for x in reasons]}
        if self.is_list:
            header["list"] = True
        if self.shared:
            header["shared"] = _bits(self.shared)
        blobs: list[Buffer] = [
            self.stream,
            self.data,
            b"".join(self.ids),
            _packed("I", self.objects),
            _packed("I", self.tags),
            lifetime_column,
            kind_column,
            _packed("Q", self.ends),
            _packed("I", self.details),
            b"".join(self.dropped),
            _packed("I", reason_column),
        ]
        return header, blobs

    @classmethod
    def decode(cls, header: dict[str, JSON], blobs: Sequence[memoryview], limits: SnapshotLimits) -> Contents:
        """The contents of a container, checked in every part but for what only a registry of tags can tell.

        Raises:
            SnapshotFormatError: they do not fit together.
            SnapshotVersionError: they are of a newer format.
            SnapshotLimitError: there are more refs, or larger ones, than allowed.
        """
        fields = _Header(header)
        if fields.number("format") > _FORMAT:
            what = f"the snapshot is of format {fields.number('format')}; this program reads up to {_FORMAT}"
            raise SnapshotVersionError(what, _NEWER)
        if len(blobs) < BLOBS:
            raise broken("blobs are missing")
        stream, data, ids, objects, tags, lifetimes, kinds, ends, details, gone, reasons = blobs[:BLOBS]
        limits._check("max_refs", "refs", (len(ids) + len(gone)) // _ID, limits.max_refs)
        old = "kinds" not in header
        kind_column = _known("kind", kinds, _KIND_NAMES if old else fields.texts("kinds"), _KIND_NAMES)
        _check_lengths(blobs, kind_column.count(Kind.SERIALIZER) if old else len(kind_column))
        reasons_of, whose = fields.rows("reasons", 4), fields.owners("whose")
        droppings = [
            Dropping(*map(_shown, row))._replace(owner=owner)
            for row, owner in zip_longest(reasons_of, whose[: len(reasons_of)])
        ]
        contents = cls(
            stream=stream,
            data=data,
            ids=_ids(ids),
            objects=_numbers("I", objects),
            tags=_numbers("I", tags),
            tag_names=fields.texts("tags"),
            lifetimes=_known("lifetime", lifetimes, fields.texts("lifetimes"), _LIFETIME_NAMES),
            kinds=kind_column,
            ends=_numbers("Q", ends),
            details=_numbers("I", details),
            recipes=[_recipe_call(row) for row in fields.rows("recipes", 3)],
            serializers=[_serializer_use(row) for row in fields.rows("serializers", 2)],
            dropped=dict(zip(_ids(gone), _chosen("reasons", _numbers("I", reasons), droppings), strict=True)),
            when=fields.text("when"),
            policy=fields.text("policy"),
            writer=None if header.get("writer") is None else fields.text("writer"),
            is_list=old or "list" in header,
            guards=read_guards(fields.rows("guards", 4), len(ids) // _ID) if "guards" in header else {},
            shared=_flags(fields.text("shared"), len(ids) // _ID) if "shared" in header else b"",
        )
        if len(contents.dropped) * _ID != len(gone):
            raise broken("a dropped ref stands in it twice")
        contents._check_columns()
        if old:
            contents._ends_of_all(len(blobs) - BLOBS)
        contents._check_sizes([len(blob) for blob in blobs[BLOBS:]], limits)
        return contents

    def sizes(self, buffers: Sequence[int]) -> list[int]:
        """The bytes of each object, its buffers included; 0 where only a recipe or nothing stands for it.

        Args:
            buffers: the bytes of each buffer.
        """
        sizes = [0] * len(self.kinds)
        for kind in (Kind.PICKLE, Kind.SERIALIZER):
            places = self.of_kind(kind)
            ends = [self.ends[at] for at in places]
            for at, (start, end) in zip(places, pairwise([0, *ends]), strict=True):
                sizes[at] = end - start
        rest = iter(buffers)
        for at in self.of_kind(Kind.PICKLE) if buffers else ():
            sizes[at] += sum(islice(rest, self.details[at]))
        return sizes

    def lifetime_of(self, row: int) -> RefLifetime:
        """The lifetime of a ref."""
        return _LIFETIMES[self.lifetimes[row]]

    def tag_of(self, row: int) -> str:
        """The type tag of a ref."""
        return self.tag_names[self.tags[row]]

    def of_kind(self, kind: Kind) -> list[int]:
        """The objects that are kept in one way, in their order."""
        return list(compress(range(len(self.kinds)), self.kinds.translate(_IS[kind]))) if kind in self.kinds else []

    def kept(self) -> Kept:
        """The objects by how they are kept."""
        kept = Kept(self.of_kind(Kind.PICKLE), self.of_kind(Kind.EXPECTED), {}, {})
        whole, start = memoryview(self.data), 0
        for at in self.of_kind(Kind.SERIALIZER):
            kept.serialized[at] = self.serializers[self.details[at]], whole[start : self.ends[at]]
            start = self.ends[at]
        recipes = self.of_kind(Kind.RECIPE) + kept.expected
        rows = self.first_rows() if recipes else {}
        for at in recipes:
            call = self._recipe_of(at)
            if call is not None:
                kept.opened[at] = call, self.tag_of(rows[at])
        return kept

    def first_rows(self) -> dict[int, int]:
        """For each object the first ref of it."""
        rows = range(len(self.objects))
        return dict(zip(reversed(self.objects), reversed(rows), strict=True))

    def _recipe_of(self, at: int) -> RecipeCall | None:
        """The recipe of an object, if it has one."""
        kind, detail = self.kinds[at], self.details[at]
        if kind == Kind.RECIPE:
            return self.recipes[detail]
        return self.recipes[detail - 1] if kind == Kind.EXPECTED and detail else None

    def name_of(self, at: int) -> str | None:
        """The tag of the recipe or serializer of an object, if it has one."""
        if self.kinds[at] == Kind.SERIALIZER:
            return self.serializers[self.details[at]].tag
        call = self._recipe_of(at)
        return None if call is None else call.tag

    def _check_columns(self) -> None:
        distinct = set(self.ids)
        if len(distinct) != len(self.ids) or not distinct.isdisjoint(self.dropped):
            raise broken("a ref stands in it twice")
        if len(set(self.objects)) != len(self.kinds) or max(self.objects, default=-1) >= len(self.kinds):
            raise broken("its refs and its objects do not belong together")
        if max(self.tags, default=-1) >= len(self.tag_names):
            raise broken("a type tag is missing")
        room = {
            Kind.SERIALIZER: len(self.serializers),
            Kind.RECIPE: len(self.recipes),
            Kind.EXPECTED: len(self.recipes) + 1,
        }
        for kind in filter(self.kinds.__contains__, room):
            if max(compress(self.details, self.kinds.translate(_IS[kind]))) >= room[kind]:
                raise broken("a serializer or a recipe is missing")

    def _ends_of_all(self, buffers: int) -> None:
        """Bring the ends of a snapshot from before the first release into the form of today.

        Of its pickles only the end of the last is known: what they take counts for the first, as do the buffers.
        """
        ends, details = [0] * len(self.kinds), list(self.details)
        for at, end in zip(self.of_kind(Kind.SERIALIZER), self.ends, strict=True):
            ends[at] = end
        pickled = self.of_kind(Kind.PICKLE)
        for at in pickled:
            ends[at], details[at] = _size(self.stream), buffers if at == pickled[0] else 0
        self.ends, self.details = tuple(ends), tuple(details)

    def _check_sizes(self, buffers: Sequence[int], limits: SnapshotLimits) -> None:
        for kind, what, whole in ((Kind.PICKLE, "pickled", self.stream), (Kind.SERIALIZER, "serialized", self.data)):
            ends = [0, *self._of(kind, self.ends)]
            if ends != sorted(ends) or ends[-1] != _size(whole):
                raise broken(f"its {what} objects do not fill it")
        if sum(self._of(Kind.PICKLE, self.details)) != len(buffers):
            raise broken("its buffers are not those of its objects")
        if _size(self.stream) + sum(buffers) > limits.max_ref_bytes or _size(self.data) > limits.max_ref_bytes:
            largest = max(self.sizes(buffers), default=0)
            limits._check("max_ref_bytes", "bytes in one ref", largest, limits.max_ref_bytes)

    def _of(self, kind: Kind, column: Sequence[int]) -> Iterable[int]:
        """Of a column the rows of the objects that are kept in one way."""
        count = self.kinds.count(kind)
        if count == len(column):
            return column
        return compress(column, self.kinds.translate(_IS[kind])) if count else ()


def _size(buffer: Buffer) -> int:
    return memoryview(buffer).nbytes


class _Header:
    """The fields of a header, by the type they must have."""

    def __init__(self, fields: dict[str, JSON]) -> None:
        self._fields: Final = fields

    def number(self, name: str) -> int:
        return _number(self._fields.get(name))

    def text(self, name: str) -> str:
        return _shown(self._fields.get(name))

    def texts(self, name: str) -> list[str]:
        return [_shown(item) for item in _list(self._fields.get(name))]

    def owners(self, name: str) -> list[str | tuple[str, ...] | None]:
        return [owner_from(item) for item in _list(self._fields.get(name, []))]

    def rows(self, name: str, width: int) -> list[list[JSON]]:
        rows = [_list(row) for row in _list(self._fields.get(name))]
        if any(len(row) != width for row in rows):
            raise broken(f"a row of its {name} is too long or too short")
        return rows


def _number(found: JSON) -> int:
    if type(found) is not int or found < 1:
        raise broken("a number in its header is none")
    return found


def _text(found: JSON) -> str:
    if not isinstance(found, str):
        raise broken("a text in its header is none")
    return found


def _shown(found: JSON) -> str:
    """A text that is for people alone: what it says may go into an error and a log."""
    text = _text(found)
    return text if text.isprintable() else printable(text)


def _list(found: JSON) -> list[JSON]:
    if not isinstance(found, list):
        raise broken("a list in its header is none")
    return found


def _recipe_call(row: list[JSON]) -> RecipeCall:
    tag, args, kwargs = row
    if not isinstance(kwargs, dict):
        raise broken("the arguments of a recipe are none")
    return RecipeCall(_text(tag), _list(args), kwargs)


def _serializer_use(row: list[JSON]) -> SerializerUse:
    return SerializerUse(_text(row[0]), _number(row[1]))


def _bits(flags: bytes) -> str:
    """A column of 0 and 1 as the text of a number, for the header."""
    return f"{int(flags.translate(_DIGITS), 2):x}"


def _flags(text: str, count: int) -> bytes:
    """The column that `_bits` told of."""
    if len(text) > count // 4 + 1 or re.fullmatch("[0-9a-f]+", text) is None or int(text, 16) >> count:
        raise broken("its flags are not those of its refs")
    return f"{int(text, 16):0{count}b}".encode().translate(_NUMBERS_OF_DIGITS)


def _named(column: bytes, names: Sequence[str]) -> tuple[list[JSON], bytes]:
    """The names that a column uses, and the column that refers to them."""
    used = [number for number in range(len(names)) if number in column]
    table = bytearray(256)
    for place, number in enumerate(used):
        table[number] = place
    return [names[number] for number in used], column.translate(table)


def _known(what: str, column: memoryview, names: Sequence[str], members: Sequence[str]) -> bytes:
    """A column that refers to names as one that refers to the members of an enum, by their numbers.

    Raises:
        SnapshotVersionError: it uses a name that is none of a member.
    """
    used, numbers = bytes(column), {name: number for number, name in enumerate(members)}
    if used.translate(None, bytes(range(min(len(names), 256)))):
        raise broken(f"a {what} is missing")
    for place, name in enumerate(names[:256]):
        if name not in numbers and place in used:
            raise SnapshotVersionError(f"the snapshot uses the {what} {name!r}, which is not known here", _NEWER)
    return used.translate(bytes(numbers.get(name, 0) for name in names[:256]).ljust(256, b"\0"))


def _interned(items: Iterable[N]) -> tuple[list[N], list[int]]:
    """The distinct items, and for each item which of them it is."""
    known: dict[N, int] = {}
    column = [known.setdefault(item, len(known)) for item in items]
    return list(known), column


def _check_lengths(blobs: Sequence[memoryview], ended: int) -> None:
    """Raise unless the columns are of one length each: before memory is taken for the numbers in them.

    Args:
        blobs: the columns.
        ended: how many objects have an end.
    """
    ids, objects, tags, refs, kinds, ends, details, gone, reasons = map(len, blobs[2:BLOBS])
    refs_fit = ids == _ID * refs and objects == tags == 4 * refs
    objects_fit = kinds <= refs and details == 4 * kinds
    dropped_fit = gone == 4 * reasons and gone % _ID == 0
    if not (refs_fit and objects_fit and dropped_fit) or ends != 8 * ended:
        raise broken("its columns are of different lengths")


def _packed(code: str, numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def _numbers(code: str, blob: memoryview) -> tuple[int, ...]:
    size = struct.calcsize(code)
    return cast("tuple[int, ...]", struct.unpack(f"<{len(blob) // size}{code}", blob))


def _ids(blob: memoryview) -> list[bytes]:
    return [uid for (uid,) in struct.iter_unpack(f"{_ID}s", blob)]


def _chosen(what: str, column: Iterable[int], items: list[N]) -> list[N]:
    try:
        return [items[at] for at in column]
    except IndexError:
        raise broken(f"its column of {what} points to nothing") from None
