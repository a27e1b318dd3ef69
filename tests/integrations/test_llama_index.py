"""llama-index-workflows: real workflows that pause, go through JSON, and are resumed."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("workflows", reason="llama-index-workflows is not installed: make .venv/engines")

from pydantic import BaseModel, ConfigDict
from workflows import Context, Workflow, step
from workflows.context.serializers import JsonSerializer
from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

from liveref import (
    SESSION_REF_TAG,
    CapacityExceededError,
    MarkerAuthError,
    NotJSONableError,
    RefNotFoundError,
    RefReleasedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    reopener,
)
from liveref.integrations.llama_index import LiveRefSerializer
from liveref.jsonable import decode, encode, find_markers


@dataclasses.dataclass(eq=False)
class Client:
    """A live object that pydantic knows how to write by value, and deepcopy how to copy."""

    token: str = "secret"


class Holder:
    """What holds a lock, as many clients do."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Model(BaseModel):
    """A live object that is a model itself."""

    token: str = "secret"


class Nested(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: Client


class Asked(InputRequiredEvent):
    """Pauses the workflow."""


class Answered(HumanResponseEvent):
    """Resumes it."""

    answer: int


class Told(Event):
    """An event with all that may be in one."""

    db: sqlite3.Connection
    client: Client
    nested: Nested
    clients: list[Client]
    either: RegistryKey[int] | RegistryKey[str]
    when: datetime


LIVE = [sqlite3.Connection, Client, Holder, Model]


def hop(serializer: JsonSerializer, value: object) -> object:
    return serializer.deserialize(serializer.serialize(value))


def test_objects_come_back_as_those_objects_and_keys_as_keys(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    key, client, model = registry.insert(1), Client(), Model()
    value = {"db": db, "again": [db, client], "model": model, "key": key, "n": 1, "none": None}
    assert hop(serializer, value) == value
    assert hop(serializer, value)["again"][1] is client
    assert hop(serializer, value)["model"] is model
    assert len(registry) == 4


def test_outside_of_models_it_writes_what_jsonable_writes(registry: SessionRefRegistry, db: sqlite3.Connection) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    value = {"db": db, "key": registry.insert(1), "mine": {SESSION_REF_TAG: {SESSION_REF_TAG: "what the user wrote"}}}
    tree = json.loads(serializer.serialize(value))
    assert tree == encode(value, registry=registry, live=LIVE)
    assert serializer.deserialize_value(tree) == decode(tree, registry=registry) == value


def test_an_event_keeps_its_objects_and_keys(registry: SessionRefRegistry, db: sqlite3.Connection) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    client, text = Client(), registry.insert("text")
    event = Told(
        db=db,
        client=client,
        nested=Nested(client=client),
        clients=[client],
        either=text,
        when=datetime.now(UTC),
        extra=db,
        more={"model": Model(), "key": text},
    )
    written = serializer.serialize(event)
    assert "secret" not in written
    again = serializer.deserialize(written)
    assert isinstance(again, Told)
    assert again.db is again.extra is db
    assert again.client is again.nested.client is again.clients[0] is client
    assert again.more == {"model": event.more["model"], "key": text}
    assert again.more["model"] is event.more["model"]
    assert (again.either, again.either.hint, again.when) == (text, str, event.when)
    assert event.client is client
    assert len(registry) == 4


def test_what_a_user_wrote_into_an_event_is_not_looked_up(registry: SessionRefRegistry) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    made_up = RegistryKey.new(int).to_marker(typed=True)
    seen = json.loads(serializer.serialize(Answered(answer=1, client=Client())))["__liveref_wrap"]
    written = {"mine": made_up, "other": {"__liveref_wrap": "x"}, "wrapped": {seen: made_up}}
    again = hop(serializer, Answered(answer=1, client=Client(), **written))
    assert isinstance(again, Answered)
    assert {name: again[name] for name in written} == written


def test_models_of_pydantic_that_take_more_fields_keep_them(registry: SessionRefRegistry) -> None:
    client = Client()

    again = hop(LiveRefSerializer(registry, live=LIVE), Open(client=client, clients=(client,)))
    assert isinstance(again, Open)
    assert again.client is again.clients[0] is client


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


def test_without_live_objects_the_engine_reads_what_it_would_write_itself(registry: SessionRefRegistry) -> None:
    value = {"event": Answered(answer=1, more=[1, {"a": None}]), "list": [1.5, True, "text", (1, 2)], "c": Component()}
    written = LiveRefSerializer(registry, live=LIVE).serialize(value)
    assert json.loads(written) == json.loads(JsonSerializer().serialize(value))
    assert LiveRefSerializer(registry).deserialize(written) == JsonSerializer().deserialize(written)


class Component:
    """A component, as llama_index.core has them."""

    class_name = "Component"

    def __init__(self, held: object = 1) -> None:
        self.held = held

    def to_dict(self) -> dict[str, object]:
        return {"held": self.held}

    @classmethod
    def from_dict(cls, fields: dict[str, object]) -> Component:
        return cls(fields["held"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Component) and self.held == other.held

    __hash__ = None


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ({"a": [1, {"lock": threading.Lock()}]}, "$.a[1].lock", "_thread.lock"),
        ({"a": Answered(answer=1, lock=threading.Lock())}, "$.a.lock", "_thread.lock"),
        (Nested.model_construct(client=[threading.Lock()]), "$.client[0]", "_thread.lock"),
        ([Component(threading.Lock())], "$[0]", f"{__name__}.Component"),
        ([1, b"bytes"], "$[1]", "bytes"),
    ],
    ids=["nested", "event", "model", "component", "bytes"],
)
def test_what_cant_be_written_is_named_with_its_path(
    value: object, path: str, found: str, registry: SessionRefRegistry
) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    with pytest.raises(NotJSONableError) as caught:
        serializer.serialize([Client(), value])
    assert caught.value.args[:2] == (path.replace("$", "$[1]", 1), found)
    assert registry.is_empty()


def test_a_full_registry_is_told_and_left_as_it_was(db: sqlite3.Connection) -> None:
    registry = SessionRefRegistry(capacity=1)
    with pytest.raises(CapacityExceededError):
        LiveRefSerializer(registry, live=LIVE).serialize(Nested.model_construct(client=[Client(), Client()]))
    assert registry.is_empty()


def test_an_object_that_is_gone_raises_or_comes_back_as_its_key(registry: SessionRefRegistry) -> None:
    written = LiveRefSerializer(registry, live=LIVE).serialize({"client": Client()})
    (key,) = registry
    registry.release(key)
    with pytest.raises(RefReleasedError):
        LiveRefSerializer(registry).deserialize(written)
    assert LiveRefSerializer(registry, missing="key").deserialize(written) == {"client": key}


class Count(Workflow):
    """Asks, and counts in a database what it was answered."""

    @step
    async def ask(self, ctx: Context, event: StartEvent) -> Asked:
        await ctx.store.set("db", event.db)
        await ctx.store.set("holder", event.get("holder"))
        return Asked(question="How many?")

    @step
    async def count(self, ctx: Context, event: Answered) -> StopEvent:
        return StopEvent(result={"db": await ctx.store.get("db"), "answer": event.answer})


class State(BaseModel):
    """A typed state with a live object in it."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    holder: Holder | None = None
    key: RegistryKey[Holder] | None = None
    n: int = 0


class Typed(Workflow):
    """As `Count`, with a typed state."""

    @step
    async def ask(self, ctx: Context[State], event: StartEvent) -> Asked:
        async with ctx.store.edit_state() as state:
            state.holder, state.key = event.get("holder"), event.get("key")
        return Asked(question="How many?")

    @step
    async def count(self, ctx: Context[State], event: Answered) -> StopEvent:
        async with ctx.store.edit_state() as state:
            state.n = event.answer
        return StopEvent(result=await ctx.store.get_state())


async def paused(workflow: Workflow, serializer: JsonSerializer | None = None, **fields: object) -> str:
    """The context of a run that waits for its answer, as JSON text."""
    handler = workflow.run(**fields)
    async for event in handler.stream_events():
        if isinstance(event, Asked):
            break
    text = json.dumps(handler.ctx.to_dict(serializer=serializer))
    await handler.cancel_run()
    await asyncio.gather(handler, return_exceptions=True)
    return text


async def resumed(workflow: Workflow, text: str, serializer: JsonSerializer | None = None) -> object:
    """What a paused run comes to when it is answered."""
    ctx: Context = Context.from_dict(workflow, json.loads(text), serializer=serializer)
    handler = workflow.run(ctx=ctx)
    handler.ctx.send_event(Answered(answer=42))
    return await handler


@pytest.mark.parametrize("where", ["on-the-workflow", "at-the-call"])
def test_a_paused_workflow_goes_on_with_the_same_connection(where: str, db: sqlite3.Connection) -> None:
    async def run() -> object:
        serializer = LiveRefSerializer(live=[sqlite3.Connection])
        given = {} if where == "on-the-workflow" else {"serializer": serializer}
        workflow = Count(serializer=serializer if where == "on-the-workflow" else None)
        with Session():
            text = await paused(workflow, **given, db=db)
            return await resumed(workflow, text, **given)

    assert asyncio.run(run()) == {"db": db, "answer": 42}


def test_two_runs_of_one_context_share_the_connection(db: sqlite3.Connection) -> None:
    async def run() -> list[object]:
        workflow = Count(serializer=LiveRefSerializer(live=[sqlite3.Connection]))
        with Session():
            text = await paused(workflow, db=db)
            return [await resumed(workflow, text) for _ in range(2)]

    assert asyncio.run(run()) == [{"db": db, "answer": 42}] * 2


@reopener("test_llama_index.connect", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


def test_in_another_session_the_recipe_opens_the_connection_again(tmp_path: Path) -> None:
    workflow = Count(serializer=LiveRefSerializer(live=[sqlite3.Connection]))
    with Session() as session:
        db = session.refs[session.refs.open(connect.recipe(str(tmp_path / "app.sqlite")))]
        text = asyncio.run(paused(workflow, db=db))
        session.save(tmp_path / "session.liveref")
    with Session.resume(SessionSnapshot.read(tmp_path / "session.liveref", trusted=True)) as again:
        result = asyncio.run(resumed(workflow, text))
        (key,) = again.refs
        assert result == {"db": again.refs[key], "answer": 42}
        assert again.refs[key] is not db


def test_explicitly_the_payload_holds_keys_and_needs_no_live_classes(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    key = registry.insert(db)
    workflow = Count(serializer=LiveRefSerializer())
    text = asyncio.run(paused(workflow, db=key))
    assert asyncio.run(resumed(workflow, text)) == {"db": key, "answer": 42}
    assert {found for _, found in find_markers(json.loads(json.loads(text)["state"]["state_data"]["_data"]["db"]))} == {
        key
    }


def test_after_the_session_only_keys_are_left(db: sqlite3.Connection) -> None:
    workflow = Count(serializer=LiveRefSerializer(live=[sqlite3.Connection], missing="key"))

    async def pause() -> str:
        with Session():
            return await paused(workflow, db=db)

    text = asyncio.run(pause())
    with Session():
        result = asyncio.run(resumed(workflow, text))
    assert isinstance(result, dict)
    assert isinstance(result["db"], RegistryKey)
    strict = Count(serializer=LiveRefSerializer(live=[sqlite3.Connection]))
    with Session(), pytest.raises(ValueError, match="state value for key db: no ref .* in this registry"):
        asyncio.run(resumed(strict, text))


def test_llama_agents_710_a_lock_holder_in_the_store(registry: SessionRefRegistry) -> None:
    """run-llama/llama-agents #710: `cannot pickle '_thread.lock' object` once the state is copied or written."""
    holder = Holder()
    with pytest.raises(ValueError, match="Failed to serialize"):
        asyncio.run(paused(Typed(), holder=holder))
    workflow = Typed(serializer=LiveRefSerializer(registry, live=[Holder]))
    state = asyncio.run(resumed(workflow, asyncio.run(paused(workflow, holder=holder))))
    assert isinstance(state, State)
    assert (state.holder, state.n) == (holder, 42)
    key = registry.insert(holder)
    state = asyncio.run(resumed(Typed(), asyncio.run(paused(Typed(), key=key))))
    assert isinstance(state, State)
    assert state.key is not None
    assert registry.get(state.key) is holder


def test_the_engines_own_failure_tells_the_path_too(registry: SessionRefRegistry) -> None:
    workflow = Count(serializer=LiveRefSerializer(registry))
    with pytest.raises(ValueError, match=r"for key holder: \$ is not JSON: found .*Holder\. Put it into the registry"):
        asyncio.run(paused(workflow, db=1, holder=Holder()))


# Names that the engine or liveref itself uses.

QUALIFIED = f"{__name__}.Answered"
OWN = {
    "the wrap": {"__liveref_wrap": 1},
    "the wrap, deep": {"a": [{"__liveref_wrap": "w"}]},
    "the wrap and a value": {"__liveref_wrap": "w", "value": {"w": 1}},
    "the wrap, a list": {"__liveref_wrap": ["w"], "value": {"w": 1}},
    "a model": {"__is_pydantic": True, "qualified_name": QUALIFIED, "value": {"answer": 1}},
    "a model that is none": {"__is_pydantic": True, "qualified_name": "no.such.Thing", "value": 1},
    "a model with the wrap": {"__is_pydantic": True, "qualified_name": QUALIFIED, "value": {}, "__liveref_wrap": "w"},
    "half a model": {"__is_pydantic": True},
    "no model": {"__is_pydantic": False, "qualified_name": ""},
    "a component": {"__is_component": True, "qualified_name": f"{__name__}.Component", "value": {"held": 1}},
    "a marker": {SESSION_REF_TAG: "x"},
    "a typed marker": RegistryKey.new(int).to_marker(typed=True),
    "an escape": {SESSION_REF_TAG: {"__is_pydantic": True, "qualified_name": QUALIFIED}},
    "names alone": {"qualified_name": QUALIFIED, "value": 1, "type": "x", "recipe": "y"},
    "one in another": {"__is_component": {"__is_pydantic": [{"__liveref_wrap": {SESSION_REF_TAG: 1}}]}},
}


@pytest.mark.parametrize("live", [[], LIVE], ids=["explicit", "transparent"])
@pytest.mark.parametrize("wrap", ["alone", "in a list", "in an event", "beside a live object"])
@pytest.mark.parametrize("name", OWN)
def test_what_a_user_wrote_comes_back_whatever_its_names_are(
    name: str, wrap: str, live: list[type], registry: SessionRefRegistry
) -> None:
    serializer, own = LiveRefSerializer(registry, live=live), OWN[name]
    if wrap == "in an event":
        assert hop(serializer, Answered(answer=1, mine=own, key=KEY)).mine == own
    else:
        client = Client() if live and wrap == "beside a live object" else None
        value = {"alone": own, "in a list": [own, {"a": own}]}.get(wrap, {"own": own, "client": client, "key": KEY})
        assert hop(serializer, value) == value


KEY = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", int)


def test_a_marker_with_a_recipe_stands_for_what_it_would_stand_for_without(registry: SessionRefRegistry) -> None:
    serializer, key = LiveRefSerializer(registry), registry.insert(7)
    sturdy = [{**key.to_marker(typed=typed), "recipe": "abc"} for typed in (True, False)]
    assert serializer.deserialize(json.dumps(sturdy)) == [7, key]


def test_an_event_that_has_a_class_name_is_no_component(registry: SessionRefRegistry) -> None:
    again = hop(LiveRefSerializer(registry), Answered(answer=1, class_name="x", value={"__is_pydantic": 1}))
    assert (again.class_name, again.value) == ("x", {"__is_pydantic": 1})


def test_an_event_whose_field_is_in_its_data_too_keeps_both(registry: SessionRefRegistry) -> None:
    event = Answered(answer=1, client=Client())
    event["answer"] = 2
    again = hop(LiveRefSerializer(registry, live=LIVE), event)
    assert (again.answer, again["answer"], again.client) == (1, 2, event.client)


@dataclasses.dataclass
class Deps:
    client: Client


def test_a_live_object_in_a_dataclass_in_a_model_stays_itself(registry: SessionRefRegistry) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    client = Client()
    written = serializer.serialize(Answered(answer=1, deps=Deps(client)))
    assert "secret" not in written
    assert serializer.deserialize(written).deps["client"] is client


def test_a_payload_that_contains_itself_is_told(registry: SessionRefRegistry) -> None:
    loop: list[object] = []
    loop.append({"a": loop})
    for value in (loop, Answered(answer=1, loop=loop)):
        for live in ([], LIVE):
            with pytest.raises(NotJSONableError):
                LiveRefSerializer(registry, live=live).serialize(value)


@pytest.mark.parametrize("value", [[1, 10**5000], {"a": Answered(answer=1, n=[10**5000])}], ids=["list", "event"])
def test_an_int_that_json_does_not_take_is_told_with_its_path(value: object, registry: SessionRefRegistry) -> None:
    with pytest.raises(NotJSONableError, match=r"^(\$\[1\]|\$\.a\.n\[0\]) is not JSON: found int"):
        LiveRefSerializer(registry).serialize(value)


def test_keys_in_what_an_event_has_no_field_for_come_back_and_as_keys_of_a_dict_they_are_told(
    registry: SessionRefRegistry,
) -> None:
    event = Answered(answer=1, mine=[KEY], by_name={"k": KEY})
    again = hop(LiveRefSerializer(registry), event)
    assert (again.mine, again.by_name) == ([KEY], {"k": KEY})
    told = r"^\$\.by_key is not JSON: found a dict key of type liveref\.RegistryKey\. Pass it in another form"
    with pytest.raises(NotJSONableError, match=told):
        LiveRefSerializer(registry).serialize(Answered(answer=1, by_key={KEY: 1}))


@pytest.mark.parametrize("name", [KEY, (1, 2), b"x", frozenset()], ids=["key", "tuple", "bytes", "frozenset"])
def test_a_dict_with_a_key_that_json_does_not_take_is_told_as_text_and_as_values(
    name: object, registry: SessionRefRegistry
) -> None:
    serializer = LiveRefSerializer(registry)
    for write in (serializer.serialize, serializer.serialize_value):
        with pytest.raises(
            NotJSONableError, match=r"^\$\.a is not JSON: found a dict key of type (liveref|tuple|bytes|frozenset)"
        ):
            write({"a": {1: 1, name: 1}})


def test_a_value_as_json_values_is_what_the_text_holds(registry: SessionRefRegistry) -> None:
    serializer = LiveRefSerializer(registry, live=LIVE)
    value = {"client": Client(), "event": [1, None, {"__is_component": 1}]}
    tree = serializer.serialize_value(value)
    assert tree == json.loads(serializer.serialize(value))
    assert serializer.deserialize_value(tree) == value
    with pytest.raises(NotJSONableError, match=r"^\$\.n is not JSON"):
        serializer.serialize_value({"n": 10**5000})


RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


@reopener("test_llama_index.client")
def client_of(token: str) -> Client:
    return Client(token)


@reopener("test_llama_index.number")
def number(value: int) -> int:
    return value


class Keys(BaseModel):
    """A model with keys wherever one may be."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: RegistryKey[Client]
    either: RegistryKey[int] | RegistryKey[Client]
    maybe: RegistryKey[Client] | None
    clients: list[RegistryKey[Client]]
    named: dict[str, RegistryKey[int]]
    deps: Deps
    anything: Any


@pytest.mark.parametrize("live", [[], LIVE], ids=["explicit", "transparent"])
def test_keys_in_the_fields_of_a_model_take_their_recipes_along(registry: SessionRefRegistry, live: list[type]) -> None:
    client, one = registry.open(client_of.recipe("a")), registry.open(number.recipe(1))
    plain, apart = registry.insert(2), registry.open(number.recipe(3))
    again = SessionRefRegistry()
    sent = Keys(
        client=client,
        either=client,
        maybe=None,
        clients=[client, client],
        named={"one": one, "plain": plain},
        deps=Deps(registry[client]),
        anything=[apart],
    )
    written = LiveRefSerializer(registry, live=live, recipes=RING).serialize({"model": sent})
    read = LiveRefSerializer(again, live=live, recipes=RING).deserialize(written)["model"]
    assert read.model_copy(update={"deps": None}) == sent.model_copy(update={"deps": None})
    assert [read.client.hint, read.either.hint, read.named["one"].hint] == [Client, Client, int]
    assert (again[read.client].token, again[read.named["one"]], again[apart], len(again)) == ("a", 1, 3, 3)
    assert not live or again[read.client] is read.deps.client
    with pytest.raises(RefNotFoundError):
        again[read.named["plain"]]


def test_a_model_whose_keys_have_no_recipe_is_written_as_without_a_ring(registry: SessionRefRegistry) -> None:
    key = registry.insert(Client())
    sent = Answered(answer=1, client=key)
    assert LiveRefSerializer(registry, recipes=RING).serialize({"a": key, "b": 1}) == LiveRefSerializer(
        registry
    ).serialize({"a": key, "b": 1})
    assert hop(LiveRefSerializer(registry, recipes=RING), sent).client == key


def test_a_forged_recipe_in_a_model_is_refused(registry: SessionRefRegistry) -> None:
    key = registry.open(number.recipe(1))
    written = LiveRefSerializer(registry, recipes=RING).serialize(Answered(answer=1, key=key))
    other, again = SnapshotKeys({"test": b"x" * 32}, current="test"), SessionRefRegistry()
    with pytest.raises(MarkerAuthError):
        LiveRefSerializer(again, recipes=other).deserialize(written)
    assert again.is_empty()
