"""A LangGraph whose state holds keys of an engine: its nodes look them up in the session's own registry."""

from __future__ import annotations

from typing import TypedDict

import pytest

from liveref import Pinned, RegistryKey, Session
from liveref.engine import LocalEngine

pytest.importorskip("langgraph", reason="needs liveref[langgraph]")


class State(TypedDict):
    rows: RegistryKey[list[int]]
    items: RegistryKey[Pinned[list[int]]]
    total: int


@pytest.mark.parametrize("strict", [False, True])
def test_nodes_find_the_refs_of_an_engine_before_and_after_a_checkpoint(strict: bool) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph

    from liveref.integrations.langgraph import LiveRefSerializer

    with LocalEngine(strict=strict) as engine, engine.session() as home, Session(engine=engine) as session:

        def add(state: State) -> dict[str, int]:
            more = session.refs[state["items"]].run(sum)
            return {"total": state["total"] + sum(session.refs[state["rows"]]) + more}

        graph = StateGraph(State)
        graph.add_node("first", add)
        graph.add_node("second", add)
        graph.add_edge(START, "first")
        graph.add_edge("first", "second")
        graph.add_edge("second", END)
        saver = InMemorySaver(serde=LiveRefSerializer(session.refs))
        app = graph.compile(checkpointer=saver, interrupt_before=["second"])
        start: State = {"rows": home.refs.insert([1, 2]), "items": home.refs.create(lambda: [10]), "total": 0}
        thread = {"configurable": {"thread_id": "1"}}
        assert app.invoke(start, thread)["total"] == 13
        assert app.invoke(None, thread)["total"] == 26
