"""`liveref.integrations.fastapi` over real HTTP: keys in URLs, what errors answer, sessions of requests and users."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading
import weakref
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from http.client import HTTPConnection
from typing import Annotated, Any
from urllib.parse import quote

import pytest

from liveref import (
    CapacityExceededError,
    HintError,
    InvalidArgumentError,
    KeyFormatError,
    Owner,
    RefDroppedError,
    RefExpiredError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    current_owner,
    current_session_registry,
)

pytest.importorskip("fastapi", reason="needs liveref[fastapi]")

import httpx  # noqa: E402
from fastapi import Depends, FastAPI, Request, WebSocket  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from starlette.responses import StreamingResponse  # noqa: E402

from liveref.integrations.fastapi import (  # noqa: E402
    PathKey,
    QueryKey,
    SessionPerUser,
    add_handlers,
    request_session,
)

from .servers import Server  # noqa: E402

TEXT = "0f0e1d2c-3b4a-4958-8776-655443322110"
LONG = 1 << 20

IntKey = Annotated[RegistryKey[int], PathKey(int)]


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    server = Server(app, log_level="critical", lifespan="on", h11_max_incomplete_event_size=LONG)
    port = server.begin()
    try:
        url, once = f"http://127.0.0.1:{port}", {"connection": "close"}  # uvicorn hangs up after a 500
        with httpx.Client(base_url=url, headers=once, timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.end()


def get(client: httpx.Client, target: str) -> tuple[int, object]:
    """As `client.get`, which takes no URL of 100 kB."""
    connection = HTTPConnection(client.base_url.host, client.base_url.port, timeout=30)
    with closing(connection):
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


# Keys in URLs


@pytest.fixture(scope="module")
def urls() -> Iterator[httpx.Client]:
    app = FastAPI()

    @app.get("/path/{first}/{last}")
    def path(first: IntKey, last: IntKey) -> list[str]:
        return [str(first), str(last), repr(first.hint)]

    @app.get("/query")
    def query(ref: Annotated[RegistryKey[int], QueryKey(int)]) -> RegistryKey[int]:
        return ref

    @app.get("/optional")
    def optional(ref: Annotated[RegistryKey[int] | None, QueryKey(int)] = None) -> str:
        return repr(ref)

    with served(app) as client:
        yield client


def test_a_key_in_the_path_has_the_parameters_own_name_and_its_hint(urls: httpx.Client) -> None:
    first, last = str(RegistryKey.new()), str(RegistryKey.new())
    assert urls.get(f"/path/{first}/{last}").json() == [first, last, "<class 'int'>"]


@pytest.mark.parametrize("as_text", [str, lambda key: json.dumps(key.to_marker(typed=True))], ids=["canonical", "JSON"])
def test_a_key_in_the_query_is_its_text_or_its_marker(urls: httpx.Client, as_text: Any) -> None:
    key = RegistryKey.new(int)
    assert urls.get("/query", params={"ref": as_text(key)}).json() == key.to_marker(typed=True)


def test_a_query_key_may_have_a_default(urls: httpx.Client) -> None:
    assert urls.get("/optional").json() == "None"
    assert urls.get("/optional", params={"ref": TEXT}).json() == "RegistryKey[int](0f0e1d…)"


def test_a_query_key_that_is_missing_is_told_by_its_name(urls: httpx.Client) -> None:
    response = urls.get("/query")
    assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["query", "ref"])


NEARLY = {
    "upper case": TEXT.upper(),
    "braces": f"{{{TEXT}}}",
    "space before": f" {TEXT}",
    "newline after": f"{TEXT}\n",
    "a NUL after": f"{TEXT}\0",
    "urn": f"urn:uuid:{TEXT}",
    "no hyphens": TEXT.replace("-", ""),
    "other digits": TEXT.replace("0", "٠"),
    "100 kB": "0f0e1d" * 17_000,
    "100 kB of braces": "{" * 100_000,
    "a marker of another type": json.dumps(RegistryKey.new(str).to_marker(typed=True)),
    "a marker in upper case": json.dumps({"__blazen_session_ref__": TEXT.upper()}),
}


@pytest.mark.parametrize("nearly", NEARLY.values(), ids=NEARLY)
@pytest.mark.parametrize("where", ["path", "query"])
def test_a_nearly_key_is_answered_with_one_sentence_and_no_echo(urls: httpx.Client, where: str, nearly: str) -> None:
    quoted = quote(nearly, safe="")
    answer = get(urls, f"/path/{TEXT}/{quoted}" if where == "path" else f"/query?ref={quoted}")
    assert answer == (422, {"detail": KeyFormatError.public})


@pytest.mark.parametrize("where", ["path", "query"])
def test_bytes_that_are_no_text_are_answered_in_the_same_way(urls: httpx.Client, where: str) -> None:
    quoted = f"%ED%A0%80{TEXT}%FF"
    answer = get(urls, f"/path/{TEXT}/{quoted}" if where == "path" else f"/query?ref={quoted}")
    assert answer == (422, {"detail": KeyFormatError.public})


def test_an_empty_query_key_is_none(urls: httpx.Client) -> None:
    response = urls.get("/query", params={"ref": ""})
    assert (response.status_code, response.json()) == (422, {"detail": KeyFormatError.public})


def test_the_openapi_page_has_a_text_in_the_parameters_own_name(urls: httpx.Client) -> None:
    (parameter,) = urls.get("/openapi.json").json()["paths"]["/query"]["get"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["schema"]["type"]) == ("ref", "query", "string")


@pytest.mark.parametrize("parameter", [PathKey, QueryKey])
def test_a_hint_that_cannot_be_checked_is_refused_where_it_is_written(parameter: Any) -> None:
    with pytest.raises(HintError):
        parameter("not a hint")


# What errors answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def answers() -> FastAPI:
    app, clock = FastAPI(), Clock()
    add_handlers(app)
    refs = SessionRefRegistry(capacity=1, clock=clock)

    @app.get("/look/{ref}")
    async def look(ref: IntKey) -> int:
        return refs.get(ref)

    @app.post("/insert")
    async def insert(ttl: float | None = None, text: bool = False) -> str:
        return str(refs.insert("text" if text else 1, ttl=ttl))

    @app.post("/release/{ref}")
    async def release(ref: IntKey) -> bool:
        return refs.release(ref)

    @app.post("/later")
    async def later() -> None:
        clock.now += 60

    @app.post("/closed")
    async def closed() -> None:
        with Session() as session:
            pass
        session.refs.insert(1)

    @app.post("/dropped")
    async def dropped() -> None:
        raise RefDroppedError("0f0e1d…", "builtins:int", "DROP", "2026-01-01", "why")

    @app.post("/mistake")
    async def mistake() -> None:
        current_session_registry()

    return app


@pytest.fixture(scope="module")
def errors() -> Iterator[httpx.Client]:
    with served(answers()) as client:
        yield client


def told(response: httpx.Response) -> tuple[int, object]:
    return response.status_code, response.json()


def answer(status: int, error: Any) -> tuple[int, object]:
    return status, {"detail": error.public}


def test_a_key_that_was_never_there_is_not_found(errors: httpx.Client) -> None:
    assert told(errors.get(f"/look/{TEXT}")) == answer(404, RefNotFoundError)


def test_a_released_ref_is_gone(errors: httpx.Client) -> None:
    key = errors.post("/insert").json()
    assert errors.get(f"/look/{key}").json() == 1
    assert errors.post(f"/release/{key}").json() is True
    assert told(errors.get(f"/look/{key}")) == answer(410, RefReleasedError)


def test_an_expired_ref_is_gone(errors: httpx.Client) -> None:
    key = errors.post("/insert", params={"ttl": 30}).json()
    errors.post("/later")
    assert told(errors.get(f"/look/{key}")) == answer(410, RefExpiredError)


def test_a_session_that_has_ended_is_gone(errors: httpx.Client) -> None:
    assert told(errors.post("/closed")) == answer(410, RegistryClosedError)


def test_a_dropped_ref_is_gone(errors: httpx.Client) -> None:
    assert told(errors.post("/dropped")) == answer(410, RefDroppedError)


def test_a_ref_of_another_type_is_unprocessable(errors: httpx.Client) -> None:
    key = errors.post("/insert", params={"text": True}).json()
    assert told(errors.get(f"/look/{key}")) == answer(422, RefTypeError)
    errors.post(f"/release/{key}")


def test_a_full_registry_is_unavailable(errors: httpx.Client) -> None:
    key = errors.post("/insert").json()
    assert told(errors.post("/insert")) == answer(503, CapacityExceededError)
    errors.post(f"/release/{key}")


def test_a_mistake_of_the_program_is_none_of_the_clients(errors: httpx.Client) -> None:
    response = errors.post("/mistake")
    assert (response.status_code, response.text) == (500, "Internal Server Error")


def test_an_error_in_a_websocket_is_not_lost() -> None:
    app = answers()

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        SessionRefRegistry().get(RegistryKey.new(int))

    with pytest.raises(RefNotFoundError), TestClient(app).websocket_connect("/socket") as client:
        client.receive_text()


# A session for a request


class Log:
    """What has been closed, and in which order; threads may wait for it."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.changed = threading.Event()
        self.gone = threading.Event()

    async def close(self, name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0.001)
        self.closed.append(name)
        self.changed.set()


