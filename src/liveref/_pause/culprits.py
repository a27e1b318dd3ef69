"""When a pickle fails: which of the objects in it are to blame."""

from __future__ import annotations

from collections.abc import Mapping

from liveref._pause.fates import Fates
from liveref._snapshot.stream import Trial
from liveref._text.marker import redact

__all__ = ["blame_each", "blame_whole"]


def blame_each(fates: Fates, *, drop: bool) -> bool:
    """Note which objects can't be pickled though all others stand in for themselves; whether there are any.

    So a container is not blamed for what it contains.

    Args:
        fates: what becomes of the objects.
        drop: what holds an object that is not kept, is not kept either.
    """
    found = _blame(fates, fates.all_as_stand_ins())
    if drop:
        _drop_holders(fates)
    return found


def blame_whole(fates: Fates) -> bool:
    """Note which objects can't be pickled with all that they hold: it may be nested too deeply only then."""
    return _blame(fates, fates.stand_ins())


def _blame(fates: Fates, stand_ins: Mapping[int, int]) -> bool:
    trial = Trial(stand_ins)
    troubles = {uid: trial.run(value) for uid, value in fates.pickled.items()}
    found = {uid: trouble for uid, trouble in troubles.items() if isinstance(trouble, str)}
    fates.fail(found)
    return bool(found)


def _drop_holders(fates: Fates) -> None:
    """Drop what holds a dropped object, itself or in an object that it holds."""
    if not fates.failures:
        return
    names = dict(zip(fates.ids, fates.refs, strict=True))
    barred = set(filter(fates.has_identity, fates.failures))
    trial = Trial(fates.stand_ins(), barred)
    for uid, value in list(fates.pickled.items()):
        held = trial.run(value)
        if isinstance(held, int):
            fates.fail({uid: f"its state holds the dropped ref {redact(names[held]._id)}"})
            barred.add(uid)
