"""What opening a session and closing it costs, beside the stacks of contextlib."""

from __future__ import annotations

import asyncio
import atexit
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Final

from benchmarks.timing import Contender
from liveref import Session

SYNC: Final = "sessions"
TEN: Final = "sessions of ten refs"
AWAITED: Final = "sessions, awaited"
SCOPES: Final = 100
"""Scopes for one entry into the event loop, which itself costs as much as several."""


class Store:
    """What is put in."""


def close(_: object) -> None:
    """End one."""


async def aclose(_: object) -> None:
    """End one, without a wait."""


def references() -> Mapping[str, Contender]:
    """What a ratio of 1 is."""
    names = {"ExitStack": ExitStack, "close": close, "store": Store()}
    one = "with ExitStack() as stack: stack.callback(close, store)"
    ten = "with ExitStack() as stack:\n for _ in range(10): stack.callback(close, store)"
    return {
        SYNC: Contender(SYNC, "ExitStack with one callback", one, names),
        TEN: Contender(TEN, "ExitStack with ten callbacks", ten, names),
    }


def awaited_references() -> Mapping[str, Contender]:
    """As `references`, of what is awaited."""
    return {AWAITED: repeated("AsyncExitStack with one callback", _stack)}


def contenders() -> Iterator[Contender]:
    """The sessions, and a session inside of another."""
    outer = Session()
    names = {"Session": Session, "outer": outer, "close": close, "store": Store()}
    one = "with Session() as s: s.refs.insert(store, finalizer=close)"
    ten = "with Session() as s:\n for _ in range(10): s.refs.insert(store, finalizer=close)"
    child = "with outer.child(isolated=True) as s: s.refs.insert(store, finalizer=close)"
    yield Contender(SYNC, "liveref Session, empty", "with Session(): pass", names, {"pure": 1.5, "compiled": 1.5})
    yield Contender(SYNC, "liveref Session with one ref", one, names, {"pure": 3, "compiled": 1.9})
    yield Contender(SYNC, "liveref child, empty", "with outer.child(): pass", names)
    yield Contender(SYNC, "liveref isolated child, empty", "with outer.child(isolated=True): pass", names)
    yield Contender(SYNC, "liveref isolated child with one ref", child, names)
    yield Contender(TEN, "liveref Session with ten refs", ten, names, {"pure": 2.5, "compiled": 2.5})


def awaited() -> Iterator[Contender]:
    """Asynchronous sessions, in an event loop."""
    yield repeated("liveref Session, empty", _empty)
    yield repeated("liveref Session with one ref", _one)
    yield repeated("liveref Session with one ref, its finalizer asynchronous", _one_awaited)


def repeated(name: str, scope: Callable[[Store], Awaitable[object]]) -> Contender:
    """A contender of what is awaited, many times for one entry into the event loop."""

    async def many() -> None:
        store = Store()
        for _ in range(SCOPES):
            await scope(store)

    names = {"run": _loop().run_until_complete, "many": many}
    return Contender(AWAITED, name, "run(many())", names, operations=SCOPES)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all of them."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


async def _stack(store: Store) -> None:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(aclose, store)


async def _empty(_: Store) -> None:
    async with Session():
        pass


async def _one(store: Store) -> None:
    async with Session() as session:
        session.refs.insert(store, finalizer=close)


async def _one_awaited(store: Store) -> None:
    async with Session() as session:
        session.refs.insert(store, finalizer=aclose)
