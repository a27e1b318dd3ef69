"""A FastMCP server whose tools hand out live SQLite connections and cursors as handles.

Run it: ``python examples/fastmcp_server.py`` connects a client in memory, lets it work with a database and make
the mistakes that models make, and prints what went over the wire. With ``--serve`` it is a server on standard
input and output.

Read `make_server`: the annotations are all there is to it. A key is an argument and a result like any other; the
schema tells the client which kind of handle a tool takes, and a handle of another kind never reaches the tool.

A handle belongs to its caller, whom the verifier of ``auth`` has found: to anybody else it is an unknown one. What
nobody uses for half an hour is closed. Without ``auth``, as on standard input and output, there is one caller.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
import sys
from typing import Annotated, Final, TypeAlias, TypeVar

from fastmcp import Client, FastMCP
from fastmcp.client import FastMCPTransport
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import AuthProvider
from pydantic import Field
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liveref import SESSION_REF_TAG, RefLookupError, RegistryKey, Session, SessionRefRegistry
from liveref.integrations.fastmcp import OwnerMiddleware

T = TypeVar("T")
Database: TypeAlias = Annotated[RegistryKey[sqlite3.Connection], Field(description="from open_database")]
Rows: TypeAlias = Annotated[RegistryKey[sqlite3.Cursor], Field(description="from query")]
Wire: TypeAlias = dict[str, object]
HANDLE: Final = re.compile(rf'{{"{SESSION_REF_TAG}": "(\w{{6}})[^"]*", "type": "([^"]*)"}}')


def make_server(refs: SessionRefRegistry, auth: AuthProvider | None = None) -> FastMCP:
    """The server; what its tools open is held by the registry, and closed with it at the latest."""
    server = FastMCP("databases", auth=auth, middleware=[OwnerMiddleware()])

    @server.tool
    def open_database(path: str = ":memory:") -> Database:
        """Open a SQLite database and give a handle of it."""
        connection = sqlite3.connect(path, check_same_thread=False)  # FastMCP runs tools in threads
        return refs.insert(connection, finalizer=sqlite3.Connection.close)

    @server.tool
    def query(db: Database, sql: str) -> Rows:
        """Run a statement and give a handle of its rows, which stay where they are until they are fetched."""
        return refs.insert(live(db).execute(sql))  # closed with its database

    @server.tool
    def fetch(rows: Rows, count: int = 10) -> list[list[int | float | str | None]]:
        """The next rows of a query; none when all were fetched."""
        return [list(row) for row in live(rows).fetchmany(count)]

    @server.tool
    def close_database(db: Database) -> bool:
        """Close a database; false if it was closed before."""
        return refs.release(db)

    def live(key: RegistryKey[T]) -> T:
        try:
            return refs.get(key)
        except RefLookupError as error:
            reason = str(error).partition(". ")[0]
            raise ToolError(f"{reason}. Call open_database for a new handle.") from error

    return server


class Visit:
    """A client that notes what it asked and what it got."""

    def __init__(self, client: Client[FastMCPTransport]) -> None:
        self._client = client
        self.calls = Table("tool", "arguments", "result", title="What went over the wire", show_lines=True)

    async def call(self, tool: str, **arguments: object) -> Wire:
        """What a tool gives; empty where it refuses."""
        try:
            result = (await self._client.call_tool(tool, arguments)).structured_content or {}
        except ToolError as error:
            self.calls.add_row(tool, shown(arguments), f"[red]{escape(first_lines(error))}[/red]")
            return {}
        self.calls.add_row(tool, shown(arguments), shown(result))
        return result


def shown(wire: Wire) -> str:
    """JSON for people: of a handle its type and six digits."""
    return escape(HANDLE.sub(r"<\2 \1…>", json.dumps(wire)))


def first_lines(error: ToolError) -> str:
    """What a tool said, without pydantic's pointer to its documentation."""
    return str(error).partition(" [type=")[0]


async def work(visit: Visit) -> None:
    """What a model might do: its work, then three mistakes."""
    db = await visit.call("open_database")
    await visit.call(
        "query", db=db, sql="create table planets as select 'Mars' as name, 2 as moons union select 'Saturn', 274"
    )
    rows = await visit.call("query", db=db, sql="select name, moons from planets order by moons")
    await visit.call("fetch", rows=rows, count=1)
    await visit.call("fetch", rows=rows)
    await visit.call("fetch", rows=db)
    await visit.call("close_database", db=db)
    await visit.call("query", db=db, sql="select 1")
    await visit.call("query", db=RegistryKey.new(sqlite3.Connection).to_marker(typed=True), sql="select 1")


async def main(console: Console) -> None:
    """Serve, or show what serving is like."""
    async with Session(idle=1800, per_owner=50) as session, session.refs.sweeping(every=30):
        server = make_server(session.refs)
        if "--serve" in sys.argv:
            await server.run_async()
            return
        logging.getLogger("fastmcp").setLevel(logging.CRITICAL)  # the table shows the refusals
        async with Client(server) as client:
            visit = Visit(client)
            await work(visit)
        console.print(visit.calls)
        console.print(f"Before the end of the session: {len(session.refs)} live objects.")
    console.print(f"After it: {len(session.refs)}.")


if __name__ == "__main__":
    asyncio.run(main(Console(width=None if sys.stdout.isatty() else 120)))
