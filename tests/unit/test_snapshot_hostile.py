"""Snapshots that someone has changed, with the key in hand or without."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liveref import (
    CapacityExceededError,
    RefDroppedError,
    RefDroppedWarning,
    RefLifetime,
    RefLoadError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    SnapshotAuthError,
    SnapshotError,
    SnapshotFormatError,
    SnapshotKeys,
    SnapshotLimitError,
    SnapshotLimits,
    SnapshotVersionError,
    UnknownTypeTagError,
    register_serializer,
    reopener,
)
from liveref._snapshot.container import pack
from liveref._snapshot.contents import Kind

KEYS = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
OTHER = SnapshotKeys({"k": b"another secret of the same name."}, current="k")
STREAM, DATA, IDS, OBJECTS, TAGS, LIFETIMES, KINDS, ENDS, DETAILS, GONE, REASONS = range(11)

Header = dict[str, object]
Blobs = list[bytes]
Change = Callable[[Header, Blobs], object]


class Blob:
    def __init__(self, data: bytes) -> None:
        self.data = data


register_serializer("hostile.blob", Blob, lambda blob: blob.data, Blob, version=3)


@reopener("hostile.text")
def text_of(number: int, *, sign: str = "") -> str:
    return f"{sign}{number}"


def small() -> SessionSnapshot:
    """A snapshot of each kind of ref: pickle, two serialized, recipe, expected with a recipe, dropped."""
    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session:
        for value in ({"number": 1}, Blob(b"abc"), Blob(b"de"), threading.Lock()):
            session.refs.insert(value)
        session.refs.open(text_of.recipe(1, sign="-"))
        session.refs.open(text_of.recipe(2), lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
        with pytest.warns(RefDroppedWarning):
            return session.snapshot()


SMALL = small()


def parts(snapshot: SessionSnapshot = SMALL) -> tuple[Header, Blobs]:
    header, blobs = snapshot._contents.encode()
    fresh: Header = json.loads(json.dumps(header))
    return fresh, [bytes(memoryview(blob)) for blob in [*blobs, *snapshot._buffers]]


def tampered(change: Change, snapshot: SessionSnapshot = SMALL, *, keys: SnapshotKeys | None = KEYS) -> bytes:
    header, blobs = parts(snapshot)
    change(header, blobs)
    return pack(header, blobs, keys)  # type: ignore[arg-type]


def load(data: bytes, **limits: int) -> SessionSnapshot:
    return SessionSnapshot.from_bytes(data, keys=KEYS, limits=SnapshotLimits(**limits))


def put(at: int, blob: bytes) -> Change:
    return lambda _, blobs: blobs.__setitem__(at, blob)


def patch(at: int, start: int, new: bytes) -> Change:
    def change(_: Header, blobs: Blobs) -> None:
        assert start + len(new) <= len(blobs[at])
        blobs[at] = blobs[at][:start] + new + blobs[at][start + len(new) :]

    return change


def name(**fields: object) -> Change:
    return lambda header, _: header.update(fields)


def resize(at: int, size: int) -> Change:
    return lambda _, blobs: blobs.__setitem__(at, (blobs[at] + bytes(max(0, size)))[: size if size < 0 else None])


# Without the key


def test_every_flipped_bit_of_a_snapshot_is_refused() -> None:
    data = SMALL.to_bytes(keys=KEYS)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SnapshotError):
            SessionSnapshot.from_bytes(flipped, keys=KEYS)


def test_every_truncation_and_appended_byte_of_a_snapshot_is_refused() -> None:
    data = SMALL.to_bytes(keys=KEYS)
    for wrong in [data[:length] for length in range(len(data))] + [data + bytes([byte]) for byte in range(256)]:
        with pytest.raises(SnapshotError):
            load(wrong)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_damaged_unsigned_snapshot_meets_snapshot_errors_alone(trusted: bool) -> None:
    """There is no signature to tell: what is accepted can at least be looked at."""
    data = tampered(lambda _, blobs: blobs[KINDS].count(Kind.PICKLE), keys=None)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = SessionSnapshot.from_bytes(flipped, trusted=trusted)
            assert trusted
            assert found.refs
        except SnapshotError as error:
            assert str(error)


class Canary:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "canary"


def forgery(canary: Path, *, keys: SnapshotKeys | None) -> bytes:
    """A snapshot of one ref whose pickle leaves a file behind."""
    with Session() as session:
        session.refs.insert(Canary(canary))
        return session.snapshot().to_bytes(keys=keys)


def test_the_canary_tells_of_an_unpickling(canary: Path) -> None:
    Session.resume(load(forgery(canary, keys=KEYS)))
    assert canary.exists()


@pytest.mark.parametrize(
    "data",
    [
        lambda canary: forgery(canary, keys=None),
        lambda canary: forgery(canary, keys=OTHER),
        lambda canary: forgery(canary, keys=KEYS)[:-32] + bytes(32),
        lambda canary: forgery(canary, keys=KEYS)[:-32],
        lambda canary: forgery(canary, keys=None) + SMALL.to_bytes(keys=KEYS)[-32:],
        lambda canary: forgery(canary, keys=KEYS).replace(b"canary", b"other!"),
    ],
    ids=["unsigned", "another secret", "no signature", "cut", "signature of another", "changed"],
)
def test_a_forged_pickle_is_not_loaded(data: Callable[[Path], bytes], canary: Path, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(data(canary))
    for read in (lambda: SessionSnapshot.from_bytes(path.read_bytes(), keys=KEYS), lambda: SessionSnapshot.read(path, keys=KEYS)):  # fmt: skip
        with pytest.raises((SnapshotAuthError, SnapshotFormatError)):
            Session.resume(read())
    with pytest.raises(SnapshotError):
        SessionSnapshot.from_bytes(path.read_bytes())
    assert not canary.exists()


@pytest.mark.parametrize("trusted", [False, True], ids=["verified", "trusted"])
def test_looking_at_a_snapshot_unpickles_nothing(canary: Path, tmp_path: Path, trusted: bool) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(forgery(canary, keys=None if trusted else KEYS))
    for found in (
        SessionSnapshot.from_bytes(path.read_bytes(), keys=KEYS, trusted=trusted),
        SessionSnapshot.read(path, keys=KEYS, trusted=trusted),
        SessionSnapshot.read(path, keys=KEYS, trusted=trusted, limits=SnapshotLimits(max_ref_bytes=500)),
    ):
        assert [ref.how for ref in found.refs] == ["pickle"]
        assert (found.dropped, found.expected, found.verified) == ([], [], not trusted)
        assert repr(found)
        found.write(tmp_path / "again", keys=KEYS)
    assert not canary.exists()


@pytest.mark.parametrize("where", ["recipe argument", "serialized", "header"])
def test_a_pickle_in_the_wrong_place_is_not_loaded(canary: Path, where: str) -> None:
    payload = pickle.dumps(Canary(canary))

    def hide(header: Header, blobs: Blobs) -> None:
        if where == "recipe argument":
            header["recipes"][0][1] = [payload.decode("latin-1")]  # type: ignore[index]
        elif where == "serialized":
            blobs[DATA], blobs[ENDS] = payload, struct.pack("<2Q", len(payload), len(payload))
        else:
            header["pickle"] = payload.decode("latin-1")

    with Session.resume(load(tampered(hide))) as session:
        for key in session.refs:
            session.refs.get_any(key)
    assert not canary.exists()


def test_an_object_that_is_nested_too_deeply_is_refused_and_no_other() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with Session() as session:
        session.refs.insert([1])
        session.refs.insert(deep)
        with pytest.raises(SessionRefsNotSerializableError, match=r"1 ref can.t .* nested too deeply"):
            session.snapshot()


@pytest.mark.parametrize("policy", [SessionPausePolicy.SERIALIZE_OR_ERROR, SessionPausePolicy.PICKLE_OR_ERROR])
def test_a_snapshot_of_serialized_refs_holds_no_pickle_not_even_an_empty_one(policy: SessionPausePolicy) -> None:
    with Session(policy=policy) as session:
        session.refs.insert(Blob(b"abc"))
        session.refs.open(text_of.recipe(1))
        assert parts(session.snapshot())[1][STREAM] == b""


# With the key: what does not fit together


@pytest.mark.parametrize(
    "change",
    [
        *(
            pytest.param(resize(at, by), id=f"column {at} {'longer' if by > 0 else 'shorter'} by {abs(by)}")
            for at, width in {IDS: 16, OBJECTS: 4, TAGS: 4, LIFETIMES: 1, KINDS: 1, ENDS: 8, DETAILS: 4, GONE: 16, REASONS: 4}.items()
            for by in sorted({1, -1, width, -width})
        ),
        *(pytest.param(lambda _, blobs, at=at: blobs.pop(at), id=f"column {at} missing") for at in range(1, 11)),
        pytest.param(lambda _, blobs: blobs.clear(), id="no columns"),
        pytest.param(lambda _, blobs: blobs.reverse(), id="columns reversed"),
    ],
)  # fmt: skip
def test_columns_of_other_lengths_are_refused(change: Change) -> None:
    with pytest.raises(SnapshotFormatError, match="inconsistent: (its columns are|blobs are missing|a list|its kinds)"):
        load(tampered(change))


MISFITS: dict[str, tuple[Change, str]] = {
    "two refs of one object too many": (patch(OBJECTS, 0, b"\1\0\0\0"), "do not belong together"),
    "object out of range": (patch(OBJECTS, 0, b"\5\0\0\0"), "do not belong together"),
    "object far out of range": (patch(OBJECTS, 0, b"\xff" * 4), "do not belong together"),
    "tag out of range": (patch(TAGS, 0, b"\xff\0\0\0"), "a type tag is missing"),
    "lifetime out of range": (patch(LIFETIMES, 0, b"\4"), "a lifetime is missing"),
    "unknown kind": (patch(KINDS, 0, b"\4"), "kept in an unknown way"),
    "detail of a pickle": (patch(DETAILS, 0, b"\1"), "a serializer or a recipe is missing"),
    "serializer out of range": (patch(DETAILS, 4, b"\1"), "a serializer or a recipe is missing"),
    "recipe out of range": (patch(DETAILS, 12, b"\2"), "a serializer or a recipe is missing"),
    "expected recipe out of range": (patch(DETAILS, 16, b"\3"), "a serializer or a recipe is missing"),
    "ends that go back": (patch(ENDS, 0, b"\6"), "serialized objects do not fill it"),
    "ends too early": (patch(ENDS, 8, b"\4"), "serialized objects do not fill it"),
    "ends far too late": (patch(ENDS, 7, b"\xff"), "serialized objects do not fill it"),
    "more data": (put(DATA, b"abcdef"), "serialized objects do not fill it"),
    "reason out of range": (patch(REASONS, 0, b"\1"), "column of reasons points to nothing"),
    "ref twice": (lambda _, blobs: patch(IDS, 0, blobs[IDS][16:32])(_, blobs), "a ref stands in it twice"),
    "ref kept and dropped": (lambda _, blobs: patch(GONE, 0, blobs[IDS][:16])(_, blobs), "a ref stands in it twice"),
    "ref dropped twice": (
        lambda _, blobs: blobs.__setitem__(slice(GONE, GONE + 2), [blobs[GONE] * 2, blobs[REASONS] * 2]),
        "a dropped ref stands in it twice",
    ),
    "unknown lifetime": (name(lifetimes=["for ever"] * 4), "an unknown lifetime"),
    "tag no text": (name(tags=[1]), "a text in its header is none"),
    "tags no list": (name(tags="a"), "a list in its header is none"),
    "reason too short": (name(reasons=[["a", "b", "c"]]), "a row of its reasons is too long or too short"),
    "named arguments no dict": (name(recipes=[["hostile.text", [], []]] * 2), "the arguments of a recipe are none"),
    "arguments no list": (name(recipes=[["hostile.text", {}, {}]] * 2), "a list in its header is none"),
    "recipe too short": (name(recipes=[["hostile.text", []]] * 2), "a row of its recipes"),
    "version no number": (name(serializers=[["hostile.blob", True]]), "a number in its header is none"),
    "version zero": (name(serializers=[["hostile.blob", 0]]), "a number in its header is none"),
    "serializer no text": (name(serializers=[[None, 1]]), "a text in its header is none"),
    "serializer no list": (name(serializers=["ab"]), "a list in its header is none"),
    "format zero": (name(format=0), "a number in its header is none"),
    "format a text": (name(format="1"), "a number in its header is none"),
    "format a float": (name(format=1.0), "a number in its header is none"),
}


@pytest.mark.parametrize(("change", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_together_is_refused(change: Change, message: str) -> None:
    with pytest.raises(SnapshotFormatError, match=message) as caught:
        load(tampered(change))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "field", ["format", "when", "policy", "tags", "lifetimes", "recipes", "serializers", "reasons"]
)
def test_a_missing_field_is_refused(field: str) -> None:
    with pytest.raises(SnapshotFormatError, match="in its header is none"):
        load(tampered(lambda header, _: header.pop(field)))


def test_a_field_that_this_version_does_not_know_is_left_alone() -> None:
    assert load(tampered(name(later={"a": [1]}))).refs == SMALL.refs


def test_a_newer_format_is_refused_with_both_numbers() -> None:
    with pytest.raises(SnapshotVersionError, match="of format 2; this program reads up to 1"):
        load(tampered(name(format=2)))


# With the key: what can't be resumed


UNREGISTERED: dict[str, tuple[Change, type[SnapshotError], str]] = {
    "recipe": (name(recipes=[["hostile.other", [], {}]] * 2), UnknownTypeTagError, "recipe 'hostile.other'"),
    "function": (name(recipes=[["os:system", ["true"], {}]] * 2), UnknownTypeTagError, "recipe 'os:system'"),
    "serializer": (name(serializers=[["hostile.other", 1]]), UnknownTypeTagError, "serializer 'hostile.other'"),
    "class": (name(serializers=[["builtins:eval", 1]]), UnknownTypeTagError, "serializer 'builtins:eval'"),
    "version": (name(serializers=[["hostile.blob", 4]]), SnapshotVersionError, "in version 4; 3 is registered"),
    "no argument": (name(recipes=[["hostile.text", [], {}]] * 2), RefLoadError, "does not take the arguments"),
    "self": (name(recipes=[["hostile.text", [1], {"self": 1}]] * 2), RefLoadError, "does not take the arguments"),
    "two arguments": (name(recipes=[["hostile.text", [1, 2], {}]] * 2), RefLoadError, "does not take the arguments"),
}


@pytest.mark.parametrize(("change", "error", "message"), UNREGISTERED.values(), ids=UNREGISTERED)
def test_what_the_program_did_not_register_is_refused(change: Change, error: type[SnapshotError], message: str) -> None:
    snapshot = load(tampered(change))
    assert snapshot.refs
    with pytest.raises(error, match=message):
        Session.resume(snapshot)


def stream_of(*values: object) -> Change:
    return put(STREAM, pickle.dumps(list(values), 5))


class Refers(pickle.Pickler):
    """Writes each int as a reference to an object of the snapshot."""

    def persistent_id(self, found: object) -> object:
        return found if type(found) in {int, str} else None


def referring(value: object) -> Change:
    file = io.BytesIO()
    Refers(file, 5).dump([value])
    return put(STREAM, file.getvalue())


def deep() -> bytes:
    return b"\x80\x05]\x94" + b"]\x94" * 100_000 + b"a" * 99_999 + b"a."


BAD_PICKLES: dict[str, tuple[Change, str]] = {
    "empty": (put(STREAM, b""), "loading its pickle raised EOFError"),
    "nothing on the stack": (put(STREAM, b"\x80\x05."), "loading its pickle raised"),
    "no list": (put(STREAM, b"\x80\x05N."), "its pickle holds something else"),
    "no such module": (put(STREAM, b"\x80\x05]cno_such_module\nname\na."), "raised ModuleNotFoundError"),
    "no such buffer": (put(STREAM, b"\x80\x05]\x97a."), "loading its pickle raised"),
    "huge text": (put(STREAM, b"\x80\x05]\x8e" + b"\xff" * 7 + b"\x7fa."), "loading its pickle raised"),
    "later protocol": (put(STREAM, b"\x80\xff]\x94Na."), "loading its pickle raised ValueError"),
    "too few": (stream_of(), "its pickle holds something else"),
    "too many": (stream_of(1, 2), "its pickle holds something else"),
    "refers too far": (referring([5]), "its pickle refers to an object that is not there"),
    "refers below": (referring([-1]), "its pickle refers to an object that is not there"),
    "refers very far": (referring([2**70]), "its pickle refers to an object that is not there"),
    "refers by a text": (referring(["1"]), "its pickle refers to an object that is not there"),
    "refers to itself": (referring([0]), "its pickle refers to an object that is not there"),
}


@pytest.mark.parametrize(("change", "message"), BAD_PICKLES.values(), ids=BAD_PICKLES)
def test_a_pickle_that_can_not_be_loaded_is_told_by_its_ref(change: Change, message: str) -> None:
    with pytest.raises(RefLoadError, match=message) as caught:
        Session.resume(load(tampered(change)))
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, SnapshotError)


@pytest.mark.parametrize("stream", [b"", b"junk", b"\x80\x05.", b"\x80\x05]\x94.", b"a.", b"\x80\x05]\x94(NNe.", b"(a.", b"\x80\x05]\x94\x85aa."])  # fmt: skip
def test_a_stream_of_other_objects_can_not_be_listed(stream: bytes) -> None:
    snapshot = load(tampered(put(STREAM, stream)))
    with pytest.raises(SnapshotFormatError, match="its pickle is not that of its objects"):
        _ = snapshot.refs
    assert snapshot.dropped
    assert snapshot.expected


def test_a_deeply_nested_pickle_is_listed_and_loaded_or_refused() -> None:
    snapshot = load(tampered(put(STREAM, deep())))
    assert len(snapshot.refs) == 4
    with Session.resume(snapshot) as session:
        assert len(session.refs) == 5


def test_limits_hold_for_the_refs_and_the_dropped_ones_together() -> None:
    assert load(SMALL.to_bytes(keys=KEYS), max_refs=6).refs == SMALL.refs
    with pytest.raises(SnapshotLimitError, match="6 refs, more than the 5 allowed"):
        load(SMALL.to_bytes(keys=KEYS), max_refs=5)


def test_a_limit_of_bytes_holds_for_each_ref() -> None:
    data = SMALL.to_bytes(keys=KEYS)
    largest = max(ref.size for ref in SMALL.refs)
    assert load(data, max_ref_bytes=largest).refs == SMALL.refs
    with pytest.raises(
        SnapshotLimitError, match=f"has {largest} bytes in one ref, more than the {largest - 1} allowed"
    ):
        load(data, max_ref_bytes=largest - 1)


def test_a_snapshot_that_does_not_fit_is_refused_before_anything_is_loaded(canary: Path) -> None:
    with Session() as session:
        for _ in range(2):
            session.refs.insert(Canary(canary))
        snapshot = session.snapshot()
    with pytest.raises(CapacityExceededError):
        Session.resume(snapshot, capacity=1)
    assert not canary.exists()


# Bombs


BOMBS = """
import json, os, struct, sys, time
from pathlib import Path
from liveref import Session, SessionSnapshot, SnapshotError, SnapshotKeys
from liveref._snapshot.container import pack

