"""The parts of an expression in the order of their evaluation; mypy's compiled visitors can't be subclassed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mypy.nodes import (
    AwaitExpr,
    CallExpr,
    CastExpr,
    ComparisonExpr,
    ConditionalExpr,
    DictExpr,
    DictionaryComprehension,
    Expression,
    GeneratorExpr,
    IndexExpr,
    IntExpr,
    ListComprehension,
    ListExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    SetComprehension,
    SetExpr,
    SliceExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
    YieldExpr,
    YieldFromExpr,
)
from mypy.patterns import AsPattern, ClassPattern, MappingPattern, OrPattern, Pattern, SequencePattern, StarredPattern

__all__ = ["CHOICES", "LEAVES", "captures", "maybe_parts", "names_in", "sure_parts"]

LEAVES: Final = (NameExpr, IntExpr, StrExpr)
"""Most of what there is, and nothing to be evaluated in it."""
CHOICES: Final = (
    OpExpr,
    ComparisonExpr,
    ConditionalExpr,
    GeneratorExpr,
    ListComprehension,
    SetComprehension,
    DictionaryComprehension,
)
"""The forms with parts that are evaluated now and then."""


def sure_parts(expr: Expression) -> Iterator[Expression]:  # noqa: C901  one line a form
    """The parts that are evaluated whenever the expression is."""
    if isinstance(expr, CallExpr):
        yield expr.callee
        yield from expr.args
    elif isinstance(expr, MemberExpr | StarExpr | UnaryExpr | AwaitExpr | YieldFromExpr | CastExpr):
        yield expr.expr
    elif isinstance(expr, IndexExpr):
        yield expr.base
        yield expr.index
    elif isinstance(expr, OpExpr):
        yield expr.left
        if expr.op not in {"and", "or"}:
            yield expr.right
    elif isinstance(expr, ComparisonExpr):
        yield from expr.operands[:2]
    elif isinstance(expr, ConditionalExpr):
        yield expr.cond
    elif isinstance(expr, ListExpr | TupleExpr | SetExpr):
        yield from expr.items
    elif isinstance(expr, DictExpr):
        for key, value in expr.items:
            yield from _given([key, value])
    elif isinstance(expr, SliceExpr):
        yield from _given([expr.begin_index, expr.end_index, expr.stride])
    elif isinstance(expr, YieldExpr):
        yield from _given([expr.expr])


def maybe_parts(expr: Expression) -> Iterator[Expression]:
    """The parts that are evaluated now and then: of choices, and inside of comprehensions."""
    if isinstance(expr, OpExpr) and expr.op in {"and", "or"}:
        yield expr.right
    elif isinstance(expr, ComparisonExpr):
        yield from expr.operands[2:]
    elif isinstance(expr, ConditionalExpr):
        yield expr.if_expr
        yield expr.else_expr
    elif isinstance(expr, ListComprehension | SetComprehension):
        yield from maybe_parts(expr.generator)
    elif isinstance(expr, GeneratorExpr):
        yield from _of_loops(expr)
        yield expr.left_expr
    elif isinstance(expr, DictionaryComprehension):
        yield from _of_loops(expr)
        yield from _given([expr.key, expr.value])


def _of_loops(expr: GeneratorExpr | DictionaryComprehension) -> Iterator[Expression]:
    yield from expr.sequences
    for conditions in expr.condlists:
        yield from _given(conditions)


def _given(parts: Iterable[Expression | None]) -> Iterator[Expression]:
    return (part for part in parts if part is not None)


def names_in(target: Expression) -> Iterator[Expression]:
    """The names and attributes that an assignment to a target binds."""
    if isinstance(target, TupleExpr | ListExpr):
        for item in target.items:
            yield from names_in(item)
    elif isinstance(target, StarExpr):
        yield from names_in(target.expr)
    elif isinstance(target, NameExpr | MemberExpr):
        yield target


def captures(pattern: Pattern) -> Iterator[NameExpr]:
    """The names that a pattern binds."""
    if isinstance(pattern, AsPattern):
        yield from (pattern.name,) if pattern.name is not None else ()
        yield from captures(pattern.pattern) if pattern.pattern is not None else ()
    elif isinstance(pattern, StarredPattern):
        yield from (pattern.capture,) if pattern.capture is not None else ()
    elif isinstance(pattern, MappingPattern):
        yield from (pattern.rest,) if pattern.rest is not None else ()
        yield from _of_all(pattern.values)
    elif isinstance(pattern, ClassPattern):
        yield from _of_all([*pattern.positionals, *pattern.keyword_values])
    elif isinstance(pattern, OrPattern | SequencePattern):
        yield from _of_all(pattern.patterns)


def _of_all(patterns: Iterable[Pattern]) -> Iterator[NameExpr]:
    for pattern in patterns:
        yield from captures(pattern)
