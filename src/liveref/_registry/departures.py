"""What a registry remembers of the refs that went."""

from __future__ import annotations

from collections import deque
from functools import partial
from itertools import takewhile
from operator import is_not, itemgetter
from typing import Final, TypeAlias

from liveref._registry.leases import Expiry
from liveref._registry.owners import ACTING, Owner

__all__ = ["REMEMBERED", "Departure", "Departures", "is_told"]

Departure: TypeAlias = tuple[bytes, str | Expiry, float] | tuple[bytes, str | Expiry, float, Owner]
"""The id of a ref, how it went, and when, in seconds of the monotonic clock; and of whom it was, if of anybody."""

REMEMBERED: Final = 10_000
_OF: Final = itemgetter(0)


def is_told(gone: Departure) -> bool:
    """Whether who acts may know of it."""
    return len(gone) == 3 or gone[3] == ACTING.get()  # noqa: PLR2004


class Departures(deque[Departure]):
    """The last departures, in their order: to note one is an append, and they are indexed when one is asked for."""

    _indexed: tuple[dict[bytes, Departure], Departure] | None = None
    """The index, and up to which departure; none until one is asked for: most sessions end before."""

    def find(self, uid: bytes) -> Departure | None:
        """The departure of a ref; None where it never went from here, or too long ago. O(1), amortised."""
        if not self:
            return None
        found = self._take_up().get(uid)
        return None if found is None or found[2] < self[0][2] else found

    def _take_up(self) -> dict[bytes, Departure]:
        """The index, with what was noted since the last time; threads that do so at once each give a whole one."""
        index, before = self._indexed or ({}, None)
        latest = self[-1]
        if latest is before:
            return index
        if len(index) > 2 * REMEMBERED:
            index, before = {}, None
        try:
            new = list(takewhile(partial(is_not, before), reversed(self)))
        except RuntimeError:  # another thread notes one in this moment
            new = list(reversed(self.copy()))
        index.update(zip(map(_OF, reversed(new)), reversed(new), strict=True))
        self._indexed = index, latest
        return index
