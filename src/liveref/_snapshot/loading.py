"""The objects of a stream, loaded one by one, each once: one that can't be loaded takes down what holds it, no more."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat, starmap
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from typing_extensions import Buffer

from liveref._snapshot.contents import Contents
from liveref._text.blame import NamingUnpickler

if TYPE_CHECKING:
    from liveref._snapshot.survey import Place, Survey

__all__ = ["Failure", "Items", "Loaded", "load_items", "load_pickles"]

_PEEKED: Final = 1 << 16
"""Bytes that the unpickler sees at a time: without a peek it asks for each few of them, at 60 ns."""
_NOTE: Final = pickle.NEXT_BUFFER + pickle.MEMOIZE

Find = Callable[[object], object]


class Unpickler(NamingUnpickler):
    """Gives the objects of stand-ins, and goes on with what another has noted.

    Args:
        data: bytes of a stream, from the beginning of an object.
        buffers: the out-of-band buffers, from the first of that object.
        find: gives the object of a stand-in.
        memo: what stands in the memo already.
    """

    def __init__(self, data: Buffer, buffers: Iterable[Buffer], find: Find, memo: Sequence[object] = ()) -> None:
        filling = b"".join([pickle.PROTO, b"\5", _NOTE * len(memo), pickle.STOP]) if memo else b""
        self._file: Final = io.BufferedReader(io.BytesIO(filling + bytes(data)), _PEEKED)
        super().__init__(self._file, buffers=chain(cast("Sequence[Buffer]", memo), buffers))
        self._find: Final = find
        if memo:  # to set it would be simpler, if CPython did not lose what is in it or how much that is
            self.load()

    def persistent_load(self, pid: object, /) -> object:
        """The object of a stand-in."""
        return self._find(pid)

    def noted(self) -> list[object]:
        """A copy of the memo, which has no gaps."""
        memo = cast("dict[int, object]", self.memo.copy())  # typeshed has the memo of a pickler here
        return [memo[at] for at in range(len(memo))]

    def has_more(self) -> bool:
        """Whether bytes are left."""
        return bool(self._file.peek(1))


class Items(NamedTuple):
    """The objects of a stream, not loaded yet.

    Attributes:
        data: the bytes of their pickles.
        ends: for each object where its pickle ends in them.
        counts: for each object how many out-of-band buffers it has.
        buffers: those, in their order.
    """

    data: memoryview
    ends: Sequence[int]
    counts: Sequence[int]
    buffers: Sequence[Buffer]

    def start(self, at: int) -> int:
        """Where the pickle of an object begins."""
        return self.ends[at - 1] if at else 0

    def code(self, at: int) -> bytes:
        """The pickle of an object."""
        return bytes(self.data[self.start(at) : self.ends[at]])

    def first_buffer(self, at: int) -> int:
        """Which buffer is the first of an object."""
        return sum(self.counts[:at])


class Failure(NamedTuple):
    """Why an object can't be loaded.

    Attributes:
        error: what was raised, for it or for what it holds.
        held: which object that it holds can't be loaded; None where it is itself to blame.
        asks: whether its pickle refers to stand-ins.
    """

    error: Exception
    held: int | None = None
    asks: bool = False


class Loaded(NamedTuple):
    """What became of some objects, by their numbers.

    Attributes:
        values: those that were loaded.
        failures: why the others were not.
    """

    values: dict[int, object]
    failures: dict[int, Failure]


def load_pickles(contents: Contents, pickled: list[int], buffers: Sequence[Buffer], find: Find) -> Loaded:
    """Load the pickled objects of a snapshot, each once, by their numbers in it.

    Args:
        contents: the snapshot.
        pickled: the numbers of those objects.
        buffers: the out-of-band buffers of their pickles.
        find: gives the object of a stand-in.
    """
    all_are = len(pickled) == len(contents.kinds)
    if contents.is_list:
        loaded = _load_list(contents.stream, buffers, find, len(pickled))
    else:
        ends, counts = contents.ends, contents.details
        if not all_are:
            ends, counts = (list(map(column.__getitem__, pickled)) for column in (ends, counts))
        loaded = load_items(Items(memoryview(contents.stream), ends, counts, buffers), find)
    if all_are:
        return loaded
    return Loaded(
        {pickled[at]: value for at, value in loaded.values.items()},
        {
            pickled[at]: failure if failure.held is None else failure._replace(held=pickled[failure.held])
            for at, failure in loaded.failures.items()
        },
    )


def load_items(items: Items, find: Find) -> Loaded:
    """Load the objects of a stream, each once. Loading a pickle runs what it names.

    Args:
        items: the objects.
        find: gives the object of a stand-in.
    """
    loaded: list[object] = []
    unpickler = Unpickler(items.data, items.buffers, find)
    try:
        loaded.extend(starmap(unpickler.load, repeat((), len(items.ends))))  # what came before an exception stays
    except Exception as error:  # noqa: BLE001  user code
        return _Rescue(items, find, loaded).run(error, unpickler.noted())
    values = dict(enumerate(loaded))
    return Loaded(values, {0: Failure(EOFError())} if unpickler.has_more() else {})


def _load_list(data: Buffer, buffers: Iterable[Buffer], find: Find, count: int) -> Loaded:
    """As `load_items`, of a stream from before the first release: one pickle of a list, which is loaded or not."""
    try:
        values = Unpickler(data, buffers, find).load()
    except Exception as error:  # noqa: BLE001  user code
        return Loaded({}, dict.fromkeys(range(count), Failure(error)))
    if not isinstance(values, list) or len(cast("list[object]", values)) != count:
        return Loaded({}, dict.fromkeys(range(count), Failure(EOFError())))
    return Loaded(dict(enumerate(cast("list[object]", values))), {})


class _Gap:
    """Stands in the memo for what was not loaded; nothing that is loaded takes it up."""


_GAP: Final = _Gap()


class _Rescue:
    """Loads what can be loaded once an object of a stream could not.

    The objects share a memo. What one that failed was to note there, others may need: then it is loaded from the
    opcodes of that part alone, unless it was loaded before the failure, or the failure was in it.
    """

    def __init__(self, items: Items, find: Find, loaded: Sequence[object]) -> None:
        self._items: Final = items
        self._find: Final = find
        self._values: Final = dict(enumerate(loaded))
        self._failures: Final[dict[int, Failure]] = {}
        self._surveys: Final[dict[int, Survey]] = {}
        """Of those that failed."""
        self._bases: Final[dict[int, int]] = {}
        """For each of them how much stood in the memo before it."""
        self._lost: Final[dict[int, tuple[int, int]]] = {}
        """What is missing in the memo: of which object it is a part, and which of its places."""
        self._broken: Final[dict[int, Exception]] = {}
        """What of that can't be had, and why."""
        self._names: Final[dict[int, int]] = {}
        """What of that is an object of the stream itself, and which one."""
        self._memo: list[object] = []
        self._noted = 0
        """How much would stand in the memo if nothing had failed: what is missing there is a gap."""
        self._unpickler: Unpickler | None = None

    def run(self, error: Exception, memo: list[object]) -> Loaded:
        """What became of all objects.

        Args:
            error: what was raised for the first one that could not be loaded.
            memo: what had been noted by then.
        """
        first, count = len(self._values), len(self._items.ends)
        try:
            self._noted = sum(len(self._survey(at).places) for at in range(first))
            self._lose(first, self._survey(first), Failure(error), memo)
            for at in range(first + 1, count):
                self._go_on(at)
            self._tell_holders()
        except Exception:  # noqa: BLE001  pickletools meets odd opcodes with errors of many classes
            for at in range(first, count):
                if at not in self._values:
                    self._failures.setdefault(at, Failure(error))
        return Loaded(self._values, self._failures)

    def _survey(self, at: int) -> Survey:
        from liveref._snapshot.survey import Survey  # noqa: PLC0415  pickletools takes 10 ms, and is seldom needed

        return Survey(self._items.code(at))

    def _go_on(self, at: int) -> None:
        """Load the next object, unless it needs what can't be had."""
        survey = self._survey(at)
        missing = self._missing(spot for _, spot in survey.gets)
        if missing is not None:
            held = self._names.get(missing)
            if survey.is_reference:
                self._names[missing] = at
                held = None
            self._lose(at, survey, Failure(self._broken[missing], held), self._pull())
            return
        try:
            self._values[at] = self._opened(at).load()
        except Exception as error:  # noqa: BLE001  user code
            self._lose(at, survey, Failure(error), self._pull())
        else:
            self._noted += len(survey.places)

    def _opened(self, at: int) -> Unpickler:
        if self._unpickler is None:
            rest = self._items.data[self._items.start(at) :]
            buffers = self._items.buffers[self._items.first_buffer(at) :]
            self._unpickler = Unpickler(rest, buffers, self._find, self._memo)
        return self._unpickler

    def _pull(self) -> list[object]:
        """The memo, for a change: what reads on takes it up anew."""
        if self._unpickler is not None:
            self._memo = self._unpickler.noted()
            self._unpickler = None
        return self._memo

    def _lose(self, at: int, survey: Survey, failure: Failure, memo: list[object]) -> None:
        """Note that an object can't be loaded, and what others may miss for that."""
        base, done = self._noted, len(memo) - self._noted
        notes = [-1, *(place.noted for place in survey.places), survey.stop]
        last, following = notes[done], notes[done + 1]  # the failure was in between, and at one of these
        doubtful = [run for run in survey.runs if last < run < following] or [last, following]
        memo.extend([_GAP] * (len(survey.places) - done))
        for number, place in enumerate(survey.places, base):
            if number < base + done and place.end <= last:
                continue
            memo[number] = _GAP
            self._lost[number] = at, number - base
            if place.end == survey.stop:
                self._names[number] = at
            if place.end == survey.stop or (place.start <= doubtful[0] and doubtful[-1] < place.end):
                self._broken[number] = failure.error
        self._memo, self._noted = memo, base + len(survey.places)
        self._surveys[at], self._bases[at] = survey, base
        self._failures[at] = failure._replace(asks=survey.asks)

    def _missing(self, spots: Iterable[int]) -> int | None:
        """The first of some spots of the memo whose object can't be had; others that are lost are recovered."""
        for spot in spots:
            if spot in self._lost and spot not in self._broken:
                self._recover(spot)
            if spot in self._broken:
                return spot
        return None

    def _recover(self, spot: int) -> None:
        """Load a part of what failed, or note why that can't be done."""
        at, number = self._lost[spot]
        survey, base = self._surveys[at], self._bases[at]
        place = survey.places[number]
        self._broken[spot] = RecursionError()  # while its own parts are looked for
        outside = [
            got for where, got in survey.gets if place.start <= where < place.end and got not in self._within(at, place)
        ]
        missing = self._missing(outside)
        if missing is not None:
            self._broken[spot] = self._broken[missing]
            return
        code, calls = survey.piece(place, base, self._lost.keys())
        first = self._items.first_buffer(at)
        memo = self._pull()
        unpickler = Unpickler(code, [self._items.buffers[first + call] for call in calls], self._find, memo)
        try:
            unpickler.load()
        except Exception as error:  # noqa: BLE001  user code
            self._broken[spot] = error
            return
        noted = unpickler.noted()
        for each in self._within(at, place):
            memo[each] = noted[each]
            self._lost.pop(each, None)
            self._broken.pop(each, None)

    def _within(self, at: int, place: Place) -> list[int]:
        """The spots of an object and of its parts."""
        places = enumerate(self._surveys[at].places, self._bases[at])
        return [spot for spot, other in places if place.holds(other)]

    def _tell_holders(self) -> None:
        """Of the objects that fail for one inside of them, blame the innermost that is an object of the stream."""
        inner = [(spot, at) for spot, at in self._names.items() if self._lost[spot][0] != at]
        innermost: dict[int, tuple[int, int]] = {}
        for spot, at in inner:
            owner, number = self._lost[spot]
            places = self._surveys[owner].places
            others = [(other, places[self._lost[each][1]]) for each, other in inner if self._lost[each][0] == owner]
            for holder, place in [(owner, None), *others]:
                if holder != at and (place is None or place.holds(places[number])):
                    innermost[holder] = max(innermost.get(holder, (-1, -1)), (places[number].start, at))
        for holder, (_, held) in innermost.items():
            self._failures[holder] = self._failures[holder]._replace(held=held)
