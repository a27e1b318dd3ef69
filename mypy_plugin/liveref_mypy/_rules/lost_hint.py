"""liveref-lost-hint: Python can't tell a class method the type in the brackets before it."""

from __future__ import annotations

from mypy.nodes import CallExpr, Expression, IndexExpr, MemberExpr, RefExpr, TypeAlias, TypeApplication
from mypy.types import AnyType, Instance, Type, get_proper_type

from liveref_mypy import _codes, _names
from liveref_mypy._call import Call

__all__ = ["check_lost_hint"]

_EXAMPLES = {
    "new": "new({hint})",
    "parse": "parse(text, {hint})",
    "from_marker": "from_marker(marker, {hint})",
    "read": "read(found, {hint})",
}


def check_lost_hint(call: Call) -> None:
    """Check ``RegistryKey[int].parse(text)``, ``.new()``, ``.from_marker(marker)`` and ``.read(found)``."""
    callee = call.expr.callee if isinstance(call.expr, CallExpr) else None
    written = _in_brackets(callee.expr) if isinstance(callee, MemberExpr) else None
    if written is None or _asks_for_nothing(written):
        return
    hint = call.text(written).strip('"')
    call.fail(
        _codes.LOST_HINT,
        f'the type "{hint}" before "{call.method}" is lost at run time: the key\'s hint is "object"; '
        f'write "RegistryKey.{_EXAMPLES[call.method].format(hint=hint)}"',
    )


def _in_brackets(expr: Expression) -> Type | None:
    """``X`` of ``RegistryKey[X]``, or of an alias of it."""
    if isinstance(expr, IndexExpr) and isinstance(expr.analyzed, TypeApplication):
        types = expr.analyzed.types
        return types[0] if len(types) == 1 else None
    node = expr.node if isinstance(expr, RefExpr) else None
    if not isinstance(node, TypeAlias) or node.no_args:
        return None
    target = get_proper_type(node.target)
    is_key = isinstance(target, Instance) and target.type.fullname == _names.KEY and len(target.args) == 1
    return target.args[0] if is_key and isinstance(target, Instance) else None


def _asks_for_nothing(typ: Type) -> bool:
    proper = get_proper_type(typ)
    return isinstance(proper, AnyType) or (isinstance(proper, Instance) and proper.type.fullname == _names.OBJECT)
