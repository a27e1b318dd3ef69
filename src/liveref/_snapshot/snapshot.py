"""Snapshots: what a pause keeps of the live refs of a session."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Never, NoReturn, Self, SupportsIndex, final

from typing_extensions import Buffer

from liveref._policy import RefLifetime
from liveref._snapshot.container import Container, copy_blobs, pack, unpack
from liveref._snapshot.contents import BLOBS, Contents, Kind
from liveref._snapshot.file import StrPath, read_file, write_file
from liveref._snapshot.guarded import Guarded
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.loading import Loaded, load_pickles
from liveref._snapshot.progress import Progress, check_progress
from liveref._text.marker import redact
from liveref._text.tag import readable
from liveref._text.telling import told
from liveref.exceptions import InvalidArgumentError, SnapshotError, SnapshotReadError

__all__ = [
    "CapturedRef",
    "DroppedRef",
    "ExpectedRef",
    "SessionSnapshot",
    "check_target",
    "new_snapshot",
    "save_snapshot",
]


@dataclasses.dataclass(frozen=True, slots=True)
class CapturedRef:
    """A ref that a snapshot holds.

    Attributes:
        key: the redacted key, such as ``"3f2a1c…"``.
        type_tag: what it is, such as ``"sqlite3:Connection"``.
        how: ``"recipe"``, ``"serializer"`` or ``"pickle"``.
        size: bytes that its object takes; 0 for a recipe. Refs of one object tell the same bytes, and what
            several objects hold counts for the first of them.
        lifetime: when it is purged.
        name: the tag of the recipe or serializer that keeps it; None for a pickle.
        owner: whose it is; None nobody's.
        ttl: seconds that it lives; None for ever.
        idle: seconds that it may go without a use.
        left: seconds that were left of its ttl.
    """

    key: str
    type_tag: str
    how: str
    size: int
    lifetime: RefLifetime
    name: str | None
    owner: str | tuple[str, ...] | None = None
    ttl: float | None = None
    idle: float | None = None
    left: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DroppedRef:
    """A ref that this snapshot, or one before it, left out.

    Attributes:
        key: the redacted key.
        type_tag: what it was.
        reason: why.
    """

    key: str
    type_tag: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedRef:
    """A ref to something that outlives the run: ``Session.resume(carry=)`` brings it along.

    Attributes:
        key: the redacted key.
        type_tag: what it is.
        name: the tag of the recipe that opens it where it is not brought along; None without one.
    """

    key: str
    type_tag: str
    name: str | None


_DEFAULT_LIMITS: Final = SnapshotLimits()
_COPIED: Final = BLOBS
"""The blobs that a reader of a file takes into memory of its own: all but the buffers."""
_HOW: Final = {Kind.PICKLE: "pickle", Kind.SERIALIZER: "serializer", Kind.RECIPE: "recipe"}


@final
class SessionSnapshot:
    """What a pause keeps of the live refs of a session. Immutable; `Session.snapshot` and `from_bytes` make it.

    Example:
        >>> import secrets
        >>> from liveref import Session, SnapshotKeys
        >>> keys = SnapshotKeys({"2026-11": secrets.token_bytes(32)}, current="2026-11")
        >>> with Session() as session:
        ...     key = session.refs.insert({"answer": 42})
        ...     data = session.snapshot().to_bytes(keys=keys)
        >>> with Session.resume(SessionSnapshot.from_bytes(data, keys=keys)) as session:
        ...     session.refs[key]
        {'answer': 42}
    """

    __slots__ = ("_buffers", "_contents", "_fresh", "_key_name", "_verified")

    if TYPE_CHECKING:
        _contents: Contents
        _buffers: Sequence[Buffer]
        """The out-of-band buffers of the pickles."""
        _fresh: Callable[[], Sequence[Buffer]]
        """Gives them in memory that nothing else shares."""
        _key_name: str | None
        _verified: bool

    def __new__(cls, *_args: Never, **_kwargs: Never) -> Self:
        message = "a snapshot comes from Session.snapshot(), SessionSnapshot.from_bytes(data) or .read(path)"
        raise TypeError(message)

    def __init__(self, never: Never, /) -> None:  # pyright: ignore[reportInconsistentConstructor]
        """Never runs: it makes every call an error for a checker."""

    @classmethod
    def from_bytes(
        cls,
        data: Buffer,
        *,
        keys: SnapshotKeys | None = None,
        trusted: bool = False,
        limits: SnapshotLimits = _DEFAULT_LIMITS,
    ) -> SessionSnapshot:
        """The snapshot that `to_bytes` wrote. Nothing of it is loaded yet; O(bytes).

        Args:
            data: the bytes.
            keys: the ring with the key that signed them.
            trusted: take them unsigned, or signed where there are no keys to check it. Loading a pickle
                runs what it names: say so only of bytes that nobody else can have written.
            limits: what to take at most.

        Raises:
            SnapshotFormatError: they are no snapshot, or damaged.
            SnapshotAuthError: they have no valid signature.
            SnapshotVersionError: they are of a newer liveref.
            SnapshotLimitError: they exceed a limit.
        """
        _check_reading(keys, trusted, limits)
        return _of_container(unpack(_immutable(data), keys=keys, trusted=trusted, limits=limits), limits)

    @classmethod
    def read(
        cls,
        path: StrPath,
        *,
        keys: SnapshotKeys | None = None,
        trusted: bool = False,
        limits: SnapshotLimits = _DEFAULT_LIMITS,
        progress: Progress | None = None,
    ) -> SessionSnapshot:
        """The snapshot in a file, which is mapped: large arrays are read when they are touched.

        The file stays open, and untouched, as long as the snapshot lives.

        Args:
            path: the file.
            keys: as for `from_bytes`, as are the next two.
            trusted: take it unsigned, or signed where there are no keys to check it.
            limits: what to take at most.
            progress: is called with the bytes that are done and those in all, at most every 50 ms while the
                signature is checked, and once at the end.

        Raises:
            SnapshotReadError: the file can't be read, or is no regular one; or the progress raised.
            SnapshotError: as `from_bytes`; a note names the file.
        """
        check_target(path, keys, progress)
        _check_reading(keys, trusted, limits)
        try:
            read = read_file(path, keys=keys, trusted=trusted, limits=limits, progress=progress)
            return _of_container(read, limits)
        except SnapshotError as error:
            if not isinstance(error, SnapshotReadError):  # which names it
                error.add_note(f"The snapshot was read from {os.fspath(path)!r}.")
            raise

    def to_bytes(self, *, keys: SnapshotKeys | None = None) -> bytes:
        """The snapshot as bytes.

        Args:
            keys: the ring whose current key signs them. Without one they are unsigned, and only a
                reader who says ``trusted=True`` takes them.
        """
        _check_keys(keys)
        header, blobs = self._contents.encode()
        return pack(header, [*blobs, *self._buffers], keys, copied=_COPIED)

    def write(self, path: StrPath, *, keys: SnapshotKeys | None = None) -> None:
        """Write the snapshot to a file, mode 0600: a crash leaves the old file or the new one. Blocks.

        Args:
            path: the file.
            keys: as for `to_bytes`.

        Raises:
            SnapshotWriteError: it can't be written; what stood there still does, unless it is ``committed``.
        """
        check_target(path, keys)
        header, blobs = self._contents.encode()
        write_file(path, header, [*blobs, *self._buffers], keys, copied=_COPIED)

    @property
    def refs(self) -> list[CapturedRef]:
        """What the snapshot holds, in the order of the inserts; nothing is loaded. O(n)."""
        contents = self._contents
        sizes = contents.sizes([memoryview(buffer).nbytes for buffer in self._buffers])
        free = Guarded(None, None, None, None)
        return [
            CapturedRef(
                redact(uid),
                contents.tag_of(row),
                _HOW[Kind(contents.kinds[at])],
                sizes[at],
                contents.lifetime_of(row),
                contents.name_of(at),
                *contents.guards.get(row, free),
            )
            for row, (uid, at) in enumerate(zip(contents.ids, contents.objects, strict=True))
            if contents.kinds[at] != Kind.EXPECTED
        ]

    @property
    def dropped(self) -> list[DroppedRef]:
        """What it does not hold: the refs that this snapshot, or one that its session was resumed from, left out."""
        return [DroppedRef(redact(uid), gone.type_tag, gone.reason) for uid, gone in self._contents.dropped.items()]

    @property
    def expected(self) -> list[ExpectedRef]:
        """What outlives the run (``UNTIL_EXPLICIT_DROP``) and is to be carried over."""
        contents = self._contents
        return [
            ExpectedRef(redact(uid), contents.tag_of(row), contents.name_of(at))
            for row, (uid, at) in enumerate(zip(contents.ids, contents.objects, strict=True))
            if contents.kinds[at] == Kind.EXPECTED
        ]

    @property
    def when(self) -> str:
        """When it was taken: ISO 8601, UTC, to the second."""
        return self._contents.when

    @property
    def policy(self) -> str:
        """The value of the policy it was taken under."""
        return self._contents.policy

    @property
    def writer(self) -> str | None:
        """What wrote it, such as ``"liveref 0.1.0, Python 3.11.7"``; None from before the first release."""
        return self._contents.writer

    @property
    def key_name(self) -> str | None:
        """The name of the key that signed what it was read from; None where that was unsigned, or nothing."""
        return self._key_name

    @property
    def verified(self) -> bool:
        """Whether that signature was checked, and holds."""
        return self._verified

    def _load(self, pickled: list[int], find: Callable[[object], object]) -> Loaded:
        """Load the pickled objects; their out-of-band buffers in memory that nothing else shares."""
        buffers = self._fresh() if self._buffers else ()  # else a copy of the whole container, for nothing
        return load_pickles(self._contents, pickled, buffers, find)

    def __repr__(self) -> str:
        refs, dropped = len(self._contents.ids), len(self._contents.dropped)
        return f"<SessionSnapshot of {self.when}: {refs} refs, {dropped} dropped>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        message = "a snapshot is not pickled or copied: use to_bytes(keys=...) and SessionSnapshot.from_bytes(...)"
        raise TypeError(message)


def new_snapshot(contents: Contents, buffers: Sequence[Buffer]) -> SessionSnapshot:
    """The snapshot of what was captured: the buffers are copied."""
    copies = copy_blobs(buffers)
    return _make(contents, copies, lambda: copy_blobs(copies))


def save_snapshot(
    contents: Contents,
    buffers: Sequence[Buffer],
    path: StrPath,
    keys: SnapshotKeys | None,
    progress: Progress | None,
) -> SessionSnapshot:
    """As `new_snapshot`, but the buffers are written to a file from their own memory, and mapped from there."""
    header, blobs = contents.encode()
    written = write_file(path, header, [*blobs, *buffers], keys, copied=_COPIED, progress=progress)
    told("info", "a snapshot of %d refs was saved", len(contents.ids))
    return _of_file(contents, written())


def check_target(path: StrPath, keys: SnapshotKeys | None, progress: Progress | None = None) -> None:
    """Raise InvalidArgumentError unless these are a path, a ring of keys or None, and callable or None."""
    if not isinstance(path, str) and not (isinstance(path, os.PathLike) and isinstance(os.fspath(path), str)):
        raise InvalidArgumentError("path", "a str or an os.PathLike of one", readable(type(path)))
    _check_keys(keys)
    check_progress(progress)


def _check_keys(keys: SnapshotKeys | None) -> None:
    if keys is not None and not isinstance(keys, SnapshotKeys):
        raise InvalidArgumentError("keys", "SnapshotKeys or None", readable(type(keys)))


def _check_reading(keys: SnapshotKeys | None, trusted: bool, limits: SnapshotLimits) -> None:  # noqa: FBT001
    _check_keys(keys)
    if type(trusted) is not bool:  # the text "false" is true
        raise InvalidArgumentError("trusted", "True or False", readable(type(trusted)))
    if not isinstance(limits, SnapshotLimits):
        raise InvalidArgumentError("limits", "SnapshotLimits", readable(type(limits)))


def _immutable(data: Buffer) -> bytes:
    try:
        return data if isinstance(data, bytes) else bytes(memoryview(data))
    except (TypeError, ValueError, BufferError):  # no buffer, or one that was released
        pass
    raise InvalidArgumentError("data", "bytes", readable(type(data)))


def _of_container(container: Container, limits: SnapshotLimits) -> SessionSnapshot:
    return _of_file(Contents.decode(container.header, container.blobs, limits), container)


def _of_file(contents: Contents, container: Container) -> SessionSnapshot:
    made = _make(contents, container.blobs[BLOBS:], lambda: container.fresh_blobs()[BLOBS:])
    made._key_name = container.key_name or None
    made._verified = container.verified
    return made


def _make(contents: Contents, buffers: Sequence[Buffer], fresh: Callable[[], Sequence[Buffer]]) -> SessionSnapshot:
    made = object.__new__(SessionSnapshot)
    made._contents = contents
    made._buffers = buffers
    made._fresh = fresh
    made._key_name = None
    made._verified = False
    return made
