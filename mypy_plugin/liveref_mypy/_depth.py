"""The depth of a hint: how much of it liveref's run-time check sees, by the same table as `liveref.check_depth`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Parameters,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from liveref_mypy import _names
from liveref_mypy._types import without_new_types
from liveref_mypy._verdict import (
    EXACT,
    NONE,
    UNKNOWN,
    Depth,
    Verdict,
    args_given,
    is_bare,
    is_class,
    is_real_protocol,
    is_record,
    of_any,
    of_class,
    of_parts,
    of_union,
    parameters,
    refused,
    shallow,
    unpacked,
    worst_of,
)

__all__ = ["depth_of"]


def depth_of(hint: Type) -> Verdict:
    """The verdict on a hint, given as mypy's type of it."""
    return _Table().verdict(hint)


def scalars_of(dtype: Type) -> list[ProperType]:
    """The scalar types of numpy that a dtype may be of."""
    proper = get_proper_type(dtype)
    return [get_proper_type(arg) for arg in args_given(proper)] if isinstance(proper, Instance) else []


def guards(hint: CallableType) -> bool:
    """Whether a callable narrows its argument: TypeGuard and TypeIs are bool to mypy."""
    return hint.type_guard is not None or hint.type_is is not None


class _Table:
    """One run over a hint; knows the aliases and TypedDicts that it is inside of, for they may recur."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def verdict(self, hint: Type) -> Verdict:
        if isinstance(hint, TypeAliasType):
            return self._alias(hint)
        return self._proper(get_proper_type(hint))

    def _alias(self, hint: TypeAliasType) -> Verdict:
        if hint.alias is None or not hint.is_recursive or is_record(hint):
            return self._proper(get_proper_type(hint))
        name = hint.alias.fullname
        if name not in self._open:
            return self._inside(name, get_proper_type(hint))
        if hint.alias.python_3_12_type_alias:
            return EXACT
        return refused(hint, "an alias that names itself holds a string")

    def _inside(self, name: str, hint: ProperType) -> Verdict:
        self._open.add(name)
        verdict = self._proper(hint)
        self._open.discard(name)
        return verdict

    def _proper(self, hint: ProperType) -> Verdict:  # noqa: C901, PLR0911, PLR0912  one line a form
        match hint:
            case Instance():
                return self._instance(without_new_types(hint))
            case AnyType():
                return of_any(hint)
            case NoneType() | LiteralType():
                return EXACT
            case UninhabitedType():
                return refused(hint, "no value is of this type")
            case UnionType():
                return of_union([self.verdict(item) for item in hint.items])
            case TypeType() if hint.is_type_form:
                return refused(hint, "no value tells that it is a type form")
            case TypeType():
                return self._class_object(hint)
            case TupleType():
                return self._tuple(hint)
            case TypedDictType():
                return self._record(hint)
            case UnpackType():
                return self.verdict(hint.type)
            case Parameters():
                return of_parts([self.verdict(part) for part in hint.arg_types])
            case CallableType():
                return self._function(hint)
            case _:
                return UNKNOWN

    def _instance(self, hint: Instance) -> Verdict:
        name = hint.type.fullname
        if name == _names.OBJECT:
            return NONE
        outside = of_class(hint)
        args = args_given(hint)
        if not args:
            return outside
        if name in _names.ITEMS | _names.PAIRS | _names.TEXTS | _names.OTHERS_OF_ITEMS:
            return self._container(hint)
        if name in _names.FILES and all(is_class(arg, "builtins.str", "builtins.bytes") for arg in args):
            return EXACT
        return self._generic(hint, outside, args)

    def _container(self, hint: Instance) -> Verdict:
        items = [self.verdict(arg) for arg in hint.args]
        if hint.type.fullname in _names.ONE_SHOT and items[0].depth in {Depth.EXACT, Depth.SHALLOW}:
            return shallow(hint, "its items may be out of reach")
        return of_parts(items)

    def _generic(self, hint: Instance, outside: Verdict, args: Sequence[Type]) -> Verdict:
        worst = worst_of([self.verdict(arg) for arg in args])
        if worst.depth >= Depth.UNKNOWN or outside.depth >= Depth.UNKNOWN:
            return max(worst, outside, key=lambda verdict: verdict.depth)
        if hint.type.fullname == _names.NDARRAY:
            scalars = [scalar for dtype in args[1:] for scalar in scalars_of(dtype)]
            if any(isinstance(scalar, UnionType) for scalar in scalars):
                return refused(hint, "the dtype of an array is one scalar type")
            args = [
                *args[:1],
                *(size for scalar in scalars if isinstance(scalar, Instance) for size in args_given(scalar)),
            ]
        if self._are_open(args):
            return outside
        return shallow(hint, "what stands in its brackets can't be checked")

    def _class_object(self, hint: TypeType) -> Verdict:
        item = hint.item
        if isinstance(item, AnyType):
            return EXACT
        inner = self.verdict(item)
        if inner.depth >= Depth.UNKNOWN:
            return inner
        if isinstance(item, TypedDictType) or (isinstance(item, Instance) and is_real_protocol(item.type)):
            return shallow(hint, "whether a class is one can't be checked")
        return of_parts([inner])

    def _tuple(self, hint: TupleType) -> Verdict:
        named = hint.partial_fallback
        if named.type.fullname != _names.TUPLE:
            return self._generic(named, EXACT, named.args) if named.args else EXACT
        return of_parts([self.verdict(unpacked(item)) for item in hint.items])

    def _record(self, hint: TypedDictType) -> Verdict:
        name = hint.fallback.type.fullname
        if name in self._open:
            return EXACT
        self._open.add(name)
        verdict = of_parts([self.verdict(item) for item in hint.items.values()])
        self._open.discard(name)
        return verdict

    def _function(self, hint: CallableType) -> Verdict:
        tells = not isinstance(get_proper_type(hint.ret_type), UninhabitedType)  # a result is not looked at
        parts = [*parameters(hint), hint.ret_type] if tells else list(parameters(hint))
        worst = worst_of([self.verdict(part) for part in parts])
        if worst.depth >= Depth.UNKNOWN:
            return worst
        if is_bare(hint) or (tells and not guards(hint) and self._are_open(parts)):
            return EXACT
        return shallow(hint, "of a callable only that it can be called is checked")

    def _are_open(self, args: Iterable[Type]) -> bool:
        """Whether parameters ask for nothing, so that not to check them loses nothing."""
        return all(self._is_open(arg) for arg in args)

    def _is_open(self, arg: Type) -> bool:  # noqa: PLR0911  one line a form
        if isinstance(arg, TypeAliasType) and arg.alias is not None and arg.alias.python_3_12_type_alias:
            return self.verdict(arg).depth is Depth.NONE
        match get_proper_type(arg):
            case UnpackType() as part:
                return self._is_open(part.type)
            case Parameters() as part:
                return self._are_open(part.arg_types)
            case CallableType() as part if not is_bare(part):
                return self._are_open([*parameters(part), part.ret_type])
            case TupleType() as part if part.items and part.partial_fallback.type.fullname == _names.TUPLE:
                return self._are_open(part.items)
            case TypeType() as part:
                return self._is_open(part.item)
            case Instance() as part if args_given(part):
                return self._are_open(args_given(part))
            case part:
                return self.verdict(part).depth is Depth.NONE
