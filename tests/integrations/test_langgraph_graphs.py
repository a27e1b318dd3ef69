"""Real graphs with real savers: pause, resume, fork, time travel, subgraphs, stores."""

from __future__ import annotations

import asyncio
import operator
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: make .venv/engines")

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, interrupt

from liveref import (
    NotJSONableError,
    RefReleasedError,
    RegistryKey,
    Session,
    SnapshotKeys,
    current_session_registry,
    reopener,
)
from liveref.integrations.langgraph import LiveRefSerializer

Connection = sqlite3.Connection
CONFIG: Any = {"configurable": {"thread_id": "1"}}
MakeSaver = Callable[[LiveRefSerializer], BaseCheckpointSaver]


class State(TypedDict, total=False):
    db: Connection
    answer: str
    seen: Annotated[list[tuple[str, Connection]], operator.add]


def open_db(_state: State) -> State:
    return {"db": sqlite3.connect(":memory:", check_same_thread=False)}


def ask(state: State) -> State:
    return {"answer": interrupt({"db": state["db"], "question": "go on?"}), "seen": [("ask", state["db"])]}


def fan_out(state: State) -> list[Send]:
    return [Send("work", {"db": state["db"], "answer": str(number)}) for number in range(2)]


def work(state: State) -> Command[str]:
    return Command(update={"seen": [(f"work {state['answer']}", state["db"])]})


def graph_with(saver: BaseCheckpointSaver) -> Any:
    builder = StateGraph(State)
    for node in (open_db, ask, work):
        builder.add_node(node)
    builder.add_edge(START, "open_db").add_edge("open_db", "ask")
    builder.add_conditional_edges("ask", fan_out, ["work"])
    return builder.compile(checkpointer=saver)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session
        for key in session.refs:
            if isinstance(session.refs.get_any(key), Connection):
                session.refs.get(key, Connection).close()


@pytest.fixture(params=["memory", "sqlite"])
def make_saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeSaver]:
    if request.param == "memory":
        yield lambda serde: InMemorySaver(serde=serde)
        return
    with closing(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False)) as file:
        yield lambda serde: SqliteSaver(file, serde=serde)


def seen_by(result: Any, db: Connection) -> list[str]:
    """The nodes, each of which saw the very connection."""
    assert all(seen is db for _, seen in result["seen"])
    return [node for node, _ in result["seen"]]


def test_a_live_object_is_itself_after_a_pause(make_saver: MakeSaver, session: Session) -> None:
    graph = graph_with(make_saver(LiveRefSerializer(live=[Connection])))
    paused = graph.invoke({}, CONFIG)
    [question] = paused["__interrupt__"]
    assert question.value["db"] is paused["db"]
    assert graph.get_state(CONFIG).interrupts[0].value["db"] is paused["db"]
    resumed = graph.invoke(Command(resume="yes"), CONFIG)
    assert resumed["answer"] == "yes"
    assert seen_by(resumed, paused["db"]) == ["ask", "work 0", "work 1"]
    assert len(session.refs) == 1


def test_so_it_is_with_the_asynchronous_saver_on_a_file(tmp_path: Path, session: Session) -> None:
    async def run() -> None:
        async with saver_on(tmp_path / "checkpoints.db", LiveRefSerializer(live=[Connection])) as saver:
            graph = graph_with(saver)
            paused = await graph.ainvoke({}, CONFIG)
            resumed = await graph.ainvoke(Command(resume="yes"), CONFIG)
            assert seen_by(resumed, paused["db"]) == ["ask", "work 0", "work 1"]
            states = [state async for state in graph.aget_state_history(CONFIG)]
            assert {state.values.get("db", paused["db"]) for state in states} == {paused["db"]}

    asyncio.run(run())
    assert len(session.refs) == 1


@asynccontextmanager
async def saver_on(path: Path, serde: LiveRefSerializer) -> AsyncIterator[AsyncSqliteSaver]:
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        saver.serde = serde
        yield saver


class Keys(TypedDict, total=False):
    db: RegistryKey[Connection]
    rows: int


