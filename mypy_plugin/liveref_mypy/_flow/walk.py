"""The walk through a function: straight on, and in and out of its branches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mypy.nodes import (
    AssertStmt,
    AssignmentStmt,
    AwaitExpr,
    Block,
    CallExpr,
    Decorator,
    DelStmt,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncDef,
    FuncItem,
    GlobalDecl,
    IfStmt,
    MatchStmt,
    NonlocalDecl,
    OperatorAssignmentStmt,
    OverloadedFuncDef,
    RaiseStmt,
    RefExpr,
    ReturnStmt,
    Statement,
    TryStmt,
    TupleExpr,
    TypeInfo,
    WhileStmt,
    WithStmt,
)

from liveref_mypy import _names
from liveref_mypy._flow.children import captures
from liveref_mypy._flow.line import Findings, Line, OpenSession
from liveref_mypy._flow.state import Scope, Slot, Store
from liveref_mypy._index import blocks_of, waits_for_error
from liveref_mypy._types import inherits

__all__ = ["findings_of"]


def findings_of(body: Sequence[Statement], *, is_module: bool) -> Findings:
    """What is wrong in a function and the functions inside of it, or in the statements of a module; linear."""
    findings: Findings = {}
    pending = [body]
    while pending:
        walk = _Walk(findings)
        walk.run(pending.pop(), is_module=is_module)
        if not is_module:
            pending.extend(walk.inner)
    return findings


class _Walk(Line):
    """One walk through one function."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.inner: list[Sequence[Statement]] = []
        """The bodies of the functions inside."""

    def run(self, body: Sequence[Statement], *, is_module: bool) -> None:
        """Walk through a body."""
        self._values.trusts_globals = not is_module
        self._values.untracked = set(_names_of_others(body))
        self._block(body)

    def _block(self, body: Iterable[Statement]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, statement: Statement) -> None:  # noqa: C901, PLR0912  one line a form
        match statement:
            case AssignmentStmt():
                self._assign(statement)
            case ExpressionStmt():
                awaited = statement.expr.expr if isinstance(statement.expr, AwaitExpr) else statement.expr
                self._calls.statement = awaited
                self._expression(statement.expr)
            case AssertStmt():
                self._expression(statement.expr)
            case ReturnStmt():
                self._return(statement)
            case OperatorAssignmentStmt():
                self._expression(statement.rvalue)
                self._bind_unknown(statement.lvalue)
            case DelStmt():
                self._bind_unknown(statement.expr)
            case RaiseStmt():
                self._expressions(part for part in (statement.expr, statement.from_expr) if part is not None)
            case IfStmt():
                self._if(statement)
            case ForStmt() | WhileStmt():
                self._loop(statement)
            case WithStmt():
                self._with(statement)
            case TryStmt():
                self._try(statement)
            case MatchStmt():
                self._match(statement)
            case Decorator() | FuncDef() | OverloadedFuncDef():
                self.inner.extend(block.body for block in blocks_of(statement))
            case _:
                pass

    def _choose(self, blocks: Iterable[Block | None]) -> None:
        """Walk along each block from here; after them, know only what none has changed."""
        changed: set[Slot] = set()
        for block in blocks:
            if block is not None:
                changed |= self._branch(self._block, block.body)
        self._state.forget(changed)

    def _if(self, statement: IfStmt) -> None:
        self._expression(statement.expr[0])  # an elif is an if inside of the else
        self._choose([*statement.body, statement.else_body])

    def _loop(self, statement: ForStmt | WhileStmt) -> None:
        if isinstance(statement, ForStmt):
            self._expression(statement.expr)
            self._bind_unknown(statement.index)
        for target in _targets(statement.body):
            self._bind_unknown(target)
        if isinstance(statement, WhileStmt):
            self._expression(statement.expr)
        self._choose([statement.body])
        self._choose([statement.else_body])

    def _match(self, statement: MatchStmt) -> None:
        self._expression(statement.subject)
        for pattern in statement.patterns:
            for name in captures(pattern):
                self._values.bind(name, None)
        for guard in statement.guards:
            if guard is not None:
                self._maybe(guard)
        self._choose(statement.bodies)

    def _try(self, statement: TryStmt) -> None:
        exempts = any(_catches_lookups(expr) for expr in statement.types)
        self._exempt += exempts
        self._choose([statement.body])
        self._exempt -= exempts
        self._choose(statement.handlers)
        self._choose([statement.else_body])
        self._choose([statement.finally_body])

    def _with(self, statement: WithStmt) -> None:
        current = self._values.current
        entered = [self._enter(*pair) for pair in zip(statement.expr, statement.target, strict=True)]
        if all(entered):
            self._block(statement.body.body)
        else:
            exempts = any(map(_may_swallow, statement.expr))
            self._exempt += exempts
            self._choose([statement.body])
            self._exempt -= exempts
        for session in reversed(entered):
            if isinstance(session, OpenSession):
                self._leave(session, statement)
        self._values.current = current

    def _enter(self, expr: Expression, target: Expression | None) -> OpenSession | bool:
        """Enter a context; the session that ends with it, else whether its body is a straight line."""
        self._expression(expr)
        name, inner = _wrapped(expr)
        value = self._values.of(expr if inner is None else inner)
        if target is not None and isinstance(value, Scope | Store):
            self._values.bind(target, value)
        elif target is not None:
            self._bind_unknown(target)
        if isinstance(value, Scope) and name not in _names.CLOSING:
            self._values.current = value.store
        if isinstance(value, Scope):
            return self._open_session(value.store, is_session=True) if value.purges else True
        if not isinstance(value, Store) or not name:
            return False
        if name in _names.CLOSING:
            return self._open_session(value, is_session=False)
        self._values.current = value
        return True

    def _open_session(self, store: Store, *, is_session: bool) -> OpenSession:
        session = OpenSession(store, is_session=is_session)
        self._open.append(session)
        return session

    def _leave(self, session: OpenSession, statement: WithStmt) -> None:
        self._open.remove(session)
        if not session.yields:
            line = statement.end_line or statement.line
            how = "its session" if session.is_session else "close()"
            self._calls.end(session.store, line, how, by_session=session.is_session)


