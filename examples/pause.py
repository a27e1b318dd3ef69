"""The catalogue, paused in the middle and finished by another process.

Run it: ``python examples/pause.py``. Half of the events are worked on; then the live objects go into a
signed snapshot, and the events that are left into a JSON file. A second process takes up both, and the
result is compared with that of a run that nobody interrupted.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import warnings
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from steps import Event, run_pipeline
from tools import Tally, keep_passing_tools, keep_tools

from liveref import (
    RefDroppedError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    SnapshotKeys,
)

VARIABLE: Final = "CATALOGUE_SECRET"
"""The environment variable that holds the secret."""
SNAPSHOT, EVENTS, RESULT = "session.liveref", "events.json", "result.json"


def main() -> None:
    """Run the catalogue twice, with and without a pause, and compare."""
    console = Console()
    if sys.argv[1:2] == ["resume"]:
        asyncio.run(resume(console, Path(sys.argv[2])))
        return
    os.environ.setdefault(VARIABLE, secrets.token_hex(32))
    with TemporaryDirectory(prefix="catalogue-") as name:
        whole, halves = Path(name, "whole"), Path(name, "halves")
        whole.mkdir()
        halves.mkdir()
        console.rule("5. The same catalogue in one go, to compare with")
        asyncio.run(run(console, whole))
        console.rule("6. Half of it: then everything goes into a signed file")
        asyncio.run(pause(console, halves))
        console.rule("7. The rest, taken up by another process")
        subprocess.run([sys.executable, __file__, "resume", str(halves)], check=True)  # noqa: S603  this very file
        console.rule("8. The result: as if nobody had interrupted")
        console.print(compared(whole, halves))


async def run(console: Console, folder: Path) -> None:
    """The catalogue without a pause."""
    async with Session() as session:
        tools = keep_tools(session.refs, folder, console)
        await run_pipeline([Event("discover", tools).to_json()], len)
        write_result(session, tools, folder)


async def pause(console: Console, folder: Path) -> None:
    """Work on about half of the events, and keep the rest and the live objects in two files."""
    half = 2 * len(list(distributions()))
    async with Session() as session:
        tools = keep_tools(session.refs, folder, console)
        left = await run_pipeline([Event("discover", tools).to_json()], len, limit=half)
        (folder / EVENTS).write_text(json.dumps(left), encoding="utf-8")
        save(session, console, folder / SNAPSHOT)
        console.print(f"Paused after {half} events. {len(left)} are left, and this goes into the snapshot:")
        console.print(captured(SessionSnapshot.read(folder / SNAPSHOT, keys=signing_keys())))


def save(session: Session, console: Console, path: Path) -> None:
    """Save the session. What can't be kept is told by name: nothing is lost without a word."""
    try:
        session.save(path, keys=signing_keys())
    except SessionRefsNotSerializableError as error:
        for failure in error.failures:
            console.print(f"refused: {failure}", markup=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        session.save(path, keys=signing_keys(), policy=SessionPausePolicy.PICKLE_OR_DROP)
    for warning in told:
        console.print(f"{warning.category.__name__}: {warning.message}", markup=False)


async def resume(console: Console, folder: Path) -> None:
    """Take the session and the events up again, in a process that has never seen them."""
    snapshot = SessionSnapshot.read(folder / SNAPSHOT, keys=signing_keys())
    events = [Event.from_json(text) for text in json.loads((folder / EVENTS).read_text("utf-8"))]
    async with Session.resume(snapshot) as session:
        tools = events[0].keys
        try:
            session.refs.get(RegistryKey.from_marker(tools["progress"], Progress))
        except RefDroppedError as error:
            console.print(f"RefDroppedError: {error}", markup=False)
        fresh = keep_passing_tools(session.refs, console)
        going_on = [Event(event.step, event.keys | fresh, event.facts).to_json() for event in events]
        await run_pipeline(going_on, len)
        write_result(session, tools, folder)
    console.print(f"{len(events)} events taken up in process {os.getpid()}, and finished.")


def signing_keys() -> SnapshotKeys:
    """The secret that signs the snapshot: loading a pickle runs what it names, so who wrote it matters."""
    return SnapshotKeys({"demo": bytes.fromhex(os.environ[VARIABLE])}, current="demo")


def captured(snapshot: SessionSnapshot) -> Table:
    """What a snapshot holds, by type."""
    table = Table("type", "refs", "kept by", "bytes", title=f"Snapshot, signed with key {snapshot.key_name!r}")
    for kind in sorted({(ref.type_tag, ref.how) for ref in snapshot.refs}):
        sizes = [ref.size for ref in snapshot.refs if (ref.type_tag, ref.how) == kind]
        table.add_row(kind[0], str(len(sizes)), kind[1], f"{sum(sizes):,}")
    return table


def write_result(session: Session, tools: dict[str, object], folder: Path) -> None:
    """What a run has found: the rows of the database, and the tally of the session."""
    database = session.refs.get(RegistryKey.from_marker(tools["database"], sqlite3.Connection))
    tally = session.refs.get(RegistryKey.from_marker(tools["tally"], Tally))
    rows = sorted(database.execute("select * from distributions"))
    result = {"rows": rows, "required": sorted(tally.counts.items())}
    (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")


def compared(*folders: Path) -> Table:
    """What the runs have found, and whether it is the same."""
    texts = [(folder / RESULT).read_text("utf-8") for folder in folders]
    equal = "equal" if len(set(texts)) == 1 else "DIFFERENT"
    table = Table("run", "distributions", "required most", title=f"With and without a pause: {equal}")
    for folder, text in zip(folders, texts, strict=True):
        result: dict[str, list[list[object]]] = json.loads(text)
        most = max(result["required"], key=lambda row: int(str(row[1])))
        table.add_row(folder.name, str(len(result["rows"])), f"{most[0]}, by {most[1]}")
    return table


if __name__ == "__main__":
    main()
