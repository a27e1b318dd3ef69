"""A DBOS workflow waits for an approval, its process is killed, and it goes on in a new one.

    python examples/dbos_recovery.py FOLDER           # starts the workflow; kill it once it waits
    python examples/dbos_recovery.py FOLDER approve   # recovers the workflow, and approves

The workflow and its database carry the key of a connection. The session's snapshot carries the recipe that
opens the connection again, so the key finds it in the new process too.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from liveref import RegistryKey, Session, SessionSnapshot, SnapshotKeys, reopener
from liveref.integrations.dbos import LiveRefSerializer

FOLDER = Path(sys.argv[1])
SNAPSHOT = FOLDER / "session.liveref"
SECRETS = SnapshotKeys({"2026-11": b"in earnest this comes from a vault"}, current="2026-11")


@reopener("example.orders", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    """A connection that the threads of DBOS may use."""
    return sqlite3.connect(path, check_same_thread=False)


session = Session.resume(SessionSnapshot.read(SNAPSHOT, keys=SECRETS)) if SNAPSHOT.exists() else Session()
config: DBOSConfig = {
    "name": "orders",
    "system_database_url": f"sqlite:///{FOLDER / 'dbos.sqlite'}",
    "serializer": LiveRefSerializer(session.refs),
    "notification_listener_polling_interval_sec": 0.05,
    "log_level": "WARNING",
}
DBOS(config=config)


@DBOS.step()
def add(db: RegistryKey[sqlite3.Connection], order: str) -> int:
    """Adds an order, and counts them all."""
    with session.refs[db] as connection:
        connection.execute("create table if not exists orders (name)")
        connection.execute("insert into orders values (?)", (order,))
    (count,) = connection.execute("select count(*) from orders").fetchone()
    return int(count)


@DBOS.workflow()
def order_both(db: RegistryKey[sqlite3.Connection]) -> int:
    """One order, an approval, another order."""
    add(db, "first")
    print("waiting for an approval", flush=True)
    DBOS.recv("approval", timeout_seconds=60)
    return add(db, "second")


def start() -> None:
    """Start the workflow, once the recipe of its connection is safe."""
    key = session.refs.open(connect.recipe(str(FOLDER / "orders.sqlite")))
    session.save(SNAPSHOT, keys=SECRETS)
    with SetWorkflowID("order-1"):
        DBOS.start_workflow(order_both, key)


def main() -> None:
    """Start the workflow, or approve the one that DBOS recovers."""
    DBOS.launch()
    if "approve" in sys.argv:
        DBOS.send("order-1", "yes", "approval")
    else:
        start()
    print(f"{DBOS.retrieve_workflow('order-1').get_result()} orders", flush=True)
    DBOS.destroy()
    session.close()


if __name__ == "__main__":
    main()
