"""What liveref-overlap and liveref-roundtrip share: a hint that has no value in common with a key's type."""

from __future__ import annotations

from typing import NamedTuple

from mypy.types import Type

from liveref_mypy._call import Call
from liveref_mypy._index import is_checked_once
from liveref_mypy._overlap import Overlap
from liveref_mypy._types import key_items

__all__ = ["Misfit", "misfit_of"]


class Misfit(NamedTuple):
    """A key and a hint that have no value in common, as texts."""

    held: str
    hint: str


def misfit_of(call: Call, key: Type | None, hint: Type) -> Misfit | None:
    """What a key holds and the hint that can't fit it; None where it can, or where RefTypeError is waited for."""
    items = key_items(key) if key is not None else []
    overlap = Overlap(call.api, call.run.heirs)
    if not items or not all(overlap.are_disjoint(item, hint) for item in items):
        return None
    if not is_checked_once(call.api) or call.index.is_meant_to_raise(call.expr.line):
        return None
    *held, wanted = call.texts([*items, hint])
    return Misfit(" | ".join(held), wanted)
