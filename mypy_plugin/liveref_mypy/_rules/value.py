"""The arguments of ``insert(value, hint)``: to mypy, value and hint are independent of one another."""

from __future__ import annotations

from functools import partial

from mypy.errorcodes import ARG_TYPE
from mypy.subtypes import is_subtype
from mypy.types import AnyType, Instance, NoneType, Type, UnionType, get_proper_type

from liveref_mypy import _names
from liveref_mypy._call import Call
from liveref_mypy._hint import is_refused, quiet_type
from liveref_mypy._rules.argument import report_argument
from liveref_mypy._types import is_at_run_time, members

__all__ = ["check_value", "recipe_of"]


def check_value(call: Call) -> None:
    """Check the value and the recipe against the hint, each as mypy checks an argument against its parameter."""
    hint = call.hint
    if hint is None or isinstance(get_proper_type(hint), AnyType) or is_refused(call.args["hint"], call.api):
        return
    _check(call, "value", hint)
    recipe = recipe_of(call.type_of("reopen"))
    if recipe is not None:
        _check(call, "reopen", UnionType([Instance(recipe.type, [hint]), NoneType()]))


def recipe_of(typ: Type | None) -> Instance | None:
    """The recipe that a type is, be it ``| None`` or not."""
    kinds = (member for member in members(typ) if isinstance(member, Instance)) if typ is not None else ()
    return next((kind for kind in kinds if kind.type.fullname in _names.RECIPES and kind.args), None)


def _check(call: Call, name: str, wanted: Type) -> None:
    arg = call.args.get(name)
    if arg is None:
        return
    with call.api.msg.filter_errors(save_filtered_errors=True) as errors:
        found = call.api.get_expression_type(arg, wanted)
    alone = quiet_type(arg, call.api)
    if not errors.has_new_errors() and is_subtype(found, wanted):
        return
    if is_subtype(alone, wanted) or is_at_run_time(alone, wanted):
        return
    if errors.has_new_errors() and call.run.misfit == ARG_TYPE:
        call.tell(partial(call.api.msg.add_errors, errors.filtered_errors()))
        return
    found = alone if errors.has_new_errors() else found
    call.tell(partial(report_argument, call.api, name, arg, found=found, wanted=wanted, code=call.run.misfit))
