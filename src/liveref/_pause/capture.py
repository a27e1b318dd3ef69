"""Taking a snapshot: what the refs of a registry become under a policy."""

from __future__ import annotations

from collections.abc import Sequence
from pickle import PickleBuffer
from time import gmtime, strftime
from typing import Any, Final, NamedTuple

from liveref._pause.columns import columns_of
from liveref._pause.fates import Fates, blame_each, blame_whole, drop_holders
from liveref._pause.serializer import Serializer, serializers_of
from liveref._policy import PURGED, PolicyRow, SessionPausePolicy, Way, policy_row
from liveref._registry.closing import Closing
from liveref._registry.entry import Entry, Holder
from liveref._registry.moment import Moment
from liveref._registry.owners import Owner
from liveref._snapshot.contents import Contents, Dropping
from liveref._snapshot.stream import Stream, dump_stream
from liveref._text.blame import Culprit, is_cramped, user_place, why_not_pickled
from liveref._text.tag import readable
from liveref.exceptions import RefFailure, SessionRefsNotSerializableError

__all__ = ["Capture", "capture"]

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
    buffers: Sequence[PickleBuffer]
    purged: list[Holder[Any]]
    dropped: list[RefFailure]


def capture(store: Closing, policy: SessionPausePolicy, *, verify: bool = False) -> Capture:
    """Capture the refs of a registry as they are at one moment; nothing is changed.

    Args:
        store: the registry.
        policy: what becomes of a ref that can't be captured.
        verify: load what was pickled, to see whether it can be.

    Raises:
        SessionRefsNotSerializableError: the policy drops nothing, and refs can't be captured.
        MemoryError, RecursionError: there is no room left, for which none of them is to blame.
    """
    state, purged, row = store._moment(), list[Holder[Any]](), policy_row(policy)
    distinct = dict(zip(map(id, state.entries), state.entries, strict=True))  # most refs share theirs
    if any(entry.lifetime in PURGED for entry in distinct.values()):
        state, purged = _part(state)
    fates = Fates(state, distinct)
    _sort(fates, row)
    stream = _pickle(fates, policy, drop=row.drops, verify=verify)
    when = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    dropped, told = _former(store), list[RefFailure]()
    if fates.failures:
        told = fates.told()
        dropped |= _dropped(fates, told, policy, when)
        fates.leave_out_lost()
    return Capture(columns_of(fates, stream, dropped, when, policy.value), stream.buffers, purged, told)


def _part(state: Moment) -> tuple[Moment, list[Holder[Any]]]:
    """What is captured, and the refs that are purged instead."""
    stays = [entry.lifetime not in PURGED for entry in state.entries]
    return state.only(stays), [ref for ref, stay in zip(state.refs, stays, strict=True) if not stay]


def _sort(fates: Fates, row: PolicyRow) -> None:
    """Decide for each object how it is kept, if at all."""
    others = fates.objects.copy()
    for uid in fates.expected.union(fates.recipes if Way.RECIPE in row.ways else ()):
        del others[uid]
    if Way.SERIALIZER in row.ways:
        _serialize(fates, others)
    if Way.PICKLE in row.ways:
        fates.pickled = others
    else:
        fates.fail(dict.fromkeys(others, row.refusal))


def _serialize(fates: Fates, others: dict[int, object]) -> None:
    """Take those out that have a serializer, and call it."""
    found = serializers_of(set(map(id, map(type, others.values()))))
    for uid in [uid for uid, value in others.items() if id(type(value)) in found] if found else ():
        value = others.pop(uid)
        _serialize_one(fates, uid, value, found[id(type(value))])


def _serialize_one(fates: Fates, uid: int, value: object, serializer: Serializer) -> None:
    try:
        data: object = serializer.dump(value)
    except Exception as error:  # noqa: BLE001  user code
        fates.fail({uid: f"serializer {serializer.tag!r} raised {readable(type(error))}"}, error)
        return
    if isinstance(data, bytes):
        fates.serialized[uid] = serializer, memoryview(data).tobytes() if type(data) is not bytes else data
    else:
        fates.fail({uid: f"serializer {serializer.tag!r} gave {readable(type(data))} instead of bytes"})


def _loads_again(fates: Fates, stream: Stream) -> bool:
    from liveref._pause.verify import verify_stream  # noqa: PLC0415  few verify

    return verify_stream(fates, stream)


def _pickle(fates: Fates, policy: SessionPausePolicy, *, drop: bool, verify: bool) -> Stream:
    """The pickles of all that is left, once those to blame are found; raises the refusal."""
    if fates.failures and fates.pickled:
        blame_each(fates, drop=drop)
    tries = 0
    while True:
        _refuse(fates, policy, drop=drop)
        if not fates.pickled:
            return Stream()
        try:
            stream = dump_stream(fates.pickled.values(), fates.stand_ins())
        except Exception as error:  # noqa: BLE001  user code
            failure = error
        else:
            if not verify or _loads_again(fates, stream):
                return stream
            verify = False  # what is left has been loaded
            if drop:
                drop_holders(fates)
            continue
        if not blame_each(fates, drop=drop) and not blame_whole(fates):
            tries += 1
            if tries == _TRIES:
                _fail_all(fates, failure)


def _fail_all(fates: Fates, failure: Exception) -> None:
    """Note that none can be pickled, though each alone can."""
    if isinstance(failure, MemoryError):  # then they are blameless, and must not be dropped for that
        raise failure
    reason = why_not_pickled(Culprit("$", None, failure))
    fates.fail(dict.fromkeys(fates.pickled, reason), failure if user_place(failure) else None)


def _refuse(fates: Fates, policy: SessionPausePolicy, *, drop: bool) -> None:
    if fates.failures and Way.PICKLE in policy_row(policy).ways and is_cramped():
        raise RecursionError from fates.cause  # the refs may be blameless, and must not be dropped for that
    if fates.failures and not drop:
        raise SessionRefsNotSerializableError(policy.value, tuple(fates.told())) from fates.cause


def _former(store: Closing) -> dict[bytes, Dropping]:
    """What snapshots before this one left out."""
    return {uid: gone for uid, gone in store._dropped.items() if store._at(uid) is None}


def _dropped(fates: Fates, told: list[RefFailure], policy: SessionPausePolicy, when: str) -> dict[bytes, Dropping]:
    """What this one leaves out."""
    return {
        fates.refs[row]._id: Dropping(failure.type_tag, policy.value, when, failure.reason, _owner(fates.entries[row]))
        for row, failure in zip(fates.lost(), told, strict=True)
    }


def _owner(entry: Entry) -> Owner | None:
    return None if entry.guard is None else entry.guard.owner
