"""Strings in a ``TypeAliasType``, which the run time resolves in the alias's own module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mypy.nodes import AssignmentStmt, CallExpr, Expression, Import, ImportFrom, MypyFile, NameExpr, StrExpr, TypeAlias
from mypy.types import AnyType, TypeOfAny

from liveref_mypy._types import members

__all__ = ["hidden_name", "is_broken"]


def is_broken(alias: TypeAlias) -> bool:
    """Whether a name in an alias is one that mypy does not know; in brackets, it would be a bare generic's Any."""
    parts = members(alias.target) if alias.python_3_12_type_alias else ()
    return any(isinstance(part, AnyType) and part.type_of_any == TypeOfAny.from_error for part in parts)


def hidden_name(alias: TypeAlias, module: MypyFile) -> str | None:
    """The first name in the string of an alias of this module that is not there, or for type checkers alone."""
    text = _text_of(alias, module)
    if text is None:
        return None
    hidden = set(_names_for_checkers(module))
    return next((name for name in _names_in(text) if name in hidden or not _is_there(name, module)), None)


def _is_there(name: str, module: MypyFile) -> bool:
    builtins = module.names.get("__builtins__")
    return name in module.names or (
        builtins is not None and isinstance(builtins.node, MypyFile) and name in builtins.node.names
    )


def _text_of(alias: TypeAlias, module: MypyFile) -> str | None:
    for statement in module.defs:
        if isinstance(statement, AssignmentStmt) and any(
            isinstance(target, NameExpr) and target.fullname == alias.fullname for target in statement.lvalues
        ):
            return _second(statement.rvalue)
    return None


def _second(expr: Expression) -> str | None:
    args = expr.args if isinstance(expr, CallExpr) else []
    return args[1].value if len(args) > 1 and isinstance(args[1], StrExpr) else None


def _names_for_checkers(module: MypyFile) -> Iterator[str]:
    """What is imported under ``if TYPE_CHECKING``."""
    for statement in module.imports:
        if statement.is_mypy_only and isinstance(statement, Import):
            yield from (as_name or name.partition(".")[0] for name, as_name in statement.ids)
        elif statement.is_mypy_only and isinstance(statement, ImportFrom):
            yield from (as_name or name for name, as_name in statement.names)


def _names_in(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        return
    yield from (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
