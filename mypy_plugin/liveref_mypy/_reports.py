"""What has been told: a finding stands beside what mypy tries out, and takes no part in its choices."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from mypy.errors import ErrorInfo, Errors
from mypy.nodes import Expression

__all__ = ["Reports"]


class Reports:
    """The findings of the file that is being checked, each under the call that it belongs to.

    mypy checks an argument several times, for each overload that it tries and each turn of a loop. It takes an error
    that it sees meanwhile for a reason to try something else (python/mypy#7367), and drops it. So a finding goes past
    those who watch for errors, and is taken back when its call is checked again: the last time counts.
    """

    def __init__(self) -> None:
        self._file = ""
        self._told: dict[Expression, list[ErrorInfo]] = {}

    def take_back(self, call: Expression, errors: Errors) -> None:
        """Forget what has been told of a call."""
        if errors.file != self._file:
            self._file = errors.file
            self._told.clear()
        told = self._told.pop(call, None)
        if not told:
            return
        kept = [info for info in errors.error_info_map.pop(errors.file, []) if info not in told]
        if kept:
            errors.error_info_map[errors.file] = kept

    def tell(self, call: Expression, errors: Errors, report: Callable[[], object]) -> None:
        """Let `report` tell of a call."""
        before = len(errors.error_info_map.get(errors.file, ()))
        with _unwatched(errors):
            report()
        self._told.setdefault(call, []).extend(errors.error_info_map.get(errors.file, ())[before:])


@contextmanager
def _unwatched(errors: Errors) -> Generator[None, None, None]:
    watchers, errors._watchers = errors._watchers, []
    try:
        yield
    finally:
        errors._watchers = watchers
