"""Session.save against kills, faults and full disks: the old snapshot or the new one, never a torn one.

``LIVEREF_KILL_ROUNDS`` asks for the long form: 100.
"""

from __future__ import annotations

import errno
import gc
import mmap
import os
import random
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from pickle import PickleBuffer

import pytest

from liveref import (
    RefDroppedWarning,
    RefLifetime,
    Session,
    SessionPausePolicy,
    SessionSnapshot,
    SnapshotKeys,
    SnapshotReadError,
    SnapshotWriteError,
)

KEYS = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
KILLS = int(os.environ.get("LIVEREF_KILL_ROUNDS", "6"))
SMALL, LARGE = 100, 12_000_000
sizes = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])

WRITER = """
import sys
from pickle import PickleBuffer

from liveref import RefLifetime, Session, SnapshotKeys, SnapshotWriteError

keys = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
path, size, first, stop = sys.argv[1], *map(int, sys.argv[2:])
REFUSED, COMMITTED = 3, 4
session = Session()
number, buffer = [first], bytearray(size)
session.refs.insert(number)
session.refs.insert([PickleBuffer(buffer)])
purged = session.refs.insert(0, lifetime=RefLifetime.UNTIL_SNAPSHOT)
for number[0] in range(first, stop):
    buffer[:] = number[0].to_bytes(4, "big") * (size // 4)
    try:
        session.save(path, keys=keys)
    except SnapshotWriteError as error:
        sys.exit(REFUSED if not error.committed and purged in session.refs else COMMITTED)
    if number[0] == 0:
        print("saved", flush=True)
assert purged not in session.refs
"""
REFUSED, COMMITTED, KILLED = 3, 4, -9
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def writer(path: Path, size: int, *numbers: int) -> list[str]:
    """A process that saves the states of consecutive numbers."""
    return [sys.executable, "-B", "-c", WRITER, str(path), str(size), *map(str, numbers)]


