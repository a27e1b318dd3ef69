"""liveref-roundtrip: a key is read back from its own text or marker with a hint that can't match."""

from __future__ import annotations

from typing import Final

from mypy.nodes import CallExpr, Expression, MemberExpr, NameExpr, RefExpr, StrExpr

from liveref_mypy import _codes, _names
from liveref_mypy._call import Call, spell
from liveref_mypy._hint import quiet_type
from liveref_mypy._rules.misfit import misfit_of

__all__ = ["check_roundtrip"]

_SOURCES: Final = {"parse": "text", "from_marker": "marker", "read": "found"}


def check_roundtrip(call: Call) -> None:
    """Check ``parse(str(key), hint)``, ``from_marker(key.to_marker(), hint)`` and ``read`` of either."""
    hint = call.hint
    key = None if hint is None else _key_of(call)
    if key is None or hint is None:
        return
    found = misfit_of(call, quiet_type(key, call.api), hint)
    if found is None:
        return
    call.fail(
        _codes.ROUNDTRIP,
        f"{spell(key)} is a key of {found.held}, and comes back as a key of {found.hint}; "
        f"read it back with the hint {found.held}",
    )


def _key_of(call: Call) -> Expression | None:
    """The key that the text or marker of a call was made of, with one local variable in between at most."""
    source = call.args.get(_SOURCES[call.method])
    if isinstance(source, NameExpr):
        source = call.index.value_of(source.node)
    return None if source is None else _of_text(source) or _of_marker(source)


def _of_text(expr: Expression) -> Expression | None:
    """``k`` of ``str(k)``, ``str(k.uuid)``, ``f"{k}"`` and ``f"{k.uuid}"``."""
    if not isinstance(expr, CallExpr):
        return None
    is_str = isinstance(expr.callee, RefExpr) and expr.callee.fullname == _names.STR and len(expr.args) == 1
    if not (is_str or _is_f_string_of_one(expr)):
        return None
    shown = expr.args[0]
    return shown.expr if isinstance(shown, MemberExpr) and shown.name == "uuid" else shown


def _is_f_string_of_one(expr: CallExpr) -> bool:
    """Whether it is ``f"{k}"``, which mypy reads as ``"{:{}}".format(k, "")``."""
    callee, args = expr.callee, expr.args
    if not (isinstance(callee, MemberExpr) and callee.name == "format" and isinstance(callee.expr, StrExpr)):
        return False
    plain = len(args) == 2 and isinstance(args[1], StrExpr) and not args[1].value  # noqa: PLR2004
    return plain and callee.expr.value in {"{:{}}", "{!s:{}}"}


def _of_marker(expr: Expression) -> Expression | None:
    """``k`` of ``k.to_marker(…)``."""
    if isinstance(expr, CallExpr) and isinstance(expr.callee, MemberExpr) and expr.callee.name == "to_marker":
        return expr.callee.expr
    return None
