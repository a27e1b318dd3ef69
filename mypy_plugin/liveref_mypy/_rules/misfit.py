"""What liveref-overlap and liveref-roundtrip share: a hint that has no value in common with a key's type."""

from __future__ import annotations

from mypy.types import Type

from liveref_mypy._call import Call
from liveref_mypy._index import is_checked_once
from liveref_mypy._overlap import Overlap
from liveref_mypy._types import key_items

__all__ = ["held_instead"]


def held_instead(call: Call, key: Type | None, hint: Type) -> str | None:
    """What the key holds, as text, if the hint can't fit it; None too where RefTypeError is waited for."""
    items = key_items(key) if key is not None else []
    overlap = Overlap(call.api, call.run.heirs)
    if not items or not all(overlap.are_disjoint(item, hint) for item in items):
        return None
    if not is_checked_once(call.api) or call.index.is_meant_to_raise(call.expr.line):
        return None
    return " | ".join(call.text(item) for item in items)
