"""Runs what may fail: a plugin must never be what stops a check."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

__all__ = ["Guard"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Guard:
    """Calls rules; whatever goes wrong in one, mypy's own result stands."""

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells

    def __call__(self, default: R, rule: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """What a rule gives, or the default if it fails; ``--show-traceback`` tells of the failure."""
        try:
            return rule(*args, **options)
        except Exception:  # noqa: BLE001  whatever it is
            self.tell()
            return default

    def each(self, rules: Iterable[Callable[[T], None]], subject: T) -> None:
        """Call rules one after the other; one that fails does not silence the next."""
        for rule in rules:
            try:
                rule(subject)
            except Exception:  # noqa: BLE001  whatever it is
                self.tell()

    def tell(self) -> None:
        """Tell of the failure that is being handled, if that is wanted."""
        if self._tells:
            traceback.print_exc()
