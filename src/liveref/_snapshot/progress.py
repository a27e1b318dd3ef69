"""Telling how far a file is written or read."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeAlias

from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError

__all__ = ["Meter", "Progress", "StoppedError", "check_progress"]

Progress: TypeAlias = Callable[[int, int], object]
"""Is told the bytes that are done, and how many there are in all."""

_EVERY: Final = 0.05
"""Seconds between two calls at least."""


class StoppedError(Exception):
    """A progress function raised: what that was is the cause."""


class Meter:
    """Counts the bytes of one file, and tells of them at most every 50 ms and once at the end.

    Args:
        progress: is told; None for nobody.
        total: bytes in all.
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress: Final = progress
        self._total: Final = total
        self._done = 0
        self._told = monotonic()

    def add(self, count: int) -> None:
        """Count bytes that are done.

        Raises:
            StoppedError: the function raised.
        """
        self._done += count
        if self._progress is not None and self._done < self._total and monotonic() - self._told >= _EVERY:
            self._tell(self._progress, self._done)
            self._told = monotonic()

    def end(self) -> None:
        """Tell that all is done.

        Raises:
            StoppedError: the function raised.
        """
        if self._progress is not None:
            self._tell(self._progress, self._total)

    def _tell(self, progress: Progress, done: int) -> None:
        try:
            progress(done, self._total)
        except Exception as error:
            raise StoppedError(f"progress raised {readable(type(error))}") from error


def check_progress(progress: Progress | None) -> None:
    """Raise InvalidArgumentError unless it can be called or is None."""
    if progress is not None and not callable(progress):
        raise InvalidArgumentError("progress", "callable, or None", readable(type(progress)))
