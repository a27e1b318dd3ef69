"""Temporal: its converter, its sandbox by way of the replayer, and its activities; none needs a server."""

from __future__ import annotations

import asyncio
import base64
import importlib
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Tuple  # noqa: UP035  users write those too

import pytest

pytest.importorskip("temporalio", reason="temporalio is not installed: make .venv/engines")

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


@pytest.mark.parametrize("hint", [None, dict, dict[str, Any], Dict, Mapping, Mapping[str, Any]], ids=str)
def test_without_an_annotation_markers_are_read_as_keys_too(hint: type | None, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    value = {"key": key, "list": [key, 1], "text": "text", "mine": {SESSION_REF_TAG: "no key"}}
    payload = converter.to_payload(value)
    assert (converter.from_payload(payload, hint) if hint else converter.from_payload(payload)) == value


BARE = [list, List, tuple, Tuple, set, frozenset, deque, Sequence, Iterable, Collection, Set, Any, list[Any], None]


@pytest.mark.parametrize("hint", BARE, ids=str)
def test_an_annotation_that_does_not_say_what_is_in_it_gives_keys(hint: Any, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    assert [*converter.from_payload(converter.to_payload([key]), hint)] == [key]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (RegistryKey[int] | None, int),
        (dict | RegistryKey[int], int),
        (RegistryKey[str] | None | RegistryKey[int], int),
        (RegistryKey[bool] | RegistryKey | RegistryKey[int], int),
        (RegistryKey[bool] | RegistryKey[str], bool),
        (Any | None, object),
    ],
    ids=str,
)
def test_a_key_among_choices_is_read_as_a_key(hint: Any, expected: type, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    again = converter.from_payload(converter.to_payload(key), hint)
    assert (again, again.hint) == (key, expected)


@pytest.mark.parametrize("hint", [RegistryKey[str] | None, RegistryKey[bytes] | str | RegistryKey[str]], ids=str)
def test_a_marker_that_no_choice_takes_is_refused_without_its_text(hint: Any, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    with pytest.raises(MarkerError, match="expected a marker of 'builtins:str', found a marker of") as caught:
        converter.from_payload(converter.to_payload(key), hint)
    assert str(key) not in str(caught.value)


@pytest.mark.parametrize("value", [None, "text", {SESSION_REF_TAG: "no key"}, {"a": 1}], ids=str)
def test_what_is_no_marker_is_another_choice(value: object, converter: PayloadConverter) -> None:
    hint: Any = RegistryKey[int] | str | dict[str, Any] | None
    assert converter.from_payload(converter.to_payload(value), hint) == value


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


def test_a_key_that_is_the_key_of_a_dict_is_told(converter: PayloadConverter) -> None:
    told = r"^\$\.by\[0\] is not JSON: found a dict key of type liveref\.RegistryKey\. Pass it in another form"
    with pytest.raises(NotJSONableError, match=told):
        converter.to_payload({"by": [{"a": 1, RegistryKey.new(int): 1}]})


EXAMPLE = Path(__file__).parents[2] / "examples" / "temporal_workflow.py"
DOCS = Path(__file__).parents[2] / "docs" / "engines" / "temporal.md"

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports the example, with some of its text replaced, as a module that the sandbox can import too."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def load(name: str, *changes: tuple[str, str]) -> ModuleType:
        text = EXAMPLE.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{name}.py").write_text(text)
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_docs_show_the_example() -> None:
    assert f"```python\n{EXAMPLE.read_text()}```" in DOCS.read_text()


def test_an_activity_looks_a_key_up(load: Load, converter: PayloadConverter) -> None:
    with Session() as session:
        key = session.refs.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
        given = converter.from_payload(converter.to_payload(key), RegistryKey[sqlite3.Connection])
        activities = load("temporal_activities").Activities(session.refs)
        assert asyncio.run(ActivityEnvironment().run(activities.count, given)) == 42


RUN = "        return await workflow"
CHECK = """
        from liveref import current_session_registry
        assert isinstance(db, RegistryKey) and db.hint is sqlite3.Connection
        assert current_session_registry(default=None) is None
"""


def test_a_workflow_takes_a_key_in_the_sandbox_and_passes_it_on(load: Load) -> None:
    with Session():
        assert replay(load("temporal_passed")) is None
        assert replay(load("temporal_checked", (RUN, CHECK + RUN))) is None
        assert "Nondeterminism" in str(replay(load("temporal_other", (RUN, f"        return 42\n{RUN}"))))


COPIED = "with workflow.unsafe.imports_passed_through():", "if True:"
ANNOTATED, PARSED = (
    "(self, db: RegistryKey[sqlite3.Connection])",
    "        db = RegistryKey.parse(str(db), sqlite3.Connection)\n",
)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("read", []),
        ("choice", [(ANNOTATED, "(self, db: RegistryKey[sqlite3.Connection] | None)")]),
        ("written", [(ANNOTATED, "(self, db)"), (RUN, PARSED + RUN)]),
    ],
    ids=["read", "choice", "written"],
)
def test_a_second_copy_of_liveref_in_the_sandbox_is_told(name: str, changes: list[tuple[str, str]], load: Load) -> None:
    failure = str(replay(load(f"temporal_copied_{name}", COPIED, *changes)))
    assert HintError.__name__ in failure
    assert "import it under `with workflow.unsafe.imports_passed_through():`" in failure


def replay(module: ModuleType) -> Exception | None:
    """Why the replay of a history that took one activity and gave 42 failed, if it did."""
    history = WorkflowHistory.from_json("count-1", {"events": [*events()]})

    async def run() -> Exception | None:
        replayer = Replayer(workflows=[module.Count], data_converter=data_converter())
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


@pytest.mark.parametrize("hint", [RegistryKey[int], RegistryKey, Any, None], ids=str)
def test_a_recipe_beside_a_marker_is_carried_past(hint: Any, converter: PayloadConverter) -> None:
    key = RegistryKey.new(int)
    payload = converter.to_payload({**key.to_marker(typed=True), "recipe": "x" * 8192})
    assert converter.from_payload(payload, hint) == key
