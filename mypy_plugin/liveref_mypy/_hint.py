"""The hint of a call: the type that an argument for a ``TypeForm`` spells, and what is wrong with its spelling."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from mypy.nodes import (
    CallExpr,
    Expression,
    IndexExpr,
    ListExpr,
    MypyFile,
    NameExpr,
    NotParsed,
    OpExpr,
    RefExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    TypeAlias,
    TypeFormExpr,
    TypeInfo,
    TypeVarLikeExpr,
)
from mypy.plugin import CheckerPluginInterface
from mypy.types import AnyType, CallableType, Instance, Type, TypeOfAny, TypeType, UnionType, get_proper_type

from liveref_mypy import _names
from liveref_mypy._aliases import hidden_name, is_broken
from liveref_mypy._index import checker_of

__all__ = ["Fault", "fault_of_spelling", "is_refused", "is_spelled_out", "plain_class", "quiet_type", "type_of_hint"]

_FORM: Final = TypeType(AnyType(TypeOfAny.special_form), is_type_form=True)


class Fault(NamedTuple):
    """A part of a spelled hint that is refused at run time, though mypy reads it as some type."""

    part: str
    reason: str


def quiet_type(expr: Expression, api: CheckerPluginInterface, context: Type | None = None) -> Type:
    """The type of an expression; what is wrong with it, mypy tells when it comes to it itself."""
    with api.msg.filter_errors():
        return api.get_expression_type(expr, context)


def type_of_hint(expr: Expression, api: CheckerPluginInterface) -> Type | None:
    """The type that a hint stands for; None where it is not known."""
    plain = plain_class(expr)
    if plain is not None:
        return plain
    known = expr.as_type if isinstance(expr, IndexExpr | OpExpr) and isinstance(expr.as_type, Type) else None
    with _read_anew(expr, api):
        return _type_of_form(quiet_type(expr, api, _FORM)) or known


@contextmanager
def _read_anew(expr: Expression, api: CheckerPluginInterface) -> Generator[None, None, None]:
    """Let mypy read a hint here and now.

    Under ``disallow_any_generics`` it has taken ``list | None`` for a value, and in the daemon it holds on to the
    classes that it has read once, though those are others after an edit.
    """
    checker = checker_of(api)
    options = checker.options
    spelled = expr if isinstance(expr, IndexExpr | OpExpr) else None
    read = spelled.as_type if spelled is not None else None
    if spelled is not None and (read is None or options.fine_grained_incremental):
        spelled.as_type = NotParsed.VALUE
    if options.disallow_any_generics:
        checker.options = options.apply_changes({"disallow_any_generics": False})
    try:
        yield
    finally:
        checker.options = options
        if spelled is not None:
            spelled.as_type = read


def plain_class(expr: Expression) -> Instance | None:
    """The class that a name stands for and nothing else: most hints are one, and mypy takes long to read a type."""
    info = expr.node if isinstance(expr, RefExpr) else None
    if not isinstance(info, TypeInfo) or info.module_name in _names.MODULES_OF_FORMS or info.type_vars:
        return None
    is_more = info.is_protocol or info.is_newtype or info.tuple_type or info.typeddict_type
    return None if is_more or info.fullname == _names.TYPE else Instance(info, [])


def _type_of_form(form: Type) -> Type | None:
    proper = get_proper_type(form)
    if isinstance(proper, TypeType):
        return proper.item
    if isinstance(proper, CallableType) and proper.is_type_obj():
        return proper.ret_type
    if isinstance(proper, UnionType):
        items = [_type_of_form(item) for item in proper.items]
        known = [item for item in items if item is not None]
        return UnionType.make_union(known) if len(known) == len(items) else None
    return None


def is_spelled_out(expr: Expression, api: CheckerPluginInterface) -> bool:
    """Whether a hint is written as a type, and not a variable or call whose value is one."""
    if isinstance(expr, IndexExpr):
        return is_spelled_out(expr.base, api)
    if isinstance(expr, OpExpr):
        return expr.op == "|" and all(is_spelled_out(part, api) for part in (expr.left, expr.right))
    if isinstance(expr, CallExpr):
        return isinstance(expr.analyzed, TypeFormExpr)
    if isinstance(expr, RefExpr):
        if isinstance(expr.node, TypeInfo | TypeAlias) or _is_type_variable(expr, api):
            return True
        return expr.fullname.startswith(("typing.", "typing_extensions.")) or _is_none(expr)
    return isinstance(expr, StrExpr)


def _is_none(expr: Expression) -> bool:
    return isinstance(expr, NameExpr) and expr.fullname == "builtins.None"


def _is_type_variable(expr: RefExpr, api: CheckerPluginInterface) -> bool:
    """Whether a name is a type variable; mypy forgets what a name is where it can't mean that."""
    if isinstance(expr.node, TypeVarLikeExpr):
        return True
    if expr.node is not None or not isinstance(expr, NameExpr):
        return False
    found = checker_of(api).tree.names.get(expr.name)
    return expr.name in _type_parameters(api) or (found is not None and isinstance(found.node, TypeVarLikeExpr))


