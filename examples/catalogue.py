"""A catalogue of the Python distributions on this machine, made by steps that talk JSON.

Run it: ``python examples/catalogue.py``. The steps hand each other JSON text and nothing else, as in
a workflow engine; yet they share one SQLite connection, an open log file, a lock, a compiled pattern
and a progress bar. Those stay where they are, in the registry of a session, and travel as keys.

Read `catalogue` first, then ``tools.py``, ``steps.py`` and ``pause.py``, which stops this in the middle
and goes on in another process. What is written goes to a temporary folder.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table
from rich.text import Text
from steps import Event, run_pipeline
from tools import keep_tools

from liveref import RefInfo, RegistryKey, Session

LOOKUPS: Final = Path(__file__).with_name("lookups.py")
CHECKERS: Final = {"mypy": ("--strict", "--cache-dir=cache"), "pyright": ("--pythonpath", sys.executable)}
FINDING: Final = re.compile(r":(\d+)(?::\d+)?(?: -|:) error: (.*)$", re.MULTILINE)


def found(database: sqlite3.Connection) -> Table:
    """The largest distributions, and the sum of all."""
    count, files, size = database.execute("select count(*), sum(files), sum(bytes) from distributions").fetchone()
    table = whole("name", "version", "requires", "files", "bytes", title="The ten largest distributions")
    table.caption = f"{count} distributions with {files} files, {size} bytes"
    for row in database.execute("select * from distributions order by bytes desc limit 10"):
        table.add_row(*map(str, row))
    return table


def live(refs: Iterable[RefInfo]) -> Table:
    """What may be told of the live objects: no whole key, and nothing of the objects but their types."""
    table = whole("key", "type", "lifetime", "inserted at", title="Live objects of the session")
    for ref in refs:
        table.add_row(ref.key, Text(ref.type_tag), ref.lifetime, Path(ref.where or "-").name)
    return table


def whole(*headings: str, title: str) -> Table:
    """A table that folds what is too wide for the screen, and cuts nothing."""
    return Table(*(Column(heading, overflow="fold") for heading in headings), title=title)


async def check(checker: str, folder: Path) -> dict[int, str]:
    """What a type checker flags in ``lookups.py``, as messages by line."""
    options = (*CHECKERS[checker], LOOKUPS.name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", checker, *options, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return {int(line): message.strip() for line, message in FINDING.findall(output.decode())}


async def flagged(folder: Path) -> Text:
    """The lines of ``lookups.py`` that a checker flags, each with what the checkers say below it."""
    shutil.copy(LOOKUPS, folder)  # away from the settings of this project
    found_by = dict(zip(CHECKERS, await asyncio.gather(*(check(name, folder) for name in CHECKERS)), strict=True))
    source = LOOKUPS.read_text(encoding="utf-8").splitlines()
    told = Text()
    for line in sorted({line for messages in found_by.values() for line in messages}):
        told.append(f"\n{line}: {source[line - 1].strip()}\n", style="bold")
        told.append("".join(f"  {name}: {messages.get(line, '-')}\n" for name, messages in found_by.items()))
    return told


async def catalogue(console: Console, folder: Path, watch: Callable[[str], object]) -> str:
    """Run the pipeline in a session and print what it found; how things stand once the session has ended."""
    async with Session() as session:
        tools = keep_tools(session.refs, folder, console)
        database = session.refs.get(RegistryKey.from_marker(tools["database"], sqlite3.Connection))
        with session.refs.get(RegistryKey.from_marker(tools["progress"], Progress)):
            await run_pipeline([Event("discover", tools).to_json()], watch)
        console.print(found(database), live(session.refs.describe()))
    return f"After the session: {len(session.refs)} live objects, connection closed: {is_closed(database)}."


def is_closed(database: sqlite3.Connection) -> bool:
    """Whether a connection can't be used any more."""
    try:
        database.execute("select 1")
    except sqlite3.ProgrammingError:
        return True
    return False


async def main() -> None:
    """Make the catalogue, then show the other half of the job: what type checkers know of the lookups."""
    console = Console()
    passed: list[str] = []
    console.rule("1. Steps pass JSON, and share a connection, a file and a lock")
    with TemporaryDirectory(prefix="catalogue-") as name:
        ending = await catalogue(console, Path(name), passed.append)
        console.print(f"{len(passed)} events passed from step to step, {sum(map(len, passed))} characters of JSON.")
        console.rule("2. One of those payloads: JSON, with keys for the live objects")
        console.print_json(passed[0])
        console.rule("3. What type checkers flag in lookups.py: the key knows its type")
        console.print("Running mypy and pyright; the first start of pyright may take some seconds.")
        console.print(await flagged(Path(name)))
    console.rule("4. The session has closed what it held")
    console.print(ending)


if __name__ == "__main__":
    asyncio.run(main())
