"""The container of a snapshot, in memory and as a file."""

from __future__ import annotations

import copy
import errno
import hmac
import mmap
import os
import pickle
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from liveref import (
    InvalidArgumentError,
    SnapshotAuthError,
    SnapshotError,
    SnapshotFormatError,
    SnapshotLimitError,
    SnapshotReadError,
    SnapshotVersionError,
    SnapshotWriteError,
)
from liveref._snapshot import file as file_room
from liveref._snapshot.container import Container, pack, unpack
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.file import read_file, write_file

SECRET = b"a secret of the tests, 32 bytes."


class Longer(bytes):
    """Bytes that claim to be more."""

    def __len__(self) -> int:
        return 99


OLD = b"an older one of the tests, also 32"
KEYS = SnapshotKeys({"2026-11": SECRET}, current="2026-11")
LIMITS = SnapshotLimits()
HEADER = {"refs": [1, 2.5, None, True, "é\\ud800\u2028"], "by": {"a": []}}
BLOBS = [b"x" * 100, b"", b"y" * 64]
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, modes or signals")


def load(data: object, *, keys: SnapshotKeys | None = KEYS, trusted: bool = False, **limits: int) -> Container:
    return unpack(data, keys=keys, trusted=trusted, limits=SnapshotLimits(**limits))  # type: ignore[arg-type]


def read(path: object, *, keys: SnapshotKeys | None = KEYS, trusted: bool = False, **limits: int) -> Container:
    return read_file(path, keys=keys, trusted=trusted, limits=SnapshotLimits(**limits))  # type: ignore[arg-type]


def contents(container: Container) -> list[bytes]:
    return [bytes(blob) for blob in container.blobs]


def sign(body: bytes) -> bytes:
    return body + hmac.digest(SECRET, body, "sha256")


