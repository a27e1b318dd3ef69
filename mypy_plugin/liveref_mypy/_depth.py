"""The depth of a hint: how much of it liveref's run-time check sees, by the same table as `liveref.check_depth`."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mypy.nodes import TypeInfo
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Parameters,
    ParamSpecType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeType,
    TypeVarLikeType,
    TypeVarType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from liveref_mypy import _names
from liveref_mypy._types import without_new_types

__all__ = ["Depth", "Verdict", "depth_of"]


class Depth(enum.IntEnum):
    """The members of `liveref.CheckDepth`, and two more; the worse, the higher."""

    EXACT = 0
    NONE = 1
    SHALLOW = 2
    UNKNOWN = 3
    """Not for the plugin to say."""
    UNSUPPORTED = 4


class Verdict(NamedTuple):
    """The depth of a hint, and the part and reason of a bad one."""

    depth: Depth
    part: Type | None = None
    reason: str = ""


EXACT = Verdict(Depth.EXACT)
NONE = Verdict(Depth.NONE)
UNKNOWN = Verdict(Depth.UNKNOWN)


def depth_of(hint: Type) -> Verdict:
    """The verdict on a hint, given as mypy's type of it."""
    return _Table().verdict(hint)


def _worst(parts: Iterable[Verdict]) -> Verdict:
    return max(parts, key=lambda part: part.depth, default=EXACT)


def _of_parts(parts: Iterable[Verdict]) -> Verdict:
    """Of a container: that items are unchecked because they may be anything is no loss."""
    worst = _worst(parts)
    return EXACT if worst.depth is Depth.NONE else worst


def _of_union(members: Sequence[Verdict]) -> Verdict:
    """Of a union: with an open member every value passes."""
    worst = _worst(members)
    is_open = worst.depth is Depth.SHALLOW and any(member.depth is Depth.NONE for member in members)
    return NONE if is_open else worst


def _shallow(part: Type, reason: str) -> Verdict:
    return Verdict(Depth.SHALLOW, part, reason)


def _refused(part: Type, reason: str) -> Verdict:
    return Verdict(Depth.UNSUPPORTED, part, reason)


