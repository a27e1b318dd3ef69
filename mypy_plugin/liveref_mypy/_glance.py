"""A glance at a call: nearly all are plainly right, and to see that costs a tenth of what the rules do.

What is plainly right for one of these functions, no rule but those of the flow finds anything in; a test holds both to
one another. What is not goes through the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.types import AnyType, Instance, get_proper_type

from liveref_mypy import _names
from liveref_mypy._hint import plain_class

__all__ = ["GLANCES", "Glance"]

Glance: TypeAlias = Callable[[MethodSigContext | FunctionSigContext], bool]


def _is_right_lookup(ctx: MethodSigContext | FunctionSigContext) -> bool:
    """A key of some type; with a hint, two plain classes of which one inherits the other."""
    key_args, *more = ctx.args
    key = get_proper_type(ctx.api.get_expression_type(key_args[0])) if key_args else None
    if not isinstance(key, Instance) or key.type.fullname != _names.KEY:
        return False
    item = get_proper_type(key.args[0])
    if not (more and more[0]):
        return not isinstance(item, AnyType)
    hint = plain_class(more[0][0])
    if hint is None or not isinstance(item, Instance) or item.args:
        return False
    return item.type.has_base(hint.type.fullname) or hint.type.has_base(item.type.fullname)


def _is_right_insert(ctx: MethodSigContext | FunctionSigContext) -> bool:
    """A value without a hint or recipe, whose key is not wanted to be of a type."""
    names, wanted = ctx.default_signature.arg_names, ctx.api.type_context
    asks = any(ctx.args[names.index(name)] for name in ("hint", "reopen"))
    return not asks and (not wanted or wanted[-1] is None)


GLANCES: Final[Mapping[str, Glance]] = {
    "get": _is_right_lookup,
    "__getitem__": _is_right_lookup,
    "insert": _is_right_insert,
}
