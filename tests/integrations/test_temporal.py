"""Temporal: its converter, its sandbox by way of the replayer, and its activities; none needs a server."""

from __future__ import annotations

import asyncio
import base64
import importlib
import sqlite3
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("temporalio", reason="temporalio is not installed: make .venv/engines")

from temporalio import activity
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, PayloadConverter
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer

from liveref import (
    SESSION_REF_TAG,
    HintError,
    MarkerError,
    NotJSONableError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    current_session_registry,
)
from liveref.integrations.temporal import data_converter
from liveref.jsonable import find_markers


@dataclass
class Order:
    """What a workflow is given."""

    db: RegistryKey[sqlite3.Connection]
    more: list[RegistryKey[int]]
    either: RegistryKey[int] | RegistryKey[str] | None
    rest: dict[str, Any]
    items: list[Any]
    bare: RegistryKey


@dataclass
class Wrong:
    """What holds a live object."""

    held: object


@pytest.fixture
def converter() -> PayloadConverter:
    return data_converter().payload_converter


def test_keys_come_back_as_keys_with_the_hints_of_the_annotations(converter: PayloadConverter) -> None:
    db, number, text = RegistryKey.new(sqlite3.Connection), RegistryKey.new(int), RegistryKey.new(str)
    order = Order(db, [number], text, {"a": [db], "n": 1}, [{"key": db}, None], number)
    again = converter.from_payload(converter.to_payload(order), Order)
    assert again == order
    hints = [again.db.hint, again.more[0].hint, again.either.hint, again.rest["a"][0].hint, again.bare.hint]
    assert hints == [sqlite3.Connection, int, str, object, object]


@pytest.mark.parametrize("hint", [None, dict, dict[str, Any]], ids=["none", "dict", "dict-of-anything"])
def test_without_an_annotation_markers_are_read_as_keys_too(hint: type | None, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    value = {"key": key, "list": [key, 1], "text": "text", "mine": {SESSION_REF_TAG: "no key"}}
    payload = converter.to_payload(value)
    assert (converter.from_payload(payload, hint) if hint else converter.from_payload(payload)) == value


def test_the_payload_is_plain_json_with_typed_markers() -> None:
    key = RegistryKey.new(sqlite3.Connection)

    async def write() -> list[Any]:
        payloads = await data_converter().encode([{"db": key}])
        assert payloads[0].metadata["encoding"] == b"json/plain"
        return await DataConverter.default.decode(payloads)

    (value,) = asyncio.run(write())
    assert value == {"db": key.to_marker(typed=True)}
    assert list(find_markers(value)) == [("$.db", key)]


@pytest.mark.parametrize("value", [None, b"bytes", {"a": [1, "b"]}, [1.5, True]], ids=["none", "bytes", "dict", "list"])
def test_other_values_are_written_as_temporal_writes_them(value: object, converter: PayloadConverter) -> None:
    payload = converter.to_payload(value)
    assert payload == DataConverter.default.payload_converter.to_payload(value)
    assert converter.from_payload(payload) == value


def test_a_marker_that_is_provably_of_another_type_is_refused(converter: PayloadConverter) -> None:
    payload = converter.to_payload(RegistryKey.new(int))
    with pytest.raises(MarkerError, match="found a marker of 'builtins:int'"):
        converter.from_payload(payload, RegistryKey[sqlite3.Connection])


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (threading.Lock(), "$"),
        ({"orders": [1, Wrong(threading.Lock())]}, "$.orders[1].held"),
        ({"orders": {"a b": Wrong}}, '$.orders["a b"]'),
    ],
    ids=["root", "dataclass", "class"],
)
def test_what_cant_be_written_is_named_with_its_path(value: object, path: str, converter: PayloadConverter) -> None:
    with pytest.raises(NotJSONableError, match="Put it into the registry of the worker and pass its key") as caught:
        converter.to_payload(value)
    assert caught.value.args[0] == path


class Activities:
    """Activities look keys up in the registry that they were made with, or in the current one."""

    def __init__(self, registry: SessionRefRegistry) -> None:
        self.registry = registry

    @activity.defn
    async def count(self, db: RegistryKey[sqlite3.Connection]) -> int:
        return self.registry.get(db).execute("select 42").fetchone()[0]

    @activity.defn
    async def is_current(self) -> bool:
        return current_session_registry() is self.registry


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


