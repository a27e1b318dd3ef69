"""The recipe of ``insert(value, reopen=recipe)``: without a hint, mypy takes any two types for one, ``object``."""

from __future__ import annotations

from functools import partial

from mypy.types import Instance, LiteralType, NoneType, ProperType, TupleType, Type, UnionType, get_proper_type

from liveref_mypy._call import Call
from liveref_mypy._index import is_checked_once
from liveref_mypy._overlap import Overlap
from liveref_mypy._rules.argument import report_argument
from liveref_mypy._rules.value import recipe_of
from liveref_mypy._types import opened

__all__ = ["check_reopen"]


def check_reopen(call: Call) -> None:
    """Check that the recipe can open what the value is. The run-time check is by class: so is this one."""
    found = call.type_of("reopen")
    recipe = None if found is None else recipe_of(found)
    value = None if recipe is None else _value_of(call, recipe.args[0])
    if found is None or recipe is None or value is None:
        return
    if not Overlap(call.api, call.run.heirs).are_disjoint(_class_of(value), recipe.args[0]):
        return
    if is_checked_once(call.api):
        wanted = UnionType([Instance(recipe.type, [value]), NoneType()])
        call.tell(
            partial(
                report_argument,
                call.api,
                "reopen",
                call.args["reopen"],
                found=found,
                wanted=wanted,
                code=call.run.misfit,
            )
        )


def _value_of(call: Call, opens: Type) -> Type | None:
    with call.api.msg.filter_errors() as errors:
        found = call.api.get_expression_type(call.args["value"], opens)
    return None if errors.has_new_errors() else found


def _class_of(typ: Type) -> ProperType:
    """A type without its parameters, which ``type(value)`` has not."""
    proper = get_proper_type(typ)
    if isinstance(proper, LiteralType):
        return proper.fallback
    return opened(proper.partial_fallback if isinstance(proper, TupleType) else proper)
