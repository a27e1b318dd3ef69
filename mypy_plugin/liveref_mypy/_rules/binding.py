"""The value of ``insert(value, hint)`` is bound to the hint, so that ``insert(1, str)`` is mypy's argument error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mypy.errorcodes import ARG_TYPE
from mypy.expandtype import expand_type
from mypy.messages import format_type_distinctly
from mypy.nodes import Expression
from mypy.plugin import MethodSigContext
from mypy.subtypes import is_subtype
from mypy.types import AnyType, CallableType, Type, get_proper_type

from liveref_mypy._call import takes_hint
from liveref_mypy._hint import type_of_hint

__all__ = ["bind_value"]

T = TypeVar("T")


def bind_value(ctx: MethodSigContext) -> CallableType:
    """The overload with its type variable replaced by the hint given; the other overload can't take one then.

    A value that does not fit is reported here and then let pass: mypy would name no argument, but list both overloads.
    """
    signature = ctx.default_signature
    given = dict(zip(signature.arg_names, ctx.args, strict=True))
    if not (given.get("hint") and given.get("value")):
        return signature
    hint = type_of_hint(given["hint"][0], ctx.api)
    if hint is None or isinstance(get_proper_type(hint), AnyType):
        return signature
    if not takes_hint(signature):
        return _without(signature, signature.arg_names.index("hint"))
    return _bound(signature, hint, value_fits=_fits(ctx, given["value"][0], hint))


def _fits(ctx: MethodSigContext, value: Expression, hint: Type) -> bool:
    with ctx.api.msg.filter_errors() as errors:
        found = ctx.api.get_expression_type(value, hint)
    if errors.has_new_errors():
        ctx.api.get_expression_type(value, hint)  # reports them
        return False
    if is_subtype(found, hint):
        return True
    texts = format_type_distinctly(found, hint, options=ctx.api.options)
    message = f'Argument "value" to "insert" has incompatible type {texts[0]}; expected {texts[1]}'
    ctx.api.fail(message, value, code=ARG_TYPE)
    return False


def _bound(signature: CallableType, hint: Type, *, value_fits: bool) -> CallableType:
    variables = {variable.id: hint for variable in signature.variables}
    bound = expand_type(signature.copy_modified(variables=[]), variables)  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
    if not value_fits:
        return bound
    types = [hint if name == "value" else typ for name, typ in zip(bound.arg_names, bound.arg_types, strict=True)]
    return bound.copy_modified(arg_types=types)  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus


def _without(signature: CallableType, at: int) -> CallableType:
    return signature.copy_modified(  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
        arg_types=_rest(signature.arg_types, at),
        arg_kinds=_rest(signature.arg_kinds, at),
        arg_names=_rest(signature.arg_names, at),
    )


def _rest(parts: Sequence[T], at: int) -> list[T]:
    return [*parts[:at], *parts[at + 1 :]]
