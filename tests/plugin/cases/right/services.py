"""Programs as people write them: a web application, an agent's nodes, workers, caches, plugins, tests."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import enum
import functools
import logging
import socket
import sqlite3
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar, Generic, Literal, NewType, ParamSpec, Protocol, TypeVar, overload, runtime_checkable

from typing_extensions import NotRequired, TypedDict, Unpack, assert_type

from liveref import (
    Recipe,
    RefLifetime,
    RefTypeError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    bind,
    current_session_registry,
    reopener,
)

T = TypeVar("T")
K = TypeVar("K", bound=RegistryKey[Any])
C = TypeVar("C", bound="Client")
P = ParamSpec("P")
Handler = Callable[["Request"], Awaitable["Response"]]
UserId = NewType("UserId", int)
Mode = Literal["read", "write"]
log = logging.getLogger(__name__)


# A web application.


@dataclasses.dataclass
class Request:
    path: str
    body: dict[str, Any]
    session: Session


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    body: Mapping[str, object] = dataclasses.field(default_factory=dict)


class App:
    def __init__(self) -> None:
        self.routes: dict[str, Handler] = {}
        self._pools: dict[str, RegistryKey[sqlite3.Connection]] = {}
        self._session: Session | None = None

    def post(self, path: str) -> Callable[[Handler], Handler]:
        def decorate(handler: Handler) -> Handler:
            self.routes[path] = handler
            return handler

        return decorate

    @property
    def refs(self) -> SessionRefRegistry:
        if self._session is None:
            raise RuntimeError("not started")
        return self._session.refs

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with Session(policy=SessionPausePolicy.WARN_DROP) as self._session:
            self._pools["main"] = self.refs.insert(
                sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close
            )  # ok
            yield

    def count(self, name: str) -> int:
        rows = self.refs.get(self._pools[name]).execute("select 1").fetchall()  # ok
        return len(rows)


app = App()


@app.post("/query")
async def query(request: Request) -> Response:
    key = RegistryKey.from_marker(request.body["db"], sqlite3.Connection)  # ok
    db = await asyncio.to_thread(request.session.refs.get, key)  # ok
    rows = db.execute("select 1").fetchall()
    return Response(200, {"rows": rows, "db": key.to_marker(typed=True)})


@app.post("/open")
async def open_database(request: Request) -> Response:
    key = request.session.refs.insert(sqlite3.connect(request.body["path"]))  # ok
    return Response(201, {"db": key.to_marker(), "text": str(key)})


# Nodes of an agent.


class State(TypedDict):
    db: RegistryKey[sqlite3.Connection]
    browser: NotRequired[RegistryKey[socket.socket]]
    results: dict[str, RegistryKey[list[int]]]
    mode: Mode


class Update(TypedDict, total=False):
    results: dict[str, RegistryKey[list[int]]]
    mode: Mode


def plan(state: State) -> Update:
    refs = current_session_registry()
    numbers = [row[0] for row in refs.get(state["db"]).execute("select 1")]  # ok
    return {"results": {"first": refs.insert(numbers, list[int])}, "mode": "write"}  # ok


def act(state: State) -> Update:
    refs = current_session_registry()
    if (browser := state.get("browser")) is not None:
        refs.get(browser).sendall(b"x")  # ok
        if refs.release(browser):
            log.info("closed %s", browser)
    total = sum(sum(refs[key]) for key in state["results"].values())  # ok
    match state["mode"], total:
        case "write", int(number) if number > 0:
            return {"results": {**state["results"], "last": refs.insert([number])}}  # ok
        case _:
            return {}


NODES: dict[str, Callable[[State], Update]] = {"plan": plan, "act": act}


# Workers and caches.


class Cache(Generic[T]):
    def __init__(self, refs: SessionRefRegistry, make: Callable[[str], T]) -> None:
        self._refs = refs
        self._make = make
        self._keys: MutableMapping[str, RegistryKey[T]] = {}

    def get(self, name: str) -> T:
        key = self._keys.get(name)
        if key is not None and key in self._refs:
            return self._refs.get(key)  # ok
        self._keys[name] = self._refs.insert(value := self._make(name))  # ok
        return value

    def drop(self, name: str) -> T | None:
        key = self._keys.pop(name, None)
        return None if key is None else self._refs.remove(key)  # ok

    def __getitem__(self, name: str) -> T:
        return self._refs[self._keys[name]]  # ok


def cached(refs: SessionRefRegistry) -> int:
    lengths = Cache(refs, len)
    assert_type(lengths.get("a"), int)
    return lengths["a"] + Cache(refs, lambda name: {name: 1}).get("b")["b"]


def traced(function: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(function)
    def inner(*args: P.args, **options: P.kwargs) -> T:
        with Session() as session:
            own = session.refs.insert(threading.current_thread())  # ok
            log.debug("%s", session.refs.get(own).name)  # ok
            return bind(function)(*args, **options)

    return inner


@traced
def work(key: RegistryKey[list[int]], *, times: int = 1) -> int:
    return sum(current_session_registry().get(key)) * times  # ok


class Worker(threading.Thread):
    jobs: ClassVar[defaultdict[str, list[RegistryKey[Callable[[], int]]]]] = defaultdict(list)

    def __init__(self, refs: SessionRefRegistry) -> None:
        super().__init__()
        self.refs = refs
        self.lock: RegistryKey[contextlib.AbstractContextManager[Any]] = refs.insert(contextlib.nullcontext())  # ok

    def run(self) -> None:
        for name, keys in self.jobs.items():
            with self.refs.get(self.lock):  # ok
                log.info("%s %d", name, sum(self.refs.get(key)() for key in keys))  # ok


# Keys as type variables and in overloads.


def first_of(keys: Sequence[K]) -> K:
    return keys[0]


def both(refs: SessionRefRegistry, number: RegistryKey[int], text: RegistryKey[str]) -> tuple[int, str]:
    return refs.get(first_of([number])), refs.get(first_of((text, text)))  # ok


class Client:
    def ping(self) -> bool:
        return True

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *args: object) -> None: ...


class SecureClient(Client): ...


@overload
def fetch(refs: SessionRefRegistry, key: RegistryKey[C]) -> C: ...
@overload
def fetch(refs: SessionRefRegistry, key: RegistryKey[object], kind: type[C]) -> C: ...
def fetch(refs: SessionRefRegistry, key: RegistryKey[Any], kind: type[C] | None = None) -> Any:
    return refs.get_any(key) if kind is None else refs.get(key, kind)  # ok


def fetched(refs: SessionRefRegistry, key: RegistryKey[Client], other: RegistryKey[object]) -> None:
    assert_type(fetch(refs, key), Client)
    assert_type(fetch(refs, other, SecureClient), SecureClient)
    with refs.get(key) as client:  # ok
        client.ping()
    secure = refs.get(key, SecureClient)  # ok
    entered = refs.enter_context(secure)  # ok
    refs.get(entered).ping()  # ok
    number = refs.insert(UserId(1), UserId)  # ok
    refs.get(number, int) + refs.get(number)  # ok


# Plugins.


@runtime_checkable
class Plugin(Protocol):
    name: str

    def close(self) -> None: ...


class Base(abc.ABC):
    registry: ClassVar[dict[str, type[Base]]] = {}

    def __init_subclass__(cls, **options: object) -> None:
        cls.registry[cls.__name__] = cls

    @abc.abstractmethod
    def run(self) -> int: ...


class Timing:
    def elapsed(self) -> float:
        return 0.0


class Shell(Timing, Base):
    def run(self) -> int:
        return 1


class Level(enum.IntEnum):
    LOW = 1


def loaded(
    refs: SessionRefRegistry, key: RegistryKey[Base], timing: RegistryKey[Timing], low: RegistryKey[Level]
) -> None:
    refs.get(key).run()  # ok
    refs.get(key, Shell).elapsed()  # ok
    refs.get(timing, Base).run()  # ok
    refs.get(timing, Shell).run()  # ok
    refs.get(low, int) + 1  # ok
    refs.get(low, Level).name  # ok
    refs.get(refs.insert(Shell(), Base), Timing).elapsed()  # ok
    for kind in Base.registry.values():
        refs.get(key, kind).run()  # ok
        refs.insert(kind(), kind)  # ok
    steps: list[RegistryKey[Base] | RegistryKey[Timing]] = [key, timing]
    for step in steps:
        refs.get(step, Base)  # ok
        refs.get(step, Timing)  # ok


# Recipes and probes.


@reopener("services.database", finalizer=sqlite3.Connection.close)
def database(path: str, *, timeout: float = 5.0) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout)


def opened(refs: SessionRefRegistry, path: str) -> RegistryKey[sqlite3.Connection]:
    recipe: Recipe[sqlite3.Connection] = database.recipe(path, timeout=1.0)
    spare = refs.open(recipe, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)  # ok
    refs.get(spare).commit()  # ok
    return refs.insert(sqlite3.connect(path), sqlite3.Connection, reopen=recipe)  # ok


def probed(refs: SessionRefRegistry, key: RegistryKey[object]) -> int | None:
    with contextlib.suppress(RefTypeError):
        return refs.get(key, int)  # ok
    try:
        return len(refs.get(key, str))  # ok
    except RefTypeError:
        found = refs.get_any(key)  # ok
    if isinstance(found, list | tuple | dict):
        return len(found)
    return refs.get(key, int | None, default=None)  # ok


class Settings(TypedDict, total=False):
    lifetime: RefLifetime


def kept(refs: SessionRefRegistry, **settings: Unpack[Settings]) -> Iterator[RegistryKey[int]]:
    yield refs.insert(1, **settings)  # ok
    yield from (refs.insert(number, int, **settings) for number in range(3))  # ok
