"""DBOS: real workflows on its embedded SQLite, and one that is killed and recovered."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("dbos", reason="dbos is not installed: make .venv/engines")

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

from liveref import NotPicklableError, RefReleasedError, RegistryKey, Session, SessionRefRegistry, reopener
from liveref.integrations.dbos import LiveRefSerializer

EXAMPLE = Path(__file__).parents[2] / "examples" / "dbos_recovery.py"

Launch = Callable[..., AbstractContextManager[None]]

# A default of its tables is unixepoch('subsec') from Python 3.12 on, which an older SQLite makes NULL of.
launches = pytest.mark.skipif(
    sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42),
    reason=f"DBOS needs SQLite 3.42 on this Python, and this is {sqlite3.sqlite_version}",
)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    yield connection
    connection.close()


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Runs DBOS with a serializer, on one database a test."""
    url = f"sqlite:///{tmp_path / 'dbos.sqlite'}"

    @contextmanager
    def launched(serializer: Serializer | None = None) -> Iterator[None]:
        DBOS(config=DBOSConfig(name="test", system_database_url=url, serializer=serializer, log_level="CRITICAL"))
        DBOS.launch()
        try:
            yield
        finally:
            DBOS.destroy()

    return launched


@DBOS.step()
def hand_back(value: object) -> object:
    """A step, whose result is written."""
    return value


@DBOS.workflow()
def pass_on(value: object) -> list[object]:
    """A workflow, whose inputs and result are written."""
    return [hand_back(value), hand_back([value])]


@launches
@pytest.mark.parametrize("live", [[sqlite3.Connection], []], ids=["transparent", "explicit"])
def test_what_a_workflow_was_given_comes_back_from_the_database(
    live: list[type], launch: Launch, registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    value = db if live else registry.insert(db)
    with launch(LiveRefSerializer(registry, live=live)):
        handle = DBOS.start_workflow(pass_on, value)
        assert handle.get_result() == [value, [value]]
        (status,) = DBOS.list_workflows(load_input=True, load_output=True)
        assert status.input == {"args": (value,), "kwargs": {}}
        assert status.output == [value, [value]]
        assert len(registry) == 1


@launches
def test_a_fork_reads_the_steps_before_and_shares_their_objects(
    launch: Launch, registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    with launch(LiveRefSerializer(registry, live=[sqlite3.Connection])):
        first = DBOS.start_workflow(pass_on, db)
        assert first.get_result() == [db, [db]]
        assert DBOS.fork_workflow(first.workflow_id, 2).get_result() == [db, [db]]
        assert len(registry) == 1


def test_keys_come_back_with_their_hints(registry: SessionRefRegistry) -> None:
    serializer = LiveRefSerializer(registry, live=[Session])
    key, session = registry.insert([1], list[int]), Session()
    again = serializer.deserialize(serializer.serialize((key, session)))
    assert isinstance(again, tuple)
    assert (again, again[0].hint) == ((key, session), list[int])


@launches
def test_what_cant_be_written_is_named_with_its_path_when_the_workflow_starts(
    launch: Launch, registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    with launch(LiveRefSerializer(registry, live=[sqlite3.Connection])), pytest.raises(NotPicklableError) as caught:
        DBOS.start_workflow(pass_on, [db, {"lock": threading.Lock()}])
    assert caught.value.args[:2] == ("$.args[0][1].lock", "_thread.lock")
    assert registry.is_empty()


@launches
def test_what_the_default_serializer_wrote_stays_readable(launch: Launch, registry: SessionRefRegistry) -> None:
    with launch(), SetWorkflowID("old"):
        pass_on(1)
    with launch(LiveRefSerializer(registry)):
        assert DBOS.retrieve_workflow("old").get_result() == [1, [1]]


def test_an_object_that_is_gone_raises_or_comes_back_as_its_key(
    registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    text = LiveRefSerializer(registry, live=[sqlite3.Connection]).serialize([db])
    (key,) = registry
    registry.release(key)
    with pytest.raises(RefReleasedError):
        LiveRefSerializer(registry).deserialize(text)
    assert LiveRefSerializer(registry, missing="key").deserialize(text) == [key]


@reopener("test_dbos.connect", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


def test_after_a_pause_an_object_with_a_recipe_is_opened_again(tmp_path: Path) -> None:
    with Session() as session:
        key = session.refs.open(connect.recipe(str(tmp_path / "app.sqlite")))
        db = session.refs[key]
        text = LiveRefSerializer(live=[sqlite3.Connection]).serialize([db, key])
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        again = LiveRefSerializer().deserialize(text)
        assert isinstance(again, list)
        assert (again[0], again[1]) == (resumed.refs[key], key)
        assert again[0] is not db
        assert again[0].execute("select 42").fetchone() == (42,)


@launches
def test_a_workflow_that_is_killed_goes_on_in_a_new_process(tmp_path: Path) -> None:
    program = [sys.executable, EXAMPLE, tmp_path]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "waiting for an approval\n"
        first.kill()
    assert first.returncode != 0
    second = subprocess.run([*program, "approve"], capture_output=True, text=True, check=True, timeout=60)
    assert second.stdout.splitlines()[-1] == "2 orders"
    orders = sqlite3.connect(tmp_path / "orders.sqlite")
    assert orders.execute("select name from orders").fetchall() == [("first",), ("second",)]
    orders.close()


@launches
@pytest.mark.parametrize("mode", ["explicit", "transparent"])
def test_what_a_step_opened_comes_back_by_its_recipe_without_a_snapshot(mode: str, tmp_path: Path) -> None:
    program = [sys.executable, Path(__file__).with_name("dbos_crash.py")]
    with subprocess.Popen([*program, "start", mode, tmp_path], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert [first.stdout.readline() for _ in range(2)] == ["opened\n", "waits\n"]
        first.kill()
    assert first.returncode != 0
    again = [*program, "again", mode, tmp_path]
    second = subprocess.run(again, capture_output=True, text=True, check=True, timeout=120)
    assert sorted(second.stdout.splitlines()) == ["[6, 7] 1", "opened", "waits"]
