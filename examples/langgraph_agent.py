"""A LangGraph agent that works on a live SQLite connection, asks before it changes anything, and survives a pause.

Run it: ``python examples/langgraph_agent.py``. Instead of a language model there is a function, `plan`, so that it
runs without network and always the same. The state of the graph holds a *key* of the connection, typed as
``RegistryKey[Connection]``: that goes into every checkpoint, the connection stays in the registry of the session.

The first half of the run ends with its session, as a process ends at a pause. The second half knows nothing but
two files: LangGraph's checkpoints and the snapshot of the session, by whose recipe the connection opens again.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Final, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from liveref import RegistryKey, Session, SessionSnapshot, SnapshotKeys, current_session_registry, reopener
from liveref.integrations.langgraph import LiveRefSerializer

THREAD: Final = RunnableConfig(configurable={"thread_id": "restock"})


class Request(TypedDict):
    """What the agent is asked, and the key of what it works on."""

    db: RegistryKey[Connection]
    request: str


class State(Request):
    """What goes from node to node, and into checkpoints."""

    sql: str
    below: int
    approved: bool
    answer: str


@reopener("examples.shop", finalizer=Connection.close)
def open_shop(path: str) -> Connection:
    """The shop's database; nodes may run in threads of LangGraph's."""
    return sqlite3.connect(path, check_same_thread=False)


def shop(state: State) -> Connection:
    """The live connection: for a checker it is a Connection, and at run time it was checked to be one."""
    return current_session_registry().get(state["db"])


def plan(state: State) -> dict[str, object]:
    """What a model would do: look at the tables and turn the request into SQL."""
    below = int(re.sub(r"\D", "", state["request"]))
    rows: list[tuple[str]] = shop(state).execute("select name from articles where stock < ?", (below,)).fetchall()
    print(f"plan:     {len(rows)} articles are below {below}")
    return {"sql": "update articles set stock = 100 where stock < ?", "below": below}


def approve(state: State) -> dict[str, object]:
    """Ask a human; here the graph pauses."""
    answer: str = interrupt({"run this?": state["sql"], "with": state["below"]})
    return {"approved": answer == "yes"}


def run(state: State) -> dict[str, object]:
    """Run what was approved."""
    if not state["approved"]:
        return {"answer": "left as it was"}
    with shop(state) as db:
        return {"answer": f"{db.execute(state['sql'], (state['below'],)).rowcount} articles changed"}


def agent(checkpoints: sqlite3.Connection) -> CompiledStateGraph[State, None, Request, State]:
    """The graph; its checkpoints are read and written with keys in them."""
    builder = StateGraph(State, input_schema=Request)
    builder.add_node("plan", plan)
    builder.add_node("approve", approve)
    builder.add_node("run", run)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "approve")
    builder.add_edge("approve", "run")
    builder.add_edge("run", END)
    return builder.compile(checkpointer=SqliteSaver(checkpoints, serde=LiveRefSerializer()))


def stock(path: Path) -> str:
    """The articles and how many there are of each."""
    with closing(sqlite3.connect(path)) as db:
        rows: list[tuple[str, int]] = db.execute("select name, stock from articles order by name").fetchall()
    return ", ".join(f"{name} {number}" for name, number in rows)


def first_half(folder: Path, keys: SnapshotKeys) -> None:
    """Until the pause. The session closes the connection at its end."""
    with Session() as session, closing(sqlite3.connect(folder / "checkpoints.db", check_same_thread=False)) as file:
        key = session.refs.open(open_shop.recipe(str(folder / "shop.db")))
        request = Request(db=key, request="restock everything below 10")
        paused = agent(file).invoke(request, THREAD, version="v2")
        print(f"paused:   {paused.interrupts[0].value}")
        print(f"state:    db is {paused.value['db']!r}")
        session.save(folder / "session.liveref", keys=keys)


def second_half(folder: Path, keys: SnapshotKeys) -> None:
    """From the pause on. The connection opens at the first lookup, under the key of the checkpoints."""
    snapshot = SessionSnapshot.read(folder / "session.liveref", keys=keys)
    print(f"snapshot: {[f'{ref.type_tag} by {ref.how}' for ref in snapshot.refs]}")
    with (
        Session.resume(snapshot) as session,
        closing(sqlite3.connect(folder / "checkpoints.db", check_same_thread=False)) as file,
    ):
        graph = agent(file)
        done = graph.invoke(Command(resume="yes"), THREAD, version="v2")
        print(f"resumed:  {done.value['answer']}")
        print(f"history:  {len(list(graph.get_state_history(THREAD)))} checkpoints, {len(session.refs)} live object")


def main() -> None:
    """Both halves, in a temporary folder."""
    keys = SnapshotKeys({"today": secrets.token_bytes(32)}, current="today")
    with TemporaryDirectory(prefix="agent-") as name:
        folder = Path(name)
        with closing(open_shop(str(folder / "shop.db"))) as db:
            db.execute("create table articles (name, stock)")
            db.executemany("insert into articles values (?, ?)", [("nails", 7), ("screws", 250), ("tacks", 0)])
            db.commit()
        print(f"before:   {stock(folder / 'shop.db')}")
        first_half(folder, keys)
        second_half(folder, keys)
        print(f"after:    {stock(folder / 'shop.db')}")


if __name__ == "__main__":
    main()
