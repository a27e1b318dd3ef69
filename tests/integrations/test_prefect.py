"""Prefect: real tasks whose results go through files, without a server."""

from __future__ import annotations

import copy
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("prefect", reason="prefect is not installed: make .venv/engines")

import cloudpickle
from prefect import Task, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.exceptions import SerializationError
from prefect.results import ResultRecord, ResultRecordMetadata
from prefect.serializers import Serializer
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
    PREFECT_HOME,
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect.utilities.hashing import hash_objects

from liveref import (
    InvalidArgumentError,
    MarkerAuthError,
    NoCurrentRegistryError,
    NotPicklableError,
    RefReleasedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    reopener,
)
from liveref.integrations.prefect import LiveRefSerializer


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[None]:
    """Tasks run, but no address is tried."""
    settings = {
        PREFECT_API_URL: "nowhere://prefect/api",
        PREFECT_CLIENT_MAX_RETRIES: 0,
        PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False,
        PREFECT_HOME: tmp_path,
        PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results",
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    EventsWorker.set_client_override(NullEventsClient)
    with temporary_settings(settings):
        yield
    EventsWorker.drain_all()
    EventsWorker.set_client_override(None)


def persisted(function: object, serializer: Serializer | None = None, **options: object) -> Task:
    """A task whose results are read back from a file."""
    return task(function, persist_result=True, cache_result_in_memory=False, result_serializer=serializer, **options)


@pytest.mark.usefixtures("offline")
def test_a_task_that_is_given_a_key_caches_stably(registry: SessionRefRegistry, db: sqlite3.Connection) -> None:
    runs: list[object] = []

    def count(key: RegistryKey[sqlite3.Connection]) -> int:
        runs.append(key)
        return registry.get(key).execute("select 42").fetchone()[0]

    counting = persisted(count, cache_policy=INPUTS)
    key, other = registry.insert(db), registry.insert(db)
    again = RegistryKey.from_marker(key.to_marker(), sqlite3.Connection)
    assert [counting(key), counting(key), counting(again), counting(other)] == [42] * 4
    assert runs == [key, other]


def in_another_process(program: str, *args: str, home: Path, given: bytes = b"") -> str:
    """What a Python program prints."""
    env = {**os.environ, "PREFECT_HOME": str(home)}
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, input=given, capture_output=True, check=True, env=env).stdout.decode().strip()


def test_the_hash_of_a_key_is_the_same_in_another_process(registry: SessionRefRegistry, tmp_path: Path) -> None:
    key = registry.insert(threading.Event())
    program = (
        "import sys; from threading import Event; from liveref import RegistryKey; "
        "from prefect.utilities.hashing import hash_objects; "
        "print(hash_objects(key=RegistryKey.parse(sys.argv[1], Event)))"
    )
    assert in_another_process(program, str(key), home=tmp_path) == hash_objects(key=key)


