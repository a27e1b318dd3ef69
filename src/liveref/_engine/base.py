"""What all engines share: `RefEngine`."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Final, Literal, Self
from uuid import UUID

from liveref._engine.calls import Calls, Target, require_engine
from liveref._engine.home import HOMES
from liveref._engine.refs import EngineRefs, SessionRefs
from liveref._engine.remote import RemoteSession
from liveref._engine.room import Options
from liveref._key import RegistryKey
from liveref._pause.resume import check_resume
from liveref._policy import MAX_SESSION_REFS_PER_RUN, SessionPausePolicy
from liveref._registry.store import id_of
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._text.route import Route, route_of
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError

__all__ = ["RefEngine"]


class RefEngine(Calls):
    """Refs beyond one process: sessions live in homes, and a key made in one process resolves in another.

    A context manager: leaving it closes what it started.

    Attributes:
        refs: any ref, from any process.
        timeout: seconds for a call.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.refs: Final[EngineRefs] = EngineRefs(self)

    def session(
        self,
        *,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR,
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        home: int | None = None,
        near: RegistryKey[object] | None = None,
        lease: float | None = None,
    ) -> RemoteSession:
        """A new session in a home: use it by ``with``, which ends it.

        Args:
            capacity: refs that it holds at most.
            policy: what a snapshot does with live refs.
            ttl: seconds after which a ref has expired, as for `Session`; kept at the home, as are the next three.
            idle: seconds without a use after which a ref has expired.
            owned: whether each ref has to have an owner.
            per_owner: refs of one owner at most.
            home: the number of the home.
            near: a key whose home it is to be, where no number is given. With neither it is this process, if that is
                a home, or any.
            lease: seconds after which the home ends the session, unless it is used or this process renews it, which
                it does as long as it lives; None for as long as the home lasts.

        Raises:
            InvalidArgumentError: one of them is no such thing.
            EngineError: there is no home.
            RefLostError, RefUnavailableError: the home is gone, or gives no answer in time.
        """
        options = Options(capacity, policy, ttl, idle, owned, per_owner, lease).checked()
        token: str = self._ask(_new(self._pick(home, near)), "begin", options)
        return RemoteSession(self, token, lease)

    def resume(
        self,
        snapshot: SessionSnapshot,
        *,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR,
        broken: Literal["raise", "drop"] = "raise",
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        home: int | None = None,
        lease: float | None = None,
    ) -> RemoteSession:
        """A new session that holds what the snapshot does, each ref under its key, found from everywhere again.

        Args:
            snapshot: of a session of an engine, or of any other.
            capacity: as for `session`.
            policy: as for `session`.
            broken: as for `Session.resume`.
            ttl: as for `session`, as are the next three: of refs that are inserted from now on.
            idle: seconds without a use after which a ref has expired.
            owned: whether each ref has to have an owner.
            per_owner: refs of one owner at most.
            home: as for `session`; without one it is any, so that many resumes spread.
            lease: as for `session`.

        Raises:
            SnapshotError, CapacityExceededError, ReopenError: as `Session.resume`.
            EngineError: as `session`.
        """
        options = Options(capacity, policy, ttl, idle, owned, per_owner, lease).checked()
        check_resume(snapshot, broken)
        chosen = self._any() if home is None else home
        made: tuple[str, list[Route]] = self._ask(_new(chosen), "resume", snapshot.to_bytes(), options, broken)
        token, routes = made
        self._note_moves(routes, route_of(UUID(token).bytes) or Route(chosen, 0))
        return RemoteSession(self, token, lease)

    def attach(self, token: str) -> SessionRefs:
        """The refs of another process's session, which goes on being that one's to end.

        Args:
            token: ``session.token``. No call is made: whether it holds shows at the first use.

        Raises:
            InvalidArgumentError: it is no token.
        """
        return SessionRefs(self, token)

    def close(self) -> None:
        """End what the engine started, homes and their sessions too. Closing twice does nothing.

        Later use of its refs: RefLostError.
        """
        if not self._closed:
            self._closed = True
            self._stop()

    def _stop(self) -> None:
        """End the homes that this engine started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _pick(self, home: int | None, near: RegistryKey[object] | None) -> int:
        """The home of a new session."""
        if home is not None:
            return home
        if near is not None:
            route = route_of(id_of(near))
            if route is None:
                raise InvalidArgumentError("near", "the key of a ref of a home", "another key")
            return route.home
        return next((number for number in HOMES.copy() if self._is_here(Route(number, 0))), None) or self._any()

    def _any(self) -> int:
        homes = list(self.homes())
        require_engine(homes)
        return random.choice(homes)  # noqa: S311  no secret

    def _resolve(self, key: RegistryKey[object], /) -> object:
        """What another process has under a key; the registry that asks checks it."""
        return self.refs._fetch(key, None)


def _new(home: object) -> Target:
    if type(home) is not int:
        raise InvalidArgumentError("home", "the number of a home", readable(type(home)))
    return Target(Route(home, 0), "of a new session", "a session")
