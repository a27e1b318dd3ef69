"""Snapshots as files: written whole or not at all, and mapped back."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from threading import Lock
from typing import TYPE_CHECKING, Final

from typing_extensions import Buffer

from liveref._snapshot.container import (
    PROLOGUE_SIZE,
    Container,
    Layout,
    Prologue,
    lay_out,
    parse,
    read_prologue,
    secret_for,
    wrong_signature,
)
from liveref._snapshot.digest import CHUNK, is_signature, new_digest, new_mac
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.progress import Meter, Progress, StoppedError
from liveref._text.json import JSON
from liveref.exceptions import SnapshotAuthError, SnapshotError, SnapshotReadError, SnapshotWriteError

if TYPE_CHECKING:
    from hmac import HMAC

__all__ = ["StrPath", "read_file", "write_file"]

StrPath = str | os.PathLike[str]

_WINDOWS: Final = os.name == "nt"
_SAFE: Final = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOINHERIT", "O_BINARY", "O_NOCTTY"))
_NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)  # else the open of a FIFO waits for its writer
_NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
_SUFFIX: Final = ".liveref-tmp"
_BUFFERS: Final = 24
_LARGE: Final = 8 * CHUNK


def write_file(
    path: StrPath,
    header: Mapping[str, JSON],
    blobs: Sequence[Buffer],
    keys: SnapshotKeys | None,
    *,
    copied: int = 0,
    progress: Progress | None = None,
) -> Callable[[], Container]:
    """Write a container so that a crash at any moment leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, mode 0600, which then takes the place of the old file; both
    are synced. Temporary files that killed writers left for this path are removed. A symbolic link is followed.
    The blobs are written from their own memory, a MiB at a time: one that is changed meanwhile is written torn, but
    with a signature that holds. Of writers at the same time the last wins. Blocks; cost O(bytes).

    Args:
        path: the file.
        header: as for `lay_out`, as are the next and the last.
        blobs: contiguous buffers.
        keys: the ring whose current key signs; None writes an unsigned container.
        copied: how many of the first blobs a reader copies before it checks them.
        progress: is told of the bytes that are written; the last time before the file takes the place of the old one.

    Returns:
        What maps the new file, as `read_file` does, whatever has taken its place since.

    Raises:
        SnapshotWriteError: the file can't be written, or the progress raised; the old one stands. With ``committed``
            the new one does, and only its folder could not be synced. What maps the file raises it too, where that
            can't be done.
        InvalidArgumentError: the header or a blob can't be written.
    """
    layout = lay_out(header, blobs, keys, copied)
    meter = Meter(progress, layout.prologue.total)
    try:
        target = _target(path)
        folder, name = os.path.split(target)
        stem = f".{new_digest(os.fsencode(name)).hexdigest()[:16]}-"  # short, however long the name is
        _sweep(folder, stem)
        source = _replace(target, stem, layout, meter)
    except (OSError, StoppedError) as error:
        what = f"the snapshot {os.fspath(path)!r} can't be written: {_why(error)}"
        raise SnapshotWriteError(what, "Nothing was changed: mend the cause and write it again.") from _cause(error)
    try:
        _sync_folder(folder)
    except OSError as error:
        what = f"the folder of the snapshot {os.fspath(path)!r} can't be synced: {_why(error)}"
        advice = "The new file stands, but a power failure may bring back the old one: write it again to be sure."
        raise SnapshotWriteError(what, advice, committed=True) from error
    return lambda: _mapped_back(path, source or target, layout)


def _mapped_back(path: StrPath, source: _Source | str, layout: Layout) -> Container:
    """The container in a file that was just written."""
    try:
        if isinstance(source, str):
            source = _Source(source)
        return layout.container(_mapper(path, source, layout.prologue))
    except (OSError, MemoryError, SnapshotError) as error:
        what = f"the snapshot {os.fspath(path)!r} was written, but can't be mapped: {_why(error)}"
        raise SnapshotWriteError(
            what, "The new file stands: get it by SessionSnapshot.read.", committed=True
        ) from error


def _why(error: BaseException | None) -> str:
    """What the system said; told apart, for a name of its error in a frame that it holds keeps files open."""
    if isinstance(error, SnapshotError):
        return _why(error.__cause__) if error.__cause__ else str(error.args[0])
    if isinstance(error, StoppedError):
        return str(error)
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def _cause(error: Exception) -> BaseException:
    """What the user's progress raised, or the system's error itself."""
    return error.__cause__ or error


def _target(path: StrPath) -> str:
    """The file to replace, all links followed: a regular file or nothing, so that no device is replaced."""
    try:
        target = os.path.realpath(path)
        if stat.S_ISREG(os.stat(target).st_mode):
            return target
    except FileNotFoundError:
        return os.path.realpath(path)
    except ValueError:
        raise OSError(errno.EINVAL, "the path is none") from None
    raise OSError(errno.EINVAL, "there is something else than a regular file")


def _replace(target: str, stem: str, layout: Layout, meter: Meter) -> _Source | None:
    """Fill a temporary file, open it for reading, and give it the name of the target; on Windows it is not opened."""
    fd, temporary = _create(os.path.dirname(target), stem)
    source = None
    try:
        try:
            _fill(fd, layout.parts, layout.mac, meter)
            meter.end()
            if not _WINDOWS:
                source = _Source(temporary)
                os.replace(temporary, target)  # under the lock, or a sweep might be faster
        finally:
            with suppress(OSError):  # it is synced: nothing is lost
                os.close(fd)
        if _WINDOWS:
            os.replace(temporary, target)  # only now: Windows neither renames nor sweeps an open file
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return source


def _create(folder: str, stem: str) -> tuple[int, str]:
    """A temporary file, open and locked for as long as it is open, so that no sweep takes it."""
    while True:
        temporary = os.path.join(folder, f"{stem}{os.urandom(8).hex()}{_SUFFIX}")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE | _NO_FOLLOW, 0o600)
        try:
            _lock(fd, wait=True)
            if os.fstat(fd).st_nlink:
                return fd, temporary
        except BaseException:
            _discard(fd, temporary)
            raise
        os.close(fd)  # a sweep came between


def _discard(fd: int, temporary: str) -> None:
    with suppress(OSError):
        os.unlink(temporary)
    with suppress(OSError):
        os.close(fd)


def _lock(fd: int, *, wait: bool) -> bool:
    """Lock a file until it is closed; False where another holds the lock or the system has none."""
    try:
        import fcntl  # noqa: PLC0415  Windows has none

        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        return False
    return True


def _sweep(folder: str, stem: str) -> None:
    """Remove the temporary files of writers that are no more."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(stem) and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    _remove_stray(entry.path)


