"""`liveref.integrations.fastapi` over real HTTP: keys in URLs, what errors answer, sessions of requests and users."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Annotated, Any
from urllib.parse import quote

import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    HintError,
    KeyFormatError,
    Owner,
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
import uvicorn  # noqa: E402
from fastapi import Depends, FastAPI, Request  # noqa: E402
from starlette.responses import StreamingResponse  # noqa: E402

from liveref.integrations.fastapi import (  # noqa: E402
    PathKey,
    QueryKey,
    SessionPerUser,
    add_handlers,
    request_session,
)

TEXT = "0f0e1d2c-3b4a-4958-8776-655443322110"
LONG = 1 << 20

IntKey = Annotated[RegistryKey[int], PathKey(int)]


class Server(uvicorn.Server):
    """A uvicorn in a thread, on a free port of the loopback; its `with` gives a client of it."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="critical", lifespan="on", h11_max_incomplete_event_size=LONG
        )
        super().__init__(config)
        self.thread = threading.Thread(target=self.run)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def port(self) -> int:
        return int(self.servers[0].sockets[0].getsockname()[1])


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    server = Server(app)
    server.thread.start()
    assert server.ready.wait(30)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port()}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        server.thread.join(30)


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
