"""The FastMCP example, run as a program and served over standard input and output."""

from __future__ import annotations

import asyncio
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from liveref import SessionRefRegistry

pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")

from ..integrations.servers import Server  # noqa: E402

PROGRAM = Path(__file__).parents[2] / "examples" / "fastmcp_server.py"
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-")


def test_the_program_shows_the_work_and_the_refusals(run_example: Callable[..., str]) -> None:
    shown = run_example("fastmcp_server.py")
    assert '{"result": [["Mars", 2]]}' in shown
    for refusal in ("validation error", "is gone: released", r"no ref \w{6}…"):
        assert re.search(refusal, shown)
    assert "Before the end of the session: 2 live objects.\nAfter it: 0.\n" in shown
    assert not UUID.search(shown)


def test_it_serves() -> None:
    from fastmcp import Client
    from fastmcp.client.transports import PythonStdioTransport

    async def visit() -> object:
        async with Client(PythonStdioTransport(PROGRAM, args=["--serve"])) as client:
            db = (await client.call_tool("open_database")).structured_content
            rows = (await client.call_tool("query", {"db": db, "sql": "select 6 * 7"})).structured_content
            return (await client.call_tool("fetch", {"rows": rows})).structured_content

    assert asyncio.run(visit()) == {"result": [[42]]}


def test_over_http_a_handle_is_its_callers_and_ends_when_idle() -> None:
    from fastmcp import Client
    from fastmcp.exceptions import ToolError
    from fastmcp.server.auth.providers.jwt import StaticTokenVerifier

    now = [0.0]
    refs = SessionRefRegistry(owned=True, idle=1800, clock=lambda: now[0])
    users = {name: {"client_id": "c", "sub": name, "scopes": []} for name in ("ann", "bob")}
    example = runpy.run_path(str(PROGRAM))
    server = Server(example["make_server"](refs, StaticTokenVerifier(tokens=users)).http_app())
    url = f"http://127.0.0.1:{server.begin()}/mcp"

    async def visit() -> None:
        async with Client(url, auth="ann") as ann, Client(url, auth="bob") as bob:
            db = (await ann.call_tool("open_database")).structured_content
            with pytest.raises(ToolError, match="no ref"):
                await bob.call_tool("query", {"db": db, "sql": "select 1"})
            assert (await bob.call_tool("close_database", {"db": db})).data is False
            await ann.call_tool("query", {"db": db, "sql": "select 6 * 7"})
            now[0] = 1800.0
            assert refs.sweep() == 2
            with pytest.raises(ToolError, match="its idle of 1800 s"):
                await ann.call_tool("query", {"db": db, "sql": "select 1"})

    try:
        asyncio.run(visit())
    finally:
        server.end()
        refs.close()
