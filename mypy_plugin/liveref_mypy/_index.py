"""What one walk over the statements of a function tells: its assignments, and where wrong lookups are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

from mypy.checker import TypeChecker
from mypy.nodes import (
    AssignmentStmt,
    Block,
    CallExpr,
    ClassDef,
    Decorator,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncItem,
    IfStmt,
    ListExpr,
    MatchStmt,
    MemberExpr,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    OverloadedFuncDef,
    RefExpr,
    StarExpr,
    Statement,
    SymbolNode,
    TryStmt,
    TupleExpr,
    TypeInfo,
    WhileStmt,
    WithStmt,
)
from mypy.plugin import CheckerPluginInterface

from liveref_mypy import _names

__all__ = ["KEPT", "Index", "Indexes", "blocks_of", "checker_of", "enclosing", "is_checked_once", "waits_for_error"]

KEPT: Final = 8
"""Functions remembered at most: they are checked one after the other."""


class Index:
    """The statements of one function, with those of the functions and classes inside of it."""

    def __init__(self, body: Sequence[Statement], function: FuncItem | None) -> None:
        self.annotated: dict[Expression, AssignmentStmt] = {}
        """Annotated assignments to a name or attribute, by their values."""
        self._values: dict[SymbolNode, list[Expression | None]] = {}
        self._raises: list[tuple[int, int]] = []
        self._note_parameters(function)
        pending = list(body)
        while pending:
            statement = pending.pop()
            self._note(statement)
            for block in blocks_of(statement):
                pending.extend(block.body)

    def value_of(self, node: SymbolNode | None) -> Expression | None:
        """What a variable is assigned, if that happens once."""
        values = self._values.get(node, []) if node is not None else []
        return values[0] if len(values) == 1 else None

    def is_meant_to_raise(self, line: int) -> bool:
        """Whether a line is inside of a ``pytest.raises`` that waits for RefTypeError."""
        return any(first <= line <= last for first, last in self._raises)

    def _note_parameters(self, function: object) -> None:
        for parameter in function.arguments if isinstance(function, FuncItem) else ():
            self._values.setdefault(parameter.variable, []).append(None)

    def _note(self, statement: Statement) -> None:
        self._note_parameters(statement.func if isinstance(statement, Decorator) else statement)
        if isinstance(statement, AssignmentStmt):
            if statement.unanalyzed_type is not None:
                self.annotated[statement.rvalue] = statement
            for lvalue in statement.lvalues:
                self._assign(lvalue, statement.rvalue)
        elif isinstance(statement, OperatorAssignmentStmt):
            self._assign(statement.lvalue, None)
        elif isinstance(statement, ForStmt):
            self._assign(statement.index, None)
        elif isinstance(statement, WithStmt):
            for target in statement.target:
                self._assign(target, None)
            self._exempt(statement, any(map(_waits_for_type_error, statement.expr)))
        elif isinstance(statement, ExpressionStmt):
            self._exempt(statement, _waits_for_type_error(statement.expr))
        elif isinstance(statement, TryStmt):
            self._exempt(statement.body, any(map(_catches_type_error, statement.types)))

    def _exempt(self, node: Node, is_meant: bool) -> None:  # noqa: FBT001  a verdict
        if is_meant:
            self._raises.append((node.line, node.end_line or node.line))

    def _assign(self, target: Expression | None, value: Expression | None) -> None:
        if isinstance(target, NameExpr) and isinstance(target.node, SymbolNode):
            self._values.setdefault(target.node, []).append(value)
        elif isinstance(target, TupleExpr | ListExpr):
            for item in target.items:
                self._assign(item, None)
        elif isinstance(target, StarExpr):
            self._assign(target.expr, None)


class Indexes:
    """The indexes of the functions checked last, made when a rule first asks."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sequence[Statement], Index]] = {}

    def of(self, api: CheckerPluginInterface) -> Index:
        """The index of the function that is being checked, or of the module."""
        function, body = enclosing(api)
        known = self._known.get(id(body))
        if known is not None and known[0] is body:
            return known[1]
        if len(self._known) > KEPT:
            self._known.clear()
        index = Index(body, function)
        self._known[id(body)] = body, index
        return index


def enclosing(api: CheckerPluginInterface) -> tuple[FuncItem | None, Sequence[Statement]]:
    """The outermost function that is being checked and its statements, else None and those of the module."""
    checker = checker_of(api)
    function = checker.scope.top_level_function()
    return function, checker.tree.defs if function is None else function.body.body


def is_checked_once(api: CheckerPluginInterface) -> bool:
    """Whether mypy does not check the function again for each choice of a type variable, as if it had that type."""
    return not checker_of(api).binder.is_unreachable_warning_suppressed()


def checker_of(api: CheckerPluginInterface) -> TypeChecker:
    """The checker behind the interface, which mypy has one class for; the interface hides where it stands."""
    return cast("TypeChecker", api)


def blocks_of(statement: Statement) -> Iterator[Block]:  # noqa: C901  one line a form
    """The blocks inside of a statement."""
    if isinstance(statement, Block):
        yield statement
    elif isinstance(statement, Decorator):
        yield statement.func.body
    elif isinstance(statement, FuncItem):
        yield statement.body
    elif isinstance(statement, OverloadedFuncDef):
        yield from (item.func.body if isinstance(item, Decorator) else item.body for item in statement.items)
    elif isinstance(statement, ClassDef):
        yield statement.defs
    elif isinstance(statement, IfStmt):
        yield from statement.body
        yield from _given([statement.else_body])
    elif isinstance(statement, WhileStmt | ForStmt):
        yield statement.body
        yield from _given([statement.else_body])
    elif isinstance(statement, WithStmt):
        yield statement.body
    elif isinstance(statement, TryStmt):
        yield statement.body
        yield from statement.handlers
        yield from _given([statement.else_body, statement.finally_body])
    elif isinstance(statement, MatchStmt):
        yield from statement.bodies


def _given(blocks: Iterable[Block | None]) -> Iterator[Block]:
    return (block for block in blocks if block is not None)


def waits_for_error(expr: Expression) -> bool:
    """Whether it is ``pytest.raises(…)`` or the same of a TestCase; both take a function too."""
    callee = expr.callee if isinstance(expr, CallExpr) else None
    if isinstance(callee, MemberExpr) and callee.name in _names.ASSERTIONS:
        return True
    return isinstance(callee, RefExpr) and callee.fullname in _names.RAISES


def _waits_for_type_error(expr: Expression) -> bool:
    return waits_for_error(expr) and isinstance(expr, CallExpr) and any(map(_may_be_type_error, _first_items(expr)))


def _first_items(expr: CallExpr) -> Iterator[Expression]:
    return (item for arg in expr.args[:1] for item in _items(arg))


def _catches_type_error(expr: Expression | None) -> bool:
    """Whether an ``except`` names RefTypeError."""
    named = (item for item in _items(expr) if isinstance(item, RefExpr)) if expr is not None else ()
    return any(item.fullname == _names.REF_TYPE_ERROR for item in named)


def _items(expr: Expression) -> Iterable[Expression]:
    return expr.items if isinstance(expr, TupleExpr) else (expr,)


def _may_be_type_error(expr: Expression) -> bool:
    node = expr.node if isinstance(expr, RefExpr) else None
    if not isinstance(node, TypeInfo):
        return True
    known = {_names.REF_TYPE_ERROR, _names.LIVE_REF_ERROR}
    return node.fullname in known | {"builtins.TypeError", "builtins.Exception", "builtins.BaseException"}
