"""The way to a ref of another process, which stands in its id."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

__all__ = ["NUMBERS", "Route", "route_of", "routed_id"]

NUMBERS: Final = 1 << 24
"""How many homes there can be, and sessions in one."""
_WIDTH: Final = 3


class Route(NamedTuple):
    """Where a ref was made.

    Attributes:
        home: the number of the process.
        session: the number of the session, counted in that process.
    """

    home: int
    session: int

    def __str__(self) -> str:
        return f"{self.home:06x}{self.session:06x}"


def routed_id(route: Route) -> bytes:
    """A random UUID of version 8 whose last 12 digits are the route; 74 of its bits are random."""
    uid = bytearray(os.urandom(10))
    uid[6] = uid[6] & 0x0F | 0x80
    uid[8] = uid[8] & 0x3F | 0x80
    return bytes(uid) + route.home.to_bytes(_WIDTH) + route.session.to_bytes(_WIDTH)


def route_of(uid: bytes) -> Route | None:
    """The route in an id; None where it is an id of another version, which says nothing of where its ref is."""
    if uid[6] >> 4 != 8 or uid[8] >> 6 != 2:  # noqa: PLR2004  version and variant of RFC 9562
        return None
    return Route(int.from_bytes(uid[10:13]), int.from_bytes(uid[13:]))
