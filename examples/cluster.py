"""Files hashed by tasks on two nodes, through one SQLite connection that lives in one process, and one shared array.

Run it: ``python examples/cluster.py``, with ``--on ray`` or ``--on dask`` on a small cluster that it starts on this
machine. In the middle the process with the connection is killed; the session is resumed from its snapshot, under the
same keys, and the result is that of a run that nobody interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import numpy as np
from cluster_work import Weights, index, open_index, result_of, store, work
from rich.console import Console
from rich.progress import Progress

from liveref import RegistryKey, SessionSnapshot
from liveref.engine import LocalEngine, RefEngine, RefLostError, RemoteSession

HERE: Final = Path(__file__).parent
FILES, AT_ONCE = 300, 20


class Site(NamedTuple):
    """Where the job runs.

    Attributes:
        engine: of this process.
        run: does a task somewhere: a payload with keys, and the files to work on.
    """

    engine: RefEngine
    run: Callable[[dict[str, Any], Sequence[str]], int]


@contextmanager
def local() -> Generator[Site]:
    """No cluster at all."""
    with LocalEngine() as engine:
        yield Site(engine, partial(work, lambda: engine))


@contextmanager
def on_ray() -> Generator[Site]:
    """Ray with two nodes."""
    import ray  # noqa: PLC0415  only where it is asked for
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    from liveref.integrations.ray import RayEngine  # noqa: PLC0415

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    cluster.add_node(**node)
    any_ray: Any = ray  # of its functions Ray leaves the generics bare
    any_ray.init(address=cluster.address, log_to_driver=False)
    task: Any = any_ray.remote(work)
    try:
        with RayEngine(hosts=2, imports=["cluster_work"]) as engine:

            def run(payload: dict[str, Any], paths: Sequence[str]) -> int:
                done: int = any_ray.get(task.remote(RayEngine, payload, paths))
                return done

            yield Site(engine, run)
    finally:
        any_ray.shutdown()
        cluster.shutdown()


@contextmanager
def on_dask() -> Generator[Site]:
    """Dask with two worker processes."""
    from distributed import Client, LocalCluster  # noqa: PLC0415

    from liveref.integrations.dask import DaskEngine, LiveRefPlugin  # noqa: PLC0415

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    any_cluster: Any = LocalCluster  # Dask does not annotate them
    any_client: Any = Client
    with any_cluster(**options) as cluster, any_client(cluster) as client:
        client.register_plugin(LiveRefPlugin(imports=["cluster_work"]))
        with DaskEngine(client) as engine:

            def run(payload: dict[str, Any], paths: Sequence[str]) -> int:
                done: int = client.submit(work, DaskEngine, payload, paths, pure=False).result()
                return done

            yield Site(engine, run)


SITES: Final = {"local": local, "ray": on_ray, "dask": on_dask}


def kill(engine: RefEngine, key: RegistryKey[Any], session: RemoteSession) -> None:
    """End the process that holds a ref, without a word; in one process, the session at least."""
    _, is_other, rest = engine.refs.describe(key).origin.partition(" pid ")
    if is_other:
        session.abandon()
        os.kill(int(rest.split()[0]), signal.SIGKILL)
    else:
        session.close()


def job(site: Site, files: Sequence[str], weights: Weights, path: Path, console: Console) -> tuple[int, str]:
    """Work on all files, with a loss in the middle."""
    engine, batches = site.engine, [files[at : at + AT_ONCE] for at in range(0, len(files), AT_ONCE)]
    with ExitStack() as stack, Progress(console=console) as progress:
        session = engine.session()
        rows = session.refs.insert(weights)
        db = session.refs.open(open_index.recipe(str(path)))
        payload = {"weights": rows.to_marker(), "index": db.to_marker()}
        snapshot = SessionSnapshot.from_bytes(session.snapshot().to_bytes(), trusted=True)
        bar = progress.add_task("files", total=len(files))
        for number, batch in enumerate(batches):
            if number == len(batches) // 2:
                kill(engine, db, session)
                session = stack.enter_context(resumed(engine, db, snapshot, console))
            progress.advance(bar, site.run(payload, batch))
        return engine.refs[db].run(result_of)


def resumed(engine: RefEngine, db: RegistryKey[Any], snapshot: SessionSnapshot, console: Console) -> RemoteSession:
    """The session again, after the loss was seen."""
    try:
        engine.refs.at(db).run(result_of)
    except LookupError as error:
        lost = isinstance(error, RefLostError)
        console.print(f"{'the process' if lost else 'the session'} with the connection is gone; it is resumed")
    return engine.resume(snapshot)


def undisturbed(files: Sequence[str], weights: Weights) -> tuple[int, str]:
    """The result of a run in this process, which nobody interrupts."""
    db = open_index(":memory:")
    store(index(files, weights))(db)
    try:
        return result_of(db)
    finally:
        sqlite3.Connection.close(db)


def main() -> None:
    """Run the job, and compare."""
    parser = argparse.ArgumentParser(description="hash files on a cluster, with a loss in the middle")
    parser.add_argument("--on", choices=SITES, default="local")
    parser.add_argument("--files", type=int, default=FILES)
    chosen = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    console = Console(width=None if sys.stdout.isatty() else 140)
    files = sorted(map(str, Path(os.__file__).parent.glob("**/*.py")))[: chosen.files]
    weights = np.arange(256, dtype=np.int64) ** 2
    with TemporaryDirectory() as folder, SITES[chosen.on]() as site:
        run = partial(job, site, files, weights, Path(folder) / "index.sqlite", console)
        found, expected = run(), undisturbed(files, weights)
    if found != expected:
        sys.exit(f"{found} is not {expected}")
    console.print(f"{found[0]} files on {chosen.on}: the same result as without the loss, {found[1][:12]}…")


if __name__ == "__main__":
    main()
