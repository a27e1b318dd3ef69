"""The container under fire: round trips, hostile bytes that bear a valid signature, and writers that are killed.

``LIVEREF_FUZZ_RUNS`` and ``LIVEREF_KILL_ROUNDS`` ask for the long form: 100000 and 100.
"""

from __future__ import annotations

import hmac
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from liveref import SnapshotError
from liveref._snapshot import header
from liveref._snapshot.container import Container, pack, unpack
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.file import read_file, write_file

SECRET = b"a secret of the tests, 32 bytes."
KEYS = SnapshotKeys({"k": SECRET}, current="k")
LIMITS = SnapshotLimits()
RUNS = int(os.environ.get("LIVEREF_FUZZ_RUNS", "500"))
KILLS = int(os.environ.get("LIVEREF_KILL_ROUNDS", "10"))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
headers = st.dictionaries(texts, values, max_size=5)
blob_lists = st.lists(st.binary(max_size=200), max_size=5)


@settings(max_examples=100, deadline=None)
@given(headers, blob_lists, st.booleans(), st.data())
def test_what_is_packed_is_unpacked(
    header: dict[str, object], blobs: list[bytes], signed: bool, draw: st.DataObject
) -> None:
    keys = KEYS if signed else None
    copied = draw.draw(st.integers(0, len(blobs)))
    data = pack(header, blobs, keys, copied=copied)  # type: ignore[arg-type]
    found = unpack(data, keys=keys, trusted=not signed, limits=LIMITS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"
        write_file(path, header, blobs, keys, copied=copied)  # type: ignore[arg-type]
        assert path.read_bytes() == data
        mapped = read_file(path, keys=keys, trusted=not signed, limits=LIMITS)
    for each in (found, mapped):
        assert each.header == header
        assert [bytes(blob) for blob in each.blobs] == blobs
        assert [bytes(blob) for blob in each.fresh_blobs()] == blobs


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


brackets = st.recursive(
    st.text('[]{}"\\\\', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\\\', max_size=3), inner, max_size=3),
    max_leaves=20,
)


@settings(max_examples=RUNS, deadline=None)
@given(brackets, st.integers(1, 12))
def test_depth_is_told_from_the_text(value: object, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(header, "MAX_DEPTH", 16 + limit)  # up to 16 a shorter way answers
        text = "[" * 16 + json.dumps(value) + "]" * 16
        assert header._nested_too_deeply(text.encode()) == (depth(value) > limit)


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """A container that someone with the key has tampered with, and signed."""
    header = draw(
        st.builds(lambda header: pack(header, [], None), headers).map(lambda data: data[104:].rstrip(b"\0"))
        | st.binary(max_size=80)
        | st.text(st.sampled_from('{}[]",:\\u0d8e1.-NaIty \n\0'), max_size=60).map(str.encode)
    )
    blobs = draw(blob_lists)
    lengths = [len(blob) for blob in blobs]
    table = b"".join(struct.pack("<Q", length) for length in lengths)
    head = bytes(104) + table + header
    head += bytes(-len(head) % 64)
    body = bytearray(head + b"".join(blob + bytes(-len(blob) % 64) for blob in blobs))
    fields = [1, len(blobs), len(header), len(head), len(body) + 32]
    limits = [32, 32, 64, 64, 64]
    for which in draw(st.lists(st.integers(0, 4), max_size=2)):
        near = st.integers(-70, 70).map(lambda step, which=which: fields[which] + step)
        fields[which] = draw(near | st.integers(0, 2**64 - 1)) % 2 ** limits[which]
    name = draw(st.sampled_from([b"k", b"k", b"k", b"", b"x", b"k\0k", b"\xff" * 64]))
    body[:104] = struct.pack("<8sIIQQQ64s", b"\x89liveref", *fields, name)
    for at, byte in draw(st.lists(st.tuples(st.integers(40, len(body) - 1), st.integers(0, 255)), max_size=3)):
        body[at] = byte
    body += draw(st.just(b"") | st.binary(max_size=70))
    return bytes(body) + hmac.digest(SECRET, bytes(body), "sha256")


def attempt(load: object) -> bool:
    """Whether a container was accepted; anything but a SnapshotError fails the test."""
    try:
        found: Container = load()  # type: ignore[operator]
    except SnapshotError as error:
        assert str(error)
        return False
    assert isinstance(found.header, dict)
    assert sum(len(blob) for blob in found.blobs) < 2000
    return True


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile(), st.booleans(), st.booleans())
def test_signed_hostile_bytes_meet_snapshot_errors_alone(data: bytes, signed: bool, as_file: bool) -> None:
    keys = KEYS if signed else None
    accepted = attempt(lambda: unpack(data, keys=keys, trusted=not signed, limits=LIMITS))
    if as_file:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "snapshot"
            path.write_bytes(data)
            assert attempt(lambda: read_file(path, keys=keys, trusted=not signed, limits=LIMITS)) == accepted


@settings(max_examples=RUNS, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes_meet_snapshot_errors_alone(data: bytes, magic: bool) -> None:
    assert not attempt(lambda: unpack(b"\x89liveref" * magic + data, keys=KEYS, trusted=True, limits=LIMITS))


WRITER = """
import sys
from liveref._snapshot.keyring import SnapshotKeys
from liveref._snapshot.file import write_file
keys = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
size = int(sys.argv[2])
print("ready", flush=True)
for count in range(1, 10_000):
    write_file(sys.argv[1], {"count": count}, [count.to_bytes(4, "big") * (size // 4)], keys)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("size", [4_000, 12_000_000], ids=["small", "large"])
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path, size: int) -> None:
    path = tmp_path / "snapshot"
    moments = random.Random(size)
    strays = 0
    for _ in range(-(-KILLS // 2)):
        write_file(path, {"count": 0}, [bytes(size)], KEYS)
        assert list(tmp_path.iterdir()) == [path]
        command = [sys.executable, "-c", WRITER, str(path), str(size)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(moments.uniform(0, 0.1))
            writer.kill()
        found = read_file(path, keys=KEYS, trusted=False, limits=LIMITS)
        count = found.header["count"]
        assert isinstance(count, int)
        assert bytes(found.blobs[0]) == count.to_bytes(4, "big") * (size // 4)
        strays += len(list(tmp_path.iterdir())) - 1
    write_file(path, {}, [], KEYS)
    assert list(tmp_path.iterdir()) == [path]
    if size > 1_000_000 and KILLS >= 10:
        assert strays  # else the moments were not those that matter
