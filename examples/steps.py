"""The steps of the catalogue: functions from one event to the next events.

A step knows nothing of the other steps, and gets nothing but an event that has been JSON text. What
it needs of the live world (a connection, a lock, …) it looks up by the keys in the event.
"""

from __future__ import annotations

import asyncio
import dataclasses
import email
import json
import re
import sqlite3
import sys
from _thread import LockType
from collections.abc import Awaitable, Callable, Iterable, Iterator
from importlib.metadata import distributions
from typing import Final, TextIO

from rich.progress import Progress
from tools import Tally
from typing_extensions import TypeIs

from liveref import RegistryKey, current_session_registry

FILES: Final = ("METADATA", "PKG-INFO", "RECORD", "WHEEL", "entry_points.txt")
"""The files read of every distribution, where it has them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A distribution, of whatever class: packages may bring one of their own."""

    read_text: Callable[[str], str | None]
    """Gives the text of a file that belongs to it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """What one step hands to the next: which step is next, the keys of live objects, and plain facts."""

    step: str
    keys: dict[str, object]
    facts: dict[str, object] = dataclasses.field(default_factory=dict[str, object])

    def to_json(self) -> str:
        """The event as it travels: a key is in there as its marker, a small dict like any other."""
        return json.dumps({"step": self.step, "keys": self.keys, "facts": self.facts})

    @classmethod
    def from_json(cls, text: str) -> Event:
        """The event that a text holds. Nothing is looked up: a step asks for what it needs."""
        event: object = json.loads(text)
        if is_json_object(event):
            step, keys, facts = event.get("step"), event.get("keys"), event.get("facts")
            if isinstance(step, str) and is_json_object(keys) and is_json_object(facts):
                return cls(step, keys, facts)
        raise ValueError("the text holds no event")

    def text(self, name: str) -> str:
        """A fact that is a text; empty where the event has none of that name."""
        fact = self.facts.get(name, "")
        if not isinstance(fact, str):
            raise TypeError(f"the fact {name!r} is no text")
        return fact


def is_json_object(value: object) -> TypeIs[dict[str, object]]:
    """Whether a value is a JSON object. JSON knows no keys but texts, so the outside tells all."""
    return isinstance(value, dict)


async def discover(event: Event) -> list[Event]:
    """Find the distributions. They are live objects as well, so that each travels as a key of its own."""
    refs = current_session_registry()
    progress = refs.get(RegistryKey.from_marker(event.keys["progress"], Progress))
    found = await asyncio.to_thread(lambda: list(distributions()))
    progress.update(progress.task_ids[0], total=len(found))
    return [
        Event("read", {**event.keys, "distribution": refs.insert(Source(each.read_text)).to_marker()}) for each in found
    ]


async def read(event: Event) -> list[Event]:
    """Read a distribution's files. `remove` takes the object out of the registry: no later step needs it."""
    refs = current_session_registry()
    distribution = refs.remove(RegistryKey.from_marker(event.keys["distribution"], Source))
    texts = await asyncio.to_thread(lambda: {name: distribution.read_text(name) or "" for name in FILES})
    keys = {name: key for name, key in event.keys.items() if name != "distribution"}
    return [Event("parse", keys, {**texts})]


async def parse(event: Event) -> list[Event]:
    """Make facts of the texts. The pattern was compiled once, for all events."""
    pattern = current_session_registry().get(RegistryKey.from_marker(event.keys["record_line"], re.Pattern[str]))
    tally = current_session_registry().get(RegistryKey.from_marker(event.keys["tally"], Tally))
    headers = email.message_from_string(event.text("METADATA") or event.text("PKG-INFO"))
    for requirement in headers.get_all("Requires-Dist", []):
        tally.add(requirement)
    sizes = [int(line["size"] or 0) for line in pattern.finditer(event.text("RECORD"))]
    facts: dict[str, object] = {
        "name": headers.get("Name", "?"),
        "version": headers.get("Version", "?"),
        "requires": len(headers.get_all("Requires-Dist", [])),
        "files": len(sizes),
        "bytes": sum(sizes),
    }
    return [Event("store", event.keys, facts)]


async def store(event: Event) -> list[Event]:
    """Write one row. Many threads share the connection, so one lock lets them in one by one."""
    refs = current_session_registry()
    database = refs.get(RegistryKey.from_marker(event.keys["database"], sqlite3.Connection))
    lock = refs.get(RegistryKey.from_marker(event.keys["lock"], LockType))
    await asyncio.to_thread(write_row, database, lock, event.facts)
    return [Event("report", event.keys, event.facts)]


def write_row(database: sqlite3.Connection, lock: LockType, facts: dict[str, object]) -> None:
    """One transaction; runs in a thread, for a commit waits for the disk."""
    with lock, database:
        database.execute("insert into distributions values (:name, :version, :requires, :files, :bytes)", facts)


async def report(event: Event) -> list[Event]:
    """Tell the log and the progress bar; the last step, so no event follows."""
    refs = current_session_registry()
    log = refs.get(RegistryKey.from_marker(event.keys["log"], TextIO))
    log.write(f"{event.text('name')} {event.text('version')}\n")
    progress = refs.get(RegistryKey.from_marker(event.keys["progress"], Progress))
    progress.advance(progress.task_ids[0])
    return []


STEPS: Final[dict[str, Callable[[Event], Awaitable[list[Event]]]]] = {
    "discover": discover,
    "read": read,
    "parse": parse,
    "store": store,
    "report": report,
}


async def run_pipeline(
    events: Iterable[str], watch: Callable[[str], object], *, workers: int = 8, limit: int = sys.maxsize
) -> list[str]:
    """Run the steps until no event is left, or as many were worked on as the limit allows.

    Args:
        events: the events to begin with, as JSON text.
        watch: called with every text that passes from a step to the next.
        workers: events worked on at a time. The tasks inherit the current registry.
        limit: the events after which to pause.

    Returns:
        The events that are left, as JSON text.
    """
    queue: asyncio.Queue[str] = asyncio.LifoQueue()  # what was begun is finished first
    for text in events:
        queue.put_nowait(text)
    left: list[str] = []
    turns = iter(range(limit))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(queue, watch, turns, left)) for _ in range(workers)]
        await queue.join()
        for task in tasks:
            task.cancel()
    return left


async def work(
    queue: asyncio.Queue[str], watch: Callable[[str], object], turns: Iterator[int], left: list[str]
) -> None:
    """Take a text, run its step, queue what follows as text; without a turn, leave it as it is."""
    while True:
        text = await queue.get()
        if next(turns, None) is None:
            left.append(text)
        else:
            watch(text)
            event = Event.from_json(text)
            for following in await STEPS[event.step](event):
                queue.put_nowait(following.to_json())
        queue.task_done()
