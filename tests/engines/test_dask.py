"""Dask, with two worker processes on this machine."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from liveref import RegistryKey
from liveref._engine.calls import Gone
from liveref.engine import EngineError, RefEngine, RefLostError, RefUnavailableError, Route
from tests.engines.cases import Site, name, pid_of
from tests.engines.handles import CASES

pytest.importorskip("distributed", reason="needs liveref[dask]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own, of files and sockets that it leaves open

ROOT: Final = Path(__file__).parents[2]


def on_worker(fn: Callable[..., Any], args: tuple[object, ...]) -> object:
    from liveref.integrations.dask import DaskEngine

    return fn(DaskEngine(), *args)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    from distributed import Client, LocalCluster

    from liveref.integrations.dask import DaskEngine, LiveRefPlugin

    path, os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH"), str(ROOT)
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    try:
        with LocalCluster(**options, silence_logs=50) as cluster, Client(cluster) as client:
            client.register_plugin(LiveRefPlugin(threads=16, imports=["tests.engines.cases"]))
            with DaskEngine(client) as engine:

                def elsewhere(fn: Callable[..., Any], *args: object) -> object:
                    return client.submit(on_worker, fn, args, pure=False).result()

                yield Site(engine, elsewhere)
    finally:
        os.environ.pop("PYTHONPATH") if path is None else os.environ.update(PYTHONPATH=path)


@pytest.fixture
def engine(site: Site) -> RefEngine:
    return site.engine


@pytest.mark.parametrize("case", CASES, ids=name)
def test_case(case: Callable[[Site], None], site: Site) -> None:
    case(site)


def test_what_it_uses_of_dask_is_there(engine: RefEngine) -> None:
    """Handlers, broadcast, metadata and a rpc of one's own are semi-public: this fails first when they change."""
    node = engine._node  # type: ignore[attr-defined]
    told, silent = engine._sync(engine._broadcast)  # type: ignore[attr-defined]
    assert (len(told), silent) == (2, set())
    address = next(iter(told))
    assert set(engine._sync(node.scheduler.ncores, workers=[address, "tcp://127.0.0.1:1"])) == {address}  # type: ignore[attr-defined]
    engine._sync(node.scheduler.set_metadata, keys=["liveref", "tests"], value=[1])  # type: ignore[attr-defined]
    assert list(engine._sync(node.scheduler.get_metadata, keys=["liveref", "tests"], default=None)) == [1]  # type: ignore[attr-defined]
    assert engine._sync(node.scheduler.get_metadata, keys=["liveref", "other"], default=None) is None  # type: ignore[attr-defined]


def test_without_a_client_and_a_worker_there_is_no_engine() -> None:
    from liveref.integrations.dask import DaskEngine

    with pytest.raises(EngineError, match="pass the Client"):
        DaskEngine()


def test_a_home_that_is_stopped_is_unavailable_and_goes_on(engine: RefEngine) -> None:
    with engine.session() as session:
        key = session.refs.insert([1])
        pid = pid_of(engine, key)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(RefUnavailableError):
                engine.refs.get(key, timeout=0.5, default=None)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert engine.refs[key] == [1]


def test_a_home_that_is_stopped_hides_no_other_one(engine: RefEngine) -> None:
    from liveref.integrations.dask import DaskEngine

    first, second = engine.homes()
    with engine.session(home=first) as stopped, engine.session(home=second) as session:
        key, other = stopped.refs.insert([1]), session.refs.insert([2])
        pid = pid_of(engine, key)
        fresh = DaskEngine(engine._node, timeout=1)  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGSTOP)
        try:
            assert fresh.refs[other] == [2]
            with pytest.raises(RefUnavailableError, match="which may be that home"):
                fresh.refs.get(key)
            assert set(fresh.homes()) == {second}
            engine._find_homes()
            with pytest.raises(RefUnavailableError):
                engine.refs.get(key, timeout=0.2)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert fresh.refs[key] == [1]


def test_without_a_connection_refs_are_unavailable_and_homes_are_not_found(engine: RefEngine) -> None:
    from distributed import Client

    from liveref.integrations.dask import DaskEngine

    with engine.session() as session:
        key = session.refs.insert([1])
        with Client(engine._node.scheduler.address, set_as_default=False) as client:  # type: ignore[attr-defined, no-untyped-call]
            known, fresh = DaskEngine(client), DaskEngine(client)
            assert known.refs[key] == [1]
        for each in (known, fresh):
            with pytest.raises(RefUnavailableError):
                each.refs.get(key, default=None)
        with pytest.raises(EngineError, match="can't be reached"):
            fresh.homes()
        assert known._moved_to(Route(1, 1)) is None


