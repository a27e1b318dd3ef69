"""The objects of a snapshot, live again."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, cast

from liveref._key import RegistryKey
from liveref._pause.serializer import Serializer, serializer_tagged
from liveref._recipe import named_recipe
from liveref._registry.finalize import Finalizer, Outcome, drive, finalize
from liveref._registry.guards import Opening
from liveref._registry.store import Store
from liveref._snapshot.contents import Contents, Kind
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._snapshot.stream import first_bad_item, load_stream
from liveref._text.marker import redact
from liveref._text.tag import readable
from liveref.exceptions import RefLoadError, ReopenError, SnapshotError

__all__ = ["NOT_CARRIED", "Revival"]

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

    def _find_carried(self, carry: Store) -> dict[int, RegistryKey[object]]:
        """A ref to each expected object that the other registry holds."""
        expected = set(self._contents.of_kind(Kind.EXPECTED))
        rows = zip(self._contents.ids, self._contents.objects, strict=True)
        refs = ((at, carry._refs.get(uid)) for uid, at in rows if at in expected) if expected else ()
        found: dict[int, RegistryKey[object]] = {}
        for at, ref in refs:
            if ref is not None:
                found.setdefault(at, ref)
        return found

    def _find_openings(self) -> dict[int, Opening]:
        openings: dict[int, Opening] = {}
        for at in self._contents.of_kind(Kind.RECIPE) + self._contents.of_kind(Kind.EXPECTED):
            call = self._contents.recipe_of(at)
            if call is not None and at not in self.carried:
                openings[at] = Opening(named_recipe(*call), self._contents.tag_of(self._first_row(at)))
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
        outcome = Outcome()
        drive(finalize(duties, outcome))
        return [readable(type(error)) for error in outcome.errors]

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
            return self._carry._found(self.carried[number])[1]
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
