"""What a registry knows of a ref besides its value."""

from __future__ import annotations

import dataclasses
import sys
from time import monotonic
from types import CodeType

from liveref._hints.info import tag_of
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from liveref._text.marker import redact
from liveref._text.tag import printable

__all__ = ["Entry", "RefInfo", "describe"]


@dataclasses.dataclass(slots=True)
class Entry:
    """The facts of a ref besides its value.

    Never changed, for refs share it: clones, and plain inserts of one place within a millisecond, which
    so take 0 bytes each for it instead of 90.

    Attributes:
        born: when it was inserted, in seconds of the monotonic clock.
        code: with ``offset`` the place of the insert, as what costs least to take down; None after a pause.
        offset: of the instruction in the code.
        lifetime: when the ref is purged.
        finalizer: runs when it goes.
        recipe: opens the object again.
        opening: opens it at the first lookup after a pause.
    """

    born: float
    code: CodeType | None
    offset: int
    lifetime: RefLifetime = RefLifetime.UNTIL_CONTEXT_DROP
    finalizer: Finalizer | None = None
    recipe: Recipe[object] | None = None
    opening: Opening | None = None

    @classmethod
    def of_call(cls, lifetime: RefLifetime, finalizer: Finalizer | None, recipe: Recipe[object] | None) -> Entry:
        """The entry of an insert at this moment by the caller of the public method that called the caller."""
        frame = sys._getframe(3)
        return cls(monotonic(), frame.f_code, frame.f_lasti, lifetime, finalizer, recipe)

    def where(self) -> str | None:
        """The place of the insert, as ``"file:line"``; None where a resume made it."""
        if self.code is None:
            return None
        lines = (line for start, end, line in self.code.co_lines() if start <= self.offset < end and line is not None)
        return printable(f"{self.code.co_filename}:{next(lines, self.code.co_firstlineno)}")


@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    """One row of `SessionRefRegistry.describe`.

    Attributes:
        key: the redacted key, such as ``"3f2a1c…"``.
        type_tag: the hint as text, such as ``"sqlite3:Connection"``.
        lifetime: when the ref is purged.
        age: seconds since the insert, to the millisecond.
        where: ``"file:line"`` of the insert, or None where it is not known.
    """

    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None


def describe(ref: RegistryKey[object], now: float) -> RefInfo:
    """What may be told of a ref."""
    entry: Entry = ref._entry
    unopened = None if hasattr(ref, "_value") else entry.opening
    tag = tag_of(ref._info) if unopened is None else unopened.type_tag
    return RefInfo(redact(ref._id), tag, entry.lifetime, max(0.0, now - entry.born), entry.where())
