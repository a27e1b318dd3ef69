"""What a registry remembers of the refs that went."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from operator import is_not, itemgetter
from typing import Final, TypeAlias

__all__ = ["Departure", "Departures"]

Departure: TypeAlias = tuple[bytes, str, float]
"""The id of a ref, how it went, and when, in seconds of the monotonic clock."""

_REMEMBERED: Final = 10_000
_OF: Final = itemgetter(0)


class Departures(deque[Departure]):
    """The last departures, in their order: to note one is an append, and they are indexed when one is asked for."""

    __slots__ = ("_index", "_latest")

    def __init__(self, records: Iterable[Departure] = (), maxlen: int = _REMEMBERED) -> None:
        super().__init__(records, maxlen)
        self._index: dict[bytes, Departure] = {}
        self._latest: Departure | None = None

    def find(self, uid: bytes) -> Departure | None:
        """The departure of a ref; None where it never went from here, or too long ago. O(1), amortised."""
        if not self:
            return None
        self._take_up()
        found = self._index.get(uid)
        return None if found is None or found[2] < self[0][2] else found

    def _take_up(self) -> None:
        """Index what was noted since the last time."""
        latest = self[-1]
        if latest is self._latest:
            return
        if len(self._index) > 2 * _REMEMBERED:
            self._index, self._latest = {}, None
        try:
            new = list(takewhile(partial(is_not, self._latest), reversed(self)))
        except RuntimeError:  # another thread notes one in this moment
            new = list(reversed(self.copy()))
        self._index.update(zip(map(_OF, reversed(new)), reversed(new), strict=True))
        self._latest = latest