def test_explicit_mode_carries_keys(make_saver: MakeSaver, session: Session) -> None:
    def count(state: Keys) -> Keys:
        interrupt("go on?")
        db = current_session_registry().get(state["db"])
        return {"rows": db.execute("select count(*) from t").fetchone()[0]}

    builder = StateGraph(Keys).add_node(count).add_edge(START, "count")
    graph = builder.compile(checkpointer=make_saver(LiveRefSerializer()))
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.executescript("create table t (n); insert into t values (1), (2)")
    key = session.refs.insert(db)
    graph.invoke({"db": key}, CONFIG)
    assert graph.invoke(Command(resume=True), CONFIG) == {"db": key, "rows": 2}
    assert graph.get_state(CONFIG).values["db"].hint is Connection


def test_a_fork_shares_the_object(make_saver: MakeSaver, session: Session) -> None:
    graph = graph_with(make_saver(LiveRefSerializer(live=[Connection])))
    db = graph.invoke({}, CONFIG)["db"]
    graph.invoke(Command(resume="yes"), CONFIG)
    [asked] = [state for state in graph.get_state_history(CONFIG) if state.next == ("ask",)]
    assert asked.values["db"] is db
    fork = graph.update_state(asked.config, {"seen": [("fork", db)]})
    assert seen_by(graph.invoke(Command(resume="no"), fork), db) == ["fork", "ask", "work 0", "work 1"]
    assert len(session.refs) == 1


def test_time_travel_runs_again_with_the_same_object(make_saver: MakeSaver, session: Session) -> None:
    graph = graph_with(make_saver(LiveRefSerializer(live=[Connection])))
    db = graph.invoke({}, CONFIG)["db"]
    graph.invoke(Command(resume="yes"), CONFIG)
    [working] = [state for state in graph.get_state_history(CONFIG) if state.next == ("work", "work")]
    assert [task.state for task in working.tasks] == [None, None]
    assert seen_by(graph.invoke(None, working.config), db) == ["ask", "work 0", "work 1"]


def test_another_object_in_a_fork_leaves_the_past_as_it_was(make_saver: MakeSaver, session: Session) -> None:
    graph = graph_with(make_saver(LiveRefSerializer(live=[Connection])))
    db = graph.invoke({}, CONFIG)["db"]
    before = graph.get_state(CONFIG)
    other = sqlite3.connect(":memory:", check_same_thread=False)
    fork = graph.update_state(before.config, {"db": other})
    assert graph.get_state(fork).values["db"] is other
    assert graph.get_state(before.config).values["db"] is db
    assert len(session.refs) == 2


def test_a_checkpoint_of_a_ref_that_is_gone_says_so_or_gives_the_key(session: Session) -> None:
    saver = InMemorySaver(serde=LiveRefSerializer(live=[Connection]))
    db = graph_with(saver).invoke({}, CONFIG)["db"]
    [key] = session.refs
    session.refs.release(key)
    db.close()
    with pytest.raises(RefReleasedError):
        graph_with(saver).get_state(CONFIG)
    saver.serde = LiveRefSerializer(live=[Connection], missing="key")
    assert graph_with(saver).get_state(CONFIG).values["db"] == key


def test_a_subgraph_gets_and_returns_the_object(make_saver: MakeSaver, session: Session) -> None:
    inside = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
    builder = StateGraph(State).add_node(open_db).add_node("inside", inside)
    builder.add_edge(START, "open_db").add_edge("open_db", "inside")
    graph = builder.compile(checkpointer=make_saver(LiveRefSerializer(live=[Connection])))
    db = graph.invoke({}, CONFIG)["db"]
    [task] = graph.get_state(CONFIG, subgraphs=True).tasks
    assert task.state.values["db"] is db
    assert seen_by(graph.invoke(Command(resume="yes"), CONFIG), db) == ["ask"]


def test_a_store_takes_the_text_of_a_key(make_saver: MakeSaver, session: Session) -> None:
    def keep(state: Keys, *, store: BaseStore) -> Keys:
        store.put(("tools",), "db", state["db"].to_marker())
        return {}

    def use(_state: Keys, *, store: BaseStore) -> Keys:
        item = store.get(("tools",), "db")
        assert item is not None
        key = RegistryKey.from_marker(item.value, Connection)
        return {"rows": current_session_registry().get(key).execute("select 6 * 7").fetchone()[0]}

    builder = StateGraph(Keys).add_node(keep).add_node(use).add_edge(START, "keep").add_edge("keep", "use")
    graph = builder.compile(checkpointer=make_saver(LiveRefSerializer()), store=InMemoryStore())
    key = session.refs.insert(sqlite3.connect(":memory:", check_same_thread=False))
    assert graph.invoke({"db": key}, CONFIG)["rows"] == 42


