"""`where` names the line of the program that uses the engine, and the engine where none of its frames calls."""

from __future__ import annotations

import sys
import threading
from asyncio import Lock
from collections.abc import Callable
from typing import Any

import pytest

from liveref import Session, SessionRefRegistry


def langgraph(registry: SessionRefRegistry) -> Callable[[object], object]:
    from liveref.integrations.langgraph import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock]).dumps_typed


def llama_index(registry: SessionRefRegistry) -> Callable[[object], object]:
    from liveref.integrations.llama_index import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock]).serialize


def dbos(registry: SessionRefRegistry) -> Callable[[object], object]:
    from liveref.integrations.dbos import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock]).serialize


def prefect(registry: SessionRefRegistry) -> Callable[[object], object]:
    from liveref.integrations.prefect import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock]).dumps


ENGINES = [langgraph, llama_index, dbos, prefect]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_write_in_the_programs_own_thread_names_its_line(
    engine: Callable[[SessionRefRegistry], Callable[[object], object]],
) -> None:
    registry = SessionRefRegistry()
    write = engine(registry)
    here = sys._getframe().f_lineno + 1
    write({"lock": Lock()})
    assert [info.where for info in registry.describe()] == [f"{__file__}:{here}"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_write_in_a_thread_of_the_engine_names_the_engine(
    engine: Callable[[SessionRefRegistry], Callable[[object], object]],
) -> None:
    registry = SessionRefRegistry()
    write = engine(registry)
    thread = threading.Thread(target=write, args=({"lock": Lock()},))
    thread.start()
    thread.join()
    assert [info.where for info in registry.describe()] == [engine.__name__]


def test_a_graph_names_the_program_or_langgraph() -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    from liveref.integrations.langgraph import LiveRefSerializer

    class State(TypedDict):
        lock: Any

    graph = StateGraph(State)
    graph.add_node("make", lambda _state: {"lock": Lock()})
    graph.add_edge(START, "make")
    graph.add_edge("make", END)
    saver = InMemorySaver(serde=LiveRefSerializer(live=[Lock]))
    with Session() as session:
        graph.compile(checkpointer=saver).invoke({"lock": None}, {"configurable": {"thread_id": "1"}})
        places = {info.where for info in session.refs.describe()}
        session.refs.drain()
    assert places
    assert all(place == "langgraph" or str(place).startswith(f"{__file__}:") for place in places)