def forge(header: bytes = b"{}", lengths: tuple[int, ...] = (), rest: bytes = b"", **fields: object) -> bytes:
    """A signed container of any header, table and fields."""
    text = struct.pack(f"<{len(lengths)}Q", *lengths) + header
    body = (bytes(104) + text).ljust(-(-(104 + len(text)) // 64) * 64, b"\0")
    values: dict[str, object] = {
        "magic": b"\x89liveref",
        "version": 1,
        "blobs": len(lengths),
        "header": len(header),
        "copied": len(body),
        "total": len(body) + len(rest) + 32,
        "name": b"2026-11",
    }
    return sign(struct.pack("<8sIIQQQ64s", *(values | fields).values()) + body[104:] + rest)


@pytest.fixture
def within_a_second() -> Iterator[None]:
    def stop(*_: object) -> None:
        pytest.fail("it hangs")  # no OSError, which would be translated

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(1)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# Keys and limits


def test_a_ring_tells_its_names_and_no_secret() -> None:
    keys = SnapshotKeys({"new": SECRET, "a b": OLD}, current="new")
    assert repr(keys) == "SnapshotKeys(['a b', 'new'], current='new')"
    assert (keys.current, keys.names) == ("new", ["a b", "new"])


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_ring_cannot_be_pickled(duplicate: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="Load them where you use them"):
        duplicate(KEYS)


@pytest.mark.parametrize(
    ("secrets", "current", "message"),
    [
        ({"a": SECRET}, "b", r"current must be one of \['a'\]"),
        ({}, "b", "current must be one of"),
        ({"a": SECRET[:31]}, "a", "secret of key 'a' must be at least 32 bytes, found 31 bytes"),
        ({"a": b"x"}, "a", "must be at least 32 bytes, found 1 byte."),
        ({"a": SECRET.decode()}, "a", "at least 32 bytes, found str"),
        ({"a": Longer(b"short")}, "a", "at least 32 bytes, found 5 bytes"),
        ({"": SECRET}, "", "1 to 64 printable ASCII"),
        ({"é": SECRET}, "é", "1 to 64 printable ASCII"),
        ({"a\0": SECRET}, "a\0", "1 to 64 printable ASCII"),
        ({"a" * 65: SECRET}, "a" * 65, "1 to 64 printable ASCII"),
        ({1: SECRET}, 1, "1 to 64 printable ASCII characters, found int"),
    ],
    ids=[
        "unknown current",
        "empty",
        "short",
        "1 byte",
        "text",
        "claims",
        "no name",
        "not ascii",
        "NUL",
        "long name",
        "int name",
    ],
)
def test_a_ring_refuses_what_is_no_key(secrets: dict[str, bytes], current: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        SnapshotKeys(secrets, current=current)
    assert isinstance(caught.value, ValueError)
    assert SECRET[:31].decode() not in str(caught.value)


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "1", None])
@pytest.mark.parametrize("option", ["max_bytes", "max_refs", "max_ref_bytes", "max_header_bytes"])
def test_a_limit_is_an_int_of_at_least_one(option: str, limit: object) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{option} must be an int of at least 1"):
        SnapshotLimits(**{option: limit})  # type: ignore[arg-type]


# In memory


@pytest.mark.parametrize("keys", [KEYS, None], ids=["signed", "unsigned"])
def test_a_container_gives_back_what_it_was_made_of(keys: SnapshotKeys | None) -> None:
    found = load(pack(HEADER, BLOBS, keys), keys=keys, trusted=keys is None)
    assert (found.header, contents(found)) == (HEADER, BLOBS)
    assert (found.verified, found.key_name) == ((True, "2026-11") if keys else (False, ""))


def test_blobs_are_views_of_the_bytes_that_were_read() -> None:
    data = bytearray(pack(HEADER, BLOBS, KEYS))
    found = load(data)
    data[found.spans[0]] = b"z" * 100
    assert bytes(found.blobs[0]) == b"z" * 100


def test_fresh_blobs_share_no_memory_and_are_writable_and_aligned() -> None:
    found = load(pack(HEADER, BLOBS, KEYS))
    one, other = found.fresh_blobs(), found.fresh_blobs()
    one[0][:] = b"z" * 100
    assert [bytes(blob) for blob in other] == contents(found) == BLOBS
    assert all(np.frombuffer(blob, np.uint8).ctypes.data % 64 == 0 for blob in one)


def test_blobs_may_have_any_shape_and_order_of_contiguous_memory() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    buffers = [array, np.asfortranarray(array), np.zeros((0, 3)), memoryview(b""), mmap.mmap(-1, 10)]
    expected = [array.tobytes(), array.tobytes("F"), b"", b"", bytes(10)]
    assert contents(load(pack({}, buffers, KEYS))) == expected


@pytest.mark.parametrize("blob", ["text", 1, np.zeros((4, 4))[:, 1], None], ids=["str", "int", "strided", "None"])
def test_what_is_no_contiguous_buffer_is_refused(blob: object) -> None:
    with pytest.raises(InvalidArgumentError, match="blobs must be contiguous buffers"):
        pack({}, [blob], KEYS)  # type: ignore[list-item]
    with pytest.raises(InvalidArgumentError, match="data must be contiguous buffers"):
        load(blob)


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (float("nan"), "ValueError"),
        ({1}, "TypeError"),
        ("\ud800", "UnicodeEncodeError"),
        (nested(500), "deeper nesting"),
        (nested(100_000), "RecursionError"),
    ],
    ids=["nan", "set", "surrogate", "deep", "very deep"],
)
def test_a_header_that_is_no_json_is_not_written(value: object, found: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"at most 500 deep, found {found}"):
        pack({"a": value}, [], KEYS)  # type: ignore[dict-item]


def test_a_header_as_deep_as_may_be_comes_back() -> None:
    header = {"a": nested(499), "b": ["[" * 600, '"[\\' * 600]}
    assert load(pack(header, [], KEYS)).header == header  # type: ignore[arg-type]


# Hostile bytes


def test_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    data = pack({"a": 1}, [b"blob"], KEYS)
    path = tmp_path / "snapshot"
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SnapshotError):
            load(flipped)
        path.write_bytes(flipped)
        with pytest.raises(SnapshotError):
            read(path)


def test_every_truncation_and_appended_byte_is_refused(tmp_path: Path) -> None:
    data = pack({"a": 1}, [b"blob"], KEYS)
    path = tmp_path / "snapshot"
    for wrong in [data[:length] for length in range(len(data))] + [data + bytes([byte]) for byte in range(256)]:
        with pytest.raises(SnapshotError):
            load(wrong)
        path.write_bytes(wrong)
        with pytest.raises(SnapshotError):
            read(path)


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":1,"a":1}',
        b'{"b":{"a":1,"a":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b"[]",
        b"1",
        b"",
        b"{} {}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\\\\\uDFFF"}',
        '{"a":1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 501 + b"1" + b"}" * 501,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
    ],
    ids=[
        "duplicate", "inner duplicate", "NaN", "Infinity", "overflow", "list", "number", "empty", "two", "no utf-8",
        "encoded surrogate", "surrogate", "surrogate after backslash", "utf-16", "BOM", "long number", "deep",
        "very deep", "unclosed",
    ],
)  # fmt: skip
def test_a_header_that_is_no_plain_json_object_is_refused(header: bytes) -> None:
    with pytest.raises(SnapshotFormatError, match="no plain JSON object") as caught:
        load(forge(header))
    assert caught.value.__context__ is None