def test_what_cannot_be_carried_stops_the_run_with_its_path(session: Session, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False)) as file:
        graph = graph_with(SqliteSaver(file, serde=LiveRefSerializer()))
        db = sqlite3.connect(":memory:", check_same_thread=False)
        session.refs.insert(db)
        with pytest.raises(NotJSONableError, match=rf"^\$\.channel_values\.__start__\.db .*{__file__}:\d+"):
            graph.invoke({"db": db}, CONFIG)


STRICT = """
import dataclasses, sqlite3, sys
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from liveref import Session
from liveref.integrations.langgraph import LiveRefSerializer

@dataclasses.dataclass
class Deps:
    db: sqlite3.Connection

class State(TypedDict):
    deps: Deps

def ask(state: State) -> State:
    interrupt("go on?")
    return {"deps": Deps(state["deps"].db)}

config = {"configurable": {"thread_id": "1"}}
with Session() as session:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    serde = LiveRefSerializer(live=[sqlite3.Connection])
    if "encrypted" in sys.argv:
        serde = EncryptedSerializer.from_pycryptodome_aes(serde, key=b"k" * 16)
    graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile(checkpointer=InMemorySaver(serde=serde))
    graph.invoke({"deps": Deps(db)}, config)
    assert graph.invoke(Command(resume=True), config) == {"deps": Deps(db)}
    db.close()
"""


@pytest.mark.parametrize("mode", ["plain", "encrypted"])
def test_with_the_strict_setting_the_classes_of_the_state_are_allowed(mode: str) -> None:
    environment = {**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STRICT, mode],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("mode", ["explicit", "transparent"])
def test_in_a_new_process_the_object_opens_again_by_its_recipe(mode: str, tmp_path: Path) -> None:
    told = []
    for half in ("pause", "resume"):
        program = [
            sys.executable,
            "-W",
            "error",
            Path(__file__).with_name("langgraph_process.py"),
            half,
            mode,
            tmp_path,
        ]
        done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        told.append(done.stdout.splitlines())
    assert told == [["opened"], ["opened", "[6, 7] 1"]]


@pytest.mark.parametrize("mode", ["explicit", "transparent"])
def test_a_run_that_is_killed_between_two_checkpoints_comes_back_without_a_snapshot(mode: str, tmp_path: Path) -> None:
    program = [sys.executable, "-W", "error", Path(__file__).with_name("langgraph_crash.py")]
    with subprocess.Popen(
        [*program, "start", mode, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert [first.stdout.readline() for _ in range(2)] == ["opened\n", "waits\n"]
        first.kill()
    assert first.returncode != 0
    told = []
    for half in ("again", "turn"):
        done = subprocess.run(
            [*program, half, mode, tmp_path], capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        told.append(done.stdout.splitlines())
    assert told == [["opened", "[6, 7] 1"], ["opened", "[7] 1"]]


class Turn(TypedDict, total=False):
    asked: str
    db: Any
    lock: Any


@reopener("tests.langgraph_graphs.memory", finalizer=Connection.close)
def memory(name: str) -> Connection:
    return sqlite3.connect(name, check_same_thread=False)


def test_a_second_turn_finds_what_has_a_recipe_and_the_key_of_what_has_none() -> None:
    saver = InMemorySaver()
    ring = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")

    def look(state: Turn) -> Turn:
        refs = current_session_registry()
        if "db" not in state:
            return {"db": refs[refs.open(memory.recipe(":memory:"))], "lock": threading.Lock()}
        assert state["db"].execute("select 42").fetchone() == (42,)
        return {"lock": threading.Lock()} if isinstance(state["lock"], RegistryKey) else {}

    turns = []
    for turn in ("first", "second", "third"):
        with Session() as session:
            live = [Connection, type(threading.Lock())]
            saver.serde = LiveRefSerializer(session.refs, live=live, missing="key", recipes=ring)
            graph = StateGraph(Turn).add_node(look).add_edge(START, "look").compile(checkpointer=saver)
            turns.append(graph.invoke({"asked": turn}, CONFIG))
    assert [type(turn["db"]) for turn in turns] == [Connection] * 3
    assert len({id(turn["db"]) for turn in turns}) == 3
    assert [type(turn["lock"]) for turn in turns] == [type(threading.Lock())] * 3
