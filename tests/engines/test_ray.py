"""Ray, with two nodes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from liveref import RegistryKey
from liveref.engine import EngineError, RefEngine, RefLostError, RefUnavailableError, Route, route_of
from tests.engines.cases import Site, name, pid_of
from tests.engines.handles import CASES

pytest.importorskip("ray", reason="needs liveref[ray]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of files and sockets that it leaves open

ROOT: Final = Path(__file__).parents[2]
STORE: Final = 80_000_000


@pytest.fixture(scope="module")
def engine() -> Iterator[RefEngine]:
    import ray
    from ray.cluster_utils import Cluster

    from liveref.integrations.ray import RayEngine

    path, os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH"), str(ROOT)
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        with RayEngine(hosts=2, imports=["tests.engines.cases"]) as engine:
            yield engine
    finally:
        ray.shutdown()
        cluster.shutdown()
        os.environ.pop("PYTHONPATH") if path is None else os.environ.update(PYTHONPATH=path)


@pytest.fixture
def site(engine: RefEngine) -> Site:
    import ray

    @ray.remote(num_cpus=0)
    def call(fn: Callable[..., Any], *args: object) -> object:
        from liveref.integrations.ray import RayEngine

        return fn(RayEngine(), *args)

    return Site(engine, lambda fn, *args: ray.get(call.remote(fn, *args)))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_case(case: Callable[[Site], None], site: Site) -> None:
    case(site)


def test_homes_are_on_different_nodes(engine: RefEngine) -> None:
    names = engine.homes()
    assert len({names[home].split()[2] for home in engine._started}) == 2  # type: ignore[attr-defined]


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


def test_a_home_that_is_killed_is_lost_also_in_flight_and_its_session_resumes(engine: RefEngine) -> None:
    from liveref.integrations.ray import RayEngine

    with RayEngine(hosts=1, imports=["tests.engines.cases"]) as own:
        (home,) = own._started
        session = own.session(home=home)
        key, items = session.refs.insert([1]), session.refs.create(list)
        other = engine.session(home=next(iter(set(engine.homes()) - {home})))
        living = other.refs.insert([2])
        session.refs.release(items)
        snapshot = session.snapshot()
        items = session.refs.create(list)
        pid = pid_of(engine, key)
        killer = _later(lambda: os.kill(pid, signal.SIGKILL))
        began = time.monotonic()
        with pytest.raises(RefLostError):
            own.refs[items].run(lambda _: time.sleep(30), timeout=20)
        assert time.monotonic() - began < 10
        killer.join()
        for _ in range(2):
            with pytest.raises(RefLostError):
                engine.refs.get(key, default=None)
        with pytest.raises(RefLostError):
            engine.refs.get_many([living, key])
        with pytest.raises(RefLostError):
            session.close()
        with engine.resume(snapshot, home=next(iter(set(engine.homes()) - {home}))):
            assert engine.refs[key] == [1]
            assert engine.refs.get_many([living, key]) == [[2], [1]]
        other.close()


def _later(fn: Callable[[], None]) -> Any:
    timer = threading.Timer(1.0, fn)
    timer.start()
    return timer


def test_keys_travel_to_tasks(engine: RefEngine) -> None:
    import ray

    with engine.session() as session:
        key = session.refs.insert([5])

        @ray.remote(num_cpus=0)
        def task(key: RegistryKey[Any]) -> object:
            from liveref.integrations.ray import RayEngine

            return RayEngine().refs[key]

        assert ray.get(task.remote(key)) == [5]


def test_the_actors_do_what_they_do_in_this_process_too(engine: RefEngine) -> None:
    """Their own processes are killed, so that nothing is known of what they ran."""
    from liveref._engine.home import HOMES
    from liveref._engine.wire import Request, pack, unpack
    from liveref.engine import Route
    from liveref.integrations._ray import Host, Moves

    host = Host(5, ["json"])
    assert "(home 000005)" in str(unpack(host.answer(pack(Request("hello", (), None)))))
    assert 5 in HOMES
    host.close()
    assert 5 not in HOMES
    moves = Moves()
    moves.note([Route(1, 2)], Route(3, 4))
    assert moves.find(Route(1, 2)) == Route(3, 4)
    assert moves.find(Route(1, 3)) is None


def test_what_is_detached_outlives_its_engine(engine: RefEngine) -> None:
    import ray

    from liveref.integrations.ray import RayEngine

    node = next(each["NodeID"] for each in ray.nodes() if each["Alive"])
    own = RayEngine(node_ids=[node], detached=True)
    (home,) = own._started
    session = own.session(home=home)
    key = session.refs.insert([1])
    own.close()
    assert engine.refs[key] == [1]
    assert home in engine._find_homes()
    ray.kill(own._actors[home])


def test_a_number_that_is_taken_is_drawn_anew(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from liveref.integrations import ray as module

    taken, free = next(iter(engine._started)), 77  # type: ignore[attr-defined]
    numbers = iter([taken, free])
    monkeypatch.setattr(module, "draw", lambda _: next(numbers))
    with module.RayEngine(hosts=1) as own:
        assert own._started == [free]
    with pytest.raises(RefLostError, match="closed"):
        own.session(home=free)


def test_a_home_that_can_not_be_reached_is_unavailable(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.exceptions import ActorUnavailableError

    from liveref.integrations import ray as module

    class Ray:
        def get(self, *_: object, **__: object) -> object:
            raise ActorUnavailableError("", None)

        def __getattr__(self, name: str) -> object:
            return getattr(module.ray, name)

    with engine.session() as session:
        key = session.refs.insert([1])
        names = engine.homes()
        with monkeypatch.context() as patched:
            patched.setattr(module, "_ray", Ray())
            with pytest.raises(RefUnavailableError, match="can't be reached"):
                engine.refs[key]
            assert set(engine._find_homes().values()) == {f"home {home:06x}" for home in names}
        assert engine.refs[key] == [1]


def test_it_connects_only_where_nobody_has(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from liveref.integrations import ray as module

    calls: list[str] = []

    class Ray:
        def init(self) -> None:
            calls.append("init")

        def __getattr__(self, name: str) -> object:
            return getattr(module.ray, name)

    monkeypatch.setattr(module, "_ray", Ray())
    module.RayEngine()
    assert calls == []
    monkeypatch.setattr(module.ray, "is_initialized", lambda: False)
    module.RayEngine()
    assert calls == ["init"]


FORK: Final = """
import os, sys
import ray
from liveref import EngineError, RegistryKey
from liveref.integrations.ray import RayEngine

ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
engine, key = RayEngine(), RegistryKey.parse(sys.argv[2], list[int])
print(engine.refs[key], flush=True)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    for way in (lambda: engine.refs[key], engine.homes, RayEngine):
        try:
            way()
        except EngineError as error:
            print(str(error).partition(":")[0], flush=True)
