"""What a ref of another process costs, on Ray and on Dask: ``python -m benchmarks clusters``.

Each call is made in turn with the bare call of the engine that does the same without liveref, on a small cluster that
is started here. Both wait for another process, so the clock on the wall decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import perf_counter
from typing import Any, Final

import numpy as np

from benchmarks.rows import Row

ROUNDS: Final = 400
FEW: Final = 60
KIB: Final = b"x" * 1024
LARGE: Final = 1_000_000
"""Numbers of 8 bytes."""
MANY: Final = 100


def rows(*, quick: bool) -> Iterator[Row]:
    """A row a call."""
    rounds = FEW if quick else ROUNDS
    yield from _on_ray(rounds)
    yield from _on_dask(rounds)


class Bare:
    """An actor as one writes it without liveref."""

    def __init__(self) -> None:
        self.array = np.arange(LARGE)

    def small(self) -> bytes:
        """A thousand bytes."""
        return KIB

    def large(self) -> object:
        """An array."""
        return self.array

    def run(self, fn: Callable[[Any], object]) -> object:
        """What a function gives for an object here."""
        return fn(KIB)


def _on_ray(rounds: int) -> Iterator[Row]:
    import ray  # noqa: PLC0415  one of the two may be missing

    from liveref.integrations.ray import RayEngine  # noqa: PLC0415

    any_ray: Any = ray  # of its functions Ray leaves the generics bare
    any_ray.init(num_cpus=1, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
    try:
        bare: Any = any_ray.remote(num_cpus=0)(Bare).remote()
        with RayEngine(hosts=1) as engine, engine.session() as session:
            refs, small = engine.refs, session.refs.insert(KIB)
            large, pinned = session.refs.insert(np.arange(LARGE)), refs[session.refs.create(lambda: KIB)]
            keys = [session.refs.insert(number) for number in range(MANY)]
            called = "a bare call of the actor"
            yield _row(
                "Ray: get, 1 KiB", lambda: refs[small], lambda: any_ray.get(bare.small.remote()), called, 1.35, rounds
            )
            yield _row(
                "Ray: run(len)", lambda: pinned.run(len), lambda: any_ray.get(bare.run.remote(len)), called, 1.5, rounds
            )
            yield _row(
                "Ray: get, 8 MB", lambda: refs[large], lambda: any_ray.get(bare.large.remote()), called, 1.4, FEW
            )
            yield _row(
                "Ray: get_many(100)",
                lambda: refs.get_many(keys),
                lambda: [refs[key] for key in keys],
                "100 x get",
                0.1,
                FEW // 6,
            )
    finally:
        any_ray.shutdown()


def _on_dask(rounds: int) -> Iterator[Row]:
    from distributed import Client, LocalCluster  # noqa: PLC0415  one of the two may be missing

    from liveref.integrations.dask import DaskEngine  # noqa: PLC0415

    any_cluster: Any = LocalCluster  # Dask does not annotate them
    any_client: Any = Client
    with ExitStack() as stack:
        cluster = stack.enter_context(any_cluster(n_workers=1, threads_per_worker=1, dashboard_address=None))
        client = stack.enter_context(any_client(cluster))
        address = next(iter(client.scheduler_info()["workers"]))
        engine = stack.enter_context(DaskEngine(client))
        session = stack.enter_context(engine.session())
        refs, small = engine.refs, session.refs.insert(KIB)
        keys = [session.refs.insert(number) for number in range(MANY)]

        async def bare() -> object:
            return await client.rpc(address).echo(data=KIB)

        client.run(_teach, wait=True)
        asked = "a bare call of the worker"
        yield _row("Dask: get, 1 KiB", lambda: refs[small], lambda: client.sync(bare), asked, 1.6, rounds)
        yield _row(
            "Dask: get_many(100)",
            lambda: refs.get_many(keys),
            lambda: [refs[key] for key in keys],
            "100 x get",
            0.1,
            FEW // 6,
        )


def _teach(dask_worker: Any) -> None:  # Any: Dask passes the worker by this name
    def echo(data: bytes) -> bytes:
        return data

    dask_worker.handlers["echo"] = echo


def _row(  # noqa: PLR0917  one line a call
    name: str,
    ours: Callable[[], object],
    plain: Callable[[], object],
    reference: str,
    target: float,
    rounds: int,
) -> Row:
    for call in (ours, plain) * 5:
        call()
    ratios: list[float] = []
    for number in range(rounds):
        calls = (ours, plain) if number % 2 else (plain, ours)
        times = {call: _seconds(call) for call in calls}
        ratios.append(times[ours] / times[plain])
    return Row.of("clusters", name, ratios, reference, target=target)


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    given = call()
    end = perf_counter()
    del given
    return end - start
