"""The scope of one run: `Session`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Final, Literal, Self

from liveref._pause.capture import Capture, capture
from liveref._pause.resume import arestore, restore
from liveref._policy import MAX_SESSION_REFS_PER_RUN, SessionPausePolicy
from liveref._registry.current import Scope, enter_scope, leave_scope
from liveref._registry.finalize import adrive, check_timeout, drive
from liveref._registry.outcome import Outcome, Steps
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.resolver import Resolver
from liveref._registry.store import new_store
from liveref._snapshot.container import copy_blobs
from liveref._snapshot.file import StrPath
from liveref._snapshot.keyring import SnapshotKeys
from liveref._snapshot.progress import Progress
from liveref._snapshot.snapshot import SessionSnapshot, check_target, new_snapshot, save_snapshot
from liveref._text.tag import printable, readable
from liveref._text.telling import log_dropped, warn_dropped
from liveref.exceptions import (
    InvalidArgumentError,
    RegistryClosedError,
    SessionStateError,
    SnapshotWriteError,
    counted,
)

__all__ = ["Session"]

_KINDS_SHOWN: Final = 3
"""Types of refs in a repr, the most frequent ones."""


class Session:
    """The scope of one run: its registry is current inside, and ends with it.

    A context manager, synchronous and asynchronous; the asynchronous one awaits asynchronous
    finalizers. Without ``with`` it ends by `close` or `aclose`, and is not current.

    Args:
        capacity: refs that its registry holds at most.
        policy: what a snapshot does with live refs.
        ttl: as for `SessionRefRegistry`, as are the rest.
        idle: seconds without a use after which a ref has expired.
        owned: whether each ref has to have an owner.
        per_owner: refs of one owner at most.
        clock: gives the seconds of leases.
        engine: looks the keys of other processes up, for the registry and its children: a `liveref.engine.RefEngine`.

    Raises:
        InvalidArgumentError: one of them is no such thing.

    Example:
        >>> with Session() as session:
        ...     key = session.refs.insert([1, 2, 3])
        ...     session.refs[key].append(4)
        >>> key in session.refs
        False
    """

    __slots__ = ("__weakref__", "_owner", "_refs", "_scope", "_state", "policy")

    policy: SessionPausePolicy

    def __init__(
        self,
        *,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR,
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        clock: Callable[[], float] = monotonic,
        engine: Resolver | None = None,
    ) -> None:
        if not isinstance(policy, SessionPausePolicy):
            raise InvalidArgumentError("policy", "a SessionPausePolicy", readable(type(policy)))
        given = ttl, idle, owned, per_owner, clock
        self._begin(new_store(SessionRefRegistry, capacity, given, engine), policy, owner=True)

    def _begin(self, refs: SessionRefRegistry, policy: SessionPausePolicy, *, owner: bool) -> None:
        self.policy = policy
        self._refs = refs
        self._owner = owner
        self._scope: Scope | None = None
        self._state = "new"

    @property
    def refs(self) -> SessionRefRegistry:
        """The registry of the session."""
        return self._refs

    def child(self, *, isolated: bool = False) -> Session:
        """A session inside of this one, with the same policy.

        Args:
            isolated: False: it borrows this session's registry and drops nothing at its end, so that
                what a sub-workflow returns can be looked up after it. True: it has a registry of its
                own, of the same capacity, which finds this one's refs too but changes only its own.

        Raises:
            RegistryClosedError: this session has ended.
        """
        if self._refs._closed:
            raise RegistryClosedError("child")
        child = Session.__new__(Session)
        child._begin(self._refs._inner() if isolated else self._refs, self.policy, owner=isolated)
        return child

    def snapshot(self, *, policy: SessionPausePolicy | None = None, verify: bool = False) -> SessionSnapshot:
        """What a pause keeps of the live refs, which stay live.

        A copy: what the objects do afterwards does not change it. Refs that last until a snapshot
        (``UNTIL_SNAPSHOT``) are purged once it stands; those of an isolated child's parent are not its.

        Args:
            policy: what becomes of a ref that can't be captured; None for the session's own.
            verify: load what was pickled, once and apart from the live objects. What can be pickled but not loaded
                is then refused or dropped like what can't be pickled, while it is still there.

        Raises:
            SessionRefsNotSerializableError: refs can't be captured, and the policy does not drop them.
                Nothing has changed.
            RegistryClosedError: the session has ended.

        Warns:
            RefDroppedWarning: a ref was left out; given last, one for each.
            RuntimeWarning: a finalizer of a purged ref failed.
        """
        captured = self._capture("snapshot", policy, verify=verify)
        made = new_snapshot(captured.contents, captured.buffers)
        self._settle(captured)
        return made

    def save(
        self,
        path: StrPath,
        *,
        keys: SnapshotKeys | None = None,
        policy: SessionPausePolicy | None = None,
        verify: bool = False,
        progress: Progress | None = None,
    ) -> SessionSnapshot:
        """Take a snapshot and write it to a file in one go, large arrays straight from their own memory.

        A crash leaves the old file or the new one. The snapshot that is returned maps the file.

        Args:
            path: the file, mode 0600.
            keys: the ring whose current key signs it; unsigned without.
            policy: as for `snapshot`.
            verify: as for `snapshot`.
            progress: is called with the bytes that are written and those in all, at most every 50 ms and once at the
                end. What it raises ends the save: the old file stands.

        Raises:
            SnapshotWriteError: the file can't be written, or the progress raised, and nothing has changed. If it is
                ``committed``, the new file stands, and all has been done that is done when it does.
            SessionRefsNotSerializableError, RegistryClosedError: as `snapshot`.

        Warns:
            RefDroppedWarning, RuntimeWarning: as `snapshot`, once the file stands.
        """
        check_target(path, keys, progress)
        captured = self._capture("save", policy, verify=verify)
        try:
            made = save_snapshot(captured.contents, captured.buffers, path, keys, progress)
        except SnapshotWriteError as error:
            if error.committed:
                self._settle(captured)
            raise
        self._settle(captured)
        return made

    async def asave(
        self,
        path: StrPath,
        *,
        keys: SnapshotKeys | None = None,
        policy: SessionPausePolicy | None = None,
        copy: bool = True,
        progress: Progress | None = None,
    ) -> SessionSnapshot:
        """As `save`, but a thread hashes and writes while the event loop goes on.

        The refs are captured in the loop, at one moment. Who is cancelled waits for the thread before the
        CancelledError comes: the old file stands or the new one, and the purges follow the file. The finalizers
        of refs that last until a snapshot are awaited.

        Args:
            path: as for `save`, as are the next two.
            keys: the ring whose current key signs it; unsigned without.
            policy: what becomes of a ref that can't be captured.
            copy: copy the large buffers in the loop first, so that the file is of that moment too. Without, nothing
                is copied: write to none of them until it returns.
            progress: as for `save`; called in the thread.

        Raises:
            RuntimeError: the event loop is not asyncio's. Nothing was captured.
            SnapshotWriteError, SessionRefsNotSerializableError, RegistryClosedError: as `save`.

        Warns:
            RefDroppedWarning, RuntimeWarning: as `save`.

        Example:
            >>> import asyncio, tempfile
            >>> from pathlib import Path
            >>> from liveref import Session, SessionSnapshot
            >>> async def main(folder: str) -> str:
            ...     async with Session() as session:
            ...         session.refs.insert([1, 2, 3])
            ...         return repr((await session.asave(Path(folder, "paused"))).refs[0].type_tag)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     asyncio.run(main(folder))
            "'builtins:list'"
        """
        check_target(path, keys, progress)
        if type(copy) is not bool:
            raise InvalidArgumentError("copy", "True or False", readable(type(copy)))
        from liveref._registry.shield import in_thread, require_asyncio  # noqa: PLC0415  it loads asyncio

        require_asyncio("asave")
        captured = self._capture("asave", policy, verify=False)
        buffers = copy_blobs(captured.buffers) if copy else captured.buffers
        outcome = Outcome()
        write = partial(save_snapshot, captured.contents, buffers, path, keys, progress)
        try:
            made = await in_thread(write, outcome)
        except Exception as error:
            if isinstance(error, SnapshotWriteError) and error.committed:
                await self._asettle(captured, outcome)
            if outcome.errors:  # it was cancelled meanwhile
                outcome.reraise()
            raise
        await self._asettle(captured, outcome)
        return made

    @classmethod
    def resume(
        cls,
        snapshot: SessionSnapshot,
        *,
        carry: SessionRefRegistry | None = None,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR,
        broken: Literal["raise", "drop"] = "raise",
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        clock: Callable[[], float] = monotonic,
        engine: Resolver | None = None,
    ) -> Self:
        """A new session that holds what the snapshot does, each ref under its key.

        A recipe runs at the first lookup of its ref, unless a pickled object holds what it opens.
        Pickles are loaded, which runs what they name.

        Args:
            snapshot: it can be resumed many times; the sessions share no memory.
            carry: the registry that holds the refs to what outlives the run (``snapshot.expected``);
                they move over. Without it their recipes open them, or a lookup is a RefDroppedError.
            capacity: as for `Session`.
            policy: as for `Session`.
            broken: what becomes of the refs that can't be restored: ``"raise"`` one error that names them all, or
                ``"drop"`` them, and what holds them; the rest comes back. A lookup of a dropped one tells why.
            ttl: as for `Session`, as are the rest: of refs that are inserted from now on.
            idle: seconds without a use after which a ref has expired.
            owned: whether each ref has to have an owner.
            per_owner: refs of one owner at most.
            clock: gives the seconds of leases.
            engine: as for `Session`.

        Raises:
            CapacityExceededError: its refs do not fit.
            UnknownTypeTagError: it needs a recipe or serializer that is not registered.
            SnapshotVersionError: it holds data of a newer serializer than the registered one.
            RefLoadError: refs can't be restored. What code of yours raised is its cause.
            ReopenError: a recipe raised whose object a pickled one holds.
                Whatever it raises, nothing was moved, and what was opened is closed. With ``broken="drop"`` the
                last four are reasons to drop a ref.

        Warns:
            RefDroppedWarning: a ref was dropped; one for each.
        """
        session = cls(
            capacity=capacity,
            policy=policy,
            ttl=ttl,
            idle=idle,
            owned=owned,
            per_owner=per_owner,
            clock=clock,
            engine=engine,
        )
        restore(snapshot, session._refs, carry, broken)
        return session

    @classmethod
    async def aresume(
        cls,
        snapshot: SessionSnapshot,
        *,
        carry: SessionRefRegistry | None = None,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR,
        broken: Literal["raise", "drop"] = "raise",
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        clock: Callable[[], float] = monotonic,
        engine: Resolver | None = None,
    ) -> Self:
        """As `resume`, awaiting the asynchronous recipes of what pickled objects hold.

        Raises:
            RuntimeError: one of them has to run, and the event loop here is not asyncio's.

        Example:
            >>> import asyncio
            >>> from liveref import Session
            >>> async def main() -> str:
            ...     async with Session() as session:
            ...         key = session.refs.insert("a draft")
            ...         snapshot = session.snapshot()
            ...     async with await Session.aresume(snapshot) as session:
            ...         return session.refs[key]
            >>> asyncio.run(main())
            'a draft'
        """
        session = cls(
            capacity=capacity,
            policy=policy,
            ttl=ttl,
            idle=idle,
            owned=owned,
            per_owner=per_owner,
            clock=clock,
            engine=engine,
        )
        await arestore(snapshot, session._refs, carry, broken)
        return session

    def _capture(self, operation: str, policy: SessionPausePolicy | None, *, verify: bool) -> Capture:
        if type(verify) is not bool:
            raise InvalidArgumentError("verify", "True or False", readable(type(verify)))
        if policy is None:
            policy = self.policy
        if not isinstance(policy, SessionPausePolicy):
            raise InvalidArgumentError("policy", "a SessionPausePolicy", readable(type(policy)))
        if self._refs._closed:
            raise RegistryClosedError(operation)
        return capture(self._refs, policy, verify=verify)

    def _settle(self, captured: Capture) -> None:
        """Once a snapshot stands: purge what lasted until it, and tell what was dropped."""
        if captured.dropped:
            log_dropped(captured.dropped)
        if captured.purged:
            outcome = Outcome()
            drive(self._purge(captured, outcome))
            self._tell_failed(outcome)
        if captured.dropped:
            warn_dropped(captured.dropped, captured.contents.policy, stacklevel=4)

    async def _asettle(self, captured: Capture, outcome: Outcome) -> None:
        """As `_settle`, awaiting finalizers."""
        log_dropped(captured.dropped)
        await adrive(self._purge(captured, outcome), outcome, None)
        self._tell_failed(outcome)
        warn_dropped(captured.dropped, captured.contents.policy, stacklevel=4)

    def _purge(self, captured: Capture, outcome: Outcome) -> Steps:
        return self._refs._drop(reversed(captured.purged), "purged by a snapshot", outcome)

    def _tell_failed(self, outcome: Outcome) -> None:
        """Warn of finalizers that failed; raise what is no Exception."""
        failed = [error for error in outcome.errors if isinstance(error, Exception)]
        if len(failed) < len(outcome.errors):
            outcome.reraise()
        if failed:
            kinds = ", ".join(readable(type(error)) for error in failed)
            what = f"{counted(len(failed), 'finalizer')} failed of refs that last until a snapshot: {kinds}"
            warnings.warn(f"{what}. The snapshot stands.", RuntimeWarning, stacklevel=4)

    def __enter__(self) -> Self:
        if self._state != "new":
            raise SessionStateError(self._state)
        self._state = "entered"
        self._scope = enter_scope(self._refs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._leave() and self._refs._end_with(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._leave() and await self._refs._aend_with(error, None)

    def close(self) -> None:
        """End the session as leaving its ``with`` does. Closing twice does nothing.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        if self._leave():
            self._refs._end_with(None)

    async def aclose(self, *, timeout: float | None = None) -> None:
        """As `close`, awaiting asynchronous finalizers.

        Args:
            timeout: seconds for each finalizer, as in `SessionRefRegistry.adrain`.
        """
        check_timeout(timeout)
        if self._leave():
            await self._refs._aend_with(None, timeout)

    def __repr__(self) -> str:
        refs, kinds = self._refs.describe(), Counter[str]()
        kinds.update(printable(ref.type_tag) for ref in refs)
        named = [f"{count} {kind}" for kind, count in kinds.most_common(_KINDS_SHOWN)]
        more = [f"{len(kinds) - _KINDS_SHOWN} more types"] if len(kinds) > _KINDS_SHOWN else []
        state = "closed" if self._refs._closed else "not entered" if self._state == "new" else self._state
        held = f" ({', '.join(named + more)})" if refs else ""
        owner = "" if self._owner else ", borrowed"
        return f"<{type(self).__name__}: {state}, {len(refs)} of {self._refs.capacity} refs{owner}{held}>"

    def _leave(self) -> bool:
        """Leave the scope; whether the registry ends with it."""
        self._state = "closed"
        scope = self._scope
        if scope is not None:
            leave_scope(scope)
            self._scope = None
        return self._owner
