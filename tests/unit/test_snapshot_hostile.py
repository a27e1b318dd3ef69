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
    SnapshotReadError,
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
            blobs[DATA], ends = payload, struct.pack("<2Q", len(payload), len(payload))
            patch(ENDS, 8, ends)(header, blobs)
        else:
            header["pickle"] = payload.decode("latin-1")

    with Session.resume(load(tampered(hide))) as session:
        for key in session.refs:
            session.refs.get_any(key)
    assert not canary.exists()


@pytest.mark.parametrize("data", [b"no snapshot", Session().snapshot().to_bytes()], ids=["foreign", "unsigned"])
def test_what_is_wrong_with_a_file_is_said_of_that_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.snapshot"
    path.write_bytes(data)
    with pytest.raises(SnapshotError) as caught:
        SessionSnapshot.read(path, keys=KEYS)
    assert caught.value.__notes__ == [f"The snapshot was read from {str(path)!r}."]
    path.unlink()
    with pytest.raises(SnapshotReadError, match=r"run\.snapshot") as caught:
        SessionSnapshot.read(path, keys=KEYS)
    assert not hasattr(caught.value, "__notes__")


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
    "kind out of range": (patch(KINDS, 0, b"\4"), "a kind is missing"),
    "kind far out of range": (patch(KINDS, 0, b"\xff"), "a kind is missing"),
    "buffers of a pickle": (patch(DETAILS, 0, b"\1"), "its buffers are not those of its objects"),
    "one buffer too many": (lambda _, blobs: blobs.append(b""), "its buffers are not those of its objects"),
    "serializer out of range": (patch(DETAILS, 4, b"\1"), "a serializer or a recipe is missing"),
    "recipe out of range": (patch(DETAILS, 12, b"\2"), "a serializer or a recipe is missing"),
    "expected recipe out of range": (patch(DETAILS, 16, b"\3"), "a serializer or a recipe is missing"),
    "ends that go back": (patch(ENDS, 8, b"\6"), "serialized objects do not fill it"),
    "ends too early": (patch(ENDS, 16, b"\4"), "serialized objects do not fill it"),
    "ends far too late": (patch(ENDS, 15, b"\xff"), "serialized objects do not fill it"),
    "pickle that ends too early": (patch(ENDS, 0, b"\1"), "pickled objects do not fill it"),
    "more data": (put(DATA, b"abcdef"), "serialized objects do not fill it"),
    "reason out of range": (patch(REASONS, 0, b"\1"), "column of reasons points to nothing"),
    "ref twice": (lambda _, blobs: patch(IDS, 0, blobs[IDS][16:32])(_, blobs), "a ref stands in it twice"),
    "ref kept and dropped": (lambda _, blobs: patch(GONE, 0, blobs[IDS][:16])(_, blobs), "a ref stands in it twice"),
    "ref dropped twice": (
        lambda _, blobs: blobs.__setitem__(slice(GONE, GONE + 2), [blobs[GONE] * 2, blobs[REASONS] * 2]),
        "a dropped ref stands in it twice",
    ),
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
    "writer no text": (name(writer=["liveref"]), "a text in its header is none"),
    "kinds no list": (name(kinds="a"), "a list in its header is none"),
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
    with pytest.raises(SnapshotVersionError, match="of format 3; this program reads up to 2"):
        load(tampered(name(format=3)))


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


def pickle_of(data: bytes) -> Change:
    """Another pickle in place of that of the one pickled object."""

    def change(header: Header, blobs: Blobs) -> None:
        blobs[STREAM] = data
        patch(ENDS, 0, struct.pack("<Q", len(data)))(header, blobs)

    return change


class Refers(pickle.Pickler):
    """Writes each int as a reference to an object of the snapshot."""

    def persistent_id(self, found: object) -> object:
        return found if type(found) in {int, str} else None


def referring(value: object) -> Change:
    file = io.BytesIO()
    Refers(file, 5).dump([value])
    return pickle_of(file.getvalue())


def deep() -> bytes:
    return b"\x80\x05]\x94" + b"]\x94" * 100_000 + b"a" * 100_000 + b"."


BAD_PICKLES: dict[str, tuple[Change, str]] = {
    "empty": (pickle_of(b""), "loading its pickle raised EOFError"),
    "nothing on the stack": (pickle_of(b"\x80\x05."), "loading its pickle raised"),
    "no such module": (pickle_of(b"\x80\x05cno_such_module\nname\n."), "names no_such_module.name, which is gone"),
    "no such name": (pickle_of(b"\x80\x05cos\n\x1b[31m\n."), r"names os\.\\x1b\[31m, which is gone"),
    "no such buffer": (pickle_of(b"\x80\x05\x97."), "loading its pickle raised"),
    "huge text": (pickle_of(b"\x80\x05\x8e" + b"\xff" * 7 + b"\x7f."), "loading its pickle raised"),
    "later protocol": (pickle_of(b"\x80\xffN."), "loading its pickle raised ValueError"),
    "cut": (pickle_of(b"\x80\x05]\x94"), "loading its pickle raised EOFError"),
    "more behind it": (pickle_of(b"\x80\x05N.N."), "loading its pickle raised EOFError"),
    "refers too far": (referring(5), "its pickle refers to an object that is not there"),
    "refers below": (referring(-1), "its pickle refers to an object that is not there"),
    "refers very far": (referring(2**70), "its pickle refers to an object that is not there"),
    "refers by a text": (referring("1"), "its pickle refers to an object that is not there"),
    "refers to itself": (referring(0), "its pickle refers to an object that is not there"),
}


