"""The engine of one process: `LocalEngine`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from liveref._engine.base import RefEngine
from liveref._engine.calls import Gone
from liveref._engine.home import HOMES, Home, draw
from liveref._engine.wire import Packet
from liveref._text.route import Route

__all__ = ["LocalEngine"]

_FEW: Final = 64
"""Moves up to which none is forgotten."""


class LocalEngine(RefEngine):
    """An engine whose one home is this process: the same code as on a cluster, without one.

    Args:
        strict: give copies and handles, as another process would get them: for tests of code that is to run on a
            cluster. It needs cloudpickle.
        timeout: seconds for a call.
        allow_functions: whether it runs functions: ``run``, ``create`` and ``derive``.

    Example:
        >>> from liveref.engine import LocalEngine
        >>> with LocalEngine() as engine, engine.session() as session:
        ...     key = session.refs.create(lambda: [1, 2, 3])
        ...     engine.refs[key].run(sum)
        6
    """

    def __init__(self, *, strict: bool = False, timeout: float = 10.0, allow_functions: bool = True) -> None:
        super().__init__(timeout)
        self._strict: Final = strict
        self._home: Final = Home(draw(HOMES.__contains__), "this process", allow_functions=allow_functions)
        self._moves: Final[dict[Route, Route]] = {}

    def _local(self, home: int) -> Home | None:
        return self._home if home == self._home.number and not self._strict else None

    def _send(self, home: int, group: str, packet: Packet, timeout: float) -> Packet:  # noqa: ARG002  as of all engines
        if home != self._home.number:
            message = "there is no such home"
            raise Gone(message)
        return self._home.answer(packet)

    def _find_homes(self) -> dict[int, str]:
        return {self._home.number: self._home.name}

    def _moved_to(self, route: Route) -> Route | None:
        return self._moves.get(route)

    def _note_moves(self, routes: Sequence[Route], to: Route) -> None:
        here = self._home.routes()
        self._moves.update(dict.fromkeys(routes, to))
        if len(self._moves) > 2 * len(here) + _FEW:
            for route, at in self._moves.copy().items():
                if at not in here:  # it has ended, which the first home tells as well
                    self._moves.pop(route, None)

    def _stop(self) -> None:
        self._home.close()
