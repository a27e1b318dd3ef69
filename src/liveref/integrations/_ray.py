"""The actors of `liveref.integrations.ray`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import cycle, islice
from pickle import PickleBuffer
from typing import Any, Final, TypeVar

import ray

from liveref._engine.calls import Silent
from liveref._engine.home import Home
from liveref._engine.wire import Packet
from liveref._registry.pin import within
from liveref._text.elsewhere import EngineError, RefUnavailableError
from liveref._text.route import Route

__all__ = [
    "NAMESPACE",
    "Host",
    "Moves",
    "in_time",
    "is_connected",
    "named",
    "numbers",
    "require_connection",
    "shipped",
    "spread",
]

R = TypeVar("R")

_ray: Final[Any] = ray  # Any: Ray does not annotate what is used of it
NAMESPACE: Final = "liveref"
"""Of the actors' names."""
_SHARDS: Final = 16

_FORKED: Final[set[int]] = set()
"""This process, if a fork left its connection behind: to use it, or to make another one, hangs (ray #59661)."""


def _note_fork() -> None:
    if ray.is_initialized():
        _FORKED.add(os.getpid())


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork
    os.register_at_fork(after_in_child=_note_fork)


class Host:
    """The actor that is a home."""

    def __init__(self, number: int, imports: Sequence[str]) -> None:
        context = ray.get_runtime_context()
        self._home: Final = Home.of_this_process(
            number, f"ray node {context.get_node_id()[:12]} pid {os.getpid()}", imports
        )

    @staticmethod
    def name(home: int) -> str:
        return f"home/{home:06x}"

    def answer(self, packet: Packet) -> Packet:
        return shipped(self._home.answer(packet))

    def close(self) -> None:
        self._home.close()


class Moves:
    """The actor that knows where the refs of some sessions are since those were resumed."""

    def __init__(self) -> None:
        self._moves: Final[dict[Route, Route]] = {}

    @staticmethod
    def name(route: Route) -> str:
        return f"moves/{(route.home ^ route.session) % _SHARDS}"

    def find(self, route: Route) -> Route | None:
        return self._moves.get(route)

    def note(self, routes: Sequence[Route], to: Route) -> None:
        self._moves.update(dict.fromkeys(routes, to))


def shipped(packet: Packet) -> Packet:
    """A packet as Ray takes it without a copy: buffers as such."""
    if isinstance(packet, bytes):
        return packet
    data, buffers = packet
    return data, [PickleBuffer(buffer) for buffer in buffers]


def is_connected() -> bool:
    """Whether this process is connected to a cluster.

    Raises:
        EngineError: a fork left the connection behind.
    """
    if os.getpid() in _FORKED:
        message = "a fork left the connection to Ray behind: start this process by spawn, or connect after the fork"
        raise EngineError(message)
    return ray.is_initialized()


def require_connection() -> None:
    """Go on only where this process is connected to a cluster: else Ray would start one of its own.

    Raises:
        Silent: it is not, or not any more.
        EngineError: as `is_connected`.
    """
    if not is_connected():
        message = "this process is not connected to a cluster any more"
        raise Silent(message)


def in_time(call: Callable[[], R], timeout: float) -> R:
    """What Ray gives that has no deadline of its own: for its control service it may wait for ever.

    Raises:
        Silent: it takes longer, and goes on.
    """
    try:
        return within(call, timeout, "of Ray", "a call")
    except RefUnavailableError as late:
        message = "the cluster gives no answer"
        raise Silent(message) from late


def named(name: str, timeout: float) -> Any:  # Any: see _ray
    """An actor by its name.

    Raises:
        ValueError: there is none.
        Silent: as `in_time`.
    """
    return in_time(partial(_ray.get_actor, name, NAMESPACE), timeout)


def numbers(timeout: float) -> list[int]:
    """The numbers of the homes that there are; raises as `in_time`."""
    actors = in_time(partial(_ray.util.list_named_actors, all_namespaces=True), timeout)
    names = [each["name"] for each in actors if each["namespace"] == NAMESPACE]
    return [int(name.removeprefix("home/"), 16) for name in names if name.startswith("home/")]


def spread(hosts: int) -> Iterable[str]:
    """The node of each of so many homes, in turn: Ray's own SPREAD leaves actors without CPUs on one."""
    if not hosts:
        return ()
    return islice(cycle([node["NodeID"] for node in _ray.nodes() if node["Alive"]]), hosts)
