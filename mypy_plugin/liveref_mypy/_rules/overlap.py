"""liveref-overlap: the hint of a lookup has no value in common with the key's type."""

from __future__ import annotations

from liveref_mypy import _codes
from liveref_mypy._call import Call, spell
from liveref_mypy._index import Indexes
from liveref_mypy._rules.misfit import held_instead

__all__ = ["check_overlap"]


def check_overlap(call: Call, indexes: Indexes) -> None:
    """Check ``get(key, hint)``; where RefTypeError is waited for, a wrong hint is meant."""
    if "hint" not in call.args:
        return
    hint = call.hint()
    held = held_instead(call, call.type_of("key"), hint, indexes)
    if hint is None or held is None:
        return
    call.fail(
        _codes.OVERLAP,
        f"{spell(call.args['key'])} is a key of {held}, and no value of that type is a {call.text(hint)}; "
        "leave the hint out, or make the key with the type of its value",
    )
