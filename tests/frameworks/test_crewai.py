"""CrewAI: keys in the state of a flow that is persisted in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from liveref import RegistryKey, Session, SessionSnapshot, current_session_registry, reopener

pytest.importorskip("crewai", reason="has an environment of its own: make frameworks")

from crewai.flow.flow import Flow, listen, start  # noqa: E402
from crewai.flow.persistence import SQLiteFlowPersistence, persist  # noqa: E402
from crewai.tools import BaseTool  # noqa: E402


@reopener("tests.crewai.db", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False)


class State(BaseModel):
    id: str = ""
    db: RegistryKey[sqlite3.Connection] | None = None
    answer: int = 0


class Typed(Flow[State]):
    @start()
    def open(self) -> None:
        self.state.db = self.state.db or current_session_registry().open(connect.recipe(":memory:"))

    @listen(open)
    def query(self) -> None:
        assert self.state.db is not None
        self.state.answer = ask(self.state.db)


class Loose(Flow[dict[str, Any]]):
    @start()
    def open(self) -> None:
        if "db" not in self.state:
            self.state["db"] = current_session_registry().open(connect.recipe(":memory:"))

    @listen(open)
    def query(self) -> None:
        self.state["answer"] = ask(self.state["db"])


def ask(found: object) -> int:
    key = RegistryKey.read(found, sqlite3.Connection)
    return current_session_registry().get(key).execute("select 6 * 7").fetchone()[0]


def run(flow: Any, of: str | None = None) -> dict[str, Any]:
    """The state at the end of a flow, which goes on with that of another."""
    made = flow(suppress_flow_events=True)
    made.kickoff(inputs=None if of is None else {"id": of})
    return made.state.model_dump() if isinstance(made.state, BaseModel) else dict(made.state)


def written(file: Path, of: str) -> list[Any]:
    """The keys of all states of a flow in the file."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("select state_json from flow_states where flow_uuid = ?", (of,)).fetchall()
    return [json.loads(text)["db"] for (text,) in rows]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the flows are persisted: a class keeps the file that it was given first."""
    file = tmp_path_factory.mktemp("crewai") / "flows.db"
    for flow in (Typed, Loose):
        persist(SQLiteFlowPersistence(str(file)))(flow)
    return file


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


def test_a_state_with_a_key_is_read_back(session: Session, file: Path) -> None:
    first = run(Typed)
    again = run(Typed, first["id"])
    assert again == first == {"id": first["id"], "db": first["db"], "answer": 42}
    (key,) = session.refs
    assert first["db"] == key
    found = written(file, first["id"])
    assert found
    assert all(each == key.to_marker(typed=True) for each in found)


def test_a_state_that_is_a_dict_gives_the_text_of_a_key(session: Session, file: Path) -> None:
    first = run(Loose)
    again = run(Loose, first["id"])
    (key,) = session.refs
    assert (first["db"], again["db"], again["answer"]) == (key, str(key), 42)


def test_a_key_opens_what_was_resumed(session: Session, file: Path) -> None:
    first = run(Typed)
    saved = session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(saved, trusted=True)) as resumed:
        assert run(Typed, first["id"])["db"] == first["db"]
        assert first["db"] in resumed.refs


@pytest.mark.parametrize("wrong", ["nonsense", RegistryKey.new(str).to_marker(typed=True)], ids=["no key", "another"])
def test_a_state_with_what_is_no_key_of_the_type_is_not_taken_up(session: Session, file: Path, wrong: Any) -> None:
    SQLiteFlowPersistence(str(file)).save_state("wrong", "open", {"id": "wrong", "db": wrong})
    with pytest.raises(ValidationError, match="not a session reference"):
        run(Typed, "wrong")
    assert session.refs.is_empty()


class Arguments(BaseModel):
    db: RegistryKey[sqlite3.Connection]


class Query(BaseTool):
    name: str = "query"
    description: str = "Ask a database."
    args_schema: type[BaseModel] = Arguments

    def _run(self, db: RegistryKey[sqlite3.Connection]) -> str:
        return str(ask(db))


def test_a_tool_takes_a_key(session: Session) -> None:
    key = session.refs.open(connect.recipe(":memory:"))
    assert Query().run(db=str(key)) == Query().run(db=key.to_marker()) == "42"


def test_a_tool_tells_of_what_is_no_key_without_an_echo() -> None:
    key = RegistryKey.new(sqlite3.Connection)
    with pytest.raises(ValueError, match="not a session reference") as caught:
        Query().run(db=str(key).upper())
    assert str(key)[:8] not in str(caught.value).lower()
