"""deepset-ai/haystack #11126, without haystack: one input that can't be written must not cost the snapshot.

There an agent's inputs held a callback. The snapshot was written all the same, with nothing in the place of
all its inputs, and could not be resumed.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest

from liveref import (
    NotJSONableError,
    Session,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    reopener,
)
from liveref.jsonable import decode, encode


@reopener("test_haystack.connect", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


def pause(session: Session, inputs: object, folder: Path, *, live: tuple[type, ...] = ()) -> None:
    """Write the inputs of a component, and then the session with what they refer to."""
    text = json.dumps(encode({"agent": {"inputs": inputs}}, registry=session.refs, live=live))
    session.save(folder / "session.liveref")
    (folder / "payload.json").write_text(text)


def resume(folder: Path) -> tuple[Session, object]:
    """A new session, as in a new process, and the inputs."""
    session = Session.resume(SessionSnapshot.read(folder / "session.liveref", trusted=True))
    payload = decode(json.loads((folder / "payload.json").read_text()), registry=session.refs)
    assert isinstance(payload, dict)
    return session, payload["agent"]["inputs"]


def a_callback() -> object:
    return lambda chunk: chunk


@pytest.mark.parametrize(
    ("made", "live", "error", "told"),
    [
        (a_callback, (), NotJSONableError, r"\$\.agent\.inputs\.more\[1\] is not JSON: found function"),
        (threading.Lock, (type(threading.Lock()),), SessionRefsNotSerializableError, "_thread:lock"),
    ],
    ids=["in-the-payload", "in-the-session"],
)
def test_an_input_that_cant_be_kept_is_told_and_what_stood_before_stays_resumable(
    made: Callable[[], object], live: tuple[type, ...], error: type[Exception], told: str, tmp_path: Path
) -> None:
    with Session() as session:
        key = session.refs.open(connect.recipe(str(tmp_path / "app.sqlite")))
        pause(session, {"db": key, "n": 1}, tmp_path)
        with pytest.raises(error, match=told):
            pause(session, {"db": key, "n": 2, "more": [0, made()]}, tmp_path, live=live)
        assert session.refs[key].execute("select 42").fetchone() == (42,)
    resumed, inputs = resume(tmp_path)
    with resumed:
        assert inputs == {"db": key, "n": 1}
        assert resumed.refs[key].execute("select 42").fetchone() == (42,)


def test_a_callback_that_travels_as_a_key_costs_nothing(tmp_path: Path) -> None:
    with Session() as session:
        pause(session, {"callback": print_chunk, "n": 1}, tmp_path, live=(FunctionType,))
    resumed, inputs = resume(tmp_path)
    with resumed:
        assert inputs == {"callback": print_chunk, "n": 1}


def print_chunk(chunk: str) -> None:
    """A callback that pickle finds again by its name."""
