"""What the steps of the catalogue share: live objects, and how each of them survives a pause."""

from __future__ import annotations

import re
import sqlite3
from _thread import LockType, allocate_lock
from collections import Counter
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from liveref import SessionRefRegistry, reopener

RECORD_LINE: Final = r"^.+,[^,\n]*,(?P<size>\d*)\r?$"


@reopener("catalogue.database", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    """Open the database: now, and again after a pause. The arguments are JSON, and the tag is for ever."""
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("create table if not exists distributions (name, version, requires, files, bytes)")
    return database


@reopener("catalogue.log", finalizer=TextIOWrapper.close)
def open_log(path: str) -> TextIOWrapper:
    """Open the log at its end."""
    return Path(path).open("a", encoding="utf-8")


class Tally:
    """How often each distribution is required by another: kept in memory, and pickled at a pause."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, requirement: str) -> None:
        """Count the distribution that a ``Requires-Dist`` line names."""
        name = re.match(r"[\w.-]+", requirement)
        self.counts.update([name[0].lower()] if name else [])


def keep_tools(refs: SessionRefRegistry, folder: Path, console: Console) -> dict[str, object]:
    """Give what the steps will need to the session, and get the keys of it as markers: plain JSON from here on.

    What a recipe opens is closed when the session ends, however it ends. A hint says more than the
    class of the object: what is looked up is a ``Pattern[str]``, not a ``Pattern``.
    """
    keys = {
        "database": refs.open(connect.recipe(str(folder / "catalogue.db"))),
        "log": refs.open(open_log.recipe(str(folder / "catalogue.log"))),
        "record_line": refs.insert(re.compile(RECORD_LINE, re.MULTILINE), re.Pattern[str]),
        "tally": refs.insert(Tally()),
    }
    return {name: key.to_marker() for name, key in keys.items()} | keep_passing_tools(refs, console)


def keep_passing_tools(refs: SessionRefRegistry, console: Console) -> dict[str, object]:
    """The tools that mean nothing in another process: no pause keeps them, each process makes its own."""
    lock = refs.insert(allocate_lock(), LockType)
    return {"lock": lock.to_marker(), "progress": refs.insert(progress_bar(console)).to_marker()}


def progress_bar(console: Console) -> Progress:
    """A bar for the distributions; where the output is no terminal, one line at the end."""
    progress = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)
    progress.add_task("distributions", total=None)
    return progress
