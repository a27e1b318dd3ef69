"""The sessions of users, each of which ends when its user stays away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from liveref._registry.current import using
from liveref._registry.leases import check_seconds
from liveref._registry.owners import Owner
from liveref._session import Session
from liveref._text.tag import readable
from liveref._text.telling import told_nobody

__all__ = ["Stays"]


class _Stay:
    """The session of a user, and how many requests are in it."""

    def __init__(self, owner: Owner, session: Session) -> None:
        self.owner: Final = owner
        self.session: Final = session
        self.requests = 0
        self.end: asyncio.TimerHandle | None = None


class Stays:
    """The sessions of users.

    Args:
        idle: seconds without a request after which one ends.
        session: makes one.
    """

    def __init__(self, idle: float, session: Callable[[], Session]) -> None:
        check_seconds("idle", idle, optional=False)
        self._idle: Final = idle
        self._session: Final = session
        self._stays: Final[dict[Owner, _Stay]] = {}
        self._ending: Final[set[asyncio.Task[None]]] = set()

    @contextmanager
    def of(self, owner: Owner) -> Generator[Session]:
        """The session of a user, current while a request of theirs is in it."""
        stay = self._arrive(owner)
        try:
            with using(stay.session.refs):
                yield stay.session
        finally:
            self._depart(stay)

    async def end(self) -> None:
        """End all sessions."""
        for stay in list(self._stays.values()):
            self._end(stay)
        await asyncio.gather(*self._ending)

    def _arrive(self, owner: Owner) -> _Stay:
        stay = self._stays.get(owner)
        if stay is None or stay.session.refs._closed:
            stay = self._stays[owner] = _Stay(owner, self._session())
        stay.requests += 1
        if stay.end is not None:
            stay.end.cancel()
        return stay

    def _depart(self, stay: _Stay) -> None:
        stay.requests -= 1
        if stay.requests == 0:
            stay.end = asyncio.get_running_loop().call_later(self._idle, self._end, stay)

    def _end(self, stay: _Stay) -> None:
        if self._stays.get(stay.owner) is stay:
            del self._stays[stay.owner]
        task = asyncio.ensure_future(_close(stay.session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _close(session: Session) -> None:
    try:
        await session.aclose()
    except Exception as error:  # noqa: BLE001  of finalizers
        told_nobody(f"the session of a user has ended, and raised {readable(type(error))}: finalizers failed.")