@pytest.mark.parametrize(("change", "message"), BAD_PICKLES.values(), ids=BAD_PICKLES)
def test_a_pickle_that_can_not_be_loaded_is_told_by_its_ref(change: Change, message: str) -> None:
    with pytest.raises(RefLoadError, match=rf"^ref \w+… \(builtins:dict\) can't be restored: .*{message}") as caught:
        Session.resume(load(tampered(change)))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("stream", [b"", b"junk", b"\x80\x05.", b"\x80\x05]\x94.", b"a.", b"(a."])
def test_a_snapshot_is_listed_whatever_its_pickle_is(stream: bytes) -> None:
    snapshot = load(tampered(pickle_of(stream)))
    assert [ref.size for ref in snapshot.refs][0] == len(stream)
    assert snapshot.dropped
    assert snapshot.expected


def test_a_deeply_nested_pickle_is_listed_and_loaded() -> None:
    snapshot = load(tampered(pickle_of(deep())))
    assert len(snapshot.refs) == 4
    with Session.resume(snapshot) as session:
        assert len(session.refs) == 5


# Names that this version does not know


def future(*, used: bool) -> Change:
    """What a later liveref may write: it knows one more lifetime and one more kind."""

    def change(header: Header, blobs: Blobs) -> None:
        header["lifetimes"] = ["until_the_end", *header["lifetimes"]]  # type: ignore[misc]
        header["kinds"] = ["teleport", *header["kinds"]]  # type: ignore[misc]
        if not used:
            blobs[LIFETIMES], blobs[KINDS] = (bytes(n + 1 for n in blobs[at]) for at in (LIFETIMES, KINDS))

    return change


def test_names_that_are_not_used_need_not_be_known() -> None:
    found = load(tampered(future(used=False)))
    assert (found.refs, found.expected) == (SMALL.refs, SMALL.expected)
    assert parts(found)[0]["lifetimes"] == parts()[0]["lifetimes"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (name(lifetimes=["for\x1bever"] * 4), r"lifetime 'for\\\\x1bever'"),
        (name(kinds=["teleport"] * 4), "kind 'teleport'"),
        (future(used=True), "kind 'teleport'"),
    ],
)
def test_names_that_are_used_and_not_known_ask_for_a_newer_liveref(change: Change, what: str) -> None:
    with pytest.raises(SnapshotVersionError, match=rf"uses the {what}, .* Read it with a newer liveref"):
        load(tampered(change))


def test_only_the_names_that_are_used_are_written() -> None:
    with Session() as session:
        session.refs.insert([1], lifetime=RefLifetime.UNTIL_PARENT_FINISH)
        header, blobs = parts(session.snapshot())
    assert (header["lifetimes"], header["kinds"]) == (["until_parent_finish"], ["pickle"])
    assert (blobs[LIFETIMES], blobs[KINDS]) == (b"\0", b"\0")


# Snapshots from before the first release


def old(*values: object) -> Change:
    """The layout in which the stream was one pickle of a list, and only serialized objects had an end."""

    def change(header: Header, blobs: Blobs) -> None:
        del header["kinds"], header["writer"]
        blobs[STREAM], blobs[ENDS] = pickle.dumps(list(values), 5), blobs[ENDS][8:24]

    return change


def test_a_snapshot_from_before_the_first_release_is_listed_and_loaded() -> None:
    found = load(tampered(old({"number": 1})))
    assert (found.writer, [ref.how for ref in found.refs]) == (None, [ref.how for ref in SMALL.refs])
    assert [ref.size for ref in found.refs][1:3] == [3, 2]
    again = load(found.to_bytes(keys=KEYS))
    for snapshot in (found, again):
        with Session.resume(snapshot) as session:
            assert session.refs.get_any(session.refs.keys()[0]) == {"number": 1}


@pytest.mark.parametrize("values", [(), (1, 2)])
def test_the_list_of_an_old_snapshot_holds_its_objects(values: tuple[object, ...]) -> None:
    with pytest.raises(RefLoadError, match="loading its pickle raised EOFError"):
        Session.resume(load(tampered(old(*values))))


def test_an_old_stream_that_can_not_be_loaded_is_told_by_its_refs() -> None:
    def change(header: Header, blobs: Blobs) -> None:
        old()(header, blobs)
        blobs[STREAM] = b"N."

    with pytest.raises(RefLoadError, match=r"ref \w+… \(builtins:dict\)"):
        Session.resume(load(tampered(change)))
    with pytest.raises(RefLoadError, match="raised EOFError"):
        Session.resume(load(tampered(lambda header, blobs: (old()(header, blobs), put(STREAM, b"")(header, blobs)))))


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
