"""The FastMCP example, run as a program and served over standard input and output."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")

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
