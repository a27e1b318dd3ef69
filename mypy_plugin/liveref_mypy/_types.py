"""Type algebra: which types are keys and registries, and which types have no value in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import TypeInfo
from mypy.types import (
    AnyType,
    FunctionLike,
    Instance,
    LiteralType,
    ProperType,
    Type,
    TypeOfAny,
    TypeVarType,
    UnionType,
    get_proper_type,
)

from liveref_mypy import _names

__all__ = ["inherits", "is_at_run_time", "is_written_any", "key_items", "members", "opened", "without_new_types"]

_GUESSED: Final = (TypeOfAny.from_unimported_type, TypeOfAny.from_another_any)


def inherits(info: TypeInfo, fullname: str) -> bool:
    """Whether a class is the named one or a subclass of it."""
    return any(base.fullname == fullname for base in info.mro)


def members(typ: Type) -> Iterator[ProperType]:
    """The members of a union, or the type itself."""
    proper = get_proper_type(typ)
    if isinstance(proper, UnionType):
        for item in proper.items:
            yield from members(item)
    else:
        yield proper


def key_items(typ: Type | None) -> list[ProperType]:
    """The ``T`` of each ``RegistryKey[T]`` that a type is a union of, or bound by; empty if it is anything else."""
    proper = get_proper_type(typ)
    if isinstance(proper, TypeVarType):
        return key_items(proper.upper_bound)
    if isinstance(proper, Instance):
        return [get_proper_type(proper.args[0])] if proper.type.fullname == _names.KEY else []
    items = [key_items(member) for member in members(proper)] if isinstance(proper, UnionType) else []
    return [item for each in items for item in each] if all(items) else []


def is_written_any(typ: Type) -> bool:
    """Whether a type is an Any that stands in the code, not one that mypy made of an import.

    A bare generic under ``disallow_any_generics`` is one ``from_error``, and no other is in code without errors.
    """
    proper = get_proper_type(typ)
    return isinstance(proper, AnyType) and proper.type_of_any not in _GUESSED


def is_at_run_time(typ: Type, wanted: Type) -> bool:
    """Whether a value is of a class that types don't tell of: functions are objects too, and numbers are registered."""
    proper, wanted = get_proper_type(typ), get_proper_type(wanted)
    if not isinstance(wanted, Instance):
        return any(is_at_run_time(proper, item) for item in wanted.items) if isinstance(wanted, UnionType) else False
    name = wanted.type.fullname
    if isinstance(proper, FunctionLike):
        return name in _names.FUNCTIONS and not proper.is_type_obj()
    kind = proper.fallback if isinstance(proper, LiteralType) else proper
    if not isinstance(kind, Instance):
        return False
    if name in _names.NUMBERS:
        registered = [_names.REGISTERED[base.fullname] for base in kind.type.mro if base.fullname in _names.REGISTERED]
        return any(name in names for names in registered)
    return _names.MADE_BY_CALLS.get(name) == kind.type.fullname


def without_new_types(typ: Instance) -> Instance:
    """The class that a NewType is at run time."""
    while typ.type.is_newtype:
        typ = typ.type.bases[0]
    return typ


def opened(typ: ProperType) -> ProperType:
    """A generic class with Any for its parameters."""
    if not isinstance(typ, Instance) or not typ.args:
        return typ
    return typ.copy_modified(args=[AnyType(TypeOfAny.special_form) for _ in typ.args])  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