@pytest.mark.usefixtures("offline")
def test_prefect_16042_a_connection_as_input_gives_no_cache_key(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    """PrefectHQ/prefect #16042: `Error encountered when computing cache key - result will not be persisted`."""
    runs: list[object] = []

    def count(source: object) -> int:
        runs.append(source)
        return len(runs)

    counting = persisted(count, cache_policy=INPUTS)
    assert [counting(db), counting(db)] == [1, 2]
    key = registry.insert(db)
    assert [counting(key), counting(key)] == [3, 3]


@pytest.mark.usefixtures("offline")
def test_prefect_16557_a_connection_as_result_is_cached_and_comes_back(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    """PrefectHQ/prefect #16557: a task that opens a connection can't cache it."""
    runs: list[int] = []

    def connect() -> sqlite3.Connection:
        runs.append(1)
        return db

    connecting = persisted(connect, cache_policy=TASK_SOURCE)
    assert connecting() is connecting() is db
    assert runs == [1, 1]
    connecting = persisted(connect, LiveRefSerializer(registry, live=[sqlite3.Connection]), cache_policy=TASK_SOURCE)
    runs.clear()
    assert connecting() is connecting() is db
    assert len(runs) == len(registry) == 1


@pytest.mark.usefixtures("offline")
def test_the_current_registry_is_the_one_of_the_run(db: sqlite3.Connection) -> None:
    connecting = persisted(lambda: db, LiveRefSerializer(live=[sqlite3.Connection]), cache_policy=TASK_SOURCE)
    with Session() as session:
        assert connecting() is connecting() is db
        assert len(session.refs) == 1


@pytest.mark.usefixtures("offline")
def test_what_cant_be_written_is_logged_with_its_path(
    registry: SessionRefRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    result = persisted(lambda: {"a": [threading.Lock()]}, LiveRefSerializer(registry), cache_policy=TASK_SOURCE)()
    assert [*result] == ["a"]
    assert [record.message for record in caplog.records if record.name == "prefect.liveref"] == [
        "$.a[0] can't be pickled: found _thread.lock. "
        "Put it into the registry and pass its key, or name its class in live=."
    ]


def closing_over(lock: object) -> Callable[[], object]:
    return lambda: lock


def with_default(lock: object) -> Callable[[], object]:
    def function(found: object = lock) -> object:
        return found

    return function


@pytest.mark.parametrize(
    ("made", "path"), [(closing_over, "$[0].__closure__[0].cell_contents"), (with_default, "$[0].__defaults__[0]")]
)
def test_what_a_function_takes_along_is_named_with_its_path(
    registry: SessionRefRegistry, made: Callable[[object], object], path: str
) -> None:
    with pytest.raises(NotPicklableError) as caught:
        LiveRefSerializer(registry).dumps([made(threading.Lock())])
    assert caught.value.args[:2] == (path, "_thread.lock")


def test_prefects_own_error_comes_from_ours(registry: SessionRefRegistry) -> None:
    metadata = ResultRecordMetadata(serializer=LiveRefSerializer(registry))
    with pytest.raises(SerializationError) as caught:
        ResultRecord(result={"a": [threading.Lock()]}, metadata=metadata).serialize_result()
    assert isinstance(caught.value.__cause__, NotPicklableError)


def test_keys_come_back_as_keys_and_functions_without_a_name_as_functions(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    serializer = LiveRefSerializer(registry, live=[sqlite3.Connection])
    key = registry.insert(1)
    again = serializer.loads(serializer.dumps([db, key, lambda: 42]))
    assert isinstance(again, list)
    assert (again[0], again[1], again[1].hint, again[2]()) == (db, key, int, 42)


WAYS: list[Callable[[Serializer], Serializer]] = [
    lambda made: made,
    copy.deepcopy,
    lambda made: cloudpickle.loads(cloudpickle.dumps(made)),
    lambda made: Serializer(**made.model_dump()),
    lambda made: ResultRecordMetadata.load_bytes(ResultRecordMetadata(serializer=made).dump_bytes()).serializer,
]
IDS = ["itself", "copied", "pickled", "made-of-its-fields", "read-from-a-record"]


@pytest.mark.parametrize("way", WAYS, ids=IDS)
def test_prefect_makes_a_serializer_anew_and_finds_the_registry(
    way: type[Serializer], registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    made = LiveRefSerializer(registry, live=[sqlite3.Connection], missing="key")
    again = way(made)
    assert isinstance(again, LiveRefSerializer)
    blob = made.dumps(db)
    assert again.loads(blob) is db
    (key,) = registry
    registry.release(key)
    assert again.loads(blob) == key


def test_a_registry_that_only_the_serializer_holds_stays(db: sqlite3.Connection) -> None:
    serializer = LiveRefSerializer(SessionRefRegistry(), live=[sqlite3.Connection])
    assert serializer.loads(serializer.dumps(db)) is db


def test_the_type_alone_stands_for_a_serializer_of_keys() -> None:
    serializer = Serializer(type="liveref")
    assert isinstance(serializer, LiveRefSerializer)
    key = RegistryKey.new(int)
    assert serializer.loads(serializer.dumps(key)) == key
    with pytest.raises(NoCurrentRegistryError):
        LiveRefSerializer(live=[int]).dumps(1)


def test_in_another_process_the_registry_is_the_current_one(registry: SessionRefRegistry, tmp_path: Path) -> None:
    record = ResultRecord(result=1, metadata=ResultRecordMetadata(serializer=LiveRefSerializer(registry, live=[int])))
    program = (
        "import sys; from liveref import RefNotFoundError, Session; import liveref.integrations.prefect; "
        "from prefect.results import ResultRecord\n"
        "with Session():\n"
        "    try: ResultRecord.deserialize(sys.stdin.buffer.read())\n"
        "    except RefNotFoundError as error: print(error)"
    )
    told = in_another_process(program, home=tmp_path, given=record.serialize())
    assert "in this registry (it holds 0)" in told


def test_an_object_that_is_gone_raises(registry: SessionRefRegistry, db: sqlite3.Connection) -> None:
    serializer = LiveRefSerializer(registry, live=[sqlite3.Connection])
    blob = serializer.dumps(db)
    registry.drain()
    with pytest.raises(RefReleasedError):
        serializer.loads(blob)


def test_wrong_arguments_are_told_at_once(registry: SessionRefRegistry) -> None:
    with pytest.raises(InvalidArgumentError, match="missing"):
        LiveRefSerializer(registry, missing="drop")


RING = SnapshotKeys({"old": b"o" * 32, "new": b"n" * 32}, current="new")


@reopener("tests.prefect.rows")
def rows(count: int) -> list[int]:
    return [*range(count)]


@pytest.mark.parametrize("way", WAYS, ids=IDS)
def test_prefect_makes_a_serializer_anew_and_finds_the_ring(
    way: Callable[[Serializer], Serializer], registry: SessionRefRegistry
) -> None:
    key = registry.open(rows.recipe(3))
    blob = LiveRefSerializer(registry, recipes=RING).dumps(key)
    made = LiveRefSerializer(again := SessionRefRegistry(), recipes=RING)
    assert way(made).loads(blob) == key
    assert again[key] == [0, 1, 2]


def test_a_ring_that_has_the_secret_still_is_found_after_a_rotation(registry: SessionRefRegistry) -> None:
    key = registry.open(rows.recipe(3))
    old = LiveRefSerializer(registry, recipes=SnapshotKeys({"old": b"o" * 32}, current="old"))
    blob, fields = old.dumps(key), old.model_dump()
    del old
    kept = LiveRefSerializer(recipes=RING)
    with Session() as session:
        assert Serializer(**fields | {"registry_name": None}).loads(blob) == key
        assert session.refs[key] == [0, 1, 2]
    assert kept.ring_name not in {None, fields["ring_name"]}


def test_rings_of_one_name_and_other_secrets_are_told_apart(registry: SessionRefRegistry) -> None:
    blob = (made := LiveRefSerializer(registry, recipes=RING)).dumps(registry.open(rows.recipe(3)))
    other = LiveRefSerializer(again := SessionRefRegistry(), recipes=SnapshotKeys({"new": b"x" * 32}, current="new"))
    with pytest.raises(MarkerAuthError):
        other.loads(blob)
    assert again.is_empty()
    assert made.ring_name != other.ring_name


def test_a_record_is_read_in_another_process_by_the_ring_of_a_serializer_there(
    registry: SessionRefRegistry, tmp_path: Path
) -> None:
    key = registry.open(rows.recipe(3))
    metadata = ResultRecordMetadata(serializer=LiveRefSerializer(registry, recipes=RING))
    assert b"nnnn" not in metadata.dump_bytes()
    record = ResultRecord(result=key, metadata=metadata)
    program = (
        "import sys; from liveref import Session, SnapshotKeys, reopener; "
        "from liveref.integrations.prefect import LiveRefSerializer; from prefect.results import ResultRecord\n"
        "@reopener('tests.prefect.rows')\n"
        "def rows(count: int) -> list[int]: return [*range(count)]\n"
        "mine = LiveRefSerializer(recipes=SnapshotKeys({'new': b'n' * 32}, current='new'))\n"
        "with Session() as session: print(session.refs[ResultRecord.deserialize(sys.stdin.buffer.read()).result])"
    )
    assert in_another_process(program, home=tmp_path, given=record.serialize()) == "[0, 1, 2]"


def test_cloudpickle_writes_what_makes_a_key_by_name_in_a_fresh_process() -> None:
    """It writes a function whole where the module of its name is not loaded, and then nobody knows it again."""
    program = "import cloudpickle, liveref; print(b'liveref._persisted' in cloudpickle.dumps(liveref.RegistryKey.new(int)), len(cloudpickle.dumps(liveref.RegistryKey.new(int))) < 200)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "True True\n"


def test_cloudpickle_writes_a_stand_in_by_name_in_a_fresh_process() -> None:
    program = (
        "import cloudpickle, liveref; from liveref._payloads.stand_in import LiveStandIn;"
        "print(cloudpickle.dumps(LiveStandIn)[-100:].count(b'liveref._persisted'), len(cloudpickle.dumps(LiveStandIn)) < 100)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "1 True\n"
