"""The value of an expression: which registry, session or key it is."""

from __future__ import annotations

from itertools import count

from mypy.nodes import (
    ARG_POS,
    LDEF,
    AwaitExpr,
    CallExpr,
    Decorator,
    Expression,
    FuncDef,
    MemberExpr,
    NameExpr,
    RefExpr,
    SymbolNode,
    TypeInfo,
    Var,
)
from mypy.types import CallableType, Instance, NoneType, ProperType, Type, get_proper_type

from liveref_mypy import _names
from liveref_mypy._flow.state import Key, Scope, State, Store, View
from liveref_mypy._types import inherits, members

__all__ = ["Values", "argument"]


class Values:
    """Tells what expressions are, as far as the state knows; makes new values for what it sees first."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._numbers = count()
        self.untracked: set[str] = set()
        """Names that other functions assign too."""
        self.trusts_globals = False
        """Whether the types of global variables are inferred already, and each time anew."""
        self.current: Store | None = None
        """The current registry of the place that the walk is at, once it is known or asked for."""
        self._calls: dict[CallExpr, object] = {}
        self._paths: dict[object, set[tuple[str, object]]] = {}

    def moment(self) -> int:
        """A number that is higher than all before."""
        return next(self._numbers)

    def of(self, expr: Expression) -> object:
        """The value of an expression; None if it is nothing that the rules follow."""
        if isinstance(expr, AwaitExpr):
            return self.of(expr.expr)
        if isinstance(expr, NameExpr):
            return self._of_name(expr)
        if isinstance(expr, MemberExpr):
            return self._of_attribute(expr)
        if not isinstance(expr, CallExpr):
            return None
        if expr not in self._calls:
            self._calls[expr] = self._of_call(expr)
        return self._calls[expr]

    def store(self, *, is_fresh: bool = False, is_own: bool = False, info: TypeInfo | None = None) -> Store:
        """A registry not seen before."""
        return Store(self.moment(), is_fresh, is_own, info)

    def key(self, owner: Store | None, *, outlives: bool = False) -> Key:
        """A key not seen before."""
        return Key(self.moment(), owner, outlives)

    def _of_name(self, expr: NameExpr) -> object:
        node = expr.node
        if not isinstance(node, Var) or node.name in self.untracked:
            return None
        known = self._state.get(node)
        if known is None and (not node.is_inferred or (self.trusts_globals and expr.kind != LDEF)):
            was_there = not self._state.has(node)
            known = self._of_type(node.type)
            if isinstance(known, Key) and was_there:
                known = known._replace(number=-1 - known.number)
            self._state.put(node, known)
        return known

    def bind(self, target: Expression, value: object) -> None:
        """Give a variable or attribute a value; what hung on the old one is not known any more."""
        if isinstance(target, NameExpr) and isinstance(target.node, SymbolNode):
            self._state.put(target.node, value)
            self._state.forget(self._paths.pop(target.node, ()))
        elif isinstance(target, MemberExpr) and (path := _path(target)) is not None:
            below = [slot for slot in self._paths.get(path[1], ()) if f"{slot[0]}.".startswith(f"{path[0]}.")]
            self._state.forget(below)

    def forget_attributes(self, callee: Expression) -> None:
        """A method may give its object, and what that is an attribute of, other attributes."""
        path = _path(callee) if isinstance(callee, MemberExpr) else None
        if path is not None:
            self._state.forget(self._paths.pop(path[1], ()))

    def _of_attribute(self, expr: MemberExpr) -> object:
        base = self.of(expr.expr)
        if isinstance(base, Scope):
            return base.store if expr.name == "refs" else None
        path = _path(expr)
        known = self._state.get(path) if path is not None else None
        if path is not None and known is None:
            known = self._of_type(_attribute_type(expr))
            self._state.put(path, known)
            self._paths.setdefault(path[1], set()).add(path)
        return known if isinstance(known, Store | Scope) else None

    def _of_type(self, typ: Type | None) -> object:
        proper = _without_none(get_proper_type(typ))
        if not isinstance(proper, Instance):
            return None
        if inherits(proper.type, _names.REGISTRY):
            return self.store(info=proper.type)
        if inherits(proper.type, _names.SESSION):
            return Scope(self.store(), purges=False)
        return self.key(None, outlives=True) if proper.type.fullname == _names.KEY else None

    def _of_call(self, expr: CallExpr) -> object:
        callee = expr.callee
        node = callee.node if isinstance(callee, RefExpr) else None
        if isinstance(node, TypeInfo):
            return self._of_constructor(node)
        if isinstance(callee, RefExpr) and callee.fullname == _names.CURRENT:
            self.current = self.current or self.store()
            return self.current
        if isinstance(callee, MemberExpr):
            return self._of_method(self.of(callee.expr), callee.name, expr) or self._of_result(node)
        return self._of_result(node)

    def _of_constructor(self, info: TypeInfo) -> object:
        if info.fullname == _names.REGISTRY:
            return self.store(is_fresh=True, is_own=True)
        if info.fullname == _names.SESSION:
            return Scope(self.store(is_fresh=True, is_own=True), purges=True)
        return self._of_type(Instance(info, []))

    def _of_method(self, base: object, method: str, expr: CallExpr) -> object:
        if isinstance(base, Scope) and method == "child":
            isolated = argument(expr, "isolated", None)
            is_own = isinstance(isolated, NameExpr) and isolated.fullname == "builtins.True"
            return Scope(self.store(is_own=is_own), purges=is_own)
        if isinstance(base, Store) and method == "typed":
            return View(base)
        makes_key = method == "insert" if isinstance(base, View) else method in _MAKERS
        if isinstance(base, Store | View) and makes_key:
            owner = base.store if isinstance(base, View) else base
            return self.key(owner, outlives=method == "clone_ref" or _outlives(expr))
        return None

    def _of_result(self, node: SymbolNode | None) -> object:
        typ = get_proper_type(node.type) if isinstance(node, FuncDef) else None
        return self._of_type(typ.ret_type) if isinstance(typ, CallableType) else None


_MAKERS = frozenset({"insert", "open", "aopen", "enter_context", "enter_async_context", "clone_ref"})


def argument(expr: CallExpr, name: str, position: int | None) -> Expression | None:
    """An argument of a call, by keyword or position."""
    if name in expr.arg_names:
        return expr.args[expr.arg_names.index(name)]
    if position is None or any(kind != ARG_POS for kind in expr.arg_kinds[: position + 1]):
        return None
    return expr.args[position] if position < len(expr.args) else None


def _outlives(expr: CallExpr) -> bool:
    """Whether an insert names a lifetime that is, or may be, longer than the session."""
    lifetime = argument(expr, "lifetime", None)
    if lifetime is None:
        return any(kind.is_star() for kind in expr.arg_kinds)
    return not isinstance(lifetime, MemberExpr) or lifetime.name in _names.LIFETIMES_THAT_OUTLIVE


def _path(expr: MemberExpr) -> tuple[str, object] | None:
    """The slot of an attribute of a local variable, or of an attribute of that."""
    names = [expr.name]
    base = expr.expr
    while isinstance(base, MemberExpr):
        names.append(base.name)
        base = base.expr
    if isinstance(base, NameExpr) and isinstance(base.node, Var):
        return "".join(f".{name}" for name in reversed(names)), base.node
    return None


def _attribute_type(expr: MemberExpr) -> Type | None:
    owner = _declared(expr.expr)
    found = owner.type.get(expr.name) if isinstance(owner, Instance) else None
    node = found.node if found is not None else None
    if isinstance(node, Decorator) and node.func.is_property:
        typ = get_proper_type(node.func.type)
        return typ.ret_type if isinstance(typ, CallableType) else None
    return node.type if isinstance(node, Var) else None


def _declared(expr: Expression) -> ProperType | None:
    """The declared type of a variable or attribute."""
    if isinstance(expr, MemberExpr):
        return _without_none(get_proper_type(_attribute_type(expr)))
    node = expr.node if isinstance(expr, NameExpr) else None
    return _without_none(get_proper_type(node.type)) if isinstance(node, Var) else None


def _without_none(typ: ProperType | None) -> ProperType | None:
    """A type that may be None too, after a guard."""
    items = [item for item in members(typ) if not isinstance(item, NoneType)] if typ is not None else []
    return items[0] if len(items) == 1 else typ
