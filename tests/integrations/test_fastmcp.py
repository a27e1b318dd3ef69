"""FastMCP: handles as arguments and results of tools, over a client in memory; live objects and session state."""

from __future__ import annotations

import asyncio
import functools
import json
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from liveref import SESSION_REF_TAG, RegistryKey, SessionRefRegistry

pytest.importorskip("fastmcp", reason="needs liveref[fastmcp]")

from fastmcp import Client, Context, FastMCP  # noqa: E402
from fastmcp.exceptions import ToolError  # noqa: E402
from fastmcp.server.middleware import Middleware  # noqa: E402


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def registry() -> Any:
    registry = SessionRefRegistry()
    yield registry
    registry.close()


@pytest.fixture
def server(registry: SessionRefRegistry) -> FastMCP:
    server = FastMCP("databases")

    @server.tool
    def connect() -> RegistryKey[sqlite3.Connection]:
        return registry.insert(sqlite3.connect(":memory:", check_same_thread=False), finalizer=sqlite3.Connection.close)

    @server.tool
    def query(db: RegistryKey[sqlite3.Connection], sql: str) -> list[tuple[int]]:
        return registry.get(db).execute(sql).fetchall()

    @server.tool
    def close(db: RegistryKey[sqlite3.Connection]) -> bool:
        return registry.release(db)

    return server


@in_loop
async def test_a_handle_is_a_result_and_an_argument(server: FastMCP, registry: SessionRefRegistry) -> None:
    async with Client(server) as client:
        handle = (await client.call_tool("connect")).structured_content
        (key,) = registry
        assert handle == key.to_marker(typed=True)
        rows = await client.call_tool("query", {"db": handle, "sql": "select 6 * 7"})
        assert rows.structured_content == {"result": [[42]]}
        assert (await client.call_tool("close", {"db": handle})).data is True
    assert registry.is_empty()


@in_loop
async def test_the_schema_tells_which_kind_of_handle_a_tool_takes_and_gives(server: FastMCP) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    taken = tools["query"].input_schema["properties"]["db"]["properties"]
    given = tools["connect"].output_schema["properties"]
    assert taken["type"]["const"] == given["type"]["const"] == "sqlite3:Connection"


@pytest.mark.parametrize("typed", [True, False], ids=["by its marker", "by the lookup"])
@in_loop
async def test_a_handle_of_another_type_is_refused(server: FastMCP, registry: SessionRefRegistry, typed: bool) -> None:
    key = registry.insert("text")
    with pytest.raises(ToolError) as caught:
        async with Client(server) as client:
            await client.call_tool("query", {"db": key.to_marker(typed=typed), "sql": "select 1"})
    told = str(caught.value)
    assert "sqlite3" in told
    assert "str" in told
    assert str(key)[:6] in told
    assert str(key) not in told


@pytest.mark.parametrize("broken", [5, "text", {}, {SESSION_REF_TAG: "x"}], ids=["int", "str", "empty", "no uuid"])
@in_loop
async def test_what_is_no_handle_is_refused(server: FastMCP, broken: object) -> None:
    with pytest.raises(ToolError, match=r"validation error.*\ndb\n.*not a session reference"):
        async with Client(server) as client:
            await client.call_tool("query", {"db": broken, "sql": "select 1"})


@in_loop
async def test_a_stale_handle_is_told_with_how_it_went(server: FastMCP, caplog: pytest.LogCaptureFixture) -> None:
    async with Client(server) as client:
        handle = (await client.call_tool("connect")).structured_content
        await client.call_tool("close", {"db": handle})
        with pytest.raises(ToolError) as caught:
            await client.call_tool("query", {"db": handle, "sql": "select 1"})
    uuid = handle[SESSION_REF_TAG]
    assert f"ref {uuid[:6]}… is gone: released" in str(caught.value)
    assert uuid not in str(caught.value) + caplog.text


class Login:
    """A live object that a request needs: a client of some other service."""


@in_loop
async def test_fastmcp_3228_a_middleware_hands_a_live_object_to_a_tool(registry: SessionRefRegistry) -> None:
    login = Login()

    class Inject(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            key = registry.insert(login)
            await context.fastmcp_context.set_state("login", key.to_marker())
            try:
                return await call_next(context)
            finally:
                registry.release(key)

    server = FastMCP("state", middleware=[Inject()])
    seen = []

    @server.tool
    async def use(ctx: Context) -> None:
        seen.append(registry.get(RegistryKey.from_marker(await ctx.get_state("login"), Login)))

    async with Client(server) as client:
        await client.call_tool("use")
    assert seen == [login]
    assert registry.is_empty()


@in_loop
async def test_fastmcp_3228_state_takes_the_marker_and_not_the_object(registry: SessionRefRegistry) -> None:
    server = FastMCP("state")

    @server.tool
    async def keep(ctx: Context) -> bool:
        with pytest.raises(TypeError, match="not serializable"):
            await ctx.set_state("login", Login())
        key = registry.insert(Login())
        await ctx.set_state("login", key.to_marker(typed=True))
        return RegistryKey.from_marker(await ctx.get_state("login"), Login) == key

    async with Client(server) as client:
        assert (await client.call_tool("keep")).data is True


@in_loop
async def test_the_schema_says_what_a_handle_is(server: FastMCP) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    taken, given = tools["query"].input_schema["properties"]["db"], tools["connect"].output_schema
    assert taken["description"] == given["description"]  # FastMCP takes titles out of schemas
    assert taken["description"].startswith("Stands for an object of type sqlite3.Connection, which the program holds.")


@pytest.mark.parametrize("form", [str, lambda key: json.dumps(key.to_marker(typed=True))], ids=["canonical", "JSON"])
@in_loop
async def test_a_model_may_hand_a_handle_back_as_text(
    server: FastMCP, registry: SessionRefRegistry, form: Callable[[object], str]
) -> None:
    async with Client(server) as client:
        await client.call_tool("connect")
        (key,) = registry
        rows = await client.call_tool("query", {"db": form(key), "sql": "select 6 * 7"})
        assert rows.structured_content == {"result": [[42]]}
        with pytest.raises(ToolError) as caught:
            await client.call_tool("query", {"db": str(key).upper(), "sql": "select 1"})
        assert str(key)[:8] not in str(caught.value).lower()


@in_loop
async def test_results_and_state_of_no_known_type_hold_keys(registry: SessionRefRegistry) -> None:
    server = FastMCP("dicts")
    key = registry.insert(Login())

    @server.tool
    async def handles(ctx: Context) -> dict[str, Any]:
        await ctx.set_state("login", key)
        return {"login": key, "state": [RegistryKey.read(await ctx.get_state("login"), Login)]}

    async with Client(server) as client:
        found = (await client.call_tool("handles")).structured_content
    assert found == {"login": key.to_marker(typed=True), "state": [key.to_marker(typed=True)]}
