"""pydantic-ai: handles as arguments and results of tools, before a model that is a script."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from liveref import RefLookupError, RegistryKey, Session, SessionSnapshot, current_session_registry, reopener

pytest.importorskip("pydantic_ai", reason="needs liveref[pydantic-ai]")

from pydantic_ai import Agent, ModelRetry, RunContext  # noqa: E402
from pydantic_ai.messages import (  # noqa: E402
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel  # noqa: E402
from pydantic_core import PydanticSerializationError  # noqa: E402


@reopener("tests.pydantic_ai.db", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False)


def agent() -> Agent[Session, str]:
    agent = Agent(deps_type=Session, retries=3)

    @agent.tool
    def open_database(ctx: RunContext[Session]) -> RegistryKey[sqlite3.Connection]:
        return ctx.deps.refs.open(connect.recipe(":memory:"))

    @agent.tool
    def databases(ctx: RunContext[Session]) -> dict[str, list[RegistryKey[Any]]]:
        return {"open": list(ctx.deps.refs)}

    @agent.tool
    def query(ctx: RunContext[Session], db: RegistryKey[sqlite3.Connection], sql: str) -> list[list[int]]:
        assert current_session_registry() is ctx.deps.refs
        try:
            return [list(row) for row in ctx.deps.refs.get(db).execute(sql)]
        except RefLookupError as error:
            raise ModelRetry(error.public) from error

    @agent.tool
    def fail(ctx: RunContext[Session], db: RegistryKey[sqlite3.Connection]) -> None:
        ctx.deps.refs.get(db)

    return agent


class Script:
    """A model that makes the calls of a list, and then ends the run.

    Args:
        calls: the name of a tool and its arguments; one that is a function is given what the first tool returned.
    """

    def __init__(self, *calls: tuple[str, dict[str, Any]]) -> None:
        self._calls = iter(calls)
        self.seen: list[ModelMessage] = []
        self.tools: dict[str, Any] = {}

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.seen, self.tools = messages, {tool.name: tool.parameters_json_schema for tool in info.function_tools}
        call = next(self._calls, None)
        if call is None:
            return ModelResponse(parts=[TextPart("done")])
        name, arguments = call
        given = {key: self.resolve(value) for key, value in arguments.items()}
        return ModelResponse(parts=[ToolCallPart(name, given)])

    def resolve(self, value: object) -> object:
        return value(self.told("open_database")[-1]) if callable(value) else value

    def told(self, tool: str) -> list[str]:
        """What the model was told by a tool, as text."""
        parts = [part for message in self.seen for part in message.parts]
        return [
            part.model_response_str() if isinstance(part, ToolReturnPart) else part.model_response()
            for part in parts
            if isinstance(part, ToolReturnPart | RetryPromptPart) and part.tool_name == tool
        ]

    def run(self, session: Session, history: list[ModelMessage] | None = None) -> list[ModelMessage]:
        work = agent().run("go", deps=session, model=FunctionModel(self), message_history=history)
        return asyncio.run(work).all_messages()


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


FORMS: dict[str, Callable[[str], object]] = {
    "marker": json.loads,
    "marker as text": str,
    "canonical text": lambda text: json.loads(text)["__blazen_session_ref__"],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_handle_that_a_tool_returned_opens_the_object_in_the_next(
    session: Session, form: Callable[[str], object]
) -> None:
    script = Script(("open_database", {}), ("query", {"db": form, "sql": "select 6 * 7"}))
    script.run(session)
    (key,) = session.refs
    assert json.loads(script.told("open_database")[0]) == key.to_marker(typed=True)
    assert script.told("query") == ["[[42]]"]


def test_the_schema_says_what_a_handle_is_and_of_which_kind(session: Session) -> None:
    script = Script()
    script.run(session)
    (handle,) = script.tools["query"]["$defs"].values()
    assert handle["title"] == "Handle of sqlite3.Connection"
    assert handle["properties"]["type"]["const"] == "sqlite3:Connection"


def test_keys_deep_in_a_result_are_markers(session: Session) -> None:
    key = session.refs.insert(1)
    script = Script(("databases", {}))
    script.run(session)
    assert json.loads(script.told("databases")[0]) == {"open": [key.to_marker(typed=True)]}


def test_what_is_no_handle_is_told_without_an_echo(session: Session) -> None:
    wrong = [RegistryKey.new(sqlite3.Connection), RegistryKey.new(str)]
    forms = [str(wrong[0]).upper(), f"{{{wrong[0]}}}", wrong[1].to_marker(typed=True)]
    script = Script(*[("query", {"db": form, "sql": "select 1"}) for form in forms])
    script.run(session)
    told = script.told("query")
    assert len(told) == 3
    assert all("not a session reference" in each for each in told)
    assert not any(str(key)[:8] in each.lower() for each in told for key in wrong)


def test_a_handle_that_is_not_known_is_told_in_a_sentence_where_the_tool_says_so(session: Session) -> None:
    unknown = RegistryKey.new(sqlite3.Connection).to_marker()
    script = Script(("query", {"db": unknown, "sql": "select 1"}))
    script.run(session)
    (told,) = script.told("query")
    assert "This reference is not known here." in told
    with pytest.raises(RefLookupError):
        Script(("fail", {"db": unknown})).run(session)


def test_a_history_goes_on_with_the_session_that_was_resumed(session: Session) -> None:
    messages = Script(("open_database", {})).run(session)
    history = ModelMessagesTypeAdapter.dump_json(messages)
    saved = session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(saved, trusted=True)) as resumed:
        script = Script(("query", {"db": json.loads, "sql": "select 6 * 7"}))
        script.run(resumed, ModelMessagesTypeAdapter.validate_json(history))
        assert script.told("query") == ["[[42]]"]


@pytest.mark.filterwarnings("ignore:Could not generate return schema")
def test_a_connection_itself_is_no_result_of_a_tool(session: Session) -> None:
    broken = Agent(FunctionModel(Script(("open_database", {}))))

    @broken.tool_plain
    def open_database() -> sqlite3.Connection:
        return session.refs[session.refs.open(connect.recipe(":memory:"))]

    with pytest.raises(PydanticSerializationError, match="Unable to serialize unknown type"):
        asyncio.run(broken.run("go")).all_messages_json()
