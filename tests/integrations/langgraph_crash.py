"""A run without a snapshot: ``python langgraph_crash.py start|again|turn explicit|transparent FOLDER``.

The one that starts waits between two checkpoints, to be killed there; the next two go on, and take a second turn. Prints
what the nodes saw. Each is a process of its own.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

from liveref import RegistryKey, Session, SnapshotKeys, current_session_registry, reopener
from liveref.integrations.langgraph import LiveRefSerializer

HALF, MODE, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
CONFIG: Any = {"configurable": {"thread_id": "1"}}
RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


class State(TypedDict, total=False):
    db: Any
    asked: int
    found: list[int]


@reopener("tests.langgraph_crash", finalizer=sqlite3.Connection.close)
def open_db(path: str) -> sqlite3.Connection:
    print("opened", flush=True)
    return sqlite3.connect(path, check_same_thread=False)


def connect(state: State) -> State:
    """The first checkpoint holds what this opens; a later turn finds it there."""
    if "db" in state:
        return {}
    refs = current_session_registry()
    key = refs.open(open_db.recipe(str(FOLDER / "t.db")))
    refs[key].executescript("create table t (n); insert into t values (6), (7)")
    return {"db": key if MODE == "explicit" else refs[key]}


def count(state: State) -> State:
    """Waits to be killed, the first time."""
    if HALF == "start":
        print("waits", flush=True)
        sys.stdin.read()
    db = state["db"]
    if isinstance(db, RegistryKey):
        db = current_session_registry().get(db, sqlite3.Connection)
    return {"found": [row for (row,) in db.execute("select n from t where n > ?", (state["asked"],))]}


def main() -> None:
    checkpoints = sqlite3.connect(FOLDER / "checkpoints.db", check_same_thread=False)
    with Session() as session:
        live = [sqlite3.Connection] if MODE == "transparent" else []
        serde = LiveRefSerializer(session.refs, live=live, recipes=RING)
        builder = StateGraph(State).add_node(connect).add_node(count).add_edge(START, "connect")
        graph = builder.add_edge("connect", "count").compile(checkpointer=SqliteSaver(checkpoints, serde=serde))
        asked: Any = {"start": {"asked": 0}, "again": None, "turn": {"asked": 6}}[HALF]
        done = graph.invoke(asked, CONFIG, durability="sync")
        print(done["found"], len(session.refs), flush=True)
    checkpoints.close()


if __name__ == "__main__":
    main()
