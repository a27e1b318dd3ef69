"""What users of LangGraph reported, and what becomes of it with the serializer: each named by its public issue."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: make .venv/engines")
pandas = pytest.importorskip("pandas", reason="pandas is not installed: make .venv/engines")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

from liveref import RegistryKey, Session, SessionRefRegistry
from liveref.integrations.langgraph import LiveRefSerializer

CONFIG: Any = {"configurable": {"thread_id": "1"}}


class HttpSession:
    """A session object such as those of HTTP clients and ORMs: it holds a lock, and can't be copied or pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0

    def call(self) -> int:
        with self.lock:
            self.calls += 1
        return self.calls


def two_steps(state_class: type, first: Any, second: Any, saver: Any) -> Any:
    builder = StateGraph(state_class).add_node("first", first).add_node("second", second)
    return builder.add_edge(START, "first").add_edge("first", "second").compile(checkpointer=saver)


def test_2155_a_session_object_in_the_state() -> None:
    class State(TypedDict, total=False):
        http: HttpSession
        calls: int

    def login(_state: State) -> State:
        return {"http": HttpSession()}

    def use(state: State) -> State:
        state["http"].call()
        interrupt("go on?")
        return {"calls": state["http"].call()}

    with Session() as session:
        serde = LiveRefSerializer(session.refs, live=[HttpSession])
        graph = two_steps(State, login, use, InMemorySaver(serde=serde))
        paused = graph.invoke({}, CONFIG)
        done = graph.invoke(Command(resume=True), CONFIG)
    assert done == {"http": paused["http"], "calls": 3}  # the node began anew, with the same object


def test_3441_an_object_in_configurable(tmp_path: Path) -> None:
    class State(TypedDict, total=False):
        calls: Annotated[list[int], lambda old, new: old + new]

    def use(_state: State, config: RunnableConfig) -> State:
        configurable = config.get("configurable", {})
        http = registry.get(RegistryKey.parse(configurable["http"], HttpSession))
        return {"calls": [http.call()]}

    registry = SessionRefRegistry()
    key = registry.insert(HttpSession())
    config: Any = {"configurable": {"thread_id": "1", "http": str(key)}}
    with closing(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False)) as file:
        graph = two_steps(State, use, use, SqliteSaver(file, serde=LiveRefSerializer(registry)))
        assert graph.invoke({}, config) == {"calls": [1, 2]}
        metadata = graph.get_state(config).metadata
    assert metadata["http"] == str(key)  # the text of the key is all that LangGraph keeps


@pytest.mark.parametrize("mode", ["explicit", "transparent"])
def test_5891_a_live_value_in_a_send(mode: str) -> None:
    class State(TypedDict, total=False):
        http: Any
        calls: Annotated[list[int], lambda old, new: old + new]

    def plan(_state: State) -> Command[str]:
        return Command(goto=[Send("use", {"http": key if mode == "explicit" else http}) for _ in range(3)])

    def use(state: State) -> State:
        interrupt("go on?")
        found = session.refs[key] if state["http"] == key else state["http"]
        assert found is http
        return {"calls": [found.call()]}

    with Session() as session:
        http = HttpSession()
        key = session.refs.insert(http)
        serde = LiveRefSerializer(session.refs, live=[HttpSession] if mode == "transparent" else [])
        builder = StateGraph(State).add_node("plan", plan, destinations=("use",)).add_node("use", use)
        graph = builder.add_edge(START, "plan").compile(checkpointer=InMemorySaver(serde=serde))
        paused = graph.invoke({}, CONFIG)
        answers = {each.id: True for each in paused["__interrupt__"]}
        assert len(answers) == 3
        assert sorted(graph.invoke(Command(resume=answers), CONFIG)["calls"]) == [1, 2, 3]
        assert session.refs.keys() == [key]


def test_4322_a_data_frame_in_the_state() -> None:
    class State(TypedDict, total=False):
        frame: Any
        total: int

    def load(_state: State) -> State:
        return {"frame": pandas.DataFrame({"n": [1, 2, 3]})}

    def add(state: State) -> State:
        interrupt("go on?")
        return {"total": int(state["frame"]["n"].sum())}

    with Session() as session:
        serde = LiveRefSerializer(session.refs, live=[pandas.DataFrame])
        graph = two_steps(State, load, add, InMemorySaver(serde=serde))
        frame = graph.invoke({}, CONFIG)["frame"]
        frame.loc[len(frame)] = 36  # changed in place during the pause: the state holds the frame, not a copy
        done = graph.invoke(Command(resume=True), CONFIG)
        assert done["frame"] is frame
    assert done["total"] == 42
