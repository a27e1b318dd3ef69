"""Many objects in one stream of pickles that share a memo: what two of them hold is one object again after loading.

What the stream refers to instead of holding it is written as a number, the *stand-in*.
"""

from __future__ import annotations

import io
import pickle
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["PROTOCOL", "HeldError", "Stream", "Trial", "dump_stream"]

PROTOCOL: Final = 5


class Stream(NamedTuple):
    """The pickles of some objects, one after the other.

    Attributes:
        data: their bytes.
        ends: for each object where its pickle ends in them.
        counts: for each object how many out-of-band buffers it has.
        buffers: those, in their order, which are views of live memory.
    """

    data: bytes = b""
    ends: Sequence[int] = ()
    counts: Sequence[int] = ()
    buffers: Sequence[PickleBuffer] = ()


class _Pickler(pickle.Pickler):
    """Writes stand-ins."""

    def __init__(
        self, file: SupportsWrite[bytes], keep: Callable[[PickleBuffer], None], stand_ins: Mapping[int, int]
    ) -> None:
        super().__init__(file, PROTOCOL, buffer_callback=keep)
        self._stand_ins: Final = stand_ins

    def persistent_id(self, obj: object) -> int | None:
        return self._stand_ins.get(id(obj))


def dump_stream(values: Iterable[object], stand_ins: Mapping[int, int]) -> Stream:
    """The pickles of some objects, and their out-of-band buffers.

    Args:
        values: the objects.
        stand_ins: for the ids of other objects what is written in their place.

    Raises:
        Exception: of whatever class the pickling of one of them raises.
    """
    file = io.BytesIO()
    tell = file.tell
    kept: list[tuple[int, PickleBuffer]] = []

    def keep(buffer: PickleBuffer) -> None:
        _check(buffer)
        kept.append((tell(), buffer))

    # persistent_id is a call for every object in every state
    pickler = _Pickler(file, keep, stand_ins) if stand_ins else pickle.Pickler(file, PROTOCOL, buffer_callback=keep)
    ends = [tell() for _ in map(pickler.dump, values)]
    counts = [0] * len(ends)
    for at, _ in kept:
        counts[bisect_right(ends, at)] += 1
    return Stream(file.getvalue(), ends, counts, [buffer for _, buffer in kept])


class Trial(_Pickler):
    """Pickles objects one by one, to see whether it can be done. None is a stand-in for itself.

    What two of them hold is looked at once, unless that fails: else many refs to one large state would take for ever.

    Args:
        stand_ins: as for `dump_stream`.
        barred: the ids of objects that none may hold.
    """

    def __init__(self, stand_ins: Mapping[int, int], barred: Container[int] = ()) -> None:
        super().__init__(_Nowhere(), _check, stand_ins)
        self._barred: Final = barred
        self._root = 0

    def run(self, value: object) -> Exception | None:
        """What pickling an object raises: a HeldError where it holds a barred one; None if all is well."""
        self._root = id(value)
        try:
            self.dump(value)
        except Exception as error:  # noqa: BLE001  user code
            self.clear_memo()
            return error
        return None

    def run_part(self, part: object) -> Exception | None:
        """As `run`, for a part of an object; None where something else stands in for the part."""
        return None if id(part) in self._stand_ins else self.run(part)

    def persistent_id(self, obj: object) -> int | None:
        uid = id(obj)
        if uid == self._root:
            return None
        if uid in self._barred:
            raise HeldError(uid)
        return self._stand_ins.get(uid)


class HeldError(Exception):
    """An object holds what it may not.

    Args:
        uid: the id of that.
    """

    def __init__(self, uid: int) -> None:
        super().__init__(uid)
        self.uid: Final = uid


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes, /) -> None:
        """Drop the bytes."""


def _check(buffer: PickleBuffer) -> None:
    """Raise where an out-of-band buffer is not contiguous."""
    buffer.raw().release()
