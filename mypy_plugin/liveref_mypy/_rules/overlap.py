"""liveref-overlap: the hint of a lookup has no value in common with the key's type."""

from __future__ import annotations

from mypy.types import NoneType, get_proper_type

from liveref_mypy import _codes
from liveref_mypy._call import Call, spell
from liveref_mypy._rules.misfit import misfit_of

_INSTEAD = "leave the hint out, or make the key with the type of its value"
_INSTEAD_OF_NONE = "for a default write default=None"

__all__ = ["check_overlap"]


def check_overlap(call: Call) -> None:
    """Check ``get(key, hint)``; where RefTypeError is waited for, a wrong hint is meant."""
    hint = call.hint
    found = None if hint is None else misfit_of(call, call.type_of("key"), hint)
    if found is None:
        return
    is_none = isinstance(get_proper_type(hint), NoneType)
    advice = _INSTEAD_OF_NONE if is_none else _INSTEAD
    call.fail(
        _codes.OVERLAP,
        f"{spell(call.args['key'])} is a key of {found.held}, and no value of that type is a {found.hint}; {advice}",
    )
