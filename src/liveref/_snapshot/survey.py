"""Where in a pickle its objects lie: to save those that others need of one that can't be loaded."""

from __future__ import annotations

import pickle
import pickletools
import struct
from collections.abc import Container
from contextlib import suppress
from io import BytesIO
from typing import Final, NamedTuple

from typing_extensions import Buffer

__all__ = ["Place", "Survey", "stand_ins"]

_IN_PLACE: Final = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
"""What changes the object below what it takes, and leaves it on the stack."""
_GETS: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})
_PUTS: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_RUNS: Final = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "STACK_GLOBAL", "BINPERSID"})
_FRAME_SIZE: Final = 9
_MARK: Final = pickletools.markobject
_PROTO: Final = 2
_MEMO: Final = struct.Struct("<cI")
"""Notes an object under a number; LONG_BINGET, which takes it from there, has the same form."""


class Place(NamedTuple):
    """An object that a pickle notes in the memo.

    Attributes:
        start: where its opcodes begin.
        end: where they end.
        noted: where it is noted.
    """

    start: int
    end: int
    noted: int

    def holds(self, other: Place) -> bool:
        """Whether another object is this one or a part of it."""
        return self.start <= other.start and other.end <= self.end


class _Slot:
    """What lies on the stack: where its opcodes begin, and which of the notes are of it."""

    __slots__ = ("notes", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.notes: list[int] = []


class Survey:
    """What the opcodes of one pickle say, followed without loading any. O(bytes), and slow: 1 us an opcode.

    Attributes:
        code: the pickle without the marks of frames, which mean nothing.
        places: the objects that it notes in the memo, in the order of the notes.
        gets: where it takes one from the memo, and which.
        calls: where it takes an out-of-band buffer.
        asks: whether it takes what a stand-in stands for.
        runs: where it runs code of the user's.

    Raises:
        ValueError: it is no pickle as liveref writes them.
    """

    def __init__(self, data: bytes) -> None:
        frames = [at or 0 for opcode, _, at in pickletools.genops(data) if opcode.name == "FRAME"]
        cuts = [0, *(frame + _FRAME_SIZE for frame in frames)]
        self.code: Final = b"".join(data[start:end] for start, end in zip(cuts, [*frames, len(data)], strict=True))
        self.places: Final[list[Place]] = []
        self.gets: Final[list[tuple[int, int]]] = []
        self.calls: Final[list[int]] = []
        self.asks = False
        self.runs: Final[list[int]] = []
        self._stack: Final[list[_Slot]] = []
        self._marks: Final[list[tuple[int, int]]] = []
        for opcode, arg, at in pickletools.genops(self.code):
            self._follow(opcode, arg, at or 0)

    @property
    def stop(self) -> int:
        """Where the last opcode stands: the place of the whole object ends there, and no other."""
        return len(self.code) - 1

    @property
    def is_reference(self) -> bool:
        """Whether it is nothing but an object that stands in the pickle of an earlier one."""
        return (self.code[_PROTO:3], self.stop) in {(pickle.BINGET, 4), (pickle.LONG_BINGET, 7)}

    def piece(self, place: Place, base: int, lost: Container[int]) -> tuple[bytes, list[int]]:
        """The pickle of one of its objects alone, and which of its buffers that takes.

        Args:
            place: where the object is.
            base: what the memo holds before the first object of this pickle: all are noted under their numbers.
            lost: what the memo does not hold; what it does hold is taken from there.
        """
        edits: list[tuple[int, int, bytes]] = []
        for spot, other in enumerate(self.places, base):
            if spot in lost:
                edits.append((other.noted, other.noted + 1, _MEMO.pack(b"r", spot)))
            elif place.start <= other.start and other.end < place.end:
                edits.append((other.start, other.end, _MEMO.pack(b"j", spot)))
        parts, at, kept = [self.code[:_PROTO]], place.start, list[tuple[int, int]]()
        for start, end, code in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
            if at <= start and end <= place.end:
                kept.append((at, start))
                parts += self.code[at:start], code
                at = end
        kept.append((at, place.end))
        parts += self.code[at : place.end], pickle.STOP
        calls = [n for n, call in enumerate(self.calls) if any(start <= call < end for start, end in kept)]
        return b"".join(parts), calls

    def _follow(self, opcode: pickletools.OpcodeInfo, arg: object, at: int) -> None:
        name = opcode.name
        if name == "MEMOIZE":
            self._stack[-1].notes.append(len(self.places))
            self.places.append(Place(self._stack[-1].start, at, at))
        elif name == "MARK":
            self._marks.append((len(self._stack), at))
        elif name in _PUTS:
            raise ValueError
        else:
            if name in _GETS and isinstance(arg, int):
                self.gets.append((at, arg))
            elif name == "NEXT_BUFFER":
                self.calls.append(at)
            elif name in _RUNS:
                self.asks = self.asks or name == "BINPERSID"
                self.runs.append(at)
            self._take(opcode, at)

    def _take(self, opcode: pickletools.OpcodeInfo, at: int) -> None:
        """Take from the stack what an opcode takes, and lay on it what it gives."""
        before, start = opcode.stack_before, at
        base = len(self._stack)
        if _MARK in before:
            base, start = self._marks.pop()
        base -= before.index(_MARK) if _MARK in before else len(before)
        taken = self._stack[base:]
        del self._stack[base:]
        if len(before) and before[0] is not _MARK:
            start = taken[0].start
        if opcode.name in _IN_PLACE:
            self._stack.append(taken.pop(0))
        else:
            self._stack.extend(_Slot(start) for _ in opcode.stack_after)
        for slot, end in zip(taken, [*(slot.start for slot in taken[1:]), at], strict=False):
            for note in slot.notes:
                self.places[note] = self.places[note]._replace(end=end)


def stand_ins(stream: Buffer) -> set[object]:
    """What the stand-ins are of all the pickles in a stream; of those before one that is no pickle. 1 us an opcode."""
    found, last = set[object](), None
    file, end = BytesIO(stream), memoryview(stream).nbytes
    with suppress(Exception):  # odd opcodes are told of by who loads them
        while file.tell() < end:
            for opcode, arg, _ in pickletools.genops(file):
                if opcode.name == "BINPERSID":
                    found.add(last)
                last = arg
    return found