def per_request(log: Log) -> FastAPI:
    app = FastAPI()
    add_handlers(app)

    async def rows(session: Session) -> AsyncIterator[str]:
        while True:
            yield f"{len(session.refs)}\n"
            await asyncio.sleep(0.001)

    async def current(session: Session = Depends(request_session)) -> bool:
        key = session.refs.insert("value", finalizer=log.close)
        return current_session_registry() is session.refs and session.refs.get(key) == "value"

    def in_thread(session: Session = Depends(request_session)) -> bool:
        return current_session_registry() is session.refs

    async def stream(session: Session = Depends(request_session)) -> StreamingResponse:
        session.refs.insert("stream", finalizer=log.close)
        return StreamingResponse(rows(session))

    async def slow(session: Session = Depends(request_session)) -> None:
        session.refs.insert("slow", finalizer=log.close)
        log.changed.set()
        await asyncio.to_thread(log.gone.wait, 30)
        log.closed.append("handler went on")
        log.changed.clear()

    for path in (current, in_thread, stream, slow):
        app.get(f"/{path.__name__}")(path)
    return app


def test_a_request_has_a_session_of_its_own_that_ends_with_it() -> None:
    log = Log()
    with served(per_request(log)) as client:
        assert client.get("/current").json() is True
        assert log.changed.wait(30)
        assert client.get("/in_thread").json() is True
    assert log.closed == ["value"]