def save_state(path: Path, number: int, size: int) -> None:
    with Session() as session:
        session.refs.insert([number])
        session.refs.insert([PickleBuffer(number.to_bytes(4, "big") * (size // 4))])
        session.save(path, keys=KEYS)


def state_of(path: Path) -> int:
    """The number of the state that a snapshot holds, which is whole."""
    with Session.resume(SessionSnapshot.read(path, keys=KEYS)) as session:
        number, buffers = (session.refs.get(key, list) for key in session.refs)
        assert bytes(buffers[0]) == number[0].to_bytes(4, "big") * (len(buffers[0]) // 4)
        return int(number[0])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@sizes
def test_a_process_killed_while_it_saves_leaves_the_old_snapshot_or_the_new_one(tmp_path: Path, size: int) -> None:
    path = tmp_path / "snapshot"
    moments = random.Random(size)
    strays = 0
    for _ in range(-(-KILLS // 2)):
        with subprocess.Popen(writer(path, size, 0, 1_000_000), stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"saved\n"
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
        assert state_of(path) >= 0
        strays += len(list(tmp_path.iterdir())) - 1
    print(f"{KILLS // 2} kills left {strays} temporary files")
    save_state(path, 1, SMALL)
    assert list(tmp_path.iterdir()) == [path]


def can_trace() -> bool:
    strace = shutil.which("strace")
    command = [str(strace), "-f", "-o", os.devnull, "-e", "inject=fsync:error=EIO", "true"]
    return strace is not None and not subprocess.run(command, capture_output=True, check=False).returncode


FAULTS: dict[str, tuple[int, str, int, int]] = {
    "full": (SMALL, "write:error=ENOSPC", REFUSED, 1),
    "full, large": (LARGE, "write:error=ENOSPC", REFUSED, 1),
    "third write, large": (LARGE, "write:error=EIO:when=3", REFUSED, 1),
    "fsync": (SMALL, "fsync:error=EIO:when=1", REFUSED, 1),
    "fsync, large": (LARGE, "fsync:error=EIO:when=1", REFUSED, 1),
    "fsync of the folder": (SMALL, "fsync:error=EIO:when=2", COMMITTED, 2),
    "rename": (SMALL, "rename,renameat,renameat2:error=EACCES", REFUSED, 1),
    "rename, large": (LARGE, "rename,renameat,renameat2:error=EACCES", REFUSED, 1),
    "killed at fsync": (SMALL, "fsync:signal=KILL:when=1", KILLED, 1),
    "killed at rename": (SMALL, "rename,renameat,renameat2:signal=KILL", KILLED, 1),
    "killed at fsync of the folder": (SMALL, "fsync:signal=KILL:when=2", KILLED, 2),
}


@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here")
@pytest.mark.parametrize(("size", "fault", "outcome", "state"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_system_leaves_the_old_snapshot_or_the_new_one(
    tmp_path: Path, size: int, fault: str, outcome: int, state: int
) -> None:
    path = tmp_path / "snapshot"
    save_state(path, 1, size)
    strace = ["strace", "-f", "-o", os.devnull, "-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    command = [*strace, *writer(path, size, 2, 3)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == outcome, done.stderr
    assert state_of(path) == state
    if outcome != KILLED:
        assert list(tmp_path.iterdir()) == [path]
    save_state(path, 3, SMALL)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_save_that_fails_changes_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "snapshot"
    save_state(path, 1, SMALL)
    done: list[object] = []

    def fail(*_: object, **__: object) -> object:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session:
        session.refs.insert([2])
        session.refs.insert([PickleBuffer(bytearray(SMALL))])
        session.refs.insert(lambda: None, finalizer=done.append)
        passing = session.refs.insert(0, lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=done.append)
        with monkeypatch.context() as patched:
            patched.setattr(os, call, fail)
            with pytest.raises(SnapshotWriteError, match="quota exceeded"):  # and no RefDroppedWarning, an error here
                session.save(path, keys=KEYS)
        assert len(session.refs) == 4
        assert passing in session.refs
        assert (state_of(path), done) == (1, [])
        with pytest.warns(RefDroppedWarning, match="function"):
            session.save(path, keys=KEYS)
        assert done == [0]
    assert len(SessionSnapshot.read(path, keys=KEYS).dropped) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EIO, errno.ESTALE, errno.ENOMEM], ids=errno.errorcode.get)
def test_a_save_whose_file_stands_but_can_not_be_mapped_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path, done = tmp_path / "snapshot", list[object]()

    def fail(*_: object, **__: object) -> object:
        raise OSError(code, os.strerror(code))

    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session:
        session.refs.insert([2])
        session.refs.insert([PickleBuffer(b"\0\0\0\2")])
        session.refs.insert(lambda: None)
        passing = session.refs.insert(0, lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=done.append)
        with monkeypatch.context() as patched, pytest.warns(RefDroppedWarning, match="function"):
            patched.setattr(mmap, "mmap", fail)
            with pytest.raises(
                SnapshotWriteError, match=f"was written, but can't be mapped: {os.strerror(code)}"
            ) as caught:
                session.save(path, keys=KEYS)
        assert caught.value.committed
        assert done == [0]
        assert passing not in session.refs
        assert len(session.refs) == 3
    assert state_of(path) == 2


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted there")
@pytest.mark.parametrize("what", ["save", "read"])
def test_a_file_that_can_not_even_be_asked_for_its_kind_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = tmp_path / "snapshot"
    save_state(path, 1, SMALL)

    def fail(_fd: int) -> object:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    gc.collect()  # files that errors of other tests hold
    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patched, pytest.raises((SnapshotWriteError, SnapshotReadError)):
        patched.setattr(os, "fstat", fail)
        save_state(path, 2, SMALL) if what == "save" else SessionSnapshot.read(path, keys=KEYS)
    assert len(os.listdir("/proc/self/fd")) == before
    assert (state_of(path), list(tmp_path.iterdir())) == (1, [path])


def test_a_save_whose_file_is_changed_before_it_is_mapped_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace = tmp_path / "snapshot", os.replace

    def meddle(source: str, target: str) -> None:
        replace(source, target)
        with open(target, "r+b") as file:
            file.write(b"\0")

    monkeypatch.setattr(os, "replace", meddle)
    with Session() as session:
        session.refs.insert([1])
        with pytest.raises(
            SnapshotWriteError, match="was written, but can't be mapped: the file .* was changed"
        ) as caught:
            session.save(path, keys=KEYS)
    assert caught.value.committed


@pytest.mark.parametrize(("size", "most"), [(1_000, 300_000), (9_000_000, 13_000_000)])
def test_a_save_takes_no_more_memory_for_its_buffers_than_it_writes(tmp_path: Path, size: int, most: int) -> None:
    with Session() as session:
        session.refs.insert([PickleBuffer(bytearray(size))])
        session.save(tmp_path / "snapshot")  # what it imports is imported
        tracemalloc.start()
        session.save(tmp_path / "snapshot")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < most


@pytest.mark.parametrize("size", [300_000, LARGE], ids=["small", "large"])
def test_a_save_to_a_full_disk_keeps_the_old_snapshot(small_disk: Path, size: int) -> None:
    path = small_disk / "snapshot"
    save_state(path, 1, SMALL)
    with Session() as session:
        passing = session.refs.insert(0, lifetime=RefLifetime.UNTIL_SNAPSHOT)
        session.refs.insert([PickleBuffer(bytearray(size))])
        with pytest.raises(SnapshotWriteError, match="No space left on device") as caught:
            session.save(path, keys=KEYS)
        assert not caught.value.committed
        assert passing in session.refs
    assert state_of(path) == 1
    assert list(small_disk.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no advice on its cache")
@pytest.mark.parametrize(("size", "asked"), [(SMALL, False), (30_000_000, True)], ids=["small", "large"])
def test_a_large_file_is_not_kept_in_the_cache_of_the_system_if_it_takes_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, asked: bool
) -> None:
    advice: list[int] = []

    def refuse(_fd: int, _offset: int, _length: int, advised: int) -> None:
        advice.append(advised)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    save_state(tmp_path / "snapshot", 1, size)
    assert state_of(tmp_path / "snapshot") == 1
    assert set(advice) == ({os.POSIX_FADV_DONTNEED} if asked else set())


def test_what_save_returns_is_the_file_that_it_wrote_whatever_became_of_it(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    with Session() as session:
        key = session.refs.insert([PickleBuffer(bytearray(b"first"))])
        saved = session.save(path, keys=KEYS)
    save_state(path, 2, SMALL)
    path.unlink()
    assert (saved.verified, saved.key_name) == (True, "k")
    for _ in range(2):
        with Session.resume(saved) as session:
            buffer = session.refs.get(key)[0]
            assert bytes(buffer) == b"first"
            memoryview(buffer)[:] = b"other"  # a memory of its own
