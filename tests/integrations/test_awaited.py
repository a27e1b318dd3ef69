"""What asynchronous recipes open for real, and a client that a task of its own keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from liveref import RegistryKey, Session, SessionRefRegistry, SessionSnapshot, reopener

pytest.importorskip("aiosqlite", reason="needs liveref[langgraph], whose saver brings it")
pytest.importorskip("httpx", reason="needs liveref[fastmcp]")
pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")

import aiosqlite  # noqa: E402
import httpx  # noqa: E402
from fastmcp import FastMCP  # noqa: E402
from mcp import ClientSession  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

from .servers import Server  # noqa: E402


@reopener("tests.awaited.database", finalizer=aiosqlite.Connection.close)
async def open_database(path: str) -> aiosqlite.Connection:
    return await aiosqlite.connect(path)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


async def end_server(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()


@reopener("tests.awaited.server", finalizer=end_server)
async def open_server(host: str) -> asyncio.Server:
    return await asyncio.start_server(answer, host, 0)


@reopener("tests.awaited.client", finalizer=httpx.AsyncClient.aclose)
async def open_client(retries: int) -> httpx.AsyncClient:
    await asyncio.sleep(0)
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=retries))


def test_a_run_goes_on_with_its_database_server_and_client(tmp_path: Path) -> None:
    path = tmp_path / "paused"

    async def before() -> tuple[
        RegistryKey[aiosqlite.Connection], RegistryKey[asyncio.Server], RegistryKey[httpx.AsyncClient]
    ]:
        async with Session() as session:
            refs = session.refs
            database = await refs.aopen(open_database.recipe(str(tmp_path / "rows.db")))
            await refs[database].execute("create table rows (n)")
            await refs[database].execute("insert into rows values (42)")
            await refs[database].commit()
            keys = database, await refs.aopen(open_server.recipe("127.0.0.1")), await refs.aopen(open_client.recipe(1))
            await session.asave(path)
            return keys

    database, server, client = asyncio.run(before())

    async def after() -> None:
        async with await Session.aresume(SessionSnapshot.read(path, trusted=True)) as session:
            refs = session.refs
            found = await asyncio.gather(*(refs.aget(database) for _ in range(20)))
            assert len(set(map(id, found))) == 1
            async with refs.borrow(database) as opened, opened.execute("select n from rows") as cursor:
                assert await cursor.fetchall() == [(42,)]
            listening = await refs.aget(server)
            host, port = listening.sockets[0].getsockname()
            asking = await refs.aget(client)
            assert (await asking.get(f"http://{host}:{port}/")).text == "hello"
        assert asking.is_closed
        assert not listening.is_serving()
        with pytest.raises(ValueError, match="no active connection|Connection closed"):
            await found[0].execute("select 1")

    asyncio.run(after())


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[ClientSession]:
    async with streamable_http_client(url) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@pytest.fixture
def url() -> Iterator[str]:
    served = FastMCP("adder")

    @served.tool
    def add(first: int, second: int) -> int:
        return first + second

    server = Server(served.http_app())
    yield f"http://127.0.0.1:{server.begin()}/mcp"
    server.end()


def test_an_mcp_client_is_opened_used_and_closed_by_three_tasks(url: str) -> None:
    async def main() -> None:
        refs = SessionRefRegistry()

        async def use() -> object:
            result = await refs[key].call_tool("add", {"first": 40, "second": 2})
            return result.structured_content

        key = await asyncio.create_task(refs.enter_async_context(connected(url), own_task=True))
        assert await asyncio.create_task(use()) == {"result": 42}
        assert await asyncio.create_task(refs.arelease(key))
        assert refs.is_empty()

    asyncio.run(main())


def test_without_a_task_of_its_own_another_one_can_not_close_it(url: str) -> None:
    async def main() -> None:
        refs = SessionRefRegistry()
        key = await refs.enter_async_context(connected(url))
        with pytest.raises(RuntimeError, match="cancel scope|different task"):
            await asyncio.create_task(refs.arelease(key))

    asyncio.run(main())