def leave(client: httpx.Client, path: str, when: Callable[[socket.socket], object]) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: liveref\r\n\r\n".encode())
        when(connection)


def test_a_client_that_goes_away_in_a_stream_ends_it_and_its_session() -> None:
    log = Log()
    with served(per_request(log)) as client:

        def first_row(connection: socket.socket) -> None:
            while b"1\n" not in connection.recv(4096):
                pass
            assert log.closed == []

        leave(client, "/stream", first_row)
        assert log.changed.wait(30)
    assert log.closed == ["stream"]


def test_a_client_that_goes_away_before_the_response_lets_the_handler_end_and_its_session() -> None:
    log = Log()
    with served(per_request(log)) as client:
        leave(client, "/slow", lambda _: log.changed.wait(30))
        log.gone.set()
    assert log.closed == ["handler went on", "slow"]


# A session for each user


def by_header(request: Request) -> Owner | None:
    return request.headers.get("x-user")


async def by_query(request: Request) -> Owner | None:
    await asyncio.sleep(0)
    return request.query_params.get("user")


def per_user(log: Log, sessions: SessionPerUser) -> FastAPI:
    app = FastAPI(lifespan=sessions.lifespan)
    add_handlers(app)

    @app.post("/insert")
    async def insert(session: Session = Depends(sessions)) -> str:
        owner = current_owner()
        assert isinstance(owner, str)
        return str(current_session_registry().insert(owner, finalizer=log.close))

    @app.get("/look/{ref}")
    def look(
        ref: Annotated[RegistryKey[str], PathKey(str)], session: Session = Depends(sessions)
    ) -> list[str | Owner | None]:
        return [session.refs.get(ref), session.refs.describe()[0].owner, current_owner()]

    @app.post("/logout")
    async def logout(session: Session = Depends(sessions)) -> None:
        await session.aclose()

    return app