def test_an_activity_looks_a_key_up(db: sqlite3.Connection, converter: PayloadConverter) -> None:
    with Session() as session:
        activities = Activities(session.refs)
        payload = converter.to_payload(session.refs.insert(db))
        key = converter.from_payload(payload, RegistryKey[sqlite3.Connection])
        assert asyncio.run(ActivityEnvironment().run(activities.count, key)) == 42
        assert asyncio.run(ActivityEnvironment().run(activities.is_current))


WORKFLOW = """
from datetime import timedelta
from sqlite3 import Connection
from temporalio import workflow
with {passed_through}:
    from liveref import NoCurrentRegistryError, RegistryKey, current_session_registry

@workflow.defn
class Count:
    @workflow.run
    async def run(self, db: RegistryKey[Connection]) -> int:
        assert isinstance(db, RegistryKey) and db.hint is Connection
        assert current_session_registry(default=None) is None
        return await workflow.execute_activity(
            "count", db, start_to_close_timeout=timedelta(seconds=5), result_type=int
        )
"""


def replay(name: str, passed_through: str, folder: Path) -> Exception | None:
    """Why the replay of a history that took one activity and gave 42 failed, if it did."""
    (folder / f"{name}.py").write_text(WORKFLOW.format(passed_through=passed_through))
    workflow = importlib.import_module(name).Count
    history = WorkflowHistory.from_json("count-1", {"events": [*events()]})

    async def run() -> Exception | None:
        replayer = Replayer(workflows=[workflow], data_converter=data_converter())
        return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure

    return asyncio.run(run())


def events() -> Iterator[dict[str, object]]:
    """What a server would have noted."""
    key, result = payloads(RegistryKey.new(sqlite3.Connection)), payloads(42)
    queue, task = {"name": "queue"}, {"startToCloseTimeout": "10s", "attempt": 1}
    started = {"workflowType": {"name": "Count"}, "taskQueue": queue, "input": key, "workflowTaskTimeout": "10s"}
    scheduled = {"activityId": "1", "activityType": {"name": "count"}, "taskQueue": queue, "input": key}
    kinds: list[tuple[str, dict[str, object]]] = [
        ("workflowExecutionStarted", {**started, "originalExecutionRunId": "run", "attempt": 1}),
        ("workflowTaskScheduled", {"taskQueue": queue, **task}),
        ("workflowTaskStarted", {"scheduledEventId": "2"}),
        ("workflowTaskCompleted", {"scheduledEventId": "2", "startedEventId": "3"}),
        ("activityTaskScheduled", {**scheduled, "startToCloseTimeout": "5s", "workflowTaskCompletedEventId": "4"}),
        ("activityTaskStarted", {"scheduledEventId": "5", "attempt": 1}),
        ("activityTaskCompleted", {"scheduledEventId": "5", "startedEventId": "6", "result": result}),
        ("workflowTaskScheduled", {"taskQueue": queue, **task}),
        ("workflowTaskStarted", {"scheduledEventId": "8"}),
        ("workflowTaskCompleted", {"scheduledEventId": "8", "startedEventId": "9"}),
        ("workflowExecutionCompleted", {"result": result, "workflowTaskCompletedEventId": "10"}),
    ]
    for at, (kind, attributes) in enumerate(kinds, 1):
        name = "EVENT_TYPE" + "".join(
            f"_{letter}" if letter.isupper() else letter for letter in kind[0].upper() + kind[1:]
        )
        yield {
            "eventId": str(at),
            "eventTime": "2026-11-24T12:00:00Z",
            "eventType": name.upper(),
            f"{kind}EventAttributes": attributes,
        }


def payloads(value: object) -> dict[str, object]:
    """A value as a payload in the JSON of a history."""
    payload = data_converter().payload_converter.to_payload(value)
    metadata = {name: base64.b64encode(text).decode() for name, text in payload.metadata.items()}
    return {"payloads": [{"metadata": metadata, "data": base64.b64encode(payload.data).decode()}]}


def test_a_workflow_takes_a_key_in_the_sandbox_and_passes_it_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with Session():
        assert replay("liveref_passed", "workflow.unsafe.imports_passed_through()", tmp_path) is None
    sys.modules.pop("liveref_passed")


def test_a_second_copy_of_liveref_in_the_sandbox_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    failure = replay("liveref_copied", "__import__('contextlib').nullcontext()", tmp_path)
    assert f"{HintError.__name__}" in str(failure)
    assert "import it under `with workflow.unsafe.imports_passed_through():`" in str(failure)
    sys.modules.pop("liveref_copied")
