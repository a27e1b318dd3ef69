"""Type algebra: which types are keys and registries, and which types have no value in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mypy.maptype import map_instance_to_supertype
from mypy.nodes import CONTRAVARIANT, TypeInfo
from mypy.subtypes import is_subtype
from mypy.typeops import tuple_fallback
from mypy.types import (
    AnyType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypedDictType,
    TypeOfAny,
    TypeType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from liveref_mypy import _names

__all__ = ["are_disjoint", "inherits", "is_at_run_time", "is_written_any", "key_items", "members", "opened", "without_new_types"]

_DEEP: Final = 20
"""Nesting at which types count as overlapping: they may be recursive."""
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


def key_items(typ: Type) -> list[ProperType]:
    """The ``T`` of each ``RegistryKey[T]`` that a type is a union of; empty if it is anything else."""
    proper = get_proper_type(typ)
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


def are_disjoint(left: Type, right: Type, depth: int = 0) -> bool:
    """Whether no value is of both types; False wherever that is not sure.

    Unrelated classes count as disjoint, as they do for ``--strict-equality``.
    """
    left, right = get_proper_type(left), get_proper_type(right)
    if depth > _DEEP or left == right:
        return False
    for this, other in ((left, right), (right, left)):
        if isinstance(this, UnionType | TypeVarType):
            return all(are_disjoint(item, other, depth + 1) for item in _choices(this))
    if isinstance(left, Instance) and isinstance(right, Instance):
        return _is_disjoint_instance(left, right, depth + 1)
    if _is_disjoint_from(left, right, depth + 1):
        return True
    # Of one form, both orders say the same: to ask twice would double the work at each level of nesting.
    return type(left) is not type(right) and _is_disjoint_from(right, left, depth + 1)


def _choices(typ: UnionType | TypeVarType) -> Iterable[Type]:
    if isinstance(typ, UnionType):
        return typ.items
    return typ.values or (typ.upper_bound,)


def _is_disjoint_from(this: ProperType, other: ProperType, depth: int) -> bool:  # noqa: PLR0911  one line a form
    """What the form of one type says; asked for both orders."""
    if isinstance(this, NoneType):
        return _exact_is_disjoint(this, other)
    if isinstance(this, LiteralType):
        if isinstance(other, LiteralType):
            return (this.fallback.type, this.value) != (other.fallback.type, other.value)
        return not isinstance(other, AnyType) and (
            _exact_is_disjoint(this, other) if _is_structural(other) else are_disjoint(this.fallback, other, depth)
        )
    if isinstance(this, TypedDictType):
        return _record_is_disjoint(this, other, depth)
    if isinstance(this, TupleType):
        return _tuple_is_disjoint(this, other, depth)
    if isinstance(this, TypeType):
        return _type_is_disjoint(this, other, depth)
    if isinstance(this, FunctionLike):
        return isinstance(other, Instance) and _is_never_callable(other)
    return False


def _is_structural(typ: ProperType) -> bool:
    """Whether a class need not inherit it to be one: a Protocol, an ABC of numbers, the types of files."""
    if not isinstance(typ, Instance):
        return False
    return typ.type.is_protocol or typ.type.fullname in _names.FILES | _names.NUMBERS


def _exact_is_disjoint(this: NoneType | LiteralType, other: ProperType) -> bool:
    """For a type whose values are all known: nothing can inherit from it."""
    if isinstance(other, Instance) and other.type.fullname in _names.NUMBERS | {_names.OBJECT}:
        return isinstance(this, NoneType) and other.type.fullname != _names.OBJECT
    return isinstance(other, Instance | LiteralType | TypedDictType | TupleType | TypeType | FunctionLike) and not (
        is_subtype(this, opened(other))
    )


def opened(typ: ProperType) -> ProperType:
    """A generic class with Any for its parameters."""
    if not isinstance(typ, Instance) or not typ.args:
        return typ
    return typ.copy_modified(args=[AnyType(TypeOfAny.special_form) for _ in typ.args])  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus


def _record_is_disjoint(this: TypedDictType, other: ProperType, depth: int) -> bool:
    if isinstance(other, TypedDictType):
        shared = this.items.keys() & other.items.keys() & (this.required_keys | other.required_keys)
        return any(are_disjoint(this.items[name], other.items[name], depth) for name in shared)
    if not isinstance(other, Instance):
        return isinstance(other, TupleType | TypeType | FunctionLike)
    if not inherits(other.type, _names.MAPPING):
        return not (_is_structural(other) or is_subtype(this, opened(other)))
    mapping = next(base for base in other.type.mro if base.fullname == _names.MAPPING)
    name, item = map_instance_to_supertype(other, mapping).args
    text = this.create_anonymous_fallback().type.bases[0].args
    if text and are_disjoint(name, text[0], depth):
        return True
    return any(are_disjoint(this.items[key], item, depth) for key in this.required_keys)


def _tuple_is_disjoint(this: TupleType, other: ProperType, depth: int) -> bool:
    if any(isinstance(get_proper_type(item), UnpackType) for item in this.items):
        return not isinstance(other, AnyType | TupleType) and are_disjoint(this.partial_fallback, other, depth)
    if isinstance(other, TupleType):
        if any(isinstance(get_proper_type(item), UnpackType) for item in other.items):
            return False
        if len(this.items) != len(other.items) or _unrelated_names(this, other):
            return True
        return any(are_disjoint(*pair, depth) for pair in zip(this.items, other.items, strict=True))
    if not isinstance(other, Instance):
        return isinstance(other, TypeType | FunctionLike)
    return are_disjoint(tuple_fallback(this), other, depth)


def _unrelated_names(left: TupleType, right: TupleType) -> bool:
    first, second = left.partial_fallback.type, right.partial_fallback.type
    return not (first.has_base(second.fullname) or second.has_base(first.fullname))


def _type_is_disjoint(this: TypeType, other: ProperType, depth: int) -> bool:
    if isinstance(other, TypeType):
        return are_disjoint(this.item, other.item, depth)
    if not isinstance(other, Instance):
        return False
    return not (_is_structural(other) or other.type.fullname == _names.OBJECT or inherits(other.type, "builtins.type"))


def _is_never_callable(typ: Instance) -> bool:
    if typ.type.fullname == _names.OBJECT or _is_structural(typ) or typ.type.get("__call__") is not None:
        return False
    return typ.type.is_final or typ.type.module_name == "builtins"


def _is_disjoint_instance(this: Instance, other: Instance, depth: int) -> bool:
    this, other = without_new_types(this), without_new_types(other)
    if this.type.has_base(other.type.fullname):
        return _args_are_disjoint(map_instance_to_supertype(this, other.type), other, depth)
    if other.type.has_base(this.type.fullname):
        return _args_are_disjoint(this, map_instance_to_supertype(other, this.type), depth)
    if inherits(this.type, _names.IO) and inherits(other.type, _names.IO):
        return _are_files_disjoint(this, other, depth)
    if _is_structural(this) or _is_structural(other):
        return _is_disjoint_structure(this, other) or _is_disjoint_structure(other, this)
    return not (_is_vague(this.type) or _is_vague(other.type) or is_subtype(this, other) or is_subtype(other, this))


def _are_files_disjoint(this: Instance, other: Instance, depth: int) -> bool:
    """Of two kinds of files that do not inherit each other: one of text is never one of bytes."""
    files = next(base for base in this.type.mro if base.fullname == _names.IO)
    return _args_are_disjoint(map_instance_to_supertype(this, files), map_instance_to_supertype(other, files), depth)


def _is_disjoint_structure(this: Instance, other: Instance) -> bool:
    """A final class that has not what a Protocol asks for; another class may have a subclass that has."""
    if _is_structural(this) or not other.type.is_protocol:
        return False
    return this.type.is_final and not _is_vague(this.type) and not is_subtype(this, opened(other))


def _is_vague(info: TypeInfo) -> bool:
    """Whether a class has values that its bases don't tell of: a base that is Any, a mixin, a say in isinstance."""
    if info.fallback_to_any or info.fullname in _names.MIXINS:
        return True
    metaclass = info.metaclass_type
    hook = metaclass.type.get_method("__instancecheck__") if metaclass is not None else None
    return hook is not None and hook.info.fullname not in {"builtins.type", "abc.ABCMeta"}


def _args_are_disjoint(left: Instance, right: Instance, depth: int) -> bool:
    variables = right.type.defn.type_vars
    if right.type.has_type_var_tuple_type or len(left.args) != len(right.args):
        return False
    return any(
        isinstance(variable, TypeVarType)
        and variable.variance != CONTRAVARIANT  # what takes the one may take the other too
        and are_disjoint(first, second, depth)
        for variable, first, second in zip(variables, left.args, right.args, strict=False)
    )
