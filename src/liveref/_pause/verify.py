"""Whether what was pickled loads again: it is tried at the pause, where the objects are still there."""

from __future__ import annotations

from collections import defaultdict

from liveref._pause.fates import Fates
from liveref._snapshot.container import copy_blobs
from liveref._snapshot.loading import Failure, Items, load_items
from liveref._snapshot.stream import Stream
from liveref._text.blame import user_place, why_not_loaded

__all__ = ["verify_stream"]


def verify_stream(fates: Fates, stream: Stream) -> bool:
    """Load a stream once, apart from the live objects, and note which of its objects can't be; whether all can.

    In place of what has a recipe, a serializer or outlives the run stands an empty object: what raises in code of the
    user's that met one is not counted.

    Args:
        fates: what becomes of the objects.
        stream: the pickles of those that are pickled.
    """
    absent: defaultdict[object, object] = defaultdict(object)
    items = Items(memoryview(stream.data), stream.ends, stream.counts, copy_blobs(stream.buffers))
    failures = load_items(items, absent.__getitem__).failures
    pickled = list(fates.pickled)
    failed = {pickled[at]: failure for at, failure in failures.items() if _counts(failure)}
    for uid, failure in failed.items():
        reason, cause = why_not_loaded(failure.error)
        fates.fail({uid: f"it can be pickled but not loaded: {reason}"}, cause)
    return not failed


def _counts(failure: Failure) -> bool:
    return failure.held is None and not (failure.asks and user_place(failure.error))
