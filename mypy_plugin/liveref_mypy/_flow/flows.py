"""The flow rules at the hooks: one walk a function, its findings told at the calls that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mypy.nodes import Expression, Statement

from liveref_mypy._call import Call
from liveref_mypy._flow.line import Findings
from liveref_mypy._flow.walk import findings_of
from liveref_mypy._index import KEPT, enclosing

__all__ = ["Flows"]


class _Walked(NamedTuple):
    body: Sequence[Statement]
    first: Expression
    """The call at which the walk was made: it is made anew when mypy checks that again."""
    findings: Findings


class Flows:
    """The walks through the functions that are being checked."""

    def __init__(self) -> None:
        self._walked: dict[int, _Walked] = {}

    def check(self, call: Call) -> None:
        """Report what belongs to a call."""
        for code, message, at in self._findings(call).get(call.expr, ()):
            call.fail(code, message, at)

    def _findings(self, call: Call) -> Findings:
        function, body = enclosing(call.api)
        walked = self._walked.get(id(body))
        if walked is not None and walked.body is body and walked.first is not call.expr:
            return walked.findings
        if len(self._walked) > KEPT:
            self._walked.clear()
        findings = findings_of(body, is_module=function is None)
        self._walked[id(body)] = _Walked(body, call.expr, findings)
        return findings