def _wrapped(expr: Expression) -> tuple[str, Expression | None]:
    """Which of the wrappers around a session or registry an expression is, and what is in it."""
    callee = expr.callee if isinstance(expr, CallExpr) else None
    name = callee.fullname if isinstance(callee, RefExpr) else ""
    if isinstance(expr, CallExpr) and name in _names.CLOSING | {_names.USE} and len(expr.args) == 1:
        return name, expr.args[0]
    return "", None


def _targets(block: Block) -> Iterator[Expression]:
    """What the statements of a block assign."""
    pending: list[Statement] = [block]
    while pending:
        statement = pending.pop()
        if isinstance(statement, AssignmentStmt):
            yield from statement.lvalues
        elif isinstance(statement, ForStmt):
            yield statement.index
        elif isinstance(statement, WithStmt):
            yield from (target for target in statement.target if target is not None)
        for inner in () if isinstance(statement, FuncItem) else blocks_of(statement):
            pending.extend(inner.body)


def _catches_lookups(expr: Expression | None) -> bool:
    """Whether an ``except`` catches what a lookup of a key that is gone raises, or may."""
    if isinstance(expr, TupleExpr):
        return any(map(_catches_lookups, expr.items))
    node = expr.node if isinstance(expr, RefExpr) else None
    if not isinstance(node, TypeInfo):
        return True
    kin = {"builtins.BaseException", "builtins.Exception", _names.LIVE_REF_ERROR}
    return node.fullname in kin or inherits(node, _names.LOOKUP_ERROR)


def _may_swallow(expr: Expression) -> bool:
    """Whether a context waits for an error, or suppresses it."""
    callee = expr.callee if isinstance(expr, CallExpr) else None
    return waits_for_error(expr) or (isinstance(callee, RefExpr) and callee.fullname == _names.SUPPRESS)


def _names_of_others(body: Sequence[Statement]) -> Iterator[str]:
    """The names that functions inside of a body declare as not their own."""
    pending = list(body)
    while pending:
        statement = pending.pop()
        if isinstance(statement, GlobalDecl | NonlocalDecl):
            yield from statement.names
        for block in blocks_of(statement):
            pending.extend(block.body)
