"""The straight line of a walk: expressions, assignments and returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mypy.nodes import (
    AssignmentExpr,
    AssignmentStmt,
    CallExpr,
    DictExpr,
    Expression,
    IndexExpr,
    ListExpr,
    ReturnStmt,
    SetExpr,
    TupleExpr,
    YieldExpr,
    YieldFromExpr,
)

from liveref_mypy import _codes
from liveref_mypy._call import spell
from liveref_mypy._codes import Code
from liveref_mypy._flow.calls import Calls
from liveref_mypy._flow.children import CHOICES, LEAVES, maybe_parts, names_in, sure_parts
from liveref_mypy._flow.state import Key, Slot, State, Store
from liveref_mypy._flow.values import Values

__all__ = ["Finding", "Findings", "Line", "OpenSession"]

T = TypeVar("T")

Finding = tuple[Code, str, Expression]
"""A code, a message and the place; filed under the call at whose check it is reported."""
Findings = dict[Expression, list[Finding]]


class OpenSession:
    """A session, or a registry that is being closed, whose ``with`` the walk is inside of."""

    def __init__(self, store: Store, *, is_session: bool) -> None:
        self.store = store
        self.is_session = is_session
        self.yields = False


class Line:
    """Carries out what stands in a straight line."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._state = State()
        self._values = Values(self._state)
        self._calls = Calls(self._state, self._values, self._report)
        self._exempt = 0
        self._open: list[OpenSession] = []
        self._births: dict[Key, CallExpr] = {}

    def _report(self, at: Expression, code: Code, message: str) -> None:
        if not self._exempt:
            self._findings.setdefault(at, []).append((code, message, at))

    def _branch(self, walk: Callable[[T], None], part: T) -> set[Slot]:
        """Walk along a branch and come back; what it changes."""
        mark = self._state.mark()
        walk(part)
        return self._state.undo(mark)

    def _maybe(self, expr: Expression) -> None:
        """Evaluate what is evaluated now and then."""
        self._state.forget(self._branch(self._expression, expr))

    def _assign(self, statement: AssignmentStmt) -> None:
        self._expression(statement.rvalue)
        for target in statement.lvalues:
            self._bind(target, statement.rvalue)

    def _bind(self, target: Expression, value: Expression) -> None:
        if isinstance(target, TupleExpr) and isinstance(value, TupleExpr) and len(target.items) == len(value.items):
            values = [self._values.of(item) for item in value.items]
            for item, known in zip(target.items, values, strict=True):
                self._values.bind(item, known)
        elif isinstance(target, TupleExpr | ListExpr):
            self._bind_unknown(target)
        else:
            self._values.bind(target, self._values.of(value))

    def _bind_unknown(self, target: Expression) -> None:
        for name in names_in(target):
            self._values.bind(name, None)

    def _return(self, statement: ReturnStmt) -> None:
        if statement.expr is None:
            return
        self._expression(statement.expr)
        for part in _displayed(statement.expr):
            key = self._values.of(part)
            if isinstance(key, Key) and key in self._births and not self._exempt:
                self._check_escape(key, part)

    def _check_escape(self, key: Key, part: Expression) -> None:
        for session in self._open:
            if session.yields or self._calls.may_leave(key, session.store):
                continue
            if self._calls.is_alive_in(key, session.store):
                kind, ends = ("session", "ends") if session.is_session else ("registry", "is closed")
                self._report_escape(key, part, f"leaves the {kind} that holds its ref, which {ends} here")
        end = self._calls.ended_with_session(key)
        if end is not None and key.owner is not None and not self._calls.may_leave(key, key.owner):
            self._report_escape(
                key, part, f"leaves after the session that holds its ref, which ended on line {end.line}"
            )

    def _report_escape(self, key: Key, part: Expression, what: str) -> None:
        advice = "return the object itself, or insert it with a lifetime that is longer"
        finding = (_codes.ESCAPE, f"{spell(part)} {what}; {advice}", part)
        self._findings.setdefault(self._births[key], []).append(finding)

    def _expressions(self, parts: Iterable[Expression]) -> None:
        for part in parts:
            self._expression(part)

    def _expression(self, expr: Expression) -> None:
        if isinstance(expr, LEAVES):
            return
        for part in sure_parts(expr):
            self._expression(part)
        if isinstance(expr, CHOICES):
            for part in maybe_parts(expr):
                self._maybe(part)
        self._evaluate(expr)

    def _evaluate(self, expr: Expression) -> None:
        """Do what an expression does, once its parts have been."""
        if isinstance(expr, AssignmentExpr):
            self._expression(expr.value)
            self._bind(expr.target, expr.value)
        elif isinstance(expr, IndexExpr):
            self._calls.index(expr)
        elif isinstance(expr, CallExpr):
            self._calls.call(expr)
            key = self._values.of(expr)
            if isinstance(key, Key) and key.owner is not None:
                self._births[key] = expr
        elif isinstance(expr, YieldExpr | YieldFromExpr):
            for session in self._open:
                session.yields = True


def _displayed(expr: Expression) -> Iterator[Expression]:
    """What a returned value shows of itself: the items of tuples, lists, sets and dicts."""
    if isinstance(expr, TupleExpr | ListExpr | SetExpr):
        for item in expr.items:
            yield from _displayed(item)
    elif isinstance(expr, DictExpr):
        for key, value in expr.items:
            yield from (_displayed(key) if key is not None else ())
            yield from _displayed(value)
    else:
        yield expr