def test_a_deep_header_is_refused_whatever_the_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(SnapshotFormatError):
            load(forge(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"))
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("depth", [1, 490])
def test_a_recursion_limit_met_while_parsing_damages_nothing(depth: int) -> None:
    data = forge(b'{"a":' + b"[" * depth + b"]" * depth + b"}")

    def descend() -> Container:
        try:
            return descend()
        except RecursionError:
            return load(data)  # raises the same until there is room

    assert list(descend().header) == ["a"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (forge(lengths=(1,)), "do not fill it"),
        (forge(lengths=(2**64 - 1,), rest=bytes(64)), "do not fill it"),
        (forge(lengths=(64, 64), rest=bytes(64)), "do not fill it"),
        (forge(rest=bytes(64)), "do not fill it"),
        (forge(lengths=(1,), rest=bytes(128)), "do not fill it"),
        (forge(lengths=(128,), rest=bytes(128), copied=192), "do not fill it"),
        (forge(lengths=(1,), rest=b"ab" + bytes(62)), "gaps .* not empty"),
        (forge(rest=bytes(10)), "do not add up"),
        (forge(copied=0), "do not add up"),
        (forge(copied=192), "do not add up"),
        (forge(header=b"{}", blobs=2**32 - 1), "do not add up"),
        (forge(version=0), "do not add up"),
        (forge(name=b"2026-11\0x"), "do not add up"),
        (forge(name=b"\xff"), "do not add up"),
        (forge(total=2**64 - 1), "do not add up"),
        (forge(magic=b"\x89Liveref"), "magic bytes"),
        (b"", "magic bytes"),
        (b"\x89liveref", "breaks off after 8 bytes"),
    ],
    ids=[
        "out of range", "far out of range", "overlap", "no blob", "gap too wide", "copied inside a blob", "dirty gap",
        "unaligned", "copied too early", "copied too late", "table too long", "version 0", "NUL in name",
        "name not ascii", "total", "magic", "empty", "short",
    ],
)  # fmt: skip
def test_lengths_that_do_not_fit_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(SnapshotFormatError, match=message):
        load(data)


def test_a_gap_after_the_header_that_is_not_empty_is_refused() -> None:
    body = bytearray(pack({}, [], KEYS)[:-32])
    body[-1] = 1
    with pytest.raises(SnapshotFormatError, match="gaps"):
        load(sign(bytes(body)))


def test_a_newer_version_is_refused_with_both_numbers() -> None:
    with pytest.raises(SnapshotVersionError, match="version 7; this program reads up to 1"):
        load(forge(version=7))


# Signatures


def test_keys_rotate() -> None:
    written = pack(HEADER, BLOBS, SnapshotKeys({"old": OLD}, current="old"))
    ring = SnapshotKeys({"old": OLD, "new": SECRET}, current="new")
    assert load(written, keys=ring).key_name == "old"
    assert load(pack(HEADER, BLOBS, ring), keys=ring).key_name == "new"
    with pytest.raises(SnapshotAuthError, match=r"signed with key 'old'; the ring holds \['2026-11'\]"):
        load(written)


def test_a_key_of_the_same_name_with_another_secret_does_not_verify() -> None:
    with pytest.raises(SnapshotAuthError, match="does not hold under key '2026-11'"):
        load(pack({}, [], SnapshotKeys({"2026-11": OLD}, current="2026-11")))


@pytest.mark.parametrize("keys", [KEYS, None], ids=["keys", "no keys"])
def test_an_unsigned_container_needs_trust(keys: SnapshotKeys | None) -> None:
    with pytest.raises(SnapshotAuthError, match="is not signed.*trusted=True"):
        load(pack(HEADER, BLOBS, None), keys=keys)
    assert not load(pack(HEADER, BLOBS, None), keys=keys, trusted=True).verified


def test_a_signed_container_without_keys_needs_trust() -> None:
    with pytest.raises(SnapshotAuthError, match="no keys were given"):
        load(pack(HEADER, BLOBS, KEYS), keys=None)
    found = load(pack(HEADER, BLOBS, KEYS), keys=None, trusted=True)
    assert (found.header, found.key_name, found.verified) == (HEADER, "2026-11", False)


def test_trust_does_not_excuse_a_signature_that_can_be_checked() -> None:
    data = bytearray(pack(HEADER, BLOBS, KEYS))
    data[-1] ^= 1
    with pytest.raises(SnapshotAuthError, match="does not hold"):
        load(data, trusted=True)
    with pytest.raises(SnapshotAuthError, match="the ring holds"):
        load(data, keys=SnapshotKeys({"a": SECRET}, current="a"), trusted=True)


# Limits


def test_limits_are_checked_before_the_signature() -> None:
    data = bytearray(pack({"a": "b" * 100}, [b"c" * 1000], KEYS))
    data[-1] ^= 1
    for option, allowed in [("max_bytes", len(data)), ("max_header_bytes", 108 + 8)]:
        with pytest.raises(SnapshotAuthError):
            load(data, **{option: allowed})
        with pytest.raises(SnapshotLimitError, match=rf"than the {allowed - 1:,} allowed.*{option}="):
            load(data, **{option: allowed - 1})


def test_the_number_of_blobs_is_limited() -> None:
    data = pack({}, [b""] * 65_537, KEYS)
    assert len(load(data, max_header_bytes=32 * 65_537).blobs) == 65_537
    with pytest.raises(SnapshotLimitError, match="65,537 blobs"):
        load(data, max_header_bytes=32 * 65_537 - 1)


def test_the_number_of_values_in_a_header_is_limited() -> None:
    data = pack({"a": [0] * 65_536}, [], KEYS)
    with pytest.raises(SnapshotLimitError, match="65,538 values in its header"):
        load(data, max_header_bytes=1_000_000)
    assert len(load(data, max_header_bytes=16 * 65_538).header) == 1


@pytest.mark.parametrize(
    "part", [b"[],", b'{"":0},', b'"aa",', b"1000,", b"1.5,"], ids=["lists", "dicts", "texts", "ints", "floats"]
)
def test_a_header_of_many_values_takes_no_more_than_200_mb(part: bytes) -> None:
    for size in (16 << 20, 1 << 20):
        data = forge(b'{"a":[' + part * (size // len(part) - 4) + b"1]}")
        tracemalloc.start()
        try:
            load(data)
        except SnapshotLimitError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 200_000_000


# Files


@pytest.mark.parametrize("copied", [0, 1, 3])
@pytest.mark.parametrize("keys", [KEYS, None], ids=["signed", "unsigned"])
def test_a_file_gives_back_what_was_written(tmp_path: Path, keys: SnapshotKeys | None, copied: int) -> None:
    path = tmp_path / "snapshot"
    write_file(path, HEADER, BLOBS, keys, copied=copied)
    found = read(path, keys=keys, trusted=keys is None)
    assert (found.header, contents(found), found.verified) == (HEADER, BLOBS, keys is not None)
    assert path.read_bytes() == pack(HEADER, BLOBS, keys, copied=copied)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("keys", [KEYS, None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("threads", [True, False], ids=["beside", "no thread can start"])
def test_large_blobs_are_written_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: bool, keys: SnapshotKeys | None
) -> None:
    if not threads:
        monkeypatch.setattr(threading.Thread, "start", raiser(RuntimeError("can't start new thread")))
    blobs = [os.urandom(3), os.urandom(30_000_001), os.urandom(5)]
    write_file(tmp_path / "snapshot", HEADER, blobs, keys)
    assert contents(read(tmp_path / "snapshot", keys=keys, trusted=keys is None)) == blobs


def test_mapped_blobs_are_writable_and_aligned_and_the_file_stays_untouched(tmp_path: Path) -> None:
    write_file(tmp_path / "snapshot", {}, BLOBS, KEYS, copied=1)
    before = (tmp_path / "snapshot").read_bytes()
    found = read(tmp_path / "snapshot")
    for blobs in (found.blobs, found.fresh_blobs(), found.fresh_blobs()):
        assert [bytes(blob) for blob in blobs] == BLOBS
        assert all(np.frombuffer(blob, np.uint8).ctypes.data % 64 == 0 for blob in blobs)
        for blob in blobs:
            blob[:] = bytes(len(blob))
    assert (tmp_path / "snapshot").read_bytes() == before


def test_fresh_blobs_come_from_the_file_that_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_file(path, {}, BLOBS, KEYS)
    found = read(path)
    write_file(path, {}, [b"new"], KEYS)
    path.unlink()
    assert [bytes(blob) for blob in found.fresh_blobs()] == BLOBS


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(old))
        file.write(new)


def test_what_is_copied_is_safe_from_changes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_file(path, {"a": "header"}, [b"pickle", b"array"], KEYS, copied=1)
    found = read(path)
    overwrite(path, b"pickle", b"forged")
    assert contents(found) == [b"pickle", b"array"]
    with pytest.raises(SnapshotAuthError, match="changed after it was opened"):
        found.fresh_blobs()


@pytest.mark.parametrize(("old", "new"), [(b"pickle", b"forged"), (b"2026-11", b"2026-12")], ids=["blob", "prologue"])
def test_a_file_that_is_changed_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    path = tmp_path / "snapshot"
    write_file(path, {"a": "header"}, [b"pickle"], KEYS, copied=1)
    verify = file_room._Source.verify

    def verify_and_forge(self: file_room._Source, *args: object) -> None:
        verify(self, *args)  # type: ignore[arg-type]
        overwrite(path, old, new)

    monkeypatch.setattr(file_room._Source, "verify", verify_and_forge)
    with pytest.raises(SnapshotAuthError, match="changed after it was opened"):
        read(path)


def test_a_file_that_becomes_another_signed_one_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snapshot"
    write_file(path, {"a": 1}, [b"12"], KEYS, copied=1)
    verify = file_room._Source.verify

    def change_and_verify(self: file_room._Source, *args: object) -> None:
        path.write_bytes(pack({"a": 12}, [b"1"], KEYS, copied=1))
        verify(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(file_room._Source, "verify", change_and_verify)
    with pytest.raises(SnapshotAuthError, match="changed after it was opened"):
        read(path)


@pytest.mark.parametrize("step", ["verify", "map"])
def test_a_file_that_is_cut_while_it_is_read_is_a_read_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "snapshot"
    write_file(path, HEADER, BLOBS, KEYS)
    method = getattr(file_room._Source, step)

    def cut(self: file_room._Source, *args: object) -> object:
        os.truncate(path, 200)
        return method(self, *args)

    monkeypatch.setattr(file_room._Source, step, cut)
    with pytest.raises(SnapshotReadError, match="it was cut while it was read"):
        read(path)


def test_a_system_without_preadv_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv", raising=False)
    write_file(tmp_path / "snapshot", HEADER, [os.urandom(3_000_000)], KEYS, copied=1)
    found = read(tmp_path / "snapshot")
    assert [bytes(blob) for blob in found.fresh_blobs()] == contents(found)


@POSIX
@pytest.mark.usefixtures("within_a_second")
@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/zero", "/dev/null", "socket", "missing", "a\0b", "a\ud800"])
def test_what_is_no_regular_file_is_a_read_error_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind if not kind.startswith("/") else Path(kind)
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    if kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(os.path.relpath(path))
        server.close()
    with pytest.raises(SnapshotReadError, match="can't be read"):
        read(path)


@POSIX
@pytest.mark.usefixtures("within_a_second")
@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/null", "missing/file", "loop", "a\0b"])
def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind if not kind.startswith("/") else Path(kind)
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    if kind == "loop":
        path.symlink_to(path)
    before = list(tmp_path.iterdir())
    with pytest.raises(SnapshotWriteError, match="can't be written") as caught:
        write_file(path, {}, [], KEYS)
    assert not caught.value.committed
    assert list(tmp_path.iterdir()) == before


@POSIX
@pytest.mark.usefixtures("within_a_second")
def test_a_huge_sparse_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "snapshot").open("wb") as file:
        file.write(forge(total=20 << 30))
        file.truncate(20 << 30)
    with pytest.raises(SnapshotLimitError, match="max_bytes="):
        read(tmp_path / "snapshot")


@POSIX
def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "folder" / "snapshot")
    for header in ({"a": 1}, {"a": 2}):
        write_file(link, header, [], KEYS)
        assert link.is_symlink()
        assert read(tmp_path / "folder" / "snapshot").header == header


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_a_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "snapshot"
    path.touch(0o644)
    before = os.umask(umask)
    try:
        write_file(path, {}, [], KEYS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("n" * 255), {}, [], KEYS)
    assert read(tmp_path / ("n" * 255)).header == {}


# Faults


def raiser(error: BaseException) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize("size", [100, 20 << 20], ids=["small", "large"])
@pytest.mark.parametrize("call", ["open", "fchmod", "write", "fsync", "replace"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_fault_leaves_the_old_file_or_the_new_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int, size: int
) -> None:
    path = tmp_path / "snapshot"
    write_file(path, {"state": "old"}, [], KEYS)
    function, calls = getattr(os, call), iter(range(1000))

    def faulty(*args: object, **kwargs: object) -> object:
        if next(calls) >= after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*args, **kwargs)

    state = {"state": "new"}
    with monkeypatch.context() as patched:
        patched.setattr(os, call, faulty)
        try:
            write_file(path, state, [bytes(size)], KEYS)
        except SnapshotWriteError as error:
            assert "No space left on device" in str(error)
            if not error.committed:
                state = {"state": "old"}
    assert read(path).header == state
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", raiser(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "snapshot", {}, [], KEYS)
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, chunk: write(fd, chunk[:7]))
    write_file(tmp_path / "snapshot", HEADER, BLOBS, KEYS)
    assert contents(read(tmp_path / "snapshot")) == BLOBS


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "snapshot", HEADER, BLOBS, KEYS, copied=2)
    monkeypatch.delattr(os, "preadv", raising=False)
    some = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: some(fd, min(size, 7)))
    assert contents(read(tmp_path / "snapshot")) == BLOBS


