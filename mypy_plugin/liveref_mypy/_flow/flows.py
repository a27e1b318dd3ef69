"""The flow rules at the hooks: one walk a function, its findings told at the calls that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mypy.errors import Errors
from mypy.nodes import MypyFile, Statement

from liveref_mypy._call import Call
from liveref_mypy._flow.line import Findings
from liveref_mypy._flow.walk import findings_of
from liveref_mypy._index import KEPT, checker_of, enclosing

__all__ = ["Flows"]

_ENDS: Final = ("release", "remove", "drain", "close", "closing", "Registry(", "Registry as ")
"""What a module holds if a key ends in it, or a registry begins; most that look keys up do not."""


class _Walked(NamedTuple):
    body: Sequence[Statement]
    turn: int
    """Which time mypy was checking the module: it comes back to functions that need to know more of it."""
    findings: Findings


class Flows:
    """The walks through the functions that are being checked."""

    def __init__(self) -> None:
        self._walked: dict[int, _Walked] = {}
        self._module: MypyFile | None = None
        self._has_ends = True

    def check(self, call: Call) -> None:
        """Report what belongs to a call."""
        checker = checker_of(call.api)
        if checker.tree is not self._module:
            self._module = checker.tree
            self._has_ends = _has_ends(checker.errors, checker.tree)
        if not self._has_ends:
            return
        for code, message, at in self._findings(call).get(call.expr, ()):
            call.fail(code, message, at)

    def _findings(self, call: Call) -> Findings:
        function, body = enclosing(call.api)
        turn = checker_of(call.api).pass_num
        walked = self._walked.get(id(body))
        if walked is not None and walked.body is body and walked.turn == turn:
            return walked.findings
        if len(self._walked) > KEPT:
            self._walked.clear()
        findings = findings_of(body, is_module=function is None)
        self._walked[id(body)] = _Walked(body, turn, findings)
        return findings


def _has_ends(errors: Errors, module: MypyFile) -> bool:
    lines = errors.read_source(module.path) if errors.read_source is not None else None
    return lines is None or _may_end("\n".join(lines))


def _may_end(source: str) -> bool:
    """Plain searches: the one regular expression for all this took as long as the walks."""
    return source.count("Session") > source.count("SessionRef") or any(word in source for word in _ENDS)