os._exit(0)  # Ray's own exit hooks would wait for its threads
"""


def test_a_forked_child_is_told_that_it_has_no_connection(engine: RefEngine) -> None:
    """In a process of its own: Ray may hang from then on in the parent too (ray #59661)."""
    import ray

    with engine.session() as session:
        key = session.refs.insert([1])
        command = [sys.executable, "-c", FORK, ray.get_runtime_context().gcs_address, str(key)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["[1]", *["a fork left the connection to Ray behind"] * 3]


def test_what_ray_waits_for_without_a_deadline_has_ours(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from liveref.integrations import _ray

    go_on = threading.Event()

    class Silent:
        def get_actor(self, *_args: object) -> None:
            go_on.wait(30)

    with engine.session() as session:
        key = session.refs.insert([1])
        monkeypatch.setattr(engine, "_answers", {})
        monkeypatch.setattr(engine, "_actors", {})
        monkeypatch.setattr(_ray, "_ray", Silent())
        with pytest.raises(RefUnavailableError, match="the cluster gives no answer"):
            engine.refs.get(key, timeout=0.2, default=None)
        go_on.set()
        monkeypatch.undo()
        assert engine.refs[key] == [1]


def test_who_was_forked_is_told_so_at_once(engine: RefEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the child of the test above, which coverage does not see."""
    from liveref.integrations import _ray

    monkeypatch.setattr(_ray, "_FORKED", set())
    assert _ray.is_connected()
    _ray._note_fork()
    with pytest.raises(EngineError, match="a fork left the connection to Ray behind"):
        _ray.is_connected()
    monkeypatch.setattr(_ray, "_FORKED", set())
    monkeypatch.setattr(_ray.ray, "is_initialized", lambda: False)
    _ray._note_fork()
    assert not _ray.is_connected()


def test_without_a_connection_refs_are_unavailable_and_no_cluster_is_started(
    engine: RefEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    from liveref.integrations.ray import RayEngine

    with engine.session() as session:
        key, other = session.refs.insert([1]), object.__new__(RayEngine)
        vars(other).update(vars(engine))  # a second one that is connected would ask Ray for its nodes
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        with pytest.raises(RefUnavailableError, match="not connected"):
            engine.refs.get(key, default=None)
        monkeypatch.setattr(engine, "_asked", -100.0)
        with pytest.raises(EngineError, match="not connected"):
            engine.homes()
        assert engine._moved_to(Route(1, 1)) is None
        other.close()
        monkeypatch.undo()
        assert engine.refs[key] == [1]


def test_what_an_earlier_connection_left_is_asked_for_anew(engine: RefEngine) -> None:
    class Stale:
        def remote(self, packet: object) -> object:
            raise Exception("Can't find actor")  # noqa: TRY002  as Ray does

    with engine.session() as session:
        key = session.refs.insert([1])
        route = route_of(key._id)
        assert route is not None
        engine._answers[route.home, "lookup"] = Stale()  # type: ignore[attr-defined]
        assert engine.refs[key] == [1]
        assert not isinstance(engine._answers[route.home, "lookup"], Stale)  # type: ignore[attr-defined]
