"""The workers' half of `liveref.integrations.dask`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pickle import PickleBuffer
from typing import Any, Final

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.protocol.serialize import to_serialize

from liveref._engine.home import HOMES, Home, draw
from liveref._engine.wire import Packet
from liveref._text.elsewhere import EngineError

__all__ = ["UNREACHED", "LiveRefPlugin", "ask_workers", "shipped", "this_worker", "until_gone"]

_QUICK: Final = 2.0
"""Seconds for a worker at most to say whether it is a home."""
UNREACHED: Final = (OSError, TimeoutError, RuntimeError)
"""What Dask raises where a cluster can't be reached: the last where its connection or loop is closed."""

_FIRST, _LAST = 0.05, 1.0
"""Seconds between two questions to the scheduler whether a worker is there, while it gives no answer."""
_WORKERS: Final[dict[int, Worker]] = {}
"""For each home of this process the worker that it belongs to: in threads of ours, Dask does not know which."""


class LiveRefPlugin(WorkerPlugin):
    """Makes each worker of a cluster a home.

    Args:
        threads: how many functions of refs run at the same time in one worker.
        imports: modules that it imports first, for what recipes and serializers register.
    """

    name = "liveref"
    idempotent = True

    def __init__(self, *, threads: int = 32, imports: Sequence[str] = ()) -> None:
        self._threads: Final = threads
        self._imports: Final = list(imports)

    def setup(self, worker: Worker) -> None:
        name = f"dask worker {worker.address} pid {os.getpid()}"
        self._home = Home.of_this_process(draw(HOMES.__contains__), name, self._imports)
        self._pool = ThreadPoolExecutor(self._threads, "liveref")
        _WORKERS[self._home.number] = worker
        server: Any = worker  # Any: Dask leaves the type of its handlers open
        server.handlers |= {"liveref_home": self._tell, "liveref_ask": self._answer}

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002  Dask passes it
        _WORKERS.pop(self._home.number, None)
        try:
            self._home.close()
        finally:
            self._pool.shutdown(wait=False)

    def _tell(self) -> tuple[int, str]:
        return self._home.number, self._home.name

    async def _answer(self, group: str, packet: Packet) -> object:
        if group == "lookup":
            return shipped(self._home.answer(packet))
        loop = asyncio.get_running_loop()
        return shipped(await loop.run_in_executor(self._pool, self._home.answer, packet))


def this_worker() -> Worker:
    """The worker that runs here.

    Raises:
        EngineError: none does.
    """
    try:
        return get_worker()
    except ValueError:
        pass
    for worker in _WORKERS.values():
        return worker
    message = "DaskEngine() works in a worker alone: pass the Client of the cluster"
    raise EngineError(message)


async def until_gone(node: Any, address: str) -> None:  # Any: a Client or a Worker
    """Ask the scheduler for a worker until it has none of that address."""
    pause, is_there = _FIRST, True
    while is_there:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST)
        is_there = bool(await node.scheduler.ncores(workers=[address]))


async def ask_workers(node: Any, limit: float) -> tuple[dict[str, tuple[int, str]], set[str]]:
    """The addresses of the homes with their numbers and names, and those of workers that say nothing in time.

    Args:
        node: a Client or a Worker: Any, for they share ``scheduler`` and ``rpc``.
        limit: seconds for a worker, if that is less than `_QUICK`.
    """
    limit = min(limit, _QUICK)
    try:
        asked = node.scheduler.broadcast(msg={"op": "liveref_home"}, on_error="ignore")
        told: dict[str, Any] = await asyncio.wait_for(asked, limit)
    except TimeoutError:  # the scheduler waits for all of them
        workers = list(await node.scheduler.ncores())
        told = dict(zip(workers, await asyncio.gather(*(_ask(node.rpc(each), limit) for each in workers)), strict=True))
    homes = {address: (answer[0], answer[1]) for address, answer in told.items() if type(answer) in {list, tuple}}
    return homes, {address for address, answer in told.items() if answer is None}


async def _ask(worker: Any, limit: float) -> object:
    try:
        return await asyncio.wait_for(worker.liveref_home(), limit)
    except TimeoutError:
        return None
    except Exception as error:  # noqa: BLE001  of a worker that is no home, or is no more
        return error


def shipped(packet: Packet) -> object:
    """A packet as Dask takes it without a copy: buffers as such."""
    if isinstance(packet, bytes):
        return packet
    data, buffers = packet
    return to_serialize((data, [PickleBuffer(buffer) for buffer in buffers]))  # type: ignore[no-untyped-call]


LiveRefPlugin.__module__ = "liveref.integrations.dask"  # its public path