def user(name: str) -> dict[str, str]:
    return {"x-user": name}


def test_users_find_their_own_refs_in_later_requests_and_no_others() -> None:
    log = Log()
    with served(per_user(log, SessionPerUser(by_header))) as client:
        names = ["ada", "bob", "eve"]
        keys = {name: client.post("/insert", headers=user(name)).json() for name in names}
        for name in names:
            for owner, key in keys.items():
                expected = (200, [name, name, name]) if owner == name else answer(404, RefNotFoundError)
                assert told(client.get(f"/look/{key}", headers=user(name))) == expected
        assert log.closed == []
    assert sorted(log.closed) == names


def test_two_users_of_one_registry_are_kept_apart_by_who_acts() -> None:
    shared = Session()
    with served(per_user(Log(), SessionPerUser(by_header, session=lambda: shared))) as client:
        key = client.post("/insert", headers=user("ada")).json()
        assert told(client.get(f"/look/{key}", headers=user("bob"))) == answer(404, RefNotFoundError)


def test_nobody_acts_after_a_request() -> None:
    app = per_user(Log(), SessionPerUser(by_header))

    @app.get("/nobody")
    async def nobody() -> bool:
        return current_owner() is None and current_session_registry(default=None) is None

    with served(app) as client:
        client.post("/insert", headers=user("ada"))
        assert client.get("/nobody").json() is True


def test_who_is_nobody_has_no_session() -> None:
    with served(per_user(Log(), SessionPerUser(by_query))) as client:
        assert client.post("/insert").status_code == 401
        assert client.post("/insert", params={"user": ""}).status_code == 500
        assert client.post("/insert", params={"user": "ada"}).status_code == 200


def test_a_users_session_that_is_full_is_unavailable_to_them_alone() -> None:
    with served(per_user(Log(), SessionPerUser(by_header, session=lambda: Session(capacity=1)))) as client:
        assert client.post("/insert", headers=user("ada")).status_code == 200
        assert told(client.post("/insert", headers=user("ada"))) == answer(503, CapacityExceededError)
        assert client.post("/insert", headers=user("bob")).status_code == 200


def test_a_session_ends_when_its_user_stays_away_and_no_request_is_in_it() -> None:
    log = Log()
    app = per_user(log, sessions := SessionPerUser(by_header, idle=0.05))
    inside, go = threading.Event(), threading.Event()

    @app.post("/hold")
    async def hold(session: Session = Depends(sessions)) -> str:
        key = session.refs.insert("ada", finalizer=log.close)
        inside.set()
        await asyncio.to_thread(go.wait, 30)
        return str(key)

    with served(app) as client, ThreadPoolExecutor() as pool:
        held = pool.submit(client.post, "/hold", headers=user("ada"))
        assert inside.wait(30)
        assert client.get(f"/look/{TEXT}", headers=user("ada")).status_code == 404  # comes and goes meanwhile
        assert not log.changed.wait(0.2)
        go.set()
        key = held.result().json()
        assert log.changed.wait(30)
        assert told(client.get(f"/look/{key}", headers=user("ada"))) == answer(404, RefNotFoundError)
    assert log.closed == ["ada"]


