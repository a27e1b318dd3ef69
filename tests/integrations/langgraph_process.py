"""One half of a run on files: ``python langgraph_process.py pause|resume explicit|transparent FOLDER``.

Prints what the node saw. Each half is a process of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from liveref import RegistryKey, Session, SessionSnapshot, SnapshotKeys, current_session_registry, reopener
from liveref.integrations.langgraph import LiveRefSerializer

CONFIG: Any = {"configurable": {"thread_id": "1"}}
RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


class State(TypedDict, total=False):
    db: Any
    rows: list[int]


@reopener("tests.langgraph_process", finalizer=sqlite3.Connection.close)
def open_db(path: str) -> sqlite3.Connection:
    print("opened")
    return sqlite3.connect(path, check_same_thread=False)


async def count(state: State) -> State:
    interrupt("go on?")
    db = state["db"]
    if isinstance(db, RegistryKey):
        db = current_session_registry().get(db, sqlite3.Connection)
    return {"rows": [row for (row,) in db.execute("select n from t")]}


async def main(half: str, mode: str, folder: Path) -> None:
    session = Session()
    if half == "resume":
        session = Session.resume(SessionSnapshot.read(folder / "session", keys=RING))
    async with session, AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        saver.serde = LiveRefSerializer(live=[sqlite3.Connection] if mode == "transparent" else [])
        graph = StateGraph(State).add_node(count).add_edge(START, "count").compile(checkpointer=saver)
        if half == "resume":
            done = await graph.ainvoke(Command(resume=True), CONFIG)
            print(done["rows"], len(session.refs))
            return
        key = session.refs.open(open_db.recipe(str(folder / "t.db")))
        session.refs[key].executescript("create table t (n); insert into t values (6), (7)")
        await graph.ainvoke({"db": key if mode == "explicit" else session.refs[key]}, CONFIG)
        session.save(folder / "session", keys=RING)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
