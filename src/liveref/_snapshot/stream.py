"""Many objects in one pickle: what two of them hold is one object again after loading.

What the pickle refers to instead of holding it is written as a number, the *stand-in*.
"""

from __future__ import annotations

import io
import pickle
import re
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import pairwise
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Final, NamedTuple

from typing_extensions import Buffer

from liveref._text.tag import readable

if TYPE_CHECKING:
    from pickletools import OpcodeInfo

    from _typeshed import SupportsWrite

__all__ = ["Item", "Trial", "describe_trouble", "dump_stream", "first_bad_item", "items_of", "load_stream"]

_PROTOCOL: Final = 5
_EMPTY: Final = pickle.PROTO + bytes([_PROTOCOL]) + pickle.EMPTY_LIST + pickle.MEMOIZE
_APPENDS: Final = frozenset({"APPEND", "APPENDS"})
_NOTED: Final = frozenset({"FRAME", "NEXT_BUFFER"})
_FRAME_SIZE: Final = 9
_UNPICKLABLE: Final = re.compile(r"cannot pickle '([\w.]+)' object")


class _Pickler(pickle.Pickler):
    """Writes stand-ins."""

    def __init__(
        self, file: SupportsWrite[bytes], keep: Callable[[PickleBuffer], None], stand_ins: Mapping[int, int]
    ) -> None:
        super().__init__(file, _PROTOCOL, buffer_callback=keep)
        self._stand_ins: Final = stand_ins

    def persistent_id(self, obj: object) -> int | None:
        return self._stand_ins.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, buffers: Iterable[Buffer], find: Callable[[object], object]) -> None:
        super().__init__(file, buffers=buffers)
        self._find: Final = find

    def persistent_load(self, pid: object) -> object:
        return self._find(pid)


def dump_stream(values: list[object], stand_ins: Mapping[int, int]) -> tuple[bytes, list[PickleBuffer]]:
    """The pickle of a list of objects, and its out-of-band buffers, which are views of live memory.

    Args:
        values: the objects.
        stand_ins: for the ids of other objects what is written in their place.

    Raises:
        Exception: of whatever class the pickling of one of them raises.
    """
    buffers: list[PickleBuffer] = []
    keep = _keeper(buffers)
    if not stand_ins:  # persistent_id is a call for every object in every state
        return pickle.dumps(values, _PROTOCOL, buffer_callback=keep), buffers
    file = io.BytesIO()
    _Pickler(file, keep, stand_ins).dump(values)
    return file.getvalue(), buffers


class Trial(_Pickler):
    """Pickles objects one by one, to see whether it can be done. None is a stand-in for itself.

    What two of them hold is looked at once, unless that fails: else many refs to one large state would take for ever.

    Args:
        stand_ins: as for `dump_stream`.
        barred: the ids of objects that none may hold.
    """

    def __init__(self, stand_ins: Mapping[int, int], barred: Container[int] = ()) -> None:
        super().__init__(_Nowhere(), _keeper([]), stand_ins)
        self._barred: Final = barred
        self._root = 0

    def run(self, value: object) -> str | int | None:
        """Why an object can't be pickled, in words, or which barred object it holds; None if all is well."""
        self._root = id(value)
        try:
            self.dump(value)
        except _HeldError as error:
            trouble: str | int = error.uid
        except Exception as error:  # noqa: BLE001  user code
            trouble = describe_trouble(error)
        else:
            return None
        self.clear_memo()
        return trouble

    def persistent_id(self, obj: object) -> int | None:
        uid = id(obj)
        if uid == self._root:
            return None
        if uid in self._barred:
            raise _HeldError(uid)
        return self._stand_ins.get(uid)


class _HeldError(Exception):
    """An object holds what it may not."""

    def __init__(self, uid: int) -> None:
        super().__init__(uid)
        self.uid: Final = uid


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes, /) -> None:
        """Drop the bytes."""