class _Table:
    """One run over a hint; knows the aliases and TypedDicts that it is inside of, for they may recur."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def verdict(self, hint: Type) -> Verdict:
        if isinstance(hint, TypeAliasType):
            return self._alias(hint)
        return self._proper(get_proper_type(hint))

    def _alias(self, hint: TypeAliasType) -> Verdict:
        if hint.alias is None:
            return UNKNOWN
        name = hint.alias.fullname
        if name not in self._open:
            return self._inside(name, get_proper_type(hint))
        if hint.alias.python_3_12_type_alias:
            return EXACT
        return _refused(hint, "an alias that names itself holds a string")

    def _inside(self, name: str, hint: ProperType) -> Verdict:
        self._open.add(name)
        verdict = self._proper(hint)
        self._open.discard(name)
        return verdict

    def _proper(self, hint: ProperType) -> Verdict:  # noqa: C901, PLR0911, PLR0912  one line a form
        match hint:
            case AnyType():
                return _of_any(hint)
            case NoneType() | LiteralType():
                return EXACT
            case UninhabitedType():
                return _refused(hint, "no value is of this type")
            case TypeVarLikeType():
                return _refused(hint, "it is a type variable")
            case UnionType():
                return _of_union([self.verdict(item) for item in hint.items])
            case TypeType():
                return UNKNOWN if hint.is_type_form else self._class_object(hint)
            case TupleType():
                return self._tuple(hint)
            case TypedDictType():
                return self._record(hint)
            case Parameters():
                return _of_parts([self.verdict(part) for part in hint.arg_types])
            case CallableType():
                return self._function(hint)
            case Instance():
                return self._instance(without_new_types(hint))
            case _:
                return UNKNOWN

    def _instance(self, hint: Instance) -> Verdict:
        name = hint.type.fullname
        if name == _names.OBJECT:
            return NONE
        outside = _of_class(hint)
        args = _args_given(hint)
        if not args:
            return outside
        if name in _names.ITEMS | _names.PAIRS or name in {_names.TUPLE, _names.COUNTER}:
            return self._container(hint)
        if name in _names.FILES and all(_is_class(arg, "builtins.str", "builtins.bytes") for arg in args):
            return EXACT
        return self._generic(hint, outside, args)

    def _container(self, hint: Instance) -> Verdict:
        items = [self.verdict(arg) for arg in hint.args]
        if hint.type.fullname in _names.ONE_SHOT and items[0].depth in {Depth.EXACT, Depth.SHALLOW}:
            return _shallow(hint, "its items may be out of reach")
        return _of_parts(items)

    def _generic(self, hint: Instance, outside: Verdict, args: Sequence[Type]) -> Verdict:
        worst = _worst([self.verdict(arg) for arg in args])
        if worst.depth >= Depth.UNKNOWN or outside.depth >= Depth.UNKNOWN:
            return max(worst, outside, key=lambda verdict: verdict.depth)
        if hint.type.fullname == _names.NDARRAY:
            args = args[:1]
        if self._are_open(args):
            return outside
        return _shallow(hint, "what stands in its brackets can't be checked")

    def _class_object(self, hint: TypeType) -> Verdict:
        item = hint.item
        if isinstance(item, AnyType):
            return EXACT
        inner = self.verdict(item)
        if inner.depth >= Depth.UNKNOWN:
            return inner
        if isinstance(item, TypedDictType) or (isinstance(item, Instance) and _is_real_protocol(item.type)):
            return _shallow(hint, "whether a class is one can't be checked")
        return _of_parts([inner])

    def _tuple(self, hint: TupleType) -> Verdict:
        named = hint.partial_fallback
        if named.type.fullname != _names.TUPLE:
            return self._generic(named, EXACT, named.args) if named.args else EXACT
        return _of_parts([self.verdict(_unpacked(item)) for item in hint.items])

    def _record(self, hint: TypedDictType) -> Verdict:
        name = hint.fallback.type.fullname
        if name in self._open:
            return EXACT
        self._open.add(name)
        verdict = _of_parts([self.verdict(item) for item in hint.items.values()])
        self._open.discard(name)
        return verdict

    def _function(self, hint: CallableType) -> Verdict:
        if hint.is_type_obj():
            return UNKNOWN
        parts = [*_parameters(hint), hint.ret_type]
        worst = _worst([self.verdict(part) for part in parts])
        if worst.depth >= Depth.UNKNOWN:
            return worst
        if _is_bare(hint) or self._are_open(parts):
            return EXACT
        return _shallow(hint, "of a callable only that it can be called is checked")

    def _are_open(self, args: Iterable[Type]) -> bool:
        """Whether parameters ask for nothing, so that not to check them loses nothing."""
        return all(self._is_open(arg) for arg in args)

    def _is_open(self, arg: Type) -> bool:
        if isinstance(arg, TypeAliasType) and arg.alias is not None and arg.alias.python_3_12_type_alias:
            return self.verdict(arg).depth is Depth.NONE
        match get_proper_type(arg):
            case UnpackType() as part:
                return self._is_open(part.type)
            case Parameters() as part:
                return self._are_open(part.arg_types)
            case CallableType() as part if not _is_bare(part):
                return self._are_open([*_parameters(part), part.ret_type])
            case TupleType() as part if part.items and part.partial_fallback.type.fullname == _names.TUPLE:
                return self._are_open(part.items)
            case TypeType() as part:
                return self._is_open(part.item)
            case Instance() as part if _args_given(part):
                return self._are_open(_args_given(part))
            case part:
                return self.verdict(part).depth is Depth.NONE


def _of_any(hint: AnyType) -> Verdict:
    """What is Any because mypy can't see it may be anything at run time."""
    known = (TypeOfAny.explicit, TypeOfAny.special_form, TypeOfAny.from_omitted_generics)
    return NONE if hint.type_of_any in known else UNKNOWN


def _of_class(hint: Instance) -> Verdict:
    info = hint.type
    if info.fallback_to_any and not info.is_protocol:
        return EXACT
    if not _is_real_protocol(info):
        return EXACT
    if any(base.is_protocol and base.runtime_protocol for base in info.mro):
        return _shallow(hint, "of a Protocol only the names of its members are checked")
    return _refused(hint, "it is a Protocol without @runtime_checkable")


def _is_real_protocol(info: TypeInfo) -> bool:
    return info.is_protocol and info.fullname not in _names.CLASSES_TO_THE_RUN_TIME


def _args_given(hint: Instance) -> Sequence[Type]:
    """The types in brackets: none of a bare generic, and without those that mypy adds as defaults."""
    args = list(hint.args)
    if any(_is_omitted(arg) for arg in args):
        return ()
    variables = hint.type.defn.type_vars
    while args and len(args) > 1 and len(args) <= len(variables):
        variable = variables[len(args) - 1]
        if not (isinstance(variable, TypeVarType) and variable.has_default() and variable.default == args[-1]):
            break
        args.pop()
    return args


def _is_omitted(arg: Type) -> bool:
    proper = get_proper_type(arg)
    return isinstance(proper, AnyType) and proper.type_of_any == TypeOfAny.from_omitted_generics


def _is_class(arg: Type, *fullnames: str) -> bool:
    proper = get_proper_type(arg)
    return isinstance(proper, Instance) and proper.type.fullname in fullnames


def _is_bare(hint: CallableType) -> bool:
    return _is_omitted(hint.ret_type)


def _parameters(hint: CallableType) -> list[Type]:
    """The parameter types; an ellipsis is none."""
    if hint.param_spec() is not None:
        return [part for part in hint.arg_types if isinstance(get_proper_type(part), ParamSpecType)]
    return [] if hint.is_ellipsis_args else [_unpacked(part) for part in hint.arg_types]


def _unpacked(item: Type) -> Type:
    proper = get_proper_type(item)
    return proper.type if isinstance(proper, UnpackType) else item
