"""Dask: keys where pickle is off, equal tokens for equal keys, and refs that live in workers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any, Final

from liveref._engine.base import RefEngine
from liveref._engine.calls import Gone, Silent
from liveref._engine.wire import Packet
from liveref._key import RegistryKey
from liveref._payloads.swap import key_of_typed
from liveref._text.route import Route

try:
    from dask.base import normalize_token
    from distributed import Client
    from distributed.protocol.serialize import (
        dask_deserialize,  # pyright: ignore[reportUnknownVariableType]  Dask does not annotate it
        dask_serialize,  # pyright: ignore[reportUnknownVariableType]
    )
    from distributed.utils import sync

    from liveref.integrations._dask import UNREACHED, LiveRefPlugin, ask_workers, shipped, this_worker, until_gone
except ImportError as _error:
    raise ImportError("dask is missing: pip install 'liveref[dask]'") from _error

__all__ = ["DaskEngine", "LiveRefPlugin", "register"]

_MOVES: Final = ("liveref", "moves")
_SOME_TIME: Final = 1.0  # seconds between two broadcasts at least: each is a message to every worker


class DaskEngine(RefEngine):
    """An engine whose homes are the workers of a Dask cluster.

    Args:
        client: the connection to the cluster, whose workers it makes homes where they are none; none in a worker.
        timeout: seconds for a call.

    Raises:
        EngineError: there is no client, and this is no worker.
    """

    def __init__(self, client: Client | None = None, *, timeout: float = 10.0) -> None:
        super().__init__(timeout)
        self._pid = os.getpid()
        self._node: Any = this_worker() if client is None else client  # Any: they share loop, scheduler and rpc
        self._addresses: dict[int, str] = {}
        self._silent: set[str] = set()
        self._told = -_SOME_TIME
        if client is not None:
            client.register_plugin(LiveRefPlugin())  # pyright: ignore[reportUnknownMemberType]

    def _send(self, home: int, group: str, packet: Packet, timeout: float) -> Packet:
        end = monotonic() + timeout
        if home not in self._addresses:
            sleep(max(0.0, self._told + _SOME_TIME - monotonic()))  # so that forged routes cost who asks alone
            self._find_homes()
        address = self._addresses.get(home)
        if address is None:
            silent = Silent("no answer from a worker, which may be that home")
            raise silent if self._silent else Gone("there is no such home")
        reply: Packet = self._reach(self._call, address, group, packet, max(0.0, end - monotonic()))
        return reply

    async def _call(self, address: str, group: str, packet: Packet, timeout: float) -> Packet:
        """Ask a worker once, and the scheduler meanwhile whether there is one: Dask itself would try for 30 s."""
        end = monotonic() + timeout
        call = asyncio.ensure_future(self._node.rpc(address).liveref_ask(group=group, packet=shipped(packet)))
        gone = asyncio.ensure_future(until_gone(self._node, address))
        try:
            await asyncio.wait([call, gone], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            broken = call.exception() if call.done() else None
            if call.done() and not isinstance(broken, UNREACHED):
                reply: Packet = call.result()
                return reply
            if broken is not None:
                await asyncio.wait([gone], timeout=max(0.0, end - monotonic()))
            if gone.done() and gone.exception() is None:
                raise Gone("it is none of the scheduler's workers any more") from broken
            raise Silent("no answer") from broken
        finally:
            call.cancel()
            gone.cancel()

    def _find_homes(self) -> dict[int, str]:
        self._told = monotonic()
        homes, self._silent = self._reach(self._broadcast, callback_timeout=self.timeout)
        known = {home: address for home, address in self._addresses.items() if address in self._silent}
        self._addresses = known | {home: address for address, (home, _) in homes.items()}
        return dict(homes.values())

    async def _broadcast(self) -> tuple[dict[str, tuple[int, str]], set[str]]:
        return await ask_workers(self._node, self.timeout / 4)

    def _moved_to(self, route: Route) -> Route | None:
        try:
            moved = self._reach(self._metadata, route, callback_timeout=self.timeout)
        except Silent:
            return None
        return None if moved is None else Route(*moved)

    async def _metadata(self, route: Route) -> Any:  # Any: as Dask gives it
        return await self._node.scheduler.get_metadata(keys=[*_MOVES, str(route)], default=None)

    def _note_moves(self, routes: Sequence[Route], to: Route) -> None:
        for route in routes:
            self._sync(self._node.scheduler.set_metadata, keys=[*_MOVES, str(route)], value=list(to))

    def _reach(self, call: Any, *args: object, **kwargs: Any) -> Any:  # Any: as Dask gives it
        try:
            return self._sync(call, *args, **kwargs)
        except UNREACHED as error:
            raise Silent("the cluster can't be reached") from error

    def _sync(self, call: Any, *args: object, **kwargs: Any) -> Any:  # Any: as Dask gives it
        if self._pid != os.getpid():  # a fork left the thread of the connection behind
            address, security = self._node.scheduler.address, self._node.security
            self._node = Client(address, security=security, set_as_default=False)  # type: ignore[no-untyped-call]
            self._pid = os.getpid()
        return sync(self._node.loop, call, *args, **kwargs)


def register() -> None:
    """Teach Dask about keys, in this process. Calling it twice does no harm.

    A key then travels as its typed marker instead of a pickle, so every worker must be taught as well:
    ``client.run(register)``. It comes back with the class that the marker names, if that is loaded; else,
    and where the hint was more than a class, it opens only a ref of the same hint.
    """
    dask_serialize.register(RegistryKey, _dump)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
    dask_deserialize.register(RegistryKey, _load)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
    normalize_token.register(RegistryKey, _token)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]


def _dump(key: RegistryKey[object]) -> tuple[dict[str, str], list[bytes]]:
    return key.to_marker(typed=True), []


def _load(header: dict[str, str], _frames: list[bytes]) -> RegistryKey[object]:
    return key_of_typed(header)


def _token(key: RegistryKey[object]) -> tuple[str, str]:
    """Equal keys have equal tokens, whatever their hints, so tasks with them are recognised."""
    return "liveref", str(key)
