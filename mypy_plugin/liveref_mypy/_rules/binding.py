"""The value of ``insert(value, hint)`` is bound to the hint, so that ``insert(1, str)`` is mypy's argument error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from mypy.errorcodes import ARG_TYPE
from mypy.expandtype import expand_type
from mypy.nodes import Expression
from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.subtypes import is_subtype
from mypy.types import AnyType, CallableType, Type, TypeOfAny, get_proper_type

from liveref_mypy._call import Run, takes_hint
from liveref_mypy._hint import is_refused, quiet_type, type_of_hint
from liveref_mypy._rules.argument import report_argument
from liveref_mypy._types import is_at_run_time

__all__ = ["bind_value"]

T = TypeVar("T")


def bind_value(ctx: MethodSigContext | FunctionSigContext, run: Run) -> CallableType:
    """The overload with its type variable replaced by the hint given; the other overload can't take one then.

    What does not fit is reported here and then let pass: mypy would name no argument, but list both overloads.
    """
    signature = ctx.default_signature
    if not ctx.args[signature.arg_names.index("hint")]:
        return signature
    given = {name: args[0] for name, args in zip(signature.arg_names, ctx.args, strict=True) if args}
    hint = type_of_hint(given["hint"], ctx.api)
    if hint is None or "value" not in given or isinstance(get_proper_type(hint), AnyType):
        return signature
    if is_refused(given["hint"], ctx.api):
        return signature
    if not takes_hint(signature):
        return _without(signature, signature.arg_names.index("hint"))
    bound = _bound(signature, hint)
    for name in ("value", "reopen"):
        if name in given and not _fits(ctx, name, given[name], bound.arg_types[bound.arg_names.index(name)], run):
            bound = _with(bound, name, AnyType(TypeOfAny.special_form))
    return bound


def _bound(signature: CallableType, hint: Type) -> CallableType:
    variables = {variable.id: hint for variable in signature.variables}
    bound = expand_type(signature.copy_modified(variables=[]), variables)  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
    return _with(bound, "value", hint)


def _fits(ctx: MethodSigContext | FunctionSigContext, name: str, arg: Expression, wanted: Type, run: Run) -> bool:
    """Whether mypy may check an argument against the type that is wanted; what does not fit, is told."""
    with ctx.api.msg.filter_errors(save_filtered_errors=True) as errors:
        found = ctx.api.get_expression_type(arg, wanted)
    if not errors.has_new_errors() and is_subtype(found, wanted):
        return True
    alone = quiet_type(arg, ctx.api)
    if is_subtype(alone, wanted) or is_at_run_time(alone, wanted):
        return False
    if errors.has_new_errors() and run.misfit == ARG_TYPE:
        tell = partial(ctx.api.msg.add_errors, errors.filtered_errors())
    else:
        found = alone if errors.has_new_errors() else found
        tell = partial(report_argument, ctx.api, name, arg, found=found, wanted=wanted, code=run.misfit)
    if isinstance(ctx.context, Expression):
        run.reports.tell(ctx.context, ctx.api.msg.errors, tell)
    return False


def _with(signature: CallableType, name: str, typ: Type) -> CallableType:
    names = signature.arg_names
    types = [typ if each == name else old for each, old in zip(names, signature.arg_types, strict=True)]
    return signature.copy_modified(arg_types=types)  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus


def _without(signature: CallableType, at: int) -> CallableType:
    return signature.copy_modified(  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
        arg_types=_rest(signature.arg_types, at),
        arg_kinds=_rest(signature.arg_kinds, at),
        arg_names=_rest(signature.arg_names, at),
    )


def _rest(parts: Sequence[T], at: int) -> list[T]:
    return [*parts[:at], *parts[at + 1 :]]
