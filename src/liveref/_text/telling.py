"""What is told to `logging`, which is loaded at the first record: it takes as long to import as all of liveref."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

from liveref.exceptions import RefDroppedWarning, RefFailure

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["log_dropped", "note_of", "told", "told_nobody", "warn_dropped"]


def told(level: Literal["debug", "info", "warning"], message: str, *facts: object) -> None:
    """Log a record. No whole key, no repr of an object. What is below a warning is nobody's where nothing is logged.

    A filter or handler that raises ends nothing here: half of what is told of would be left undone.
    """
    if level != "warning" and "logging" not in sys.modules:
        return
    try:
        getattr(_logger(), level)(message, *facts)
    except Exception:  # noqa: BLE001  shown as logging shows what its own handlers raise
        _show()


def told_nobody(what: str) -> None:
    """Log and warn of what failed where nobody calls who could be told, and where the rest is to go on.

    A program may make errors of warnings: none leaves here.
    """
    told("warning", "%s", what)
    with suppress(RuntimeWarning):
        warnings.warn(what, RuntimeWarning, stacklevel=3)


def _show() -> None:
    import logging  # noqa: PLC0415  the module says why
    import traceback  # noqa: PLC0415  logging has loaded it

    if logging.raiseExceptions:
        traceback.print_exc()


@cache
def _logger() -> Logger:
    import logging  # noqa: PLC0415  the module says why

    logger = logging.getLogger("liveref")
    logger.addHandler(logging.NullHandler())
    return logger


def note_of(error: BaseException) -> str:
    """The last note on an error: which ref it is of."""
    with suppress(Exception):  # its class may have notes of its own, of any kind
        return str(cast("list[object]", error.__notes__)[-1])
    return "of a ref that nobody knows"


def log_dropped(failures: Iterable[RefFailure]) -> None:
    """Log the refs that were left out: before anything warns, for with ``-W error`` the first warning raises."""
    for failure in failures:
        told("warning", "ref %s (%s) was dropped", failure.key, failure.type_tag)


def warn_dropped(failures: Iterable[RefFailure], policy: str | None, *, stacklevel: int) -> None:
    """Warn of the refs that were left out, the caller that many calls above."""
    for failure in failures:
        warnings.warn(RefDroppedWarning(failure, policy), stacklevel=stacklevel)
