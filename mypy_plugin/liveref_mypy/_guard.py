"""Runs what may fail: a plugin must never be what stops a check."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["Guard"]

P = ParamSpec("P")
R = TypeVar("R")


class Guard:
    """Calls rules; whatever goes wrong in one, mypy's own result stands."""

    def __init__(self, *, tells: bool) -> None:
        self._tells = tells

    def __call__(self, default: R, rule: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """What a rule gives, or the default if it fails; ``--show-traceback`` tells of the failure."""
        try:
            return rule(*args, **options)
        except Exception:  # noqa: BLE001  whatever it is
            if self._tells:
                traceback.print_exc()
            return default
