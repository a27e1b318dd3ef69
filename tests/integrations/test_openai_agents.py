"""OpenAI Agents: handles as arguments and results of tools, before a model that is a script."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from liveref import RefLookupError, RegistryKey, Session, SessionSnapshot, current_session_registry, jsonable, reopener

pytest.importorskip("agents", reason="needs liveref[openai-agents]")

from agents import (  # noqa: E402
    Agent,
    FunctionTool,
    Model,
    ModelResponse,
    RunConfig,
    RunContextWrapper,
    Runner,
    RunState,
    Usage,
    function_tool,
)
from openai.types.responses import (  # noqa: E402
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

Context = RunContextWrapper[Session]


@reopener("tests.openai_agents.db", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False)


def tell(ctx: Context, error: Exception) -> str:
    return error.public if isinstance(error, RefLookupError) else str(error)


@function_tool
def open_database(ctx: Context) -> RegistryKey[sqlite3.Connection]:
    return ctx.context.refs.open(connect.recipe(":memory:"))


@function_tool(failure_error_function=tell)
def query(ctx: Context, db: RegistryKey[sqlite3.Connection], sql: str) -> str:
    assert current_session_registry() is ctx.context.refs
    return str(ctx.context.refs.get(db).execute(sql).fetchall())


@function_tool
def plain(ctx: Context, db: RegistryKey[sqlite3.Connection]) -> str:
    return str(ctx.context.refs.get(db))


@function_tool(needs_approval=True)
def approved(ctx: Context, db: RegistryKey[sqlite3.Connection]) -> str:
    return str(ctx.context.refs.get(db).execute("select 6 * 7").fetchall())


@function_tool
def shown(ctx: Context) -> dict[str, list[RegistryKey[Any]]]:
    return {"open": list(ctx.context.refs)}


@function_tool
def written(ctx: Context) -> str:
    return json.dumps({"open": list(ctx.context.refs)}, default=jsonable.default)


class Script(Model):
    """A model that makes the calls of a list, and then ends the run.

    Args:
        calls: the name of a tool and its arguments; one that is a function is given what the first tool returned.
    """

    def __init__(self, *calls: tuple[str, dict[str, Any]]) -> None:
        self._calls = iter(calls)
        self.told: list[str] = []
        self.first = ""

    async def get_response(self, system_instructions: object, input: Any, *args: object, **kwargs: object) -> Any:
        outputs = [item["output"] for item in input if isinstance(item, dict) and "output" in item]
        self.told, self.first = outputs[-1:] and [*self.told, outputs[-1]], (outputs or [""])[0]
        call = next(self._calls, None)
        answer = message("done") if call is None else self.call(*call)
        return ModelResponse(output=[answer], usage=Usage(), response_id=None)

    def call(self, name: str, arguments: dict[str, Any]) -> ResponseFunctionToolCall:
        given = {key: value(self.first) if callable(value) else value for key, value in arguments.items()}
        text = json.dumps(given)
        return ResponseFunctionToolCall(
            name=name, call_id=f"{name}{len(self.told)}", arguments=text, type="function_call"
        )

    def stream_response(self, *args: object, **kwargs: object) -> Any:
        raise NotImplementedError


def message(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(id="m", content=[content], role="assistant", status="completed", type="message")


TOOLS: list[FunctionTool] = [open_database, query, plain, approved, shown, written]


def agent(script: Script) -> Agent[Session]:
    return Agent[Session](name="databases", tools=list(TOOLS), model=script)


def run(script: Script, session: Session, request: Any = "go") -> Any:
    config = RunConfig(tracing_disabled=True)
    return asyncio.run(Runner.run(agent(script), request, context=session, run_config=config))


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


def strict(text: str) -> object:
    """What a model writes that a strict schema holds to: every property of a marker."""
    return {"__blazen_session_ref__": text, "type": "sqlite3:Connection", "recipe": "none"}


FORMS: dict[str, Callable[[str], object]] = {
    "canonical text": str,
    "marker": lambda text: {"__blazen_session_ref__": text},
    "marker as text": lambda text: json.dumps(strict(text)),
    "strict": strict,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_handle_that_a_tool_returned_opens_the_object_in_the_next(
    session: Session, form: Callable[[str], object]
) -> None:
    script = Script(("open_database", {}), ("query", {"db": form, "sql": "select 6 * 7"}))
    run(script, session)
    (key,) = session.refs
    assert script.told == [str(key), "[(42,)]"]


def test_a_strict_schema_asks_for_what_a_field_reads(session: Session) -> None:
    (handle,) = query.params_json_schema["$defs"].values()
    assert set(handle["required"]) == set(strict(""))  # type: ignore[call-overload]
    assert handle["title"] == "Handle of sqlite3.Connection"
    assert handle["properties"]["type"]["const"] == "sqlite3:Connection"


def test_keys_deep_in_a_result_are_of_use_as_json_alone(session: Session) -> None:
    key = session.refs.insert(1)
    script = Script(("shown", {}), ("written", {}))
    run(script, session)
    assert str(key) not in script.told[0]
    assert json.loads(script.told[1]) == {"open": [key.to_marker()]}


def test_what_is_no_handle_is_told_without_an_echo(session: Session) -> None:
    wrong = [RegistryKey.new(sqlite3.Connection), RegistryKey.new(str)]
    forms = [str(wrong[0]).upper(), f"{{{wrong[0]}}}", wrong[1].to_marker(typed=True)]
    script = Script(*[("query", {"db": form, "sql": "select 1"}) for form in forms])
    run(script, session)
    assert script.told == ["Invalid JSON input for tool query"] * 3


def test_a_handle_that_is_not_known_is_told_in_a_sentence(session: Session) -> None:
    unknown = str(RegistryKey.new(sqlite3.Connection))
    script = Script(("query", {"db": unknown, "sql": "select 1"}), ("plain", {"db": unknown}))
    run(script, session)
    assert script.told[0] == "This reference is not known here."
    assert script.told[1] == "An error occurred while running the tool. Please try again."


def test_a_run_that_waits_for_approval_goes_on_with_the_session_that_was_resumed(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = run(Script(("open_database", {}), ("approved", {"db": str})), session)
    state, saved = waiting.to_state().to_string(context_serializer=lambda _: {}), session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(saved, trusted=True)) as resumed:
        script = Script()
        again = asyncio.run(RunState.from_string(agent(script), state, context_override=resumed))
        again.approve(again.get_interruptions()[0])
        run(script, resumed, again)
        assert script.told == ["[(42,)]"]
    assert not caplog.records
