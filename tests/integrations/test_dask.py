"""Dask's serializer and tokens, a cluster in this process and a worker in another one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liveref import RefNotFoundError, RefTypeError, RegistryKey, Session, SessionRefRegistry, SessionSnapshot, reopener

pytest.importorskip("distributed", reason="needs liveref[dask]")

from dask.base import tokenize  # noqa: E402
from distributed import Client, LocalCluster, get_worker  # noqa: E402
from distributed.diagnostics.plugin import WorkerPlugin  # noqa: E402
from distributed.protocol import deserialize, serialize  # noqa: E402
from distributed.protocol.serialize import dask_serialize  # noqa: E402

from liveref.integrations.dask import register  # noqa: E402


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


@pytest.mark.parametrize("hint", [int, object, sqlite3.Connection], ids=["int", "object", "connection"])
def test_a_key_goes_without_pickle_and_comes_back_with_its_class(hint: Any) -> None:
    key = RegistryKey.new(hint)
    header, frames = serialize(key, serializers=["dask"])
    assert (header["serializer"], frames) == ("dask", [])
    found = deserialize(header, frames)
    assert found == key
    assert found.hint is hint


def test_a_key_of_more_than_a_class_opens_only_a_ref_of_its_hint() -> None:
    registry = SessionRefRegistry()
    key = registry.insert([1], list[int])
    assert registry.get(deserialize(*serialize(key))) == [1]
    with pytest.raises(RefTypeError):
        registry.get(deserialize(*serialize(RegistryKey.parse(str(key), list[str]))))


def test_equal_keys_have_equal_tokens_and_others_have_not() -> None:
    key = RegistryKey.new(int)
    assert tokenize(key) == tokenize(RegistryKey.parse(str(key)))
    assert tokenize(key) != tokenize(RegistryKey.new(int))
    assert str(key) not in tokenize(key)


def test_without_registration_a_key_is_pickled_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(dask_serialize._lookup, RegistryKey)
    key = RegistryKey.new(list[int])
    assert serialize(key)[0]["serializer"] == "pickle"
    assert deserialize(*serialize(key)).hint == list[int]
    assert serialize(key, serializers=["dask", "msgpack"])[0]["serializer"] == "error"


class Refs(WorkerPlugin):
    """A registry for each worker."""

    def setup(self, worker: Any) -> None:
        worker.refs = SessionRefRegistry()

    def teardown(self, worker: Any) -> None:
        worker.refs.close()


def connect() -> RegistryKey[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute("create table t as select 1 union select 2")
    return get_worker().refs.insert(db, finalizer=sqlite3.Connection.close)


def count(db: RegistryKey[sqlite3.Connection]) -> int:
    return get_worker().refs.get(db).execute("select count(*) from t").fetchone()[0]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    options: Any = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0"}
    with LocalCluster(processes=False, protocol="tcp", **options) as cluster, Client(cluster) as client:
        client.register_plugin(Refs())
        yield client


def test_tasks_of_a_worker_share_a_connection_by_its_key(client: Client) -> None:
    key = client.submit(connect, pure=False).result(timeout=30)
    assert key.hint is sqlite3.Connection
    assert client.submit(count, key).result(timeout=30) == 2


def test_a_key_between_two_tasks_needs_no_client(client: Client) -> None:
    assert client.submit(count, client.submit(connect, pure=False)).result(timeout=30) == 2


def test_a_task_with_an_equal_key_is_the_same_task(client: Client) -> None:
    key = client.submit(connect, pure=False).result(timeout=30)
    first = client.submit(count, key)
    assert client.submit(count, RegistryKey.parse(str(key))).key == first.key


def test_a_key_of_another_type_is_refused_in_the_task(client: Client) -> None:
    key = client.submit(connect, pure=False).result(timeout=30)
    with pytest.raises(RefTypeError, match=r"expected int, found sqlite3\.Connection"):
        client.submit(count, RegistryKey.parse(str(key), int), pure=False).result(timeout=30)


@reopener("tests.dask.db", finalizer=sqlite3.Connection.close)
def reopen(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False)


def test_a_worker_in_another_process_opens_the_object_by_its_recipe_alone(tmp_path: Path) -> None:
    def planets(key: RegistryKey[sqlite3.Connection], paused: bytes) -> list[str]:
        @reopener("tests.dask.db", finalizer=sqlite3.Connection.close)  # as a module of the worker's would
        def reopen(path: str) -> sqlite3.Connection:
            return sqlite3.connect(path)

        with Session.resume(SessionSnapshot.from_bytes(paused, trusted=True)) as session:
            return [name for (name,) in session.refs.get(key).execute("select name from planets")]

    def look_up(key: RegistryKey[object]) -> object:
        return SessionRefRegistry().get(key)

    with (
        Session() as session,
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.run(register)
        key = session.refs.open(reopen.recipe(str(tmp_path / "planets.db")))
        session.refs.get(key).executescript("create table planets as select 'Mars' as name")
        assert client.submit(lambda found: found, key).result(timeout=30) == key
        with pytest.raises(RefNotFoundError) as caught:
            client.submit(look_up, key).result(timeout=30)
        assert str(key) not in str(caught.value)
        paused = session.snapshot().to_bytes()
        assert client.submit(planets, key, paused).result(timeout=30) == ["Mars"]


def test_a_recipe_beside_a_marker_is_carried_past() -> None:
    key = RegistryKey.new(int)
    header, frames = serialize(key, serializers=["dask"])
    found = deserialize({**header, "recipe": "x" * 8192}, frames)
    assert (found, found.hint) == (key, int)
