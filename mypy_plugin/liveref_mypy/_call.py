"""One call of a liveref method, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Final, NamedTuple

from mypy.errorcodes import ErrorCode
from mypy.messages import format_type_distinctly
from mypy.nodes import ARG_STAR, ARG_STAR2, CallExpr, Expression, MemberExpr, NameExpr
from mypy.plugin import CheckerPluginInterface, FunctionSigContext, MethodSigContext
from mypy.types import CallableType, Instance, Type

from liveref_mypy import _names
from liveref_mypy._codes import Code
from liveref_mypy._heirs import Heirs
from liveref_mypy._hint import quiet_type, type_of_hint
from liveref_mypy._index import Index, Indexes
from liveref_mypy._reports import Reports

__all__ = ["Call", "Run", "call_of", "spell", "takes"]

_LEFT_OUT: Final = ("hint", "default")


class Run(NamedTuple):
    """What all calls in one run of mypy share."""

    codes: frozenset[Code]
    """The codes that are on."""
    misfit: ErrorCode
    """The code of an argument that does not fit the others."""
    indexes: Indexes
    reports: Reports
    heirs: Heirs


class Call:
    """A call, seen through the one overload that takes its arguments."""

    def __init__(
        self, method: str, args: dict[str, Expression], expr: Expression, api: CheckerPluginInterface, run: Run
    ) -> None:
        self.method = method
        self.args = args
        """The arguments by the names of their parameters."""
        self.expr = expr
        """The call, or the index expression of a lookup by ``[]``."""
        self.api = api
        self.run = run
        self._types: dict[str, Type] = {}

    @property
    def index(self) -> Index:
        """What is known of the function that the call stands in."""
        return self.run.indexes.of(self.api)

    def type_of(self, name: str) -> Type | None:
        """The type of an argument, asked for once; None if it is not given."""
        if name in self.args and name not in self._types:
            self._types[name] = quiet_type(self.args[name], self.api)
        return self._types.get(name)

    @cached_property
    def hint(self) -> Type | None:
        """The type that the ``hint`` argument spells; None where there is none or it is not known."""
        return type_of_hint(self.args["hint"], self.api) if "hint" in self.args else None

    def fail(self, code: Code, message: str, at: Expression | None = None) -> None:
        """Report a finding, if its code is on."""
        if code in self.run.codes:
            self.tell(partial(self.api.fail, message, at or self.expr, code=code))

    def tell(self, report: Callable[[], object]) -> None:
        """Let `report` tell of the call."""
        self.run.reports.tell(self.expr, self.api.msg.errors, report)

    def text(self, typ: Type) -> str:
        """A type as mypy's own messages write it, in quotes."""
        return self.texts([typ])[0]

    def texts(self, types: Sequence[Type]) -> tuple[str, ...]:
        """Some types, with their modules where two are of one name."""
        return format_type_distinctly(*types, options=self.api.options)


def takes(signature: CallableType, args: Sequence[Sequence[Expression]]) -> bool:
    """Whether an overload is the one for the arguments: it has a sentinel for those, and only those, that are left out.

    mypy asks for every overload in turn, so that this is what most of the plugin's time goes to.
    """
    names = signature.arg_names
    for name in _LEFT_OUT:
        if name in names:
            at = names.index(name)
            typ = signature.arg_types[at]
            is_sentinel = isinstance(typ, Instance) and typ.type.fullname == _names.MISSING
            if is_sentinel is bool(args[at]):
                return False
    return True


def call_of(ctx: MethodSigContext | FunctionSigContext, method: str, run: Run) -> Call | None:
    """The call of a hook's context; None if there is more in it than can be seen."""
    context = ctx.context
    if not isinstance(context, Expression) or _has_stars(context):
        return None
    names = ("key",) if method == "__getitem__" else ctx.default_signature.arg_names  # mypy forgets those of operators
    args = {name: given[0] for name, given in zip(names, ctx.args, strict=False) if given and name}
    return Call(method, args, context, ctx.api, run)


def _has_stars(expr: Expression) -> bool:
    return isinstance(expr, CallExpr) and (ARG_STAR in expr.arg_kinds or ARG_STAR2 in expr.arg_kinds)


def spell(expr: Expression) -> str:
    """The source of a plain name or attribute, for messages; ``the key`` for anything else."""
    found = _dotted(expr)
    return f'"{found}"' if found else "the key"


def _dotted(expr: Expression) -> str | None:
    if isinstance(expr, NameExpr):
        return expr.name
    if isinstance(expr, MemberExpr) and (base := _dotted(expr.expr)):
        return f"{base}.{expr.name}"
    return None
