"""Which types have no value in common, seen from the place of a lookup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mypy.lookup import lookup_fully_qualified
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import CONTRAVARIANT, TypeInfo
from mypy.plugin import CheckerPluginInterface
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
    TypeType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from liveref_mypy import _names
from liveref_mypy._heirs import Heirs
from liveref_mypy._index import checker_of
from liveref_mypy._types import inherits, opened, without_new_types

__all__ = ["Overlap"]

_DEEP: Final = 20
"""Nesting at which types count as overlapping: they may be recursive."""


class Overlap:
    """Tells which types have a value in common."""

    def __init__(self, api: CheckerPluginInterface, heirs: Heirs) -> None:
        self._checker = checker_of(api)
        self._heirs = heirs

    def are_disjoint(self, held: Type, hint: Type, depth: int = 0) -> bool:
        """Whether no value is of both types; False wherever that is not sure.

        Unrelated classes count as disjoint, as they do for ``--strict-equality``, but for an abstract hint: that is
        there for classes that don't know of one another.
        """
        held, hint = get_proper_type(held), get_proper_type(hint)
        if depth > _DEEP or held == hint:
            return False
        if isinstance(held, UnionType | TypeVarType):
            return all(self.are_disjoint(item, hint, depth + 1) for item in _choices(held))
        if isinstance(hint, UnionType | TypeVarType):
            return all(self.are_disjoint(held, item, depth + 1) for item in _choices(hint))
        if isinstance(held, Instance) and isinstance(hint, Instance):
            return self._instances(self._current(held), self._current(hint), depth + 1)
        if self._form(held, hint, depth + 1):
            return True
        # Of one form, both orders say the same: to ask twice would double the work at each level of nesting.
        return type(held) is not type(hint) and self._form(hint, held, depth + 1)

    def _current(self, typ: Instance) -> Instance:
        """A type with its class as that is now: in the daemon, a key may have one from before an edit."""
        typ = without_new_types(typ)
        if not self._checker.options.fine_grained_incremental:
            return typ
        found = lookup_fully_qualified(typ.type.fullname, self._checker.modules)
        info = found.node if found is not None else None
        return Instance(info, typ.args) if isinstance(info, TypeInfo) and info is not typ.type else typ

    def _form(self, this: ProperType, other: ProperType, depth: int) -> bool:
        """What the form of one type says; asked for both orders."""
        match this:
            case NoneType():
                return _exact_is_disjoint(this, other)
            case LiteralType():
                return self._literal(this, other, depth)
            case TypedDictType():
                return self._record(this, other, depth)
            case TupleType():
                return self._tuple(this, other, depth)
            case TypeType():
                return self._class_object(this, other, depth)
            case _:
                return isinstance(this, FunctionLike) and isinstance(other, Instance) and _is_never_callable(other)

    def _literal(self, this: LiteralType, other: ProperType, depth: int) -> bool:
        if isinstance(other, LiteralType):
            return (this.fallback.type, this.value) != (other.fallback.type, other.value)
        if isinstance(other, Instance):
            other = self._current(other)
            if _is_vague(other.type):
                return False
        return _exact_is_disjoint(this, other) or self.are_disjoint(this.fallback, other, depth)

    def _record(self, this: TypedDictType, other: ProperType, depth: int) -> bool:
        if isinstance(other, TypedDictType):
            shared = this.items.keys() & other.items.keys() & (this.required_keys | other.required_keys)
            return any(self.are_disjoint(this.items[name], other.items[name], depth) for name in shared)
        if not isinstance(other, Instance):
            return isinstance(other, TupleType | TypeType | FunctionLike)
        if not inherits(other.type, _names.MAPPING):
            return not is_subtype(this, opened(other)) and not (
                _is_structural(other) and not _lacks_a_member(this.fallback.type, other.type)
            )
        mapping = next(base for base in other.type.mro if base.fullname == _names.MAPPING)
        name, item = map_instance_to_supertype(other, mapping).args
        text = this.create_anonymous_fallback().type.bases[0].args
        if text and self.are_disjoint(name, text[0], depth):
            return True
        return any(self.are_disjoint(this.items[key], item, depth) for key in this.required_keys)

    def _tuple(self, this: TupleType, other: ProperType, depth: int) -> bool:
        if any(isinstance(get_proper_type(item), UnpackType) for item in this.items):
            return not isinstance(other, AnyType | TupleType) and self.are_disjoint(this.partial_fallback, other, depth)
        if isinstance(other, TupleType):
            if any(isinstance(get_proper_type(item), UnpackType) for item in other.items):
                return False
            if len(this.items) != len(other.items) or _unrelated_names(this, other):
                return True
            return any(self.are_disjoint(*pair, depth) for pair in zip(this.items, other.items, strict=True))
        if not isinstance(other, Instance):
            return isinstance(other, TypeType | FunctionLike)
        return self.are_disjoint(tuple_fallback(this), other, depth)

    def _class_object(self, this: TypeType, other: ProperType, depth: int) -> bool:
        if isinstance(other, TypeType):
            return self.are_disjoint(this.item, other.item, depth)
        if not isinstance(other, Instance):
            return False
        return not (_is_structural(other) or other.type.fullname == _names.OBJECT or inherits(other.type, _names.TYPE))

    def _instances(self, held: Instance, hint: Instance, depth: int) -> bool:
        if held.type.has_base(hint.type.fullname):
            return self._arguments(map_instance_to_supertype(held, hint.type), hint, depth)
        if hint.type.has_base(held.type.fullname):
            return self._arguments(held, map_instance_to_supertype(hint, held.type), depth)
        if inherits(held.type, _names.IO) and inherits(hint.type, _names.IO):
            return self._files(held, hint, depth)
        if _is_structural(held) or _is_structural(hint):
            return self._structures(held, hint) or self._structures(hint, held)
        return self._strangers(held, hint)

    def _structures(self, this: Instance, other: Instance) -> bool:
        """Of a class and a Protocol; what is a float or complex to checkers may be an int."""
        is_promoted = this.type.fullname in _names.PROMOTED_TO
        kinds = [this, self._checker.named_type(_names.INT)] if is_promoted else [this]
        return all(_is_disjoint_structure(kind, other) for kind in kinds)

    def _strangers(self, held: Instance, hint: Instance) -> bool:
        """Of two classes that do not inherit each other."""
        if _is_vague(held.type) or _is_vague(hint.type) or is_subtype(held, hint) or is_subtype(hint, held):
            return False
        if _is_abstract(hint.type) and not _is_closed(held.type):
            return False
        return not self._heirs.are_common(held.type, hint.type, self._checker)

    def _files(self, held: Instance, hint: Instance, depth: int) -> bool:
        """Of two kinds of files that do not inherit each other: one of text is never one of bytes."""
        files = next(base for base in held.type.mro if base.fullname == _names.IO)
        return self._arguments(map_instance_to_supertype(held, files), map_instance_to_supertype(hint, files), depth)

    def _arguments(self, held: Instance, hint: Instance, depth: int) -> bool:
        variables = hint.type.defn.type_vars
        if hint.type.has_type_var_tuple_type or len(held.args) != len(hint.args):
            return False
        return any(
            isinstance(variable, TypeVarType)
            and variable.variance != CONTRAVARIANT  # what takes the one may take the other too
            and self.are_disjoint(first, second, depth)
            for variable, first, second in zip(variables, held.args, hint.args, strict=False)
        )


def _choices(typ: UnionType | TypeVarType) -> Iterable[Type]:
    if isinstance(typ, UnionType):
        return typ.items
    return typ.values or (typ.upper_bound,)


def _is_structural(typ: Instance) -> bool:
    """Whether a class need not inherit it to be one: a Protocol, an ABC of numbers, the types of files."""
    return typ.type.is_protocol or typ.type.fullname in _names.FILES | _names.NUMBERS


def _exact_is_disjoint(this: NoneType | LiteralType, other: ProperType) -> bool:
    """For a type whose values are all known: nothing can inherit from it."""
    if isinstance(other, Instance) and other.type.fullname in _names.NUMBERS | {_names.OBJECT}:
        return isinstance(this, NoneType) and other.type.fullname != _names.OBJECT
    return isinstance(other, Instance | LiteralType | TypedDictType | TupleType | TypeType | FunctionLike) and not (
        is_subtype(this, opened(other))
    )


def _unrelated_names(left: TupleType, right: TupleType) -> bool:
    first, second = left.partial_fallback.type, right.partial_fallback.type
    return not (first.has_base(second.fullname) or second.has_base(first.fullname))


def _is_never_callable(typ: Instance) -> bool:
    if typ.type.fullname == _names.OBJECT or _is_structural(typ) or typ.type.get("__call__") is not None:
        return False
    return _is_closed(typ.type)


def _is_closed(info: TypeInfo) -> bool:
    """Whether no subclass of a class will be something else too: it is final, or one of builtins."""
    if info.is_final or (info.is_enum and info.enum_members):
        return True
    return info.module_name == _names.BUILTINS and info.fullname != _names.TYPE  # a class has members of its own


def _is_abstract(info: TypeInfo) -> bool:
    """Whether a class is an ABC itself: classes can be registered with it, and mixed with it."""
    return (
        info.is_abstract
        or (info.declared_metaclass is not None and inherits(info.declared_metaclass.type, _names.ABC_META))
        or any(base.type.fullname == _names.ABC for base in info.bases)
    )


def _is_disjoint_structure(this: Instance, other: Instance) -> bool:
    """A closed class that has not what a Protocol asks for; another class may have a subclass that has."""
    if _is_structural(this) or not _is_structural(other) or _is_vague(this.type) or not _is_closed(this.type):
        return False
    if other.type.fullname in _names.NUMBERS:
        return not any(base.fullname in _names.REGISTERED for base in this.type.mro)
    if other.type.fullname in _names.FILES:
        return not inherits(this.type, _names.IO)
    return not is_subtype(this, opened(other)) and _lacks_a_member(this.type, other.type)


def _lacks_a_member(info: TypeInfo, protocol: TypeInfo) -> bool:
    """Whether a class has not all names that a Protocol asks for, which are what the run-time check looks at."""
    return any(_is_absent(info, name) for name in protocol.protocol_members)


def _is_absent(info: TypeInfo, name: str) -> bool:
    found = info.get(name)
    return found is None or isinstance(get_proper_type(found.type), NoneType)  # __hash__ = None


def _is_vague(info: TypeInfo) -> bool:
    """Whether a class has values that its bases don't tell of: a base that is Any, a mixin, a say in isinstance."""
    if info.fallback_to_any or info.fullname in _names.MIXINS:
        return True
    metaclass = info.metaclass_type
    hook = metaclass.type.get_method("__instancecheck__") if metaclass is not None else None
    return hook is not None and hook.info.fullname not in {"builtins.type", "abc.ABCMeta"}