def test_a_worker_is_a_home_is_none_or_is_silent() -> None:
    from liveref.integrations._dask import ask_workers

    class Node:
        scheduler: Node

        def __init__(self, says: object) -> None:
            self.says = says

        def rpc(self, address: object) -> Node:
            return Node(address)

        async def ncores(self) -> list[object]:
            return [(1, "one"), ValueError(), None]

        async def broadcast(self, **_: object) -> object:
            await asyncio.sleep(60)

        async def liveref_home(self) -> object:
            if self.says is None:
                await asyncio.sleep(60)
            if isinstance(self.says, Exception):
                raise self.says
            return self.says

    node = Node(None)
    node.scheduler = node
    homes, silent = asyncio.run(ask_workers(node, 0.01))
    assert (homes, silent) == ({(1, "one"): (1, "one")}, {None})


def test_a_home_that_is_killed_is_lost_also_in_flight_and_its_session_resumes(engine: RefEngine) -> None:
    first, second = engine.homes()
    session, other = engine.session(home=first), engine.session(home=second)
    key, living = session.refs.insert([1]), other.refs.insert([2])
    snapshot = session.snapshot()
    items = session.refs.create(list)
    pid = pid_of(engine, key)
    killer = threading.Timer(0.5, os.kill, [pid, signal.SIGKILL])
    killer.start()
    began = time.monotonic()
    with pytest.raises(RefLostError):
        engine.refs[items].run(lambda _: time.sleep(30), timeout=20)
    assert time.monotonic() - began < 10
    killer.join()
    with pytest.raises(RefLostError):
        engine.refs.get(key, default=None)
    with pytest.raises(RefLostError):
        engine.refs.get_many([living, key])
    with pytest.raises(ValueError, match="body") as body, session:
        raise ValueError("body")
    assert any("is lost" in note for note in body.value.__notes__)
    with engine.resume(snapshot, home=second):
        assert engine.refs[key] == [1]
        assert engine.refs.get_many([living, key]) == [[2], [1]]
    other.close()


def test_where_refs_went_is_not_known_while_the_scheduler_is_not_there(
    engine: RefEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> object:
        raise OSError

    monkeypatch.setattr(engine, "_sync", broken)
    assert engine._moved_to(Route(1, 1)) is None


def test_a_new_home_is_asked_for_not_more_than_once_a_second(
    engine: RefEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liveref.integrations import dask as module

    slept: list[float] = []
    monkeypatch.setattr(module, "sleep", slept.append)
    engine._find_homes()
    with pytest.raises(Gone):
        engine._send(1, "lookup", b"", 1.0)
    assert 0 < slept[0] <= 1


def test_functions_of_refs_know_their_worker() -> None:
    from distributed import Client, LocalCluster

    from liveref.integrations.dask import DaskEngine

    def inside(_: object) -> list[int]:
        return DaskEngine().refs[shared]

    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
        DaskEngine(client) as engine,
        engine.session() as session,
    ):
        shared = session.refs.insert([1, 2])
        assert engine.refs[session.refs.create(list)].run(inside) == [1, 2]


def test_a_forked_child_attaches_anew(engine: RefEngine) -> None:
    with engine.session() as session:
        key = session.refs.insert([1])
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_get_and_wait, args=[theirs, engine, key])
        child.start()
        assert ours.poll(20)
        assert ours.recv() == [1]
        child.kill()
        child.join()
        assert engine.refs[key] == [1]


def _get_and_wait(theirs: Any, engine: RefEngine, key: RegistryKey[Any]) -> None:
    theirs.send(engine.refs[key])
    time.sleep(30)


def test_who_finds_itself_in_another_process_attaches_anew(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the child of the test above, which coverage does not see."""
    node = engine._node  # type: ignore[attr-defined]
    monkeypatch.setattr(engine, "_node", node)
    monkeypatch.setattr(engine, "_pid", os.getpid() - 1)
    with engine.session() as session:
        key = session.refs.insert([1])
        assert engine.refs[key] == [1]
    other = engine._node  # type: ignore[attr-defined]
    assert other is not node
    other.close()
