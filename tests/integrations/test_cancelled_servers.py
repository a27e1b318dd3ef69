"""Servers whose request is cancelled: the session in it closes all it holds, with what is asynchronous too."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from liveref import Session

pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")
pytest.importorskip("fastapi", reason="needs liveref[fastapi]")

import anyio  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from fastmcp import Client, FastMCP  # noqa: E402
from fastmcp.exceptions import ToolError  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.responses import StreamingResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402

from .servers import Server  # noqa: E402


class Held:
    """What a request holds: a ref with an asynchronous finalizer, and an asynchronous context."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.ended = threading.Event()

    async def close(self, value: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0.01)
        self.log.append(value)

    async def __aenter__(self) -> str:
        return "context"

    async def __aexit__(self, *_error: object) -> None:
        await self.close("context")
        self.log.append("left")

    async def fill(self, session: Session) -> None:
        session.refs.insert("first", finalizer=self.close)
        await session.refs.enter_async_context(self)
        session.refs.insert("last", finalizer=self.close)

    async def rows(self) -> AsyncIterator[str]:
        try:
            async with Session() as session:
                await self.fill(session)
                while True:
                    yield "row\n"
                    await asyncio.sleep(0.001)
        finally:
            self.ended.set()

    def has_closed_all(self) -> bool:
        return self.log == ["last", "context", "left", "first"]


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture(params=["starlette", "fastapi"])
def port(request: pytest.FixtureRequest, held: Held) -> Iterator[int]:
    app: Starlette
    if request.param == "starlette":
        app = Starlette(routes=[Route("/", lambda _: StreamingResponse(held.rows()))])
    else:
        app = FastAPI()
        app.add_route("/", lambda _: StreamingResponse(held.rows()))
    server = Server(app, lifespan="off")
    yield server.begin()
    server.end()


def test_a_stream_whose_client_goes_away_closes_its_session(port: int, held: Held) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: liveref\r\n\r\n")
        while b"row" not in client.recv(4096):
            pass
    assert held.ended.wait(30)
    assert held.has_closed_all(), held.log


def tools(held: Held, timeout: float | None) -> FastMCP:
    server = FastMCP("tools")

    @server.tool(timeout=timeout)
    async def work() -> str:
        try:
            async with Session() as session:
                await held.fill(session)
                held.log.clear()
                started.set()
                await anyio.sleep_forever()
        finally:
            held.ended.set()

    started = anyio.Event()
    server.started = started  # type: ignore[attr-defined]
    return server


def test_a_tool_that_times_out_closes_its_session(held: Held) -> None:
    async def main() -> None:
        async with Client(tools(held, 0.02)) as client:
            with pytest.raises(ToolError, match="timed out"):
                await client.call_tool("work")

    asyncio.run(main())
    assert held.ended.is_set()
    assert held.has_closed_all(), held.log


@pytest.mark.parametrize("how", ["scope", "task"])
def test_a_tool_whose_client_cancels_closes_its_session(held: Held, how: str) -> None:
    async def main() -> None:
        server = tools(held, None)
        async with Client(server) as client:
            if how == "scope":
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "work")
                    await server.started.wait()  # type: ignore[attr-defined]
                    group.cancel_scope.cancel()
            else:
                task = asyncio.create_task(client.call_tool("work"))
                await server.started.wait()  # type: ignore[attr-defined]
                task.cancel()
                await asyncio.wait({task})
        with anyio.fail_after(30):
            while not held.ended.is_set():
                await asyncio.sleep(0.001)

    asyncio.run(main())
    assert held.has_closed_all(), held.log