@pytest.mark.parametrize("size", [1000, 9 << 20], ids=["small", "large"])
def test_a_blob_that_changes_while_it_is_written_still_has_a_signature_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    write, blob = os.write, bytearray(size)

    def write_and_change(fd: int, chunk: memoryview) -> int:
        for at in range(0, size, 100):
            blob[at] ^= 1
        return write(fd, chunk)

    monkeypatch.setattr(os, "write", write_and_change)
    write_file(tmp_path / "snapshot", HEADER, [blob], KEYS)
    assert read(tmp_path / "snapshot").verified


@POSIX
def test_the_file_is_synced_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, replace = os.fsync, os.replace
    calls: list[object] = []

    def noted_fsync(fd: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else os.fstat(fd).st_size)
        fsync(fd)

    def noted_replace(old: Path, new: Path) -> None:
        calls.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_file(tmp_path / "snapshot", HEADER, BLOBS, KEYS)
    assert calls == [(tmp_path / "snapshot").stat().st_size, "replace", "folder"]


@POSIX
@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL], ids=["fails", "not supported"])
def test_only_a_folder_that_can_be_synced_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    fsync = os.fsync

    def fsync_of_files(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", fsync_of_files)
    if code == errno.EIO:
        with pytest.raises(SnapshotWriteError, match="can't be synced: Input/output error") as caught:
            write_file(tmp_path / "snapshot", HEADER, BLOBS, KEYS)
        assert caught.value.committed
    else:
        write_file(tmp_path / "snapshot", HEADER, BLOBS, KEYS)
    assert read(tmp_path / "snapshot").header == HEADER


@POSIX
def test_a_file_over_the_limit_of_the_process_is_a_write_error(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_file(path, HEADER, BLOBS, KEYS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(SnapshotWriteError, match="File too large"):
            write_file(path, {}, [bytes(1_000_000)], KEYS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(path).header == HEADER
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_write_error_and_its_stray_files_make_room(small_disk: Path) -> None:
    path = small_disk / "snapshot"
    write_file(path, HEADER, BLOBS, KEYS)
    with pytest.raises(SnapshotWriteError, match="No space left on device"):
        write_file(path, {}, [bytes(1_000_000)], KEYS)
    assert read(path).header == HEADER
    stray(path).write_bytes(bytes(200_000))
    write_file(path, {}, [bytes(100_000)], KEYS)
    assert list(small_disk.iterdir()) == [path]


# Strays and other writers


def stray(path: Path) -> Path:
    """The name of a temporary file of a path."""
    made: list[Path] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", lambda temporary, _: made.append(Path(temporary)))
        write_file(path.with_name(path.name), {}, [], KEYS)
    return made[0]


def test_the_next_write_sweeps_what_a_killed_writer_left(tmp_path: Path) -> None:
    path, other = tmp_path / "snapshot", stray(tmp_path / "other")
    left = stray(path)
    assert left.exists()
    write_file(path, {}, [], KEYS)
    assert sorted(tmp_path.iterdir()) == sorted([path, other])


@POSIX
@pytest.mark.usefixtures("within_a_second")
def test_a_sweep_leaves_what_it_may_not_or_cannot_remove(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    name = stray(path)
    name.unlink()
    os.mkfifo(name)
    name.with_name(name.name.replace(".liveref-tmp", "0.liveref-tmp")).mkdir()
    name.with_name(name.name.replace(".liveref-tmp", "1.liveref-tmp")).symlink_to(tmp_path / "target")
    (tmp_path / "target").touch()
    before = set(tmp_path.iterdir())
    write_file(path, {}, [], KEYS)
    assert set(tmp_path.iterdir()) == before | {path}


@POSIX
def test_a_sweep_leaves_the_file_of_a_writer_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot"
    fill = file_room._fill

    def fill_beside_another_write(*args: object) -> None:
        monkeypatch.setattr(file_room, "_fill", fill)
        fill(*args)  # type: ignore[arg-type]
        write_file(path, {"writer": "inner"}, [], KEYS)
        assert read(path).header == {"writer": "inner"}

    monkeypatch.setattr(file_room, "_fill", fill_beside_another_write)
    write_file(path, {"writer": "outer"}, [], KEYS)
    assert read(path).header == {"writer": "outer"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_whose_file_was_swept_before_it_was_locked_takes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = file_room._lock
    swept: list[Path] = []

    def sweep_then_lock(fd: int, *, wait: bool) -> bool:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        return lock(fd, wait=wait)

    monkeypatch.setattr(file_room, "_lock", sweep_then_lock)
    write_file(tmp_path / "snapshot", HEADER, [], KEYS)
    assert read(tmp_path / "snapshot").header == HEADER
    assert len(swept) == 1


def test_writers_at_the_same_time_each_write_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    failed: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for count in range(20):
                write_file(path, {"name": name}, [bytes([name]) * 50_000], KEYS)
                found = read(path)
                assert bytes(found.blobs[0]) == bytes([found.header["name"]]) * 50_000  # type: ignore[list-item]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert list(tmp_path.iterdir()) == [path]


def test_a_system_without_locks_writes_and_leaves_strays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot"
    left = stray(path)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    write_file(path, HEADER, BLOBS, KEYS)
    assert contents(read(path)) == BLOBS
    assert sorted(tmp_path.iterdir()) == sorted([path, left])


def test_windows_renames_after_the_close_and_sweeps_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snapshot"
    stray(path)
    monkeypatch.setattr(file_room, "_WINDOWS", True)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    mapped = write_file(path, HEADER, BLOBS, KEYS)
    assert contents(mapped()) == contents(read(path)) == BLOBS
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_put_in_the_place_of_a_file_is_not_mapped_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file can't be opened before it has its name: all that is there then may be another's."""
    path = tmp_path / "snapshot"
    monkeypatch.setattr(file_room, "_WINDOWS", True)
    mapped = write_file(path, HEADER, BLOBS, KEYS)
    write_file(path, HEADER, [*BLOBS, b"more"], KEYS)
    with pytest.raises(SnapshotWriteError, match="was changed") as caught:
        mapped()
    assert caught.value.committed


# Memory


MEASURE = """
import resource, sys, tracemalloc
from pathlib import Path
from liveref._snapshot.keyring import SnapshotKeys
from liveref._snapshot.file import write_file
keys = SnapshotKeys({"a": b"s" * 32}, current="a")
blob = bytearray(b"x") * (128 << 20)
write_file(sys.argv[1], {}, [blob[:20 << 20]], keys)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_file(sys.argv[1], {}, [blob], keys)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_a_large_blob_is_written_with_little_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "snapshot")]
    growth = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert growth < 32 * 1024  # KiB


def test_mapping_a_trusted_file_reads_none_of_its_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "snapshot", {}, [bytes(50_000_000)], KEYS)
    count = 0
    preadv = os.preadv

    def counted(fd: int, buffers: list[memoryview], at: int) -> int:
        nonlocal count
        done = preadv(fd, buffers, at)
        count += done
        return done

    monkeypatch.setattr(os, "preadv", counted)
    read(tmp_path / "snapshot", keys=None, trusted=True)
    assert count < 1000
