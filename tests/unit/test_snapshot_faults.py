"""A system call that fails, whichever it is: no torn file, no stray one, no descriptor left open, and the error is ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "faults.c"
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)

PROGRAM = """
import ctypes, errno, json, os, sys
from pathlib import Path
from pickle import PickleBuffer
from liveref import *

shim = ctypes.CDLL(None)
keys = SnapshotKeys({"k": b"a secret of the tests, 32 bytes."}, current="k")
folder, operation, size, error = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), getattr(errno, sys.argv[4])
path = folder / "snapshot"


def session_of(number):
    session = Session()
    session.refs.insert([number])
    session.refs.insert([PickleBuffer(number.to_bytes(4, "big") * (size // 4))])
    session.refs.insert(0, lifetime=RefLifetime.UNTIL_SNAPSHOT)
    return session


def state():
    with Session.resume(SessionSnapshot.read(path, keys=keys)) as session:
        number, buffers = (session.refs.get(key, list) for key in session.refs)
        assert bytes(buffers[0]) == number[0].to_bytes(4, "big") * (size // 4), "torn"
        return number[0]


def open_files():
    return len(os.listdir("/proc/self/fd"))


def attempt(session, at):
    made = None
    shim.liveref_fail_at(at, error)
    try:
        if operation == "save":
            made = session.save(path, keys=keys)
        elif operation == "write":
            snapshot.write(path, keys=keys)
        else:
            made = SessionSnapshot.read(path, keys=keys)
        outcome = "done"
    except SnapshotWriteError as raised:
        outcome = "committed" if raised.committed else "refused"
    except SnapshotReadError:
        outcome = "unreadable"
    calls = shim.liveref_calls()
    if operation == "read" and made is not None:
        Session.resume(made).close()
    return outcome, calls


session_of(0).save(path, keys=keys)
state()  # what is imported late is imported
at, old, results = 0, 0, {}
while True:
    at, new = at + 1, old + 1
    session = session_of(new)
    snapshot = session_of(new).snapshot() if operation == "write" else None
    before = open_files()
    outcome, calls = attempt(session, at)
    assert open_files() == before, (at, outcome, "a descriptor is left open")
    found = state()
    stands = outcome in {"done", "committed"} and operation != "read"
    assert found == (new if stands else old), (at, outcome, old, found)
    if operation == "save":
        assert len(session.refs) == (2 if stands else 3), (at, outcome)
    session.refs.drain()
    strays = [each.name for each in folder.iterdir() if each != path]
    if strays:  # what could not even be removed goes with the next write
        assert outcome == "refused" or calls < at, (at, outcome, strays)
        results["strays"] = results.get("strays", 0) + len(strays)
        session_of(found).save(path, keys=keys)
        assert [each.name for each in folder.iterdir()] == ["snapshot"]
    old = found
    results[outcome] = results.get(outcome, 0) + 1
    if calls < at:
        break
print(json.dumps({**results, "calls": calls}))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform != "linux" or COMPILER is None:
        pytest.skip("there is no C compiler, or no preloading as on Linux")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the C compiler can't build it: {done.stderr[-200:]}")
    return library


@pytest.mark.parametrize(
    ("size", "error"),
    [(100, "EIO"), (100, "ENOMEM"), (100, "EINTR"), (12_000_000, "EIO")],
    ids=["small-EIO", "small-ENOMEM", "small-EINTR", "large-EIO"],
)
@pytest.mark.parametrize("operation", ["save", "write", "read"])
def test_whichever_system_call_fails_the_file_is_the_old_one_or_the_new_one(
    shim: Path, tmp_path: Path, operation: str, size: int, error: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-B", "-c", PROGRAM, str(tmp_path), operation, str(size), error]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**environment, "LD_PRELOAD": str(shim)}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout)
    assert results["calls"] > 5
    assert results["done"] >= 1
    if error != "EINTR":  # which is tried again
        assert results["unreadable" if operation == "read" else "refused"] > 3
