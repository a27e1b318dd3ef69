"""liveref-overlap: the hint of a lookup has no value in common with the key's type."""

from __future__ import annotations

from liveref_mypy import _codes
from liveref_mypy._call import Call, spell
from liveref_mypy._index import Indexes, is_checked_once
from liveref_mypy._types import are_disjoint, key_items

__all__ = ["check_overlap"]


def check_overlap(call: Call, indexes: Indexes) -> None:
    """Check ``get(key, hint)``; where RefTypeError is waited for, a wrong hint is meant."""
    if "hint" not in call.args:
        return
    key, hint = call.type_of("key"), call.hint()
    items = key_items(key) if key is not None else []
    if hint is None or not items or not all(are_disjoint(item, hint) for item in items):
        return
    if not is_checked_once(call.api) or indexes.of(call.api).is_meant_to_raise(call.expr.line):
        return
    held = " | ".join(call.text(item) for item in items)
    call.fail(
        _codes.OVERLAP,
        f"{spell(call.args['key'])} is a key of {held}, and no value of that type is a {call.text(hint)}; "
        "leave the hint out, or make the key with the type of its value",
    )
