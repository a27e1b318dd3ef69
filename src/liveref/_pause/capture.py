"""Taking a snapshot: what the refs of a registry become under a policy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pickle import PickleBuffer
from time import gmtime, strftime
from typing import Any, Final, NamedTuple

from liveref._pause.columns import columns_of
from liveref._pause.fates import Fates, blame_each, blame_whole, drop_holders
from liveref._pause.serializer import Serializer, serializer_of
from liveref._policy import PURGED, SessionPausePolicy, Way, policy_row
from liveref._registry.closing import Closing
from liveref._registry.entry import Entry, Holder
from liveref._registry.moment import Moment, moment_of
from liveref._registry.owners import Owner
from liveref._snapshot.contents import Contents, Dropping
from liveref._snapshot.stream import Stream, dump_stream
from liveref._text.blame import Culprit, user_place, why_not_pickled
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
    """
    state, purged = moment_of(store._living()), list[Holder[Any]]()
    distinct = dict(zip(map(id, state.entries), state.entries, strict=True))  # most refs share theirs
    if any(entry.lifetime in PURGED for entry in distinct.values()):
        state, purged = _part(state)
    fates = Fates(state, distinct)
    _sort(fates, policy)
    stream = _pickle(fates, policy, verify=verify)
    when = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    dropped = _former(store) | _dropped(fates, policy, when)
    contents = columns_of(fates, stream, dropped, when, policy.value)
    return Capture(contents, stream.buffers, purged, fates.told())


def _part(state: Moment) -> tuple[Moment, list[Holder[Any]]]:
    """What is captured, and the refs that are purged instead."""
    stays = [entry.lifetime not in PURGED for entry in state.entries]
    refs, entries, values = state
    kept = Moment(list(compress(refs, stays)), list(compress(entries, stays)), list(compress(values, stays)))
    return kept, [ref for ref, stay in zip(refs, stays, strict=True) if not stay]


def _sort(fates: Fates, policy: SessionPausePolicy) -> None:
    """Decide for each object how it is kept, if at all."""
    row, others = policy_row(policy), fates.objects.copy()
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
    found = {cls: serializer for cls in set(map(type, others.values())) if (serializer := serializer_of(cls))}
    for uid in [uid for uid, value in others.items() if type(value) in found] if found else ():
        value = others.pop(uid)
        _serialize_one(fates, uid, value, found[type(value)])


def _serialize_one(fates: Fates, uid: int, value: object, serializer: Serializer) -> None:
    try:
        data: object = serializer.dump(value)
    except Exception as error:  # noqa: BLE001  user code
        fates.fail({uid: f"serializer {serializer.tag!r} raised {readable(type(error))}"}, error)
        return
    if isinstance(data, bytes):
        fates.serialized[uid] = serializer, data
    else:
        fates.fail({uid: f"serializer {serializer.tag!r} gave {readable(type(data))} instead of bytes"})


def _loads_again(fates: Fates, stream: Stream) -> bool:
    from liveref._pause.verify import verify_stream  # noqa: PLC0415  few verify

    return verify_stream(fates, stream)


def _pickle(fates: Fates, policy: SessionPausePolicy, *, verify: bool) -> Stream:
    """The pickles of all that is left, once those to blame are found; raises the refusal."""
    drop = policy_row(policy).drops
    if fates.failures and fates.pickled:
        blame_each(fates, drop=drop)
    tries = 0
    while True:
        _refuse(fates, policy)
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
                reason = why_not_pickled(Culprit("$", None, failure))
                fates.fail(dict.fromkeys(fates.pickled, reason), failure if user_place(failure) else None)


def _refuse(fates: Fates, policy: SessionPausePolicy) -> None:
    if fates.failures and not policy_row(policy).drops:
        raise SessionRefsNotSerializableError(policy.value, tuple(fates.told())) from fates.cause


def _former(store: Closing) -> dict[bytes, Dropping]:
    """What snapshots before this one left out."""
    return {uid: gone for uid, gone in store._dropped.items() if store._at(uid) is None}


def _dropped(fates: Fates, policy: SessionPausePolicy, when: str) -> dict[bytes, Dropping]:
    """What this one leaves out."""
    return {
        fates.refs[row]._id: Dropping(
            fates.tag(row), policy.value, when, fates.failures[fates.ids[row]], _owner(fates.entries[row])
        )
        for row in fates.lost()
    }


def _owner(entry: Entry) -> Owner | None:
    return None if entry.guard is None else entry.guard.owner
