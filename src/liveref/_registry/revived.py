"""The refs that a resume brings back, put into a registry that nobody else has yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from liveref._hints.info import all_classes_of
from liveref._registry.entry import Entry, Holder, hold, hold_all
from liveref._registry.store import Store
from liveref._typing import MISSING

__all__ = ["put_back", "put_values_back"]


def put_values_back(store: Store, ids: Sequence[bytes], values: Iterable[object], entries: Iterable[Entry]) -> None:
    """Put in refs of nothing but values, which are most: each costs a third of one of `put_back`."""
    store._fill(hold_all(ids, values, entries, len(ids)))


def put_back(store: Store, rows: Sequence[tuple[bytes, object, Entry]]) -> None:
    """Put in refs, which take their shares of the finalizers.

    Args:
        store: the registry.
        rows: of each ref its id, its value and its entry. What a recipe opens has no value here: MISSING.
    """
    values = [next(iter(entry.opening.peek()), MISSING) if entry.opening else value for _, value, entry in rows]
    refs, guarded = list[Holder[Any]](), False
    for (uid, _, entry), value, cls in zip(rows, values, all_classes_of(values), strict=True):
        if entry.finalizer is not None:
            entry.finalizer.share(uid)
        guarded = guarded or entry.guard is not None
        refs.append(hold(uid, object if value is MISSING else cls, entry, value))
    if guarded:
        store._fill_guarded(refs)
    else:
        store._fill(refs)
