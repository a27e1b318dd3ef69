"""liveref-shallow and liveref-unsupported: what the run-time check of a hint can't do."""

from __future__ import annotations

from liveref_mypy import _codes
from liveref_mypy._call import Call
from liveref_mypy._depth import depth_of
from liveref_mypy._hint import fault_of_spelling, is_spelled_out, plain_class
from liveref_mypy._verdict import Depth, Verdict

__all__ = ["check_depth"]


def check_depth(call: Call) -> None:
    """Check the hint of a call, where it is written as a type."""
    expr = call.args["hint"]
    if plain_class(expr) is not None or not is_spelled_out(expr, call.api):
        return
    fault, hint = fault_of_spelling(expr, call.api), call.hint
    if fault is not None:
        _report_refused(call, "" if hint is None else call.text(hint), fault.part, fault.reason)
    elif hint is not None and (verdict := depth_of(hint)).part is not None:
        _report(call, call.text(hint), call.text(verdict.part), verdict)


def _report(call: Call, hint: str, part: str, verdict: Verdict) -> None:
    if verdict.depth is Depth.UNSUPPORTED:
        _report_refused(call, hint, part, verdict.reason)
        return
    where = "" if part == hint else f" in its part {part}"
    call.fail(
        _codes.SHALLOW,
        f"the run-time check of the hint {hint} is partial{where}: {verdict.reason}; "
        "hint with what can be checked, or switch liveref-shallow off where that is enough",
        call.args["hint"],
    )


def _report_refused(call: Call, hint: str, part: str, reason: str) -> None:
    where = f" for its part {part}" if part and part != hint else ""
    call.fail(
        _codes.UNSUPPORTED,
        f"the hint {hint or part} raises HintError{where}: {reason}; write a type that can be checked at run time",
        call.args["hint"],
    )
