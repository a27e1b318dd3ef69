"""The hooks: what mypy calls at each call of a liveref method, and which rules that goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from mypy import nodes
from mypy.errorcodes import ErrorCode
from mypy.plugin import AnalyzeTypeContext, FunctionSigContext, MethodSigContext
from mypy.types import FunctionLike, Type

from liveref_mypy import _names
from liveref_mypy._call import Call, Run, call_of, takes
from liveref_mypy._codes import FLOW, Code
from liveref_mypy._guard import Guard
from liveref_mypy._heirs import Heirs
from liveref_mypy._index import Indexes
from liveref_mypy._reports import Reports
from liveref_mypy._rules.depth import check_depth
from liveref_mypy._rules.key import advise_constructor, advise_key, bind_union
from liveref_mypy._rules.lost_hint import check_lost_hint
from liveref_mypy._rules.overlap import check_overlap
from liveref_mypy._rules.reopen import check_reopen
from liveref_mypy._rules.roundtrip import check_roundtrip
from liveref_mypy._rules.untyped import check_untyped, is_bare_annotation, is_bare_key, report_bare_annotation
from liveref_mypy._rules.value import check_value
from liveref_mypy._rules.widened import check_widened

__all__ = ["Hooks"]

Rule: TypeAlias = Callable[[Call], None]
Context: TypeAlias = MethodSigContext | FunctionSigContext
Hook: TypeAlias = Callable[[Context], FunctionLike]


class Rules(NamedTuple):
    """What a method goes through."""

    without_hint: Sequence[Rule] = ()
    with_hint: Sequence[Rule] = ()


_LOOKUP: Final = Rules(without_hint=(check_untyped, advise_key), with_hint=(check_depth, check_overlap, advise_key))
_REGISTRY_RULES: Final[Mapping[str, Rules]] = {
    "aget": _LOOKUP,
    "get": _LOOKUP,
    "__getitem__": Rules(without_hint=(check_untyped, advise_key)),
    **dict.fromkeys(_names.METHODS_OF_KEYS, Rules(without_hint=(advise_key,))),
    "insert": Rules(without_hint=(check_widened, check_reopen), with_hint=(check_depth, check_value)),
    "typed": Rules(with_hint=(check_depth,)),
}
_KEY_RULES: Final[Mapping[str, Rules]] = {
    "new": Rules(without_hint=(check_lost_hint,), with_hint=(check_depth,)),
    **dict.fromkeys(
        ("parse", "from_marker", "read"),
        Rules(without_hint=(check_lost_hint,), with_hint=(check_depth, check_roundtrip)),
    ),
}


class Hooks:
    """The hooks of one run of mypy."""

    def __init__(self, codes: frozenset[Code], guard: Guard, *, misfit: ErrorCode) -> None:
        self._guard = guard
        self._run = Run(codes, misfit, Indexes(), Reports(), Heirs())
        self._flow = () if codes.isdisjoint(FLOW) else (_flow_rule(),)

    def of_registry(self, method: str) -> Hook | None:
        """The hook for a method of a registry."""
        without_hint, with_hint = _REGISTRY_RULES.get(method, Rules())
        rules = Rules((*without_hint, *self._flow), (*with_hint, *self._flow))
        return self._through(method, rules)

    def of_view(self, method: str) -> Hook | None:
        """The hook for a method of what ``typed()`` gives."""
        rules = (advise_key,) if method == "get" else ()
        return self._through(method, Rules(without_hint=(*rules, *self._flow)))

    def of_constructor(self) -> Hook:
        """The hook for ``RegistryKey(…)``, which makes no key."""
        return partial(self._check, "__init__", Rules(without_hint=(advise_constructor,)))

    def of_key(self, method: str) -> Hook | None:
        """The hook for a class method of a key."""
        return self._through(method, _KEY_RULES.get(method, Rules()))

    def is_bare_alias(self, node: nodes.TypeAlias) -> bool:
        """Whether a name without brackets means ``RegistryKey[Any]``."""
        return is_bare_key(node)

    def annotation(self, ctx: AnalyzeTypeContext, found: Type) -> Type:
        """Report an annotation without brackets and give mypy's type of it."""
        if self._guard(False, is_bare_annotation, ctx):  # noqa: FBT003
            return report_bare_annotation(ctx, found)
        return found

    def _through(self, method: str, rules: Rules) -> Hook | None:
        return partial(self._check, method, rules) if any(rules) else None

    def _check(self, method: str, rules: Rules, ctx: Context) -> FunctionLike:
        try:
            call = call_of(ctx, method, self._run) if takes(ctx.default_signature, ctx.args) else None
        except Exception:  # noqa: BLE001  the guard as it stands, without a call: mypy asks for each overload
            self._guard.tell()
            return ctx.default_signature
        if call is None:
            return ctx.default_signature
        self._run.reports.take_back(call.expr, ctx.api.msg.errors)
        self._guard.each(rules.with_hint if "hint" in call.args else rules.without_hint, call)
        return self._guard(ctx.default_signature, bind_union, call, ctx.default_signature)


def _flow_rule() -> Rule:
    from liveref_mypy._flow.flows import Flows  # noqa: PLC0415  a third of the plugin's code, and off by default

    return Flows().check
