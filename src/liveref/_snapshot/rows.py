"""What a snapshot says is inside, row by row."""

from __future__ import annotations

import dataclasses

__all__ = ["CapturedRef", "DroppedRef", "ExpectedRef"]


@dataclasses.dataclass(frozen=True, slots=True)
class CapturedRef:
    """A ref that a snapshot holds.

    Attributes:
        key: the redacted key, such as ``"3f2a1c…"``.
        type_tag: what it is, such as ``"sqlite3:Connection"``.
        how: ``"recipe"``, ``"serializer"`` or ``"pickle"``.
        size: bytes that its object takes; 0 for a recipe. Refs of one object tell the same bytes, and what
            several objects hold counts for the first of them.
    """

    key: str
    type_tag: str
    how: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class DroppedRef:
    """A ref that this snapshot, or one before it, left out.

    Attributes:
        key: the redacted key.
        type_tag: what it was.
        reason: why.
    """

    key: str
    type_tag: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedRef:
    """A ref to something that outlives the run: ``Session.resume(carry=)`` brings it along.

    Attributes:
        key: the redacted key.
        type_tag: what it is.
    """

    key: str
    type_tag: str
