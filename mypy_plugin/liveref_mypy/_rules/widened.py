"""liveref-widened: a key loses the type of its value to its annotation."""

from __future__ import annotations

from collections.abc import Sequence

from mypy.types import AnyType, Instance, Type, get_proper_type

from liveref_mypy import _codes, _names
from liveref_mypy._call import Call
from liveref_mypy._types import key_items

__all__ = ["check_widened"]


def check_widened(call: Call) -> None:
    """Check ``key: RegistryKey[object] = registry.insert(1)``."""
    wanted = call.api.type_context[-1] if call.api.type_context else None
    if wanted is None or not _is_key_of_object(key_items(wanted)):
        return
    value = call.type_of("value")
    if value is None or _may_be_anything(value) or call.expr not in call.index.annotated:
        return
    call.fail(
        _codes.WIDENED,
        f'a key of {call.text(value)} is annotated as "RegistryKey[object]", so that its lookups give object; '
        "leave the annotation out, or pass the hint object to insert() if that is meant",
    )


def _is_key_of_object(items: Sequence[object]) -> bool:
    return len(items) == 1 and isinstance(items[0], Instance) and items[0].type.fullname == _names.OBJECT


def _may_be_anything(typ: Type) -> bool:
    value = get_proper_type(typ)
    return isinstance(value, AnyType) or (isinstance(value, Instance) and value.type.fullname == _names.OBJECT)