def describe_trouble(error: Exception) -> str:
    """What may be told of an exception that pickling raised: its text may hold the ``repr`` of an object."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply to be pickled"
    named = _UNPICKLABLE.fullmatch(str(error))
    return f"a {named[1]} can't be pickled" if named else f"pickling it raised {readable(type(error))}"


def load_stream(data: Buffer, buffers: Iterable[Buffer], find: Callable[[object], object] | None) -> object:
    """What `dump_stream` was given. Loading a pickle runs what it names.

    Args:
        data: the bytes.
        buffers: the out-of-band buffers.
        find: gives the object of a stand-in; None where there is none.

    Raises:
        Exception: of whatever class the loading raises.
    """
    if find is None:
        return pickle.loads(data, buffers=buffers)  # noqa: S301  signed, or trusted by the caller
    return _Unpickler(io.BytesIO(data), buffers, find).load()


class Item(NamedTuple):
    """One object in a stream.

    Attributes:
        code: its opcodes, without the marks of frames.
        buffers: how many out-of-band buffers it has.
    """

    code: bytes
    buffers: int


def items_of(data: Buffer) -> list[Item]:
    """The objects in a stream, one by one; nothing is loaded. O(bytes), and slow: 1 us an opcode.

    Raises:
        ValueError: it is no stream.
    """
    whole = bytes(data)
    try:
        track = _Track(whole)
    except Exception:  # noqa: BLE001  pickletools meets odd opcodes with errors of many classes
        track = None
    if track is None:
        raise ValueError
    return [Item(_without(whole, track.frames, *span), _count(track.buffers, *span)) for span in track.items]


def first_bad_item(data: Buffer, buffers: Iterable[Buffer], find: Callable[[object], object]) -> int:
    """Which object of a stream that can't be loaded is to blame: they are loaded anew, one by one."""
    try:
        items = items_of(data)
    except ValueError:
        return 0
    file = io.BytesIO()
    load = _Unpickler(file, buffers, find).load
    for at, code in enumerate([_EMPTY, *(item.code for item in items)]):
        file.seek(0)
        file.write(code + pickle.STOP)
        file.seek(0)
        try:
            load()
        except Exception:  # noqa: BLE001  told by who asks
            return max(at - 1, 0)
    return 0


class _Track:
    """Where the objects of the outermost list lie, found by following the stack of the pickle machine.

    Of what lies on the stack only its beginning is kept: what takes other things up begins with the first of them.

    Attributes:
        items: where each object begins and ends.
        frames: where each frame begins, which is a mark of 9 bytes that means nothing.
        buffers: where each out-of-band buffer is called for.
    """

    def __init__(self, data: bytes) -> None:
        import pickletools  # noqa: PLC0415  10 ms, and seldom needed

        self.items: Final[list[tuple[int, int]]] = []
        self.frames: Final[list[int]] = []
        self.buffers: Final[list[int]] = []
        self._stack: Final[list[int]] = []
        self._marks: Final[list[int]] = []
        self._mark: Final = pickletools.markobject
        for opcode, _, at in pickletools.genops(data):
            self._follow(opcode, at or 0)

    def _follow(self, opcode: OpcodeInfo, at: int) -> None:
        name, before = opcode.name, opcode.stack_before
        if name in _NOTED:
            (self.frames if name == "FRAME" else self.buffers).append(at)
        taken = self._pop_to_mark() if self._mark in before else []
        if name == "APPEND":
            taken = self._stack[-1:]
        fixed = before.index(self._mark) if self._mark in before else len(before)
        begin = self._stack[-fixed] if fixed else at
        del self._stack[len(self._stack) - fixed :]
        if name in _APPENDS and not self._stack:
            self.items.extend(pairwise([*taken, at]))
        if name == "MARK":
            self._marks.append(len(self._stack))
        else:
            self._stack.extend([begin] * len(opcode.stack_after))

    def _pop_to_mark(self) -> list[int]:
        base = self._marks.pop()
        taken = self._stack[base:]
        del self._stack[base:]
        return taken


def _without(data: bytes, frames: list[int], start: int, end: int) -> bytes:
    """Bytes without the frames that begin among them."""
    inside = frames[bisect_left(frames, start) : bisect_left(frames, end)]
    ends = [start, *(frame + _FRAME_SIZE for frame in inside)]
    return b"".join(data[begin:stop] for begin, stop in zip(ends, [*inside, end], strict=True))


def _count(places: list[int], start: int, end: int) -> int:
    return bisect_left(places, end) - bisect_left(places, start)


def _keeper(buffers: list[PickleBuffer]) -> Callable[[PickleBuffer], None]:
    def keep(buffer: PickleBuffer) -> None:
        buffer.raw().release()  # raises where it is not contiguous
        buffers.append(buffer)

    return keep
