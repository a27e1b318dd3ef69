"""What a snapshot knows of owners and leases: of format 2, which an older liveref refuses, for it would forget them.

In the header stand the distinct guards, ``[owner, ttl, idle]``, and of each the refs that have one like it, a row and
what is left of its ttl each: ``[owner, ttl, idle, [row, left, row, left, …]]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import NamedTuple, TypeAlias

from liveref._snapshot.header import broken
from liveref._text.json import JSON

__all__ = ["Guarded", "Guards", "owner_from", "owner_row", "owner_text", "read_guards", "write_guards"]


class Guarded(NamedTuple):
    """The guard of a ref.

    Attributes:
        owner: whose it is; None nobody's.
        ttl: seconds that it lives.
        idle: seconds that it may go without a use.
        left: what is left of the ttl.
    """

    owner: str | tuple[str, ...] | None
    ttl: float | None
    idle: float | None
    left: float | None


Guards: TypeAlias = Mapping[int, Guarded]
"""For each row of a guarded ref its guard."""


def owner_text(owner: str | tuple[str, ...] | None) -> str:
    """An owner as one text; an empty one for nobody."""
    return owner if isinstance(owner, str) else ", ".join(owner or ())


def owner_row(owner: str | tuple[str, ...] | None) -> JSON:
    """An owner as JSON."""
    return list(owner) if isinstance(owner, tuple) else owner


def owner_from(found: JSON) -> str | tuple[str, ...] | None:
    """The owner that `owner_row` wrote.

    Raises:
        SnapshotFormatError: it is none.
    """
    if found is None or (isinstance(found, str) and found):
        return found
    parts = found if isinstance(found, list) else []
    texts = tuple(part for part in parts if isinstance(part, str) and part)
    if not texts or len(texts) != len(parts):
        raise broken("an owner is none")
    return texts


def write_guards(guards: Guards) -> list[JSON]:
    """The guards as rows of JSON, each kind of guard once."""
    kinds: dict[tuple[str | tuple[str, ...] | None, float | None, float | None], list[JSON]] = {}
    for row, guard in guards.items():
        kinds.setdefault(guard[:3], []).extend((row, None if guard.left is None else round(guard.left, 3)))
    return [[owner_row(owner), ttl, idle, rows] for (owner, ttl, idle), rows in kinds.items()]


def read_guards(rows: list[list[JSON]], refs: int) -> dict[int, Guarded]:
    """The guards that `write_guards` wrote.

    Args:
        rows: of the header.
        refs: how many refs there are.

    Raises:
        SnapshotFormatError: they do not belong to those.
    """
    found: dict[int, Guarded] = {}
    for name, ttl, idle, members in rows:
        owner, lives, rests = owner_from(name), _seconds(ttl), _seconds(idle)
        pairs = members if isinstance(members, list) else [None]
        if len(pairs) % 2 or (owner is None and lives is None and rests is None):
            raise broken("a guard is none")
        for row, left in zip(pairs[::2], pairs[1::2], strict=True):
            if type(row) is not int or not 0 <= row < refs or row in found:
                raise broken("a guard is of no ref")
            found[row] = Guarded(owner, lives, rests, None if lives is None else _left(left))
    return found


def _seconds(found: JSON) -> float | None:
    if found is not None and _left(found) <= 0:
        raise broken("a lease is no number of seconds")
    return None if found is None else _left(found)


def _left(found: JSON) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= float_info.max:
        raise broken("a lease is no number of seconds")
    return found
