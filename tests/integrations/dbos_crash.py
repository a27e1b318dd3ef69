"""A workflow without a snapshot: ``python dbos_crash.py start|again explicit|transparent FOLDER``.

The first process waits within a workflow, to be killed there; the second one recovers it. Prints what the steps saw.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from liveref import RegistryKey, Session, SnapshotKeys, reopener
from liveref.integrations.dbos import LiveRefSerializer

HALF, MODE, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


@reopener("tests.dbos_crash", finalizer=sqlite3.Connection.close)
def open_db(path: str) -> sqlite3.Connection:
    print("opened", flush=True)
    return sqlite3.connect(path, check_same_thread=False)


session = Session()
live = [sqlite3.Connection] if MODE == "transparent" else []
config: DBOSConfig = {
    "name": "crash",
    "system_database_url": f"sqlite:///{FOLDER / 'dbos.sqlite'}",
    "serializer": LiveRefSerializer(session.refs, live=live, recipes=RING),
    "notification_listener_polling_interval_sec": 0.05,
    "log_level": "WARNING",
}
DBOS(config=config)


@DBOS.step()
def connect() -> object:
    """Its result is in the database, so it is not run again."""
    key = session.refs.open(open_db.recipe(str(FOLDER / "t.db")))
    session.refs[key].executescript("create table t (n); insert into t values (6), (7)")
    return key if MODE == "explicit" else session.refs[key]


@DBOS.step()
def count(db: sqlite3.Connection | RegistryKey[sqlite3.Connection]) -> list[int]:
    db = session.refs[db] if isinstance(db, RegistryKey) else db
    return [row for (row,) in db.execute("select n from t")]


@DBOS.workflow()
def work() -> list[int]:
    db = connect()
    print("waits", flush=True)
    DBOS.recv("go on", timeout_seconds=120)
    return count(db)


def main() -> None:
    DBOS.launch()
    if HALF == "start":
        with SetWorkflowID("one"):
            DBOS.start_workflow(work)
    else:
        DBOS.send("one", "yes", "go on")
    print(DBOS.retrieve_workflow("one").get_result(), len(session.refs), flush=True)
    DBOS.destroy()
    session.close()


if __name__ == "__main__":
    main()
