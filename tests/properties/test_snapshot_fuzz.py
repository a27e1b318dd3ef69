"""Snapshots under fire: someone with the key changes the header and the columns, and signs again.

``LIVEREF_FUZZ_RUNS`` asks for the long form: 100000.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import struct
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from pickle import PickleBuffer

import hypothesis.strategies as st
from hypothesis import HealthCheck, event, given, settings

from liveref import (
    CapacityExceededError,
    LiveRefError,
    RefDroppedWarning,
    RefLifetime,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotError,
    SnapshotKeys,
    SnapshotLimits,
    register_serializer,
    reopener,
)
from liveref._snapshot.container import pack
from liveref._snapshot.contents import BLOBS, Kind
from liveref._registry.entry import Entry
from liveref._key import make_key

KEYS = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
RUNS = int(os.environ.get("LIVEREF_FUZZ_RUNS", "500"))
STREAM, KINDS = 0, 6
made: list[list[object]] = []


class Blob:
    def __init__(self, data: bytes) -> None:
        self.data = data


register_serializer("fuzz.blob", Blob, lambda blob: blob.data, Blob, version=2)


@reopener("fuzz.list", finalizer=list.clear)
def numbers(first: int, *others: object, **named: object) -> list[object]:
    made.append([first, *others, *named])
    return made[-1]


@reopener("fuzz.dict")
def words(text: str = "") -> dict[str, str]:
    return {"text": text}


@dataclasses.dataclass(frozen=True)
class Seed:
    """A small snapshot of everything there can be in one, taken apart."""

    header: dict[str, object]
    blobs: list[bytes]
    outliving: list[tuple[bytes, object]]

    def carry(self) -> SessionRefRegistry:
        """A registry with what the snapshot expects."""
        registry = SessionRefRegistry()
        for uid, value in self.outliving:
            key = make_key(uid, type(value))
            key._value, key._entry = value, Entry(0.0, None, 0, RefLifetime.UNTIL_EXPLICIT_DROP)
            registry._fill([key])
        return registry


def seed(*, pickles: bool) -> Seed:
    session = Session(policy=SessionPausePolicy.PICKLE_OR_DROP)
    refs = session.refs
    blob = Blob(b"abc")
    for value in (blob, Blob(b""), lambda: None):
        refs.insert(value)
    refs.insert(blob, lifetime=RefLifetime.UNTIL_PARENT_FINISH)
    first = refs.open(numbers.recipe(1, {"a": [None, 1.5]}, name="x"))
    refs.clone_ref(first)
    refs.open(words.recipe())
    pool = refs.insert({1: 2}, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    refs.open(words.recipe("e"), lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    if pickles:
        refs.insert([blob, refs[first], refs[pool], {"deep": (1, 2)}])
        refs.insert([bytearray(b"b"), {"n": 1}, PickleBuffer(bytearray(b"one buffer"))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        taken = session.snapshot()
    outliving = [(uid, {1: 2}) for uid, at in zip(taken._contents.ids, taken._contents.objects, strict=True)
                 if taken._contents.kinds[at] == Kind.EXPECTED]  # fmt: skip
    refs.close()
    header, blobs = taken._contents.encode()
    return Seed(dict(header), [bytes(memoryview(each)) for each in [*blobs, *taken._buffers]], outliving)


SEEDS = [seed(pickles=False), seed(pickles=True)]
EDGES = [0, 1, 2, 3, 4, 0x7F, 0xFF, 0xFFFF, 2**31, 2**32 - 1]

scalars = st.none() | st.booleans() | st.integers(-2, 2**65) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["self", "first", "text", "fuzz.list", "fuzz.dict", "fuzz.blob", "until_context_drop", "\0", "\x1b[31m"]
)
values = st.recursive(
    scalars | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)


def places(value: object) -> list[tuple[object, object]]:
    """Each container in a JSON value with each place in it."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, at) for at, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


def change_header(header: dict[str, object], draw: st.DrawFn) -> None:
    container, at = draw(st.sampled_from(places(header)))
    match draw(st.integers(0, 3)):
        case 0:
            container[at] = draw(values)  # type: ignore[index]
        case 1:
            del container[at]  # type: ignore[attr-defined]
        case 2:
            other, there = draw(st.sampled_from(places(header)))
            container[at] = copy.deepcopy(other[there])  # type: ignore[index]
        case _ if isinstance(container, list):
            container.insert(at, draw(values))
        case _:
            container[draw(texts)] = draw(values)  # type: ignore[index]


