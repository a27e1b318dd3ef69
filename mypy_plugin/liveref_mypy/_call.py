"""One call of a liveref method, as the rules see it."""

from __future__ import annotations

from typing import NamedTuple

from mypy.messages import format_type
from mypy.nodes import CallExpr, Expression, MemberExpr, NameExpr, StarExpr
from mypy.plugin import CheckerPluginInterface, FunctionSigContext, MethodSigContext
from mypy.types import CallableType, Instance, Type, TypeType, get_proper_type

from liveref_mypy import _names
from liveref_mypy._codes import Code
from liveref_mypy._hint import type_of_hint

__all__ = ["Call", "call_of", "spell"]


class Call(NamedTuple):
    """A call, seen through the one overload that takes its arguments."""

    method: str
    args: dict[str, Expression]
    """The arguments by the names of their parameters."""
    signature: CallableType
    expr: Expression
    """The call, or the index expression of a lookup by ``[]``."""
    api: CheckerPluginInterface
    codes: frozenset[Code]
    """The codes that are on."""

    def type_of(self, name: str) -> Type | None:
        """The type of an argument; None if it is not given."""
        return self.api.get_expression_type(self.args[name]) if name in self.args else None

    def hint(self) -> Type | None:
        """The type that the ``hint`` argument spells; None where there is none or it is not known."""
        return type_of_hint(self.args["hint"], self.api) if "hint" in self.args else None

    def fail(self, code: Code, message: str, at: Expression | None = None) -> None:
        """Report a finding, if its code is on."""
        if code in self.codes:
            self.api.fail(message, at or self.expr, code=code)

    def text(self, typ: Type) -> str:
        """A type as mypy's own messages write it, in quotes."""
        return format_type(typ, self.api.options)


def call_of(ctx: MethodSigContext | FunctionSigContext, method: str, codes: frozenset[Code]) -> Call | None:
    """The call of a hook's context; None if this overload is not the one that takes its arguments."""
    if any(isinstance(arg, StarExpr) for args in ctx.args for arg in args) or _has_stars(ctx.context):
        return None
    names = _parameter_names(ctx.default_signature, method)
    args = {name: given[0] for name, given in zip(names, ctx.args, strict=False) if given}
    if not isinstance(ctx.context, Expression):
        return None
    call = Call(method, args, ctx.default_signature, ctx.context, ctx.api, codes)
    return call if _fits(ctx.default_signature, names, args) else None


def _has_stars(expr: object) -> bool:
    return isinstance(expr, CallExpr) and any(kind.is_star() for kind in expr.arg_kinds)


def _parameter_names(signature: CallableType, method: str) -> list[str]:
    if method == "__getitem__":
        return ["key"]  # mypy forgets the names of operators' parameters
    return [name or "" for name in signature.arg_names]


def _fits(signature: CallableType, names: list[str], args: dict[str, Expression]) -> bool:
    """Whether an overload is the one for the arguments given: each of its hints is given or has a default."""
    for name, typ in zip(names, signature.arg_types, strict=False):
        if name in {"hint", "default"} and _is_sentinel(typ) == (name in args):
            return False
    return True


def _is_sentinel(typ: Type) -> bool:
    proper = get_proper_type(typ)
    return isinstance(proper, Instance) and proper.type.fullname == _names.MISSING


def takes_hint(signature: CallableType) -> bool:
    """Whether an overload is one for calls with a hint."""
    return any(isinstance(get_proper_type(typ), TypeType) for typ in signature.arg_types)


def spell(expr: Expression) -> str:
    """The source of a plain name or attribute, for messages; ``the key`` for anything else."""
    found = _dotted(expr)
    return f'"{found}"' if found else "the key"


def _dotted(expr: Expression) -> str | None:
    if isinstance(expr, NameExpr):
        return expr.name
    if isinstance(expr, MemberExpr) and (base := _dotted(expr.expr)):
        return f"{base}.{expr.name}"
    return None