def _remove_stray(temporary: str) -> None:
    """Remove a temporary file unless its writer lives: then it is locked, or open, which Windows takes for a lock."""
    if _WINDOWS:
        os.unlink(temporary)
        return
    fd = os.open(temporary, os.O_RDWR | _SAFE | _NO_FOLLOW | _NO_WAIT)
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode) and _lock(fd, wait=False):
            os.unlink(temporary)
    finally:
        os.close(fd)


def _fill(fd: int, parts: Sequence[Buffer], mac: HMAC | None, meter: Meter) -> None:
    """Write parts and their signature, and sync them."""
    if hasattr(os, "fchmod"):  # pragma: no branch  Windows before Python 3.13
        os.fchmod(fd, 0o600)  # whatever the umask
    size = sum(memoryview(part).nbytes for part in parts)
    if size < _LARGE or not _fill_beside(fd, parts, size, mac, meter):
        for chunk in _chunks(parts, [memoryview(bytearray(min(size, CHUNK)))]):
            if mac is not None:
                mac.update(chunk)
            meter.add(_write(fd, chunk))
    if mac is not None:
        _write(fd, memoryview(mac.digest()))
    os.fsync(fd)


def _fill_beside(fd: int, parts: Sequence[Buffer], size: int, mac: HMAC | None, meter: Meter) -> bool:
    """Write and sync parts in a thread while this one hashes; False where no thread can start, as at the exit.

    A GiB takes 0.9 s so, and one after the other 1.2 s: 0.6 s to hash it, and as much to write and sync it.
    """
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415  they load logging

    with ThreadPoolExecutor(1) as pool:
        try:
            written: deque[Future[int]] = deque([pool.submit(_write, fd, memoryview(b""))])
        except RuntimeError:
            return False
        buffers = [memoryview(bytearray(CHUNK)) for _ in range(min(_BUFFERS, -(-size // CHUNK)))]
        for count, chunk in enumerate(_chunks(parts, buffers), 1):
            written.append(pool.submit(_write, fd, chunk, sync=not count % _BUFFERS))
            if mac is not None:
                mac.update(chunk)
            while len(written) >= len(buffers):  # the next chunk takes the memory of the first of these
                meter.add(written.popleft().result())
        while written:  # with no name for it: its error holds this frame, and that would hold it
            meter.add(written.popleft().result())
    return True


def _chunks(parts: Iterable[Buffer], buffers: Iterable[memoryview]) -> Iterator[memoryview]:
    """The bytes of parts, copied to buffers of one size in turn: so what is hashed is what is written."""
    ring = cycle(buffers)
    chunk, filled = next(ring), 0
    for part in parts:
        view = memoryview(part)
        while view:
            taken = view[: len(chunk) - filled]
            chunk[filled : filled + len(taken)] = taken
            filled += len(taken)
            view = view[len(taken) :]
            if filled == len(chunk):
                yield chunk
                chunk, filled = next(ring), 0
    yield chunk[:filled]


def _write(fd: int, chunk: memoryview, *, sync: bool = False) -> int:
    """Write a chunk; its bytes."""
    count = len(chunk)
    while chunk:
        chunk = chunk[os.write(fd, chunk) :]
    if sync:
        os.fsync(fd)
        _drop_cache(fd)
    return count


def _drop_cache(fd: int) -> None:
    """Ask the system not to keep in memory what is on the disk: a GiB pushes out what others keep there.

    On a virtual machine it also takes memory that nothing has used of late, at up to 2 s a GiB.
    """
    if hasattr(os, "posix_fadvise"):  # pragma: no branch  macOS and Windows have none
        with suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: str) -> None:
    """Make the new name last."""
    if _WINDOWS:  # which opens no folder
        return
    fd = os.open(folder, os.O_RDONLY | _SAFE)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # a file system that can't
            raise
    finally:
        os.close(fd)


def read_file(
    path: StrPath,
    *,
    keys: SnapshotKeys | None,
    trusted: bool,
    limits: SnapshotLimits,
    progress: Progress | None = None,
) -> Container:
    """The container in a file: its blobs are mapped, writable and aligned to 64 bytes; the file stays untouched.

    The file is opened once, and kept open for `Container.fresh_blobs`. The signature is checked by reading the file,
    not the mapping. Afterwards the copied part is safe from who can write to the file; the other blobs are not: they
    show what is written into the file, and a program that touches them dies by SIGBUS once the file is cut.
    `write_file` does neither, as it puts a new file in the place of the old. Blocks; cost O(bytes) where a signature
    is checked, else O(header).

    Args:
        path: a regular file.
        keys: as for `unpack`, as are the next two.
        trusted: take an unsigned container, and a signed one unchecked where there are no keys.
        limits: what to take at most.
        progress: is told of the bytes whose signature is checked, and at the end.

    Raises:
        SnapshotReadError: the file can't be read, or is no regular one, or the progress raised.
        SnapshotError: as `unpack`.
    """
    try:
        source = _Source(path)
        prologue = read_prologue(source.first, source.size, limits)
        secret = secret_for(prologue, keys, trusted=trusted)
        meter = Meter(progress, source.size)
        if secret is not None:
            source.verify(prologue, secret, meter)
        meter.end()
    except (OSError, StoppedError) as error:
        raise _unreadable(path, error) from _cause(error)

    again = _mapper(path, source, prologue)
    return parse(memoryview(again()), prologue, limits, verified=secret is not None, again=again)


def _mapper(path: StrPath, source: _Source, prologue: Prologue) -> Callable[[], mmap.mmap]:
    """What maps a file anew."""

    def again() -> mmap.mmap:
        try:
            return source.map(prologue)
        except (OSError, ValueError) as error:  # ValueError: the file is shorter now
            raise _unreadable(path, error) from error

    return again


def _unreadable(path: StrPath, error: OSError | ValueError | StoppedError) -> SnapshotReadError:
    reason = "it was cut while it was read" if isinstance(error, ValueError) else _why(error)
    what = f"the snapshot {os.fspath(path)!r} can't be read: {reason}"
    is_stopped = isinstance(error, StoppedError)
    advice = "Mend that, and read it again." if is_stopped else "Pass the path of a file that write or save made."
    return SnapshotReadError(what, advice)


class _Source:
    """An open file: it is first read, as a read fails where a file was cut meanwhile, and then mapped."""

    __slots__ = ("_fd", "_seen", "_turn", "first", "size")

    first: Final[memoryview]
    """The prologue, or as much of it as there is."""
    size: Final[int]
    """Bytes of the file when it was opened."""
    _seen: bytes | None
    """The digest of the copied part, once the signature holds."""

    def __init__(self, path: StrPath) -> None:
        self._fd = -1
        self._fd = _open_regular(path)
        self._turn: Final = Lock()
        self._seen = None
        self.size = os.fstat(self._fd).st_size
        self.first = memoryview(bytearray(min(PROLOGUE_SIZE, self.size)))
        self._read(self.first, 0)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def verify(self, prologue: Prologue, secret: bytes, meter: Meter) -> None:
        """Raise SnapshotAuthError unless the signature holds."""
        mac, copied = new_mac(secret), new_digest()
        for chunk in self._chunks(0, prologue.copied):
            copied.update(chunk)
            mac.update(chunk)
            meter.add(len(chunk))
        for chunk in self._chunks(prologue.copied, prologue.body):
            mac.update(chunk)
            meter.add(len(chunk))
        signature = b"".join(self._chunks(prologue.body, prologue.total))
        if not is_signature(signature, mac):
            raise wrong_signature(prologue)
        self._seen = copied.digest()

    def map(self, prologue: Prologue) -> mmap.mmap:
        """The file, mapped anew, with the copied part in memory that is not the file's.

        Raises:
            SnapshotAuthError: that part is not what was signed: the file was changed since.
        """
        mapped = mmap.mmap(self._fd, self.size, access=mmap.ACCESS_COPY)
        copied = memoryview(mapped)[: prologue.copied]
        self._read(copied, 0)
        changed = self.size != prologue.total or copied[:PROLOGUE_SIZE] != self.first
        if changed or (self._seen is not None and new_digest(copied).digest() != self._seen):
            raise SnapshotAuthError("the file of the snapshot was changed after it was opened", "Do not load it.")
        return mapped

    def _chunks(self, start: int, stop: int) -> Iterator[memoryview]:
        """The bytes from ``start`` to ``stop``, a MiB at a time, in memory that the next ones take over."""
        chunk = memoryview(bytearray(min(CHUNK, stop - start)))
        for at in range(start, stop, CHUNK):
            part = chunk[: stop - at]
            self._read(part, at)
            yield part

    def _read(self, into: memoryview, at: int) -> None:
        """Fill memory with the bytes from ``at`` on."""
        while into:
            count = self._read_some(into, at)
            if not count:
                raise OSError(errno.EIO, "it was cut while it was read")
            into, at = into[count:], at + count

    def _read_some(self, into: memoryview, at: int) -> int:
        if hasattr(os, "preadv"):  # which leaves the position alone, that threads and forks share
            return os.preadv(self._fd, [into[:CHUNK]], at)
        with self._turn:
            os.lseek(self._fd, at, os.SEEK_SET)
            found = os.read(self._fd, min(CHUNK, len(into)))
        into[: len(found)] = found
        return len(found)


def _open_regular(path: StrPath) -> int:
    """A regular file, open for reading; anything else is closed again at once."""
    try:
        fd = os.open(path, os.O_RDONLY | _SAFE | _NO_WAIT)
    except ValueError:
        raise OSError(errno.EINVAL, "the path is none") from None
    try:
        is_regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except BaseException:
        os.close(fd)
        raise
    if is_regular:
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no regular file")
