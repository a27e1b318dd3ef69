"""``python -m liveref inspect``: what is in a snapshot, without loading it."""

from __future__ import annotations

import json
import pickle
import threading
import warnings
from pathlib import Path

import pytest

from liveref import RefLifetime, Session, SessionPausePolicy, SessionSnapshot, SnapshotKeys, reopener
from liveref.__main__ import main

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
        session.refs.insert(Canary(str(tmp_path / "canary")))
        session.refs.insert(threading.Lock())
        session.refs.insert({"pool": 1}, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
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
        ["recipe", "0", "bytes", "builtins:str"],
        ["pickle", rows[1].split()[1], "bytes", f"{__name__}:Canary"],
    ]
    assert rows[2] == "_thread:lock  a _thread.lock can't be pickled"
    assert rows[3] == "builtins:dict"


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
