"""What a registry holds, in numbers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from liveref._registry.entry import Holder, tag_of_ref
from liveref._registry.leases import Book
from liveref._registry.moment import Refs
from liveref._registry.owners import Owner

__all__ = ["RegistryStats", "stats_of"]


@dataclasses.dataclass(frozen=True, slots=True)
class RegistryStats:
    """What a registry holds, in numbers; `SessionRefRegistry.stats` gives it.

    Attributes:
        live: refs that take room, those that have expired and that nobody has ended too.
        capacity: refs held at most.
        lent: keys that are lent.
        due: refs that have gone, and whose finalizers are yet to run.
        by_type: live refs by their type tag.
        by_owner: live refs by their owner; None for those of nobody.
    """

    live: int
    capacity: int
    lent: int
    due: int
    by_type: dict[str, int]
    by_owner: dict[Owner | None, int]


def stats_of(refs: Refs, capacity: int, book: Book | None) -> RegistryStats:
    """The numbers of some refs."""
    holders = list(refs.copy().values())
    lent, due = (0, 0) if book is None else (len(book.loans), len(book.due))
    by_owner = Counter(map(_owner, holders))
    return RegistryStats(
        min(len(holders), capacity), capacity, lent, due, dict(Counter(map(tag_of_ref, holders))), dict(by_owner)
    )


def _owner(holder: Holder[Any]) -> Owner | None:
    guard = holder._entry.guard
    return None if guard is None else guard.owner