def change_blob(blob: bytes, draw: st.DrawFn) -> bytes:
    changed = bytearray(blob)
    at = draw(st.integers(0, len(blob)))
    match draw(st.integers(0, 5)):
        case 0:
            changed[at : at + 1] = [draw(st.integers(0, 255))]
        case 1:
            del changed[at:]
        case 2:
            changed += draw(st.binary(max_size=20))
        case 3:
            start = at - at % 4
            changed[start : start + 4] = struct.pack("<I", draw(st.sampled_from(EDGES)))
        case 4:
            start, there = at - at % 16, draw(st.integers(0, len(blob))) // 16 * 16
            changed[start : start + 16] = blob[there : there + 16]
        case _:
            changed[at:at] = draw(st.binary(max_size=4))
    return bytes(changed)


@st.composite
def hostile(draw: st.DrawFn) -> tuple[Seed, bytes, bool]:
    """A seed, a snapshot that was made of it and signed, and whether it may be resumed: no pickle was changed."""
    chosen = draw(st.sampled_from(SEEDS))
    header, blobs = copy.deepcopy(chosen.header), list(chosen.blobs)
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2, 3]))):
        match draw(st.integers(0, 9)):
            case 0 | 1 | 2 | 3:
                change_header(header, draw)
            case 4:
                del blobs[draw(st.integers(0, len(blobs) - 1))]
            case 5:
                blobs.insert(draw(st.integers(0, len(blobs))), draw(st.binary(max_size=40)))
            case _:
                at = draw(st.integers(0, len(blobs) - 1))
                blobs[at] = change_blob(blobs[at], draw)
        if not header or not blobs:
            break
    data = pack(header, blobs, KEYS, copied=min(BLOBS, len(blobs)))  # type: ignore[arg-type]
    loads_nothing = len(blobs) > KINDS and Kind.PICKLE not in blobs[KINDS]
    return chosen, data, loads_nothing or bool(blobs and blobs[STREAM] == chosen.blobs[STREAM])


def inspect(snapshot: SessionSnapshot) -> None:
    """Look at everything that needs no loading."""
    assert len(snapshot.refs) + len(snapshot.expected) == len(snapshot._contents.ids)
    assert isinstance(repr((snapshot, snapshot.dropped, snapshot.when, snapshot.policy)), str)
    again = SessionSnapshot.from_bytes(snapshot.to_bytes(keys=KEYS), keys=KEYS)
    assert again.to_bytes(keys=KEYS) == snapshot.to_bytes(keys=KEYS)


def look_up(session: Session, keys: list[RegistryKey[object]]) -> None:
    for key in keys:
        try:
            session.refs.get_any(key)
        except LiveRefError as error:
            assert str(error)


def resume(snapshot: SessionSnapshot, carry: SessionRefRegistry | None) -> None:
    """Resume, look everything up, pause again, close: what a recipe opened is closed, whatever comes up."""
    contents = snapshot._contents
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        with suppress(CapacityExceededError):
            rest = Session.resume(snapshot, broken="drop")
            look_up(rest, [make_key(uid, object) for uid in contents.ids])
            rest.close()
            rest.refs.close()
    try:
        session = Session.resume(snapshot, carry=carry)
    except SnapshotError as error:
        assert str(error)
        event(f"resume: {type(error).__name__}")
    except LiveRefError:
        assert Kind.PICKLE in contents.kinds
    else:
        event("resumed")
        keys = [make_key(uid, object) for uid in [*contents.ids, *contents.dropped]]
        look_up(session, keys)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RefDroppedWarning)
            inspect(session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP))
        session.close()
        session.refs.close()
    assert not any(made)
    made.clear()


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile(), st.booleans(), st.booleans())
def test_a_tampered_snapshot_with_a_valid_signature_meets_snapshot_errors_alone(
    case: tuple[Seed, bytes, bool], as_file: bool, carried: bool
) -> None:
    chosen, data, harmless = case
    try:
        snapshot = SessionSnapshot.from_bytes(data, keys=KEYS)
    except SnapshotError as error:
        assert str(error)
        event(f"from_bytes: {type(error).__name__}")
        return
    inspect(snapshot)
    if as_file:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "snapshot"
            path.write_bytes(data)
            snapshot = SessionSnapshot.read(path, keys=KEYS)
    if harmless:
        resume(snapshot, chosen.carry() if carried else None)


@settings(max_examples=RUNS // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile(), st.integers(1, 40), st.integers(1, 60))
def test_limits_meet_snapshot_errors_alone(case: tuple[Seed, bytes, bool], refs: int, ref_bytes: int) -> None:
    limits = SnapshotLimits(max_refs=refs, max_ref_bytes=ref_bytes)
    try:
        snapshot = SessionSnapshot.from_bytes(case[1], keys=KEYS, limits=limits)
    except SnapshotError as error:
        assert str(error)
        return
    assert len(snapshot._contents.ids) + len(snapshot.dropped) <= refs
    assert all(ref.size <= ref_bytes for ref in snapshot.refs)
