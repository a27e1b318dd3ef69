"""The actors of `liveref.integrations.ray`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pickle import PickleBuffer
from typing import Final

import ray

from liveref._engine.home import Home
from liveref._engine.wire import Packet
from liveref._text.route import Route

__all__ = ["Host", "Moves", "shipped"]


class Host:
    """The actor that is a home."""

    def __init__(self, number: int, imports: Sequence[str]) -> None:
        context = ray.get_runtime_context()
        self._home: Final = Home.of_this_process(
            number, f"ray node {context.get_node_id()[:12]} pid {os.getpid()}", imports
        )

    def answer(self, packet: Packet) -> Packet:
        return shipped(self._home.answer(packet))

    def close(self) -> None:
        self._home.close()


class Moves:
    """The actor that knows where the refs of some sessions are since those were resumed."""

    def __init__(self) -> None:
        self._moves: Final[dict[Route, Route]] = {}

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