keys = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
path = Path(sys.argv[1])
with Session() as session:
    for number in range(3):
        session.refs.insert([number])
    snapshot = session.snapshot()
header, blobs = snapshot._contents.encode()
blobs = [bytes(memoryview(blob)) for blob in blobs]
plain = pack(header, blobs, None)

def attempt(name, path=path):
    Path("/proc/self/clear_refs").write_text("5")
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    begun = time.monotonic()
    try:
        Session.resume(SessionSnapshot.read(path, keys=keys, trusted=True))
        outcome = "accepted"
    except SnapshotError as error:
        outcome = type(error).__name__
    seconds = time.monotonic() - begun
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps([name, outcome, seconds, int(peak.split()[1]) * 1024 - resident]), flush=True)

def written(name, data, size=0):
    with path.open("wb") as file:
        file.write(data)
        file.truncate(max(size, len(data)))
    attempt(name)
    path.unlink()

def signed(name, columns={}, **fields):
    written(name, pack({**header, **fields}, [columns.get(at, blob) for at, blob in enumerate(blobs)], keys))

for at in range(1, 11):
    signed(f"column {at}", {at: b"\\xff" * (24 << 20)})
many = 1 << 20
signed("refs", {2: os.urandom(16 * many), 3: bytes(4 * many), 4: bytes(4 * many), 5: bytes(many)})
signed("depth", later=json.loads("[" * 450 + "]" * 450))
signed("values", tags=[0] * 2_000_000)
signed("text", when="x" * (17 << 20))
signed("number", format=10**4000)
signed("recipes", recipes=[["t", [], {}]] * 200_000)
for name, at, code, value in [
    ("blobs", 12, "<I", 2**32 - 1),
    ("header", 16, "<Q", 2**63),
    ("copied", 24, "<Q", 2**63),
    ("total", 32, "<Q", 2**63),
]:
    written(name, plain[:at] + struct.pack(code, value) + plain[at + struct.calcsize(code):])
nested = b'{"a":' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}"
head = bytearray(104) + nested + bytes(-(104 + len(nested)) % 64)
struct.pack_into("<8sIIQQQ64s", head, 0, b"\\x89liveref", 1, 0, len(nested), len(head), len(head), b"")
written("nested", head)
written("sparse", plain, 64 << 30)
written("sparse within the limits", plain, 8 << 30)
os.mkfifo(path)
attempt("fifo")
path.unlink()
path.mkdir()
attempt("folder")
for device in ("/dev/zero", "/dev/null", "/proc/self/mem", "/nowhere"):
    attempt(device, Path(device))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_bombs_are_refused_within_a_second_and_200_megabytes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BOMBS, str(tmp_path / "bomb")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 29
    assert [row for row in rows if row[1] == "accepted"] == [["depth", "accepted", *rows[11][2:]]]
    assert [row for row in rows if row[2] > 1 or row[3] > 200_000_000] == []
