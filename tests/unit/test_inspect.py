"""``python -m liveref inspect``: what is in a snapshot, without loading it."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
import warnings
from pathlib import Path
from pickle import PickleBuffer

import pytest

from liveref import (
    RefLifetime,
    Session,
    SessionPausePolicy,
    SessionSnapshot,
    SnapshotKeys,
    register_serializer,
    reopener,
)
from liveref.__main__ import main
from liveref._snapshot.container import pack

SECRET = bytes(range(32))
KEYS = SnapshotKeys({"2026-11": SECRET}, current="2026-11")


@reopener("test.inspect.text")
def read_text(path: str) -> str:
    return Path(path).read_text()


class Canary:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self._path),)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A snapshot with something of each kind in it."""
    path = tmp_path / "state.liveref"
    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session.refs.insert("text", reopen=read_text.recipe("notes.txt"))
        session.refs.insert(Canary(str(tmp_path / "canary")), lifetime=RefLifetime.UNTIL_PARENT_FINISH)
        session.refs.insert(threading.Lock())
        session.refs.insert({"pool": 1}, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
        again = read_text.recipe("notes.txt")
        session.refs.insert(["pool"], lifetime=RefLifetime.UNTIL_EXPLICIT_DROP, reopen=again)  # type: ignore[arg-type]
        session.save(path, keys=KEYS)
        session.refs.drain()
    return path


def test_it_tells_what_is_inside_and_that_nobody_checked_it(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(saved)]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert "policy pickle_or_drop" in out
    assert "signature  of key '2026-11', NOT CHECKED" in out
    rows = [line.split(maxsplit=1)[1] for line in out.splitlines() if "\u2026" in line]
    assert [row.split() for row in rows[:2]] == [
        ["recipe", "'test.inspect.text'", "0", "bytes", "until_context_drop", "builtins:str"],
        ["pickle", rows[1].split()[1], "bytes", "until_parent_finish", f"{__name__}:Canary"],
    ]
    assert rows[2] == "_thread:lock  a _thread.lock can't be pickled"
    assert rows[3] == "builtins:dict"
    assert rows[4] == "builtins:list  recipe 'test.inspect.text'"


def test_it_loads_nothing(saved: Path, tmp_path: Path) -> None:
    main(["inspect", str(saved), "--output", "json"])
    assert not (tmp_path / "canary").exists()
    with Session.resume(SessionSnapshot.read(saved, keys=KEYS)):
        assert (tmp_path / "canary").exists(), "a resume would have left it"


def test_with_the_secret_it_checks_the_signature(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    assert main(["inspect", str(saved), "--key", f"2026-11={secret}"]) == 0
    assert "signature  checked and valid, of key '2026-11'" in capsys.readouterr().out
    secret.write_bytes(SECRET[::-1])
    assert main(["inspect", str(saved), "--key", f"2026-11={secret}"]) == 1
    assert "does not hold" in capsys.readouterr().err


def test_as_json_it_is_one_object(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", str(saved), "--output", "json"])
    shown = json.loads(capsys.readouterr().out)
    assert [ref["how"] for ref in shown["refs"]] == ["recipe", "pickle"]
    assert [ref["type_tag"] for ref in shown["dropped"]] == ["_thread:lock"]
    assert (shown["key_name"], shown["verified"]) == ("2026-11", False)


def test_an_unsigned_one_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Session() as session:
        session.save(tmp_path / "state")
    assert main(["inspect", str(tmp_path / "state")]) == 0
    assert "signature  none, NOT CHECKED" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"no snapshot", pickle.dumps([1]), b"\x89liveref" + bytes(200)])
def test_a_bad_file_is_one_line_and_exit_code_1(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    assert main(["inspect", str(path)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["/dev/zero"], ["."], ["missing"], ["missing", "--key", "a=missing"]])
def test_what_is_no_regular_file_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", *arguments]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_a_file_says_can_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = type("\x1b[31mEvil", (), {"__reduce__": lambda self: (int, ())})
    with Session() as session:
        session.refs.insert(evil())
        session.save(tmp_path / "state")
    main(["inspect", str(tmp_path / "state")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31mEvil" in out


def test_it_tells_what_wrote_the_file(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = SessionSnapshot.read(saved, keys=KEYS).writer
    assert writer is not None
    python = ".".join(map(str, sys.version_info[:3]))
    assert writer.startswith("liveref ")
    assert writer.endswith(f", Python {python}")
    main(["inspect", str(saved)])
    assert f"written    by {writer}" in capsys.readouterr().out
    main(["inspect", str(saved), "--output", "json"])
    assert json.loads(capsys.readouterr().out)["writer"] == writer


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "bytes"), (2000, "2.0 KiB"), ((1 << 20) - 10, "1.0 MiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB"), (1 << 54, "16384.0 TiB")],
)  # fmt: skip
def test_sizes_are_those_that_people_read(size: int, shown: str) -> None:
    from liveref._command.inspect import _size

    assert _size(size).endswith(shown)


class Blob:
    """What has a serializer."""


register_serializer("test.inspect.blob", Blob, lambda _: b"x" * 2000, lambda _: Blob())


def test_as_json_it_holds_names_lifetimes_and_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Session() as session:
        session.refs.insert(Blob())
        session.refs.insert([PickleBuffer(bytearray(5000))])
        session.save(tmp_path / "state")
    main(["inspect", str(tmp_path / "state"), "--output", "json"])
    first, second = json.loads(capsys.readouterr().out)["refs"]
    assert (first["how"], first["name"], first["size"]) == ("serializer", "test.inspect.blob", 2000)
    assert (second["how"], second["name"], second["lifetime"]) == ("pickle", None, "until_context_drop")
    assert 5000 < second["size"] < 5100
    main(["inspect", str(tmp_path / "state")])
    assert "serializer 'test.inspect.blob'  2.0 KiB" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1", "utf-8", "utf-16"])
@pytest.mark.parametrize("output", ["text", "json"])
def test_it_writes_in_whatever_encoding_there_is(
    saved: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, output: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(["inspect", str(saved), "--output", output]) == 0
    assert "Canary" in raw.getvalue().decode(encoding)


def test_a_bad_file_is_told_in_whatever_encoding_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["inspect", str(tmp_path / "\u00e9")]) == 1
    assert b"\\xe9" in raw.getvalue()


def test_without_any_output_it_still_tells_by_its_exit_code(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["inspect", str(saved)]) == 0


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way there")
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    with Session(capacity=3000) as session:
        for number in range(3000):
            session.refs.insert([number])
        session.save(tmp_path / "state")
    command = [sys.executable, "-m", "liveref", "inspect", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


class Closed(io.StringIO):
    """What nobody reads any more."""

    def __init__(self, file: io.BufferedWriter) -> None:
        super().__init__()
        self._file = file

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self._file.fileno()


def test_what_is_left_to_write_into_a_closed_pipe_goes_nowhere(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "pipe").open("wb") as file:
        monkeypatch.setattr(sys, "stdout", Closed(file))
        assert main(["inspect", str(saved)]) == 0
        file.write(b"the rest")
    assert (tmp_path / "pipe").read_bytes() == b""


class Full(Closed):
    """What there is no room for."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_output_that_finds_no_room_is_one_line_and_exit_code_1(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "full").open("wb") as file:
        monkeypatch.setattr(sys, "stdout", Full(file))
        with pytest.raises(SystemExit) as caught:
            main(["inspect", str(saved)])
        file.write(b"the rest")
    assert caught.value.code == "the output can't be written: No space left on device"
    assert (tmp_path / "full").read_bytes() == b""


@pytest.mark.skipif(os.name == "nt", reason="no line break is in a name there")
def test_a_name_with_a_line_break_forges_no_line(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forged = saved.rename(saved.with_name("a\nsignature  checked"))
    assert main(["inspect", str(forged)]) == 0
    assert capsys.readouterr().out.startswith(f"snapshot   {saved.with_name('a')}\\nsignature  checked, ")


# Strange files


def strange(path: Path, count: int) -> None:
    with Session(capacity=count) as session:
        for _ in range(count):
            session.refs.insert(None)
        session.snapshot().write(path)


def test_more_than_its_own_small_limits_has_to_be_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state"
    strange(path, 20_001)
    assert main(["inspect", str(path)]) == 1
    assert (
        "20,001 refs, more than the 20,000 allowed. Where you expect that, allow it by --limit"
        in capsys.readouterr().err
    )
    assert main(["inspect", str(path), "--limit", "max_refs=30000"]) == 0
    assert "refs: 20001" in capsys.readouterr().out


@pytest.mark.parametrize(
    "limit",
    ["max_refs", "max_refs=", "max_refs=-1", "max_refs=0", "refs=1", "max_refs=\u0661", f"max_refs={'9' * 5000}"],
)
def test_a_limit_is_one(saved: Path, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(saved), "--limit", limit]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("key", ["", "2026-11", "2026-11="])
def test_a_key_is_a_name_and_a_path(saved: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(saved), "--key", key]) == 1
    assert capsys.readouterr().err == "--key must be NAME=PATH, found something else.\n"


def test_a_wrong_limit_is_told(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(saved), "--limit", "max_refs=-1"]) == 1
    assert capsys.readouterr().err.endswith(" and a number of 1 to 18 digits, found 'max_refs=-1'.\n")


def test_a_secret_that_can_not_be_read_is_told_apart_from_the_snapshot(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(saved), "--key", f"2026-11={tmp_path}"]) == 1
    assert capsys.readouterr().err == (
        f"the secret of --key 2026-11 can't be read from '{tmp_path}': Is a directory. "
        "Pass the path of a file that holds the secret alone.\n"
    )


@pytest.mark.parametrize("kind", ["pickle", "values", "refs"])
def test_a_hostile_file_takes_little_memory(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state"
    strange(path, 19_999 if kind == "refs" else 1)
    snapshot = SessionSnapshot.read(path, trusted=True)
    header, blobs = snapshot._contents.encode()
    if kind == "pickle":
        size = 1 << 20
        blobs[0], blobs[7] = b"N0" * (size // 2), size.to_bytes(8, "little")
    elif kind == "values":
        header["later"] = [[]] * 60_000
    path.write_bytes(pack(header, blobs, None))
    tracemalloc.start()
    assert main(["inspect", str(path)]) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20


def test_it_shows_owners_and_leases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "owned"
    with Session(clock=lambda: 5.0) as session:
        session.refs.insert("a", owner="ann", ttl=60)
        session.refs.insert("b", owner=("iss=https://issuer", "sub=bob"), idle=0.5)
        session.refs.insert("c")
        session.save(path)
    assert main(["inspect", str(path)]) == 0
    refs = [line.split("builtins:str")[1].strip() for line in capsys.readouterr().out.splitlines() if "str" in line]
    assert refs == ["owner ann; ttl 60 s, 60.0 s left", "owner iss=https://issuer, sub=bob; idle 0.5 s", ""]
    assert main(["inspect", str(path), "--output", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["refs"]
    assert [(row["owner"], row["ttl"], row["idle"], row["left"]) for row in rows] == [
        ("ann", 60, None, 60),
        (["iss=https://issuer", "sub=bob"], None, 0.5, None),
        (None, None, None, None),
    ]
