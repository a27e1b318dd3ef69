"""kombu's JSON serializer, and a Celery worker that takes messages from a broker in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from liveref import RefReleasedError, RefTypeError, RegistryKey, SessionRefRegistry

pytest.importorskip("kombu", reason="needs liveref[kombu]")

from kombu.exceptions import DecodeError, EncodeError  # noqa: E402
from kombu.serialization import dumps, loads  # noqa: E402
from kombu.utils import json  # noqa: E402

from liveref.integrations.kombu import register  # noqa: E402


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def hop(payload: object) -> Any:
    content_type, encoding, message = dumps(payload, "json")
    return loads(message, content_type, encoding)


@pytest.mark.parametrize("hint", [int, object, sqlite3.Connection], ids=["int", "object", "connection"])
def test_a_key_comes_back_with_its_class(hint: Any) -> None:
    key = RegistryKey.new(hint)
    found = hop({"deep": [key, 1]})
    assert found == {"deep": [key, 1]}
    assert type(found["deep"][0]) is RegistryKey
    assert found["deep"][0].hint is hint


def local_class() -> type:
    class Local: ...

    return Local


class Unchecked(Protocol):
    """Not runtime_checkable."""


@pytest.mark.parametrize(("hint", "value"), [(list[int], [1]), (local_class(), None)], ids=["list[int]", "local"])
def test_a_key_of_what_is_no_importable_class_opens_its_own_ref(hint: Any, value: object) -> None:
    registry = SessionRefRegistry()
    value = hint() if value is None else value
    found = hop(hop(registry.insert(value, hint)))
    assert registry.get(found) is value


def test_such_a_key_opens_no_ref_of_another_hint() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(["x"], list[str])
    with pytest.raises(RefTypeError):
        registry.get(hop(RegistryKey.parse(str(key), list[int])))


def test_a_key_whose_tag_names_what_can_not_be_checked_opens_nothing() -> None:
    marker = RegistryKey.new(int).to_marker() | {"type": f"{__name__}:Unchecked"}
    registry = SessionRefRegistry()
    assert registry.get(json.loads(json.dumps({"__type__": "liveref", "__value__": marker})), default=None) is None


def test_a_marker_without_a_type_gives_a_key_of_object() -> None:
    marker = RegistryKey.new(int).to_marker()
    assert json.loads(json.dumps({"__type__": "liveref", "__value__": marker})).hint is object


def test_a_broken_marker_is_a_decode_error_without_the_text() -> None:
    key = RegistryKey.new(int)
    content_type, encoding, message = dumps(key, "json")
    with pytest.raises(DecodeError, match="not a session reference") as caught:
        loads(message.replace("-", "_", 1), content_type, encoding)
    assert str(key)[-12:] not in str(caught.value)


def test_without_registration_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(json._encoders, RegistryKey)
    with pytest.raises(EncodeError, match="RegistryKey is not JSON serializable"):
        dumps(RegistryKey.new(int), "json")


class Work:
    """A Celery application with a worker thread, and the registry that they share with the tests."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.registry = registry = SessionRefRegistry()

        @app.task(name="count")
        def count(db: RegistryKey[sqlite3.Connection]) -> int:
            return registry.get(db).execute("select count(*) from t").fetchone()[0]

        @app.task(name="split")
        def split(refs: dict[str, RegistryKey[str]]) -> dict[str, RegistryKey[list[str]]]:
            return {name: registry.insert(registry.get(key).split(), list[str]) for name, key in refs.items()}

    def run(self, name: str, *args: object) -> Any:
        return self.app.tasks[name].delay(*args).get(timeout=10, interval=0.01)


@pytest.fixture(scope="module")
def work() -> Iterator[Work]:
    celery = pytest.importorskip("celery", reason="needs celery")
    from celery.contrib.testing.worker import start_worker

    app = celery.Celery("tests", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        broker_transport_options={"polling_interval": 0.01},
    )
    work = Work(app)
    with start_worker(app, perform_ping_check=False):
        yield work
        app.control.shutdown()
    work.registry.close()


def test_a_worker_uses_a_live_connection_by_its_key(work: Work) -> None:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute("create table t as select 1 union select 2")
    key = work.registry.insert(db, finalizer=sqlite3.Connection.close)
    assert work.run("count", key) == 2


def test_a_result_holds_keys_of_what_the_worker_made(work: Work) -> None:
    result = work.run("split", {"a": work.registry.insert("one two")})
    assert work.registry.get(result["a"]) == ["one", "two"]


def test_a_key_of_another_type_is_refused_in_the_task(work: Work) -> None:
    key = RegistryKey.parse(str(work.registry.insert("text")), sqlite3.Connection)
    with pytest.raises(RefTypeError, match=r"expected sqlite3\.Connection, found str"):
        work.run("count", key)


def test_a_stale_key_is_told_to_who_waits_for_the_result(work: Work) -> None:
    key = work.registry.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
    work.registry.release(key)
    with pytest.raises(RefReleasedError, match="is gone: released") as caught:
        work.run("count", key)
    assert str(key) not in str(caught.value)


def test_a_recipe_beside_a_marker_is_carried_past() -> None:
    key = RegistryKey.new(int)
    sturdy = {**key.to_marker(typed=True), "recipe": "x" * 8192}
    assert json.loads(json.dumps({"a": [{"__type__": "liveref", "__value__": sturdy}]})) == {"a": [key]}
    assert hop(sturdy) == sturdy  # what is no key goes as it is
