"""When a pickle fails: which of the objects in it are to blame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from liveref._fates import Fates
from liveref._marker import redact
from liveref._stream import trouble

__all__ = ["blame_each", "blame_whole"]


def blame_each(fates: Fates, *, drop: bool) -> bool:
    """Note which objects can't be pickled though all others stand in for themselves; whether there are any.

    So a container is not blamed for what it contains.

    Args:
        fates: what becomes of the objects.
        drop: what holds an object that is not kept, is not kept either.
    """
    others = fates.all_as_stand_ins()
    holders: dict[int, list[int]] = {}
    found: dict[int, str] = {}
    for uid, value in fates.pickled.items():
        reason, held = trouble(value, others)
        if reason is not None:
            found[uid] = reason
        for inner in held:
            holders.setdefault(inner, []).append(uid)
    fates.fail(found)
    if drop:
        _drop_holders(fates, holders)
    return bool(found)


def blame_whole(fates: Fates) -> bool:
    """Note which objects can't be pickled with all that they hold: it may be nested too deeply only then."""
    stand_ins = fates.stand_ins()
    reasons = {uid: trouble(value, stand_ins)[0] for uid, value in fates.pickled.items()}
    found = {uid: reason for uid, reason in reasons.items() if reason is not None}
    fates.fail(found)
    return bool(found)


def _drop_holders(fates: Fates, holders: Mapping[int, Iterable[int]]) -> None:
    """Drop what holds a dropped object, and what holds that."""
    names = dict(zip(fates.ids, fates.refs, strict=True))
    todo = list(fates.failures)
    while todo:
        uid = todo.pop()
        reason = f"its state holds the dropped ref {redact(names[uid]._id)}"
        found = {holder: reason for holder in holders.get(uid, ()) if holder in fates.pickled}
        fates.fail(found)
        todo += found
