"""Mistakes in programs as people write them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, Literal, NewType, Protocol, TypeVar

from typing_extensions import NotRequired, TypedDict

from liveref import RegistryKey, Session, SessionRefRegistry, current_session_registry, reopener

T = TypeVar("T")
K = TypeVar("K", bound=RegistryKey[int])
AnyKey = TypeVar("AnyKey", bound=RegistryKey[Any])
UserId = NewType("UserId", int)
Handler = Callable[["Request"], Awaitable[dict[str, object]]]


@dataclasses.dataclass
class Request:
    body: dict[str, Any]
    session: Session
    key: RegistryKey[sqlite3.Connection]
    loose: RegistryKey  # E: liveref-untyped, strict:type-arg


class App:
    def __init__(self) -> None:
        self._session = Session()
        self._sockets: dict[str, RegistryKey[socket.socket]] = {}

    def post(self, path: str) -> Callable[[Handler], Handler]:
        return lambda handler: handler

    def first(self) -> sqlite3.Connection:
        return self._session.refs.get(self._sockets["a"], sqlite3.Connection)  # E: liveref-overlap

    def names(self) -> list[str]:
        return [self._session.refs.get(key, str) for key in self._sockets.values()]  # E: liveref-overlap


app = App()


@app.post("/query")
async def query(request: Request) -> dict[str, object]:
    cursor = request.session.refs.get(request.key, sqlite3.Cursor)  # E: liveref-overlap
    request.session.refs.get(request.loose).close()  # E: liveref-untyped
    text = f"{request.key}"
    other = RegistryKey.parse(text, socket.socket)  # E: liveref-roundtrip
    again = RegistryKey[sqlite3.Connection].parse(text)  # E: liveref-lost-hint
    async with Session() as session:
        key = session.refs.insert(1)
        return {"rows": cursor.fetchall(), "other": other, "again": again, "key": key}  # E: liveref-escape


class Listens(Protocol):
    def listen(self) -> None: ...


class State(TypedDict):
    db: RegistryKey[sqlite3.Connection]
    job: NotRequired[RegistryKey[Callable[[], int]]]
    mode: RegistryKey[Literal["a", "b"]]


def plan(state: State) -> dict[str, RegistryKey[object]]:
    refs = current_session_registry()
    refs.get(state["db"], Listens)  # E: liveref-unsupported
    refs.get(state["mode"], Literal["c"])  # E: liveref-overlap
    if (job := state.get("job")) is not None:
        refs.get(job, int)  # E: liveref-overlap
        refs.get(job, Callable[[], str])  # E: liveref-shallow
    kept: RegistryKey[object] = refs.insert(state["mode"])  # E: liveref-widened
    match refs.get(state["db"], str):  # E: liveref-overlap
        case "x":
            return {"kept": kept}
        case _:
            return {}


def parallel(refs: SessionRefRegistry, key: RegistryKey[list[int]], user: RegistryKey[UserId]) -> None:
    threading.Thread(target=lambda: refs.get(key, list[str])).start()  # E: liveref-overlap
    refs.get(user, bytes)  # E: liveref-overlap
    refs.insert(lambda: refs.get(user, str), Callable[..., Any])  # E: liveref-overlap
    functools.partial(print, refs.get(key, dict[int, int]))  # E: liveref-overlap
    asyncio.run(asyncio.sleep(0, refs.get(key, tuple[int, ...])))  # E: liveref-overlap


class Cache(Generic[T]):
    def __init__(self, refs: SessionRefRegistry, key: RegistryKey[T]) -> None:
        self.refs = refs
        self.key = key

    def load(self) -> T:
        self.refs.insert(self, list[T])  # E: liveref-unsupported
        return self.refs.get(self.key)


def bounded(refs: SessionRefRegistry, key: K, loose: AnyKey, cache: Cache[int]) -> None:
    refs.get(key, str)  # E: liveref-overlap
    refs.get(loose)  # E: liveref-untyped
    refs[loose]  # E: liveref-untyped
    refs.get(cache.key, str)  # E: liveref-overlap
    cache.refs.get(cache.key, bytes)  # E: liveref-overlap


@reopener("wrong_services.database")
def database(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


def opened(refs: SessionRefRegistry, path: str) -> None:
    refs.insert(socket.socket(), reopen=database.recipe(path))  # E: arg-type
    refs.insert(path, sqlite3.Connection)  # E: arg-type
    refs.insert([path, 1], list[str])  # E: list-item
    refs.get(refs.open(database.recipe(path)), socket.socket)  # E: liveref-overlap


@contextlib.contextmanager
def scope(flag: bool) -> Iterator[SessionRefRegistry]:
    with Session() as session:
        key = session.refs.insert(1)
        session.refs.release(key)
        if flag:
            session.refs.get(key)  # E: liveref-removed
        yield session.refs


async def streamed(session: Session) -> AsyncIterator[int]:
    key = session.refs.insert(1)
    await session.refs.adrain()
    yield session.refs.get(key)  # E: liveref-removed


def two_sessions() -> int:
    with Session() as left:
        key = left.refs.insert(1)
        with Session() as right:
            return right.refs.get(key)  # E: liveref-foreign
