"""What the rules for the arguments of ``insert()`` share: the finding, in mypy's own words."""

from __future__ import annotations

from mypy.errorcodes import ErrorCode
from mypy.messages import format_type_distinctly
from mypy.nodes import Expression
from mypy.plugin import CheckerPluginInterface
from mypy.types import Type

__all__ = ["report_argument"]


def report_argument(
    api: CheckerPluginInterface, name: str, arg: Expression, *, found: Type, wanted: Type, code: ErrorCode
) -> None:
    """Report an argument of a wrong type; where mypy finds the same, it shows one of the two."""
    texts = format_type_distinctly(found, wanted, options=api.options)
    owner = '"insert" of "SessionRefRegistry"'
    api.fail(f'Argument "{name}" to {owner} has incompatible type {texts[0]}; expected {texts[1]}', arg, code=code)
