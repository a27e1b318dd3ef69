"""What is told to `logging`, which is loaded at the first record: it takes as long to import as all of liveref."""

from __future__ import annotations

import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

from liveref.exceptions import RefDroppedWarning, RefFailure

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["note_of", "told", "warn_dropped"]


def told(level: Literal["debug", "info", "warning"], message: str, *facts: object) -> None:
    """Log a record. No whole key, no repr of an object. What is below a warning is nobody's where nothing is logged."""
    if level != "warning" and "logging" not in sys.modules:
        return
    getattr(_logger(), level)(message, *facts)


@cache
def _logger() -> Logger:
    import logging  # noqa: PLC0415  the module says why

    logger = logging.getLogger("liveref")
    logger.addHandler(logging.NullHandler())
    return logger


def note_of(error: BaseException) -> str:
    """The first note on an error: which ref it is of."""
    notes: object = getattr(error, "__notes__", None)
    return str(cast("list[object]", notes)[0]) if isinstance(notes, list) and notes else "of a ref that nobody knows"


def warn_dropped(failure: RefFailure, policy: str | None, *, stacklevel: int) -> None:
    """Warn of a ref that was left out, the caller that many calls above, and log it."""
    told("warning", "ref %s (%s) was dropped", failure.key, failure.type_tag)
    warnings.warn(RefDroppedWarning(failure, policy), stacklevel=stacklevel)
