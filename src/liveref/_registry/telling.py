"""What is told to `logging`, which is loaded at the first record: it takes as long to import as all of liveref."""

from __future__ import annotations

import sys
from typing import Literal, cast

__all__ = ["note_of", "told"]


def told(level: Literal["debug", "info", "warning"], message: str, *facts: object) -> None:
    """Log a record. No whole key, no repr of an object. What is below a warning is nobody's where nothing is logged."""
    if level != "warning" and "logging" not in sys.modules:
        return
    import logging  # noqa: PLC0415  the module says why

    logger = logging.getLogger("liveref")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    getattr(logger, level)(message, *facts)


def note_of(error: BaseException) -> str:
    """The first note on an error: which ref it is of."""
    notes: object = getattr(error, "__notes__", None)
    return str(cast("list[object]", notes)[0]) if isinstance(notes, list) and notes else "of a ref that nobody knows"
