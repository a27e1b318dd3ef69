"""FastMCP over HTTP with its own token verifier: the handle of one client is nothing to another."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from liveref import RegistryKey, SessionRefRegistry, current_owner

pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")

from fastmcp import Client, FastMCP  # noqa: E402
from fastmcp.exceptions import ToolError  # noqa: E402
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier  # noqa: E402

from liveref.integrations.fastmcp import OwnerMiddleware  # noqa: E402

from .servers import Server  # noqa: E402

USERS = {
    "ann": {"client_id": "client-7", "sub": "ann", "iss": "https://issuer", "scopes": []},
    "bob": {"client_id": "client-7", "sub": "bob", "iss": "https://issuer", "scopes": []},
    "program": {"client_id": "client-8", "scopes": []},
}


@pytest.fixture
def refs() -> Iterator[SessionRefRegistry]:
    registry = SessionRefRegistry()
    yield registry
    registry.close()


def made(refs: SessionRefRegistry) -> FastMCP:
    verifier = StaticTokenVerifier(tokens=USERS)
    server = FastMCP("databases", auth=verifier, middleware=[OwnerMiddleware()])

    @server.tool
    def connect() -> RegistryKey[sqlite3.Connection]:
        return refs.insert(sqlite3.connect(":memory:", check_same_thread=False), finalizer=sqlite3.Connection.close)

    @server.tool
    async def query(db: RegistryKey[sqlite3.Connection]) -> int:
        found: int = refs.get(db).execute("select 6 * 7").fetchone()[0]
        return found

    @server.tool
    def whoami() -> list[str]:
        return list(current_owner() or ())

    return server


@pytest.fixture
def url(refs: SessionRefRegistry) -> Iterator[str]:
    server = Server(made(refs).http_app())
    yield f"http://127.0.0.1:{server.begin()}/mcp"
    server.end()


def test_one_client_does_not_reach_the_handles_of_another(url: str, refs: SessionRefRegistry) -> None:
    async def main() -> None:
        async with Client(url, auth="ann") as ann, Client(url, auth="bob") as bob:
            handle = (await ann.call_tool("connect")).structured_content
            assert (await ann.call_tool("query", {"db": handle})).data == 42
            with pytest.raises(ToolError, match="no ref .* in this registry"):
                await bob.call_tool("query", {"db": handle})
            assert (await ann.call_tool("query", {"db": handle})).data == 42

    asyncio.run(main())
    assert list(refs.stats().by_owner) == [("iss=https://issuer", "client_id=client-7", "sub=ann")]


def test_a_token_without_a_subject_is_one_owner_for_its_client(url: str) -> None:
    async def main() -> None:
        async with Client(url, auth="program") as program:
            assert (await program.call_tool("whoami")).data == ["client_id=client-8"]

    asyncio.run(main())


def test_nobody_acts_without_a_token(refs: SessionRefRegistry) -> None:
    async def main() -> None:
        server = made(refs)
        server.auth = None
        async with Client(server) as client:
            assert (await client.call_tool("whoami")).data == []

    asyncio.run(main())
