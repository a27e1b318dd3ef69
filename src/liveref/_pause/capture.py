"""Taking a snapshot: what the refs of a registry become under a policy."""

from __future__ import annotations

from itertools import compress
from pickle import PickleBuffer
from time import gmtime, strftime
from typing import Any, Final, NamedTuple

from liveref._pause.columns import columns_of
from liveref._pause.fates import Fates, blame_each, blame_whole
from liveref._pause.serializer import Serializer, serializer_of
from liveref._policy import RefLifetime, SessionPausePolicy
from liveref._registry.entry import Holder
from liveref._registry.store import State, Store
from liveref._snapshot.contents import Contents, Dropping
from liveref._snapshot.stream import describe_trouble, dump_stream
from liveref._text.tag import readable
from liveref.exceptions import RefFailure, SessionRefsNotSerializableError

__all__ = ["Capture", "capture"]

_PICKLES: Final = frozenset({SessionPausePolicy.PICKLE_OR_ERROR, SessionPausePolicy.PICKLE_OR_DROP})
_SERIALIZES: Final = _PICKLES | {SessionPausePolicy.SERIALIZE_OR_ERROR}
_DROPS: Final = frozenset({SessionPausePolicy.PICKLE_OR_DROP, SessionPausePolicy.WARN_DROP})
_REFUSALS: Final = {
    SessionPausePolicy.SERIALIZE_OR_ERROR: "it has neither recipe nor serializer, and the policy allows no pickle",
    SessionPausePolicy.WARN_DROP: "it has no recipe, and the policy keeps nothing else",
    SessionPausePolicy.HARD_ERROR: "the policy captures nothing",
}
_SNAPSHOT: Final = RefLifetime.UNTIL_SNAPSHOT  # a name here costs a third of an attribute of an enum
_TRIES: Final = 3
"""How often a pickle is tried that fails though none of its objects does: another thread may change them."""


class Capture(NamedTuple):
    """What a snapshot holds, and what is to be done once it stands.

    Attributes:
        contents: the columns.
        buffers: the out-of-band buffers of the pickles, which are views of live memory.
        purged: the refs that last until a snapshot.
        dropped: the refs that were left out.
    """

    contents: Contents
    buffers: list[PickleBuffer]
    purged: list[Holder[Any]]
    dropped: list[RefFailure]


def capture(store: Store, policy: SessionPausePolicy) -> Capture:
    """Capture the refs of a registry as they are at one moment; nothing is changed.

    Raises:
        SessionRefsNotSerializableError: the policy drops nothing, and refs can't be captured.
    """
    state, purged = store._state(), list[Holder[Any]]()
    distinct = dict(zip(map(id, state.entries), state.entries, strict=True))  # most refs share theirs
    if any(entry.lifetime is _SNAPSHOT for entry in distinct.values()):
        state, purged = _part(state)
    fates = Fates(state, distinct)
    _sort(fates, policy)
    stream, buffers = _pickle(fates, policy)
    when = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    dropped = _former(store) | _dropped(fates, policy, when)
    contents = columns_of(fates, stream, dropped, when, policy.value)
    return Capture(contents, buffers, purged, fates.told())


def _part(state: State) -> tuple[State, list[Holder[Any]]]:
    """What is captured, and the refs that are purged instead."""
    stays = [entry.lifetime is not _SNAPSHOT for entry in state.entries]
    refs, entries, values = state
    kept = State(list(compress(refs, stays)), list(compress(entries, stays)), list(compress(values, stays)))
    return kept, [ref for ref, stay in zip(refs, stays, strict=True) if not stay]


def _sort(fates: Fates, policy: SessionPausePolicy) -> None:
    """Decide for each object how it is kept, if at all."""
    opened = fates.recipes.keys() if policy is not SessionPausePolicy.HARD_ERROR else ()
    others = fates.objects.copy()
    for uid in fates.expected.union(opened):
        del others[uid]
    if policy in _SERIALIZES:
        _serialize(fates, others)
    if policy in _PICKLES:
        fates.pickled = others
    else:
        fates.fail(dict.fromkeys(others, _REFUSALS[policy]))


def _serialize(fates: Fates, others: dict[int, object]) -> None:
    """Take those out that have a serializer, and call it."""
    found = {cls: serializer for cls in set(map(type, others.values())) if (serializer := serializer_of(cls))}
    for uid in [uid for uid, value in others.items() if type(value) in found] if found else ():
        value = others.pop(uid)
        _serialize_one(fates, uid, value, found[type(value)])


def _serialize_one(fates: Fates, uid: int, value: object, serializer: Serializer) -> None:
    try:
        data: object = serializer.dump(value)
    except Exception as error:  # noqa: BLE001  user code; its text may hold the object
        fates.fail({uid: f"serializer {serializer.tag!r} raised {readable(type(error))}"})
        return
    if isinstance(data, bytes):
        fates.serialized[uid] = serializer, data
    else:
        fates.fail({uid: f"serializer {serializer.tag!r} gave {readable(type(data))} instead of bytes"})


def _pickle(fates: Fates, policy: SessionPausePolicy) -> tuple[bytes, list[PickleBuffer]]:
    """The pickle of all that is left, once those to blame are found; raises the refusal."""
    drop = policy in _DROPS
    if fates.failures and fates.pickled:
        blame_each(fates, drop=drop)
    tries = 0
    while True:
        _refuse(fates, policy)
        if not fates.pickled:
            return b"", []
        try:
            return dump_stream(list(fates.pickled.values()), fates.stand_ins())
        except Exception as error:  # noqa: BLE001  user code; its text may hold an object
            reason = describe_trouble(error)
        if not blame_each(fates, drop=drop) and not blame_whole(fates):
            tries += 1
            if tries == _TRIES:
                fates.fail(dict.fromkeys(fates.pickled, reason))


def _refuse(fates: Fates, policy: SessionPausePolicy) -> None:
    if fates.failures and policy not in _DROPS:
        raise SessionRefsNotSerializableError(policy.value, tuple(fates.told()))


def _former(store: Store) -> dict[bytes, Dropping]:
    """What snapshots before this one left out."""
    return {uid: gone for uid, gone in store._dropped.items() if uid not in store._refs}


def _dropped(fates: Fates, policy: SessionPausePolicy, when: str) -> dict[bytes, Dropping]:
    """What this one leaves out."""
    return {
        fates.refs[row]._id: Dropping(fates.tag(row), policy.value, when, fates.failures[fates.ids[row]])
        for row in fates.lost()
    }