def test_who_ends_their_session_has_a_new_one_in_the_next_request() -> None:
    log = Log()
    with served(per_user(log, SessionPerUser(by_header))) as client:
        client.post("/insert", headers=user("ada"))
        client.post("/logout", headers=user("ada"))
        assert log.closed == ["ada"]
        key = client.post("/insert", headers=user("ada")).json()
        assert client.get(f"/look/{key}", headers=user("ada")).json() == ["ada", "ada", "ada"]


def visit(sessions: SessionPerUser, name: str) -> AbstractAsyncContextManager[Session]:
    """What FastAPI does with the dependency, without a server."""
    request = Request({"type": "http", "headers": [(b"x-user", name.encode())]})
    return asynccontextmanager(sessions.__call__)(request)


def test_who_comes_back_in_time_finds_their_session() -> None:
    async def main() -> None:
        sessions = SessionPerUser(by_header, idle=0.05)
        async with visit(sessions, "ada") as first:
            pass
        async with visit(sessions, "ada") as second:
            await asyncio.sleep(0.1)
            assert second is first
            second.refs.insert("still open")

    asyncio.run(main())


def test_the_end_of_an_old_session_leaves_the_new_one_of_its_user() -> None:
    async def main() -> None:
        sessions = SessionPerUser(by_header, idle=0.01)
        async with visit(sessions, "ada") as old:
            await old.aclose()
            new = visit(sessions, "ada")
            session = await new.__aenter__()
        await asyncio.sleep(0.05)
        async with visit(sessions, "ada") as found:
            assert found is session is not old
        await new.__aexit__(None, None, None)

    asyncio.run(main())


def test_a_session_that_has_ended_is_let_go_of() -> None:
    async def main() -> None:
        sessions = SessionPerUser(by_header, idle=0.01)
        async with visit(sessions, "ada") as session:
            ended = weakref.ref(session)
        del session
        async with asyncio.timeout(30):
            while ended() is not None:
                await asyncio.sleep(0.01)
                gc.collect()

    asyncio.run(main())


def test_a_finalizer_that_fails_is_a_warning_and_the_others_end() -> None:
    async def main() -> None:
        sessions = SessionPerUser(by_header)
        async with sessions.lifespan():
            async with visit(sessions, "ada") as session:
                session.refs.insert(1, finalizer=fail)
            async with visit(sessions, "bob") as session:
                session.refs.insert("bob", finalizer=log.close)

    def fail(_value: int) -> None:
        raise OSError

    log = Log()
    with pytest.warns(RuntimeWarning, match="session of a user has ended, and raised ExceptionGroup"):
        asyncio.run(main())
    assert log.closed == ["bob"]


def test_a_warning_that_is_an_error_keeps_no_session_from_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "liveref")

    async def main() -> None:
        sessions = SessionPerUser(by_header)
        async with sessions.lifespan():
            async with visit(sessions, "ada") as session:
                session.refs.insert(1, finalizer=fail)
            async with visit(sessions, "bob") as session:
                session.refs.insert("bob", finalizer=close)

    def fail(_value: int) -> None:
        raise OSError

    async def close(value: str) -> None:
        await asyncio.sleep(0.01)
        closed.append(value)

    closed: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())
    assert closed == ["bob"]
    assert "the session of a user has ended, and raised ExceptionGroup" in caplog.text


@pytest.mark.parametrize("idle", [0, -1, float("nan"), None, "1"])
def test_idle_is_a_number_of_seconds(idle: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        SessionPerUser(by_header, idle=idle)
