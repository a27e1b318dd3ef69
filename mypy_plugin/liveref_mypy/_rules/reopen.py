"""The recipe of ``insert(value, reopen=recipe)``: without a hint, mypy takes any two types for one, ``object``."""

from __future__ import annotations

from mypy.types import Instance, LiteralType, ProperType, TupleType, Type, get_proper_type

from liveref_mypy import _names
from liveref_mypy._call import Call
from liveref_mypy._index import is_checked_once
from liveref_mypy._types import are_disjoint, members, opened

__all__ = ["check_reopen"]


def check_reopen(call: Call) -> None:
    """Check that the recipe can open what the value is. The run-time check is by class: so is this one."""
    recipe = call.type_of("reopen")
    opens = None if recipe is None or "hint" in call.args else _opened_by(recipe)
    value = None if opens is None else _value_of(call, opens)
    if recipe is None or opens is None or value is None or not are_disjoint(_class_of(value), opens):
        return
    if is_checked_once(call.api):
        found, expected = call.text(recipe), call.text(value).strip('"')
        message = f'Argument "reopen" to "insert" has incompatible type {found}; expected "Recipe[{expected}]"'
        call.api.fail(message, call.args["reopen"], code=call.misfit)


def _opened_by(recipe: Type) -> Type | None:
    """What a recipe opens, be it ``| None`` or not."""
    kinds = (member for member in members(recipe) if isinstance(member, Instance))
    return next((kind.args[0] for kind in kinds if kind.type.fullname == _names.RECIPE and kind.args), None)


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
