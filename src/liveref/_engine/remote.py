"""A session in a home, from outside of it: `RemoteSession`."""

from __future__ import annotations

import threading
import warnings
from functools import partial
from types import TracebackType
from typing import Final, Self, cast

from liveref._engine.calls import Calls
from liveref._engine.home import within_reason
from liveref._engine.refs import SessionRefs
from liveref._policy import SessionPausePolicy
from liveref._registry.shield import to_its_end
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._text.elsewhere import EngineError, RefLostError, RefUnavailableError
from liveref._text.tag import readable
from liveref.exceptions import RefDroppedWarning, RefFailure, RegistryClosedError, SessionStateError

__all__ = ["RemoteSession"]


class RemoteSession:
    """A session that lives in a home and is this process's to end: a context manager, asynchronous too.

    Its refs end there, last in first out; what their finalizers raise comes back as one ExceptionGroup.

    Attributes:
        id: 12 hex digits, which grant nothing and may be logged.
        token: a capability: who has it may list and change the session, by ``engine.attach(token)``.
        refs: its refs.
    """

    __slots__ = ("_done", "_state", "id", "refs", "token")

    def __init__(self, calls: Calls, token: str, lease: float | None) -> None:
        self.token: Final[str] = token
        self.refs: Final[SessionRefs] = SessionRefs(calls, token)
        self.id: Final[str] = self.refs._id
        self._state = "new"
        self._done = threading.Event()
        if lease is not None:
            args = (self.refs, lease, self._done)
            threading.Thread(target=_renew, args=args, name="liveref-lease", daemon=True).start()

    def snapshot(self, *, policy: SessionPausePolicy | None = None, verify: bool = False) -> SessionSnapshot:
        """What a pause keeps of the refs, as `Session.snapshot`; it is taken at the home.

        Args:
            policy: as for `Session.snapshot`.
            verify: as for `Session.snapshot`.

        Raises:
            SessionRefsNotSerializableError, RegistryClosedError: as `Session.snapshot`.
            RefLostError, RefUnavailableError: the home is gone, or gives no answer in time.

        Warns:
            RefDroppedWarning: a ref was left out; one for each.
        """
        made: tuple[bytes, list[RefFailure]] = self.refs._ask("snapshot", policy, verify)
        snapshot = SessionSnapshot.from_bytes(made[0], trusted=True)
        for failure in made[1]:
            warnings.warn(RefDroppedWarning(failure, snapshot.policy), stacklevel=2)
        return snapshot

    def close(self) -> None:
        """End the session at its home. Closing twice does nothing.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
            RefLostError: the home is gone.
            RefUnavailableError: it gives no answer in time; the session may have ended. To close it again asks again.
        """
        if self._state != "closed":
            before = self._state
            self.abandon()
            try:
                self.refs._ask("end")
            except (RefUnavailableError, KeyboardInterrupt):
                self._state = before  # it may live
                raise

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop, asyncio's or trio's. Who is cancelled waits for the end."""
        await to_its_end(self.close)

    def abandon(self) -> None:
        """Let the session be: its lease is not renewed any more, and leaving ``with`` does not end it."""
        self._state = "closed"
        self._done.set()

    def __enter__(self) -> Self:
        if self._state != "new":
            raise SessionStateError(self._state)
        self._state = "entered"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except (EngineError, BaseExceptionGroup) as failed:
            if error is None:
                raise
            error.add_note(f"The end of session {self.id} failed too: {_worded(failed)}")

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await to_its_end(partial(self.__exit__, kind, error, traceback))

    def __repr__(self) -> str:
        return f"<RemoteSession {self.id}>"


def _renew(refs: SessionRefs, lease: float, done: threading.Event) -> None:
    """Renew the lease of a session as long as there is something to renew: its keys may be all that is held here."""
    while not done.wait(lease / 3):
        if _is_over(refs, lease):
            return


def _is_over(refs: SessionRefs, lease: float) -> bool:
    """Whether there is nothing to renew any more."""
    raised = within_reason(lambda: refs._ask("touch", timeout=lease))
    return any(isinstance(error, (RefLostError, RegistryClosedError)) for error in raised)


def _worded(failed: BaseException) -> str:
    """An error of liveref's own; of those of the user's the types alone."""
    if isinstance(failed, BaseExceptionGroup):
        raised = cast("BaseExceptionGroup[BaseException]", failed).exceptions
        return f"finalizers raised {', '.join(readable(type(each)) for each in raised)}"
    return str(failed)