def _type_parameters(api: CheckerPluginInterface) -> Iterator[str]:
    """The names in the brackets after ``def`` and ``class``, PEP 695, around the place that is being checked."""
    scope = checker_of(api).scope
    info = scope.enclosing_class()
    for holder in (scope.top_level_function(), scope.current_function(), info.defn if info is not None else None):
        for parameter in holder.type_args or () if holder is not None else ():
            yield parameter.name


def fault_of_spelling(expr: Expression, api: CheckerPluginInterface) -> Fault | None:
    """The first part of a hint that only its spelling shows to be refused."""
    return next(_faults(expr, api), None)


def _faults(expr: Expression, api: CheckerPluginInterface) -> Iterator[Fault]:
    if isinstance(expr, StrExpr):
        yield Fault(repr(expr.value), "it is a string")
    elif isinstance(expr, CallExpr):
        yield from _faults(expr.args[0], api)
    elif isinstance(expr, OpExpr):
        yield from _faults(expr.left, api)
        yield from _faults(expr.right, api)
    elif isinstance(expr, IndexExpr):
        yield from _faults_of_index(expr, api)
    elif isinstance(expr, ListExpr | TupleExpr):
        for item in expr.items:
            yield from _faults(item, api)
    elif isinstance(expr, StarExpr):
        yield from _faults(expr.expr, api)
    elif isinstance(expr, RefExpr):
        yield from _faults_of_name(expr, api)


def is_refused(expr: Expression, api: CheckerPluginInterface) -> bool:
    """Whether a hint's spelling shows that it is refused."""
    return is_spelled_out(expr, api) and fault_of_spelling(expr, api) is not None


def _faults_of_index(expr: IndexExpr, api: CheckerPluginInterface) -> Iterator[Fault]:
    base = expr.base.fullname if isinstance(expr.base, RefExpr) else ""
    if base in _names.LITERAL:
        return
    if base in _names.QUALIFIERS:
        yield Fault(base, "it qualifies something else and is no type by itself")
    parts = expr.index.items if isinstance(expr.index, TupleExpr) else [expr.index]
    if base in _names.CALLABLE and isinstance(parts[-1], IndexExpr) and _names_one_of(parts[-1].base, _names.GUARDS):
        parts = parts[:-1]
    for part in parts[:1] if base in _names.ANNOTATED else parts:
        yield from _faults(part, api)


def _names_one_of(expr: Expression, names: frozenset[str]) -> bool:
    return isinstance(expr, RefExpr) and expr.fullname in names


def _faults_of_name(expr: RefExpr, api: CheckerPluginInterface) -> Iterator[Fault]:
    if expr.fullname in _names.QUALIFIERS:
        yield Fault(expr.fullname, "it qualifies something else and is no type by itself")
    if _is_type_variable(expr, api):
        yield Fault(expr.name if isinstance(expr, NameExpr) else expr.fullname, "it is a type variable")
    if expr.fullname in _names.SELF:
        yield Fault("Self", "it means a class only inside of that class")
    if isinstance(expr.node, TypeAlias):
        yield from _faults_of_alias(expr.node, checker_of(api).tree)
    if expr.fullname in _names.NEED_BRACKETS:
        yield Fault(expr.fullname, "it has nothing in brackets")


def _faults_of_alias(alias: TypeAlias, module: MypyFile) -> Iterator[Fault]:
    if is_broken(alias):
        yield Fault(alias.name, "it holds a name that can't be resolved")
    elif name := hidden_name(alias, module):
        yield Fault(name, "it is not there at run time, so that the alias can't be resolved")
