"""Snapshots as bytes: a signed container of a JSON header and raw blobs.

The layout, with unsigned little-endian numbers::

    offset  bytes          content
    0       8              magic, 89 'liveref'
    8       4              version of the layout, 1
    12      4              number of blobs
    16      8              length of the header
    24      8              offset at which the copied part ends: a reader of a file takes no byte before it from the
                           mapping, but from memory of its own, which nobody can change after the check
    32      8              length of the whole container
    40      64             name of the key, ASCII, filled with NUL; all NUL: unsigned
    104     8 for a blob   length of each blob
    …       …              header: a JSON object in UTF-8
    …       …              each blob, at a multiple of 64; the gaps are NUL
    end     32             HMAC-SHA256 of all of the above; not there when unsigned

Nothing beyond the first 104 bytes is looked at before the signature holds.
"""

from __future__ import annotations

import dataclasses
import io
import mmap
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Final, NamedTuple

from typing_extensions import Buffer

from liveref._snapshot.digest import feed, is_signature, new_mac
from liveref._snapshot.header import DAMAGED, header_text, read_header
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._text.json import JSON
from liveref._text.tag import readable
from liveref.exceptions import (
    InvalidArgumentError,
    SnapshotAuthError,
    SnapshotFormatError,
    SnapshotVersionError,
)

if TYPE_CHECKING:
    from hmac import HMAC

__all__ = [
    "PROLOGUE_SIZE",
    "Container",
    "Layout",
    "Prologue",
    "copy_blobs",
    "lay_out",
    "pack",
    "parse",
    "read_prologue",
    "secret_for",
    "unpack",
    "wrong_signature",
]

_MAC_SIZE: Final = 32
_MAGIC: Final = b"\x89liveref"
_VERSION: Final = 1
_PROLOGUE: Final = struct.Struct("<8sIIQQQ64s")
PROLOGUE_SIZE: Final = _PROLOGUE.size
_ALIGNMENT: Final = 64
_ZEROS: Final = bytes(_ALIGNMENT)


class Prologue(NamedTuple):
    """The first 104 bytes of a container, checked in themselves."""

    blobs: int
    header: int
    """Bytes of the JSON header."""
    copied: int
    """Where the part ends that a reader of a file copies."""
    total: int
    key_name: str

    @property
    def header_at(self) -> int:
        """Where the JSON header begins."""
        return PROLOGUE_SIZE + 8 * self.blobs

    @property
    def header_end(self) -> int:
        """Where the JSON header ends."""
        return self.header_at + self.header

    @property
    def body(self) -> int:
        """Where the signed part ends."""
        return self.total - (_MAC_SIZE if self.key_name else 0)


@dataclasses.dataclass(frozen=True, slots=True, repr=False, eq=False)
class Container:
    """A container that was read: everything but the meaning of its header and blobs is checked."""

    header: dict[str, JSON]
    blobs: list[memoryview]
    """Views of the bytes that were read, one-dimensional, of format ``B``."""
    verified: bool
    """Whether the signature was checked, and holds."""
    key_name: str
    """The name of the key that signed it, or the empty text."""
    spans: list[slice]
    """Where each blob lies."""
    again: Callable[[], Buffer]
    """Gives all the bytes in memory that nothing else shares."""

    def fresh_blobs(self) -> list[memoryview]:
        """The blobs in memory that nothing else shares: writable and aligned to 64 bytes.

        Mapped anew where they come from a file, which is kept open for that, else copied.

        Raises:
            SnapshotReadError: the file can't be read any more.
            SnapshotAuthError: the copied part of the file was changed after it was read.
        """
        view = memoryview(self.again())
        return [view[span] for span in self.spans]


class Layout(NamedTuple):
    """A container that is yet to be written.

    Attributes:
        header: as JSON.
        prologue: its first bytes.
        parts: all of it but the signature, in order; the blobs are views of their own memory.
        starts: where each blob begins, and where the next would.
        lengths: of the blobs.
        mac: the signature of nothing yet; None where it is unsigned.
    """

    header: Mapping[str, JSON]
    prologue: Prologue
    parts: list[Buffer]
    starts: list[int]
    lengths: list[int]
    mac: HMAC | None

    def container(self, again: Callable[[], Buffer]) -> Container:
        """The container, once it stands where ``again`` gives its bytes."""
        view, spans = memoryview(again()), _spans_of(self.starts, self.lengths)
        blobs = [view[span] for span in spans]
        return Container(dict(self.header), blobs, self.mac is not None, self.prologue.key_name, spans, again)


def lay_out(header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, copied: int) -> Layout:
    """How a container is to be written.

    Args:
        header: plain JSON, nested at most 500 deep.
        blobs: contiguous buffers of any shape and format; a Fortran-ordered one is written in the order of its memory.
        keys: the ring whose current key will sign; None for no signature.
        copied: how many blobs, counted from the first, a reader copies before it checks them: those that are code,
            as a pickle is. The others it maps: who can write to the file can change them after the check.

    Raises:
        InvalidArgumentError: the header or a blob can't be written.
    """
    text, key_name = header_text(header), keys.current if keys else ""
    views = [_raw("blobs", blob) for blob in blobs]
    lengths = list(map(len, views))
    first = _aligned(PROLOGUE_SIZE + 8 * len(views) + len(text))
    starts = list(accumulate(map(_aligned, lengths), initial=first))
    total = starts[-1] + (_MAC_SIZE if key_name else 0)
    prologue = Prologue(len(views), len(text), starts[copied], total, key_name)
    packed = _PROLOGUE.pack(_MAGIC, _VERSION, len(views), len(text), starts[copied], total, key_name.encode("ascii"))
    parts: list[Buffer] = [b"".join([packed, struct.pack(f"<{len(views)}Q", *lengths), text]).ljust(first, b"\0")]
    for view, length in zip(views, lengths, strict=True):
        parts += view, _ZEROS[: -length % _ALIGNMENT]
    mac = new_mac(keys._secrets[key_name]) if keys else None
    return Layout(header, prologue, parts, starts, lengths, mac)


def pack(header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, *, copied: int = 0) -> bytes:
    """A container as bytes, signed with the current key; unsigned without keys. Arguments as for `lay_out`."""
    container, layout = io.BytesIO(), lay_out(header, blobs, keys, copied)
    container.writelines(layout.parts)
    if layout.mac is not None:
        with container.getbuffer() as written:
            feed(layout.mac, written)
        container.write(layout.mac.digest())
    return container.getvalue()


def unpack(data: Buffer, *, keys: SnapshotKeys | None, trusted: bool, limits: SnapshotLimits) -> Container:
    """The header and the blobs of a container, as views of ``data``: its owner may change it only afterwards.

    Args:
        data: the bytes of one container.
        keys: the ring that holds the key of the signature.
        trusted: take an unsigned container too, and a signed one unchecked where there are no keys.
        limits: what to take at most.

    Raises:
        SnapshotFormatError: it is no container, or damaged.
        SnapshotVersionError: it is of a newer layout.
        SnapshotLimitError: it exceeds a limit.
        SnapshotAuthError: its signature is missing, wrong, or of an unknown key.
    """
    view = _raw("data", data)
    prologue = read_prologue(view[:PROLOGUE_SIZE], len(view), limits)
    secret = secret_for(prologue, keys, trusted=trusted)
    if secret is not None:
        mac = new_mac(secret)
        feed(mac, view[: prologue.body])
        if not is_signature(view[prologue.body :], mac):
            raise wrong_signature(prologue)
    return parse(view, prologue, limits, verified=secret is not None, again=lambda: _copy(view))


def read_prologue(first: memoryview, size: int, limits: SnapshotLimits) -> Prologue:
    """The first 104 bytes of ``size``, checked as far as they go. Raises as `unpack`."""
    if bytes(first[:8]) != _MAGIC:
        raise SnapshotFormatError(
            "this is no snapshot: the magic bytes are not there", "Pass what to_bytes or write made."
        )
    if len(first) < PROLOGUE_SIZE:
        raise SnapshotFormatError(f"the snapshot breaks off after {size} bytes", DAMAGED)
    fields: tuple[bytes, int, int, int, int, int, bytes] = _PROLOGUE.unpack(first)
    _, version, blobs, header, copied, total, name = fields
    if version > _VERSION:
        what = f"the snapshot is of version {version}; this program reads up to {_VERSION}"
        raise SnapshotVersionError(what, "Read it with a newer liveref.")
    limits._check("max_bytes", "bytes", size, limits.max_bytes)
    key_name = name.rstrip(b"\0").decode("latin-1")
    prologue = Prologue(blobs, header, copied, total, key_name)
    sound = version == _VERSION and (not key_name or (key_name.isascii() and key_name.isprintable()))
    if not sound or total != size or not prologue.header_end <= copied <= prologue.body or prologue.body % _ALIGNMENT:
        raise SnapshotFormatError("the snapshot was cut, lengthened or damaged: its lengths do not add up", DAMAGED)
    limits._check("max_header_bytes", "bytes of header", 8 * blobs + header, limits.max_header_bytes)
    limits._check("max_header_bytes", "blobs", blobs, max(65_536, limits.max_header_bytes // 32))
    return prologue


def secret_for(prologue: Prologue, keys: SnapshotKeys | None, *, trusted: bool) -> bytes | None:
    """The secret to check a signature with, or None where it may stay unchecked.

    Raises:
        SnapshotAuthError: it may not, and there is none.
    """
    name = prologue.key_name
    if not name or keys is None:
        if trusted:
            return None
        what = f"signed with key {name!r}, and no keys were given to check it" if name else "not signed"
        raise SnapshotAuthError(
            f"the snapshot is {what}", "Pass keys=, or trusted=True if nobody else can have written it."
        )
    secret = keys._secrets.get(name)
    if secret is None:
        what = f"the snapshot is signed with key {name!r}; the ring holds {keys.names}"
        raise SnapshotAuthError(what, "Add the key to SnapshotKeys if you trust who has it.")
    return secret


def wrong_signature(prologue: Prologue) -> SnapshotAuthError:
    """The error of a signature that does not hold."""
    what = f"the signature of the snapshot does not hold under key {prologue.key_name!r}"
    return SnapshotAuthError(what, "It was changed or damaged, or signed with another secret: do not load it.")


def parse(
    view: memoryview, prologue: Prologue, limits: SnapshotLimits, *, verified: bool, again: Callable[[], Buffer]
) -> Container:
    """The container in ``view``, whose signature holds or need not. Raises as `unpack`."""
    spans = _spans(view, prologue)
    header = read_header(bytes(view[prologue.header_at : prologue.header_end]), limits)
    blobs = [view[span] for span in spans]
    return Container(header, blobs, verified, prologue.key_name, spans, again)


def _spans(view: memoryview, prologue: Prologue) -> list[slice]:
    """Where each blob is: one after the other, with NULs in between and nothing after the last."""
    lengths: tuple[int, ...] = struct.unpack_from(f"<{prologue.blobs}Q", view, PROLOGUE_SIZE)
    header_end = prologue.header_end
    starts = list(accumulate(map(_aligned, lengths), initial=_aligned(header_end)))
    spans = _spans_of(starts, lengths)
    if starts[-1] != prologue.body or prologue.copied not in starts:
        raise SnapshotFormatError("the blobs of the snapshot do not fill it", DAMAGED)
    ends = [header_end, *(span.stop for span in spans)]
    if any(bytes(view[end:start]).strip(b"\0") for end, start in zip(ends, starts, strict=True)):
        raise SnapshotFormatError("the gaps between the blobs of the snapshot are not empty", DAMAGED)
    return spans


def _spans_of(starts: Sequence[int], lengths: Sequence[int]) -> list[slice]:
    """Where blobs of these lengths lie; the last start is where the next would."""
    return [slice(start, start + length) for start, length in zip(starts, lengths, strict=False)]


def _aligned(length: int) -> int:
    return length + -length % _ALIGNMENT


def _raw(argument: str, buffer: Buffer) -> memoryview:
    """The memory of a buffer as one row of bytes, not copied."""
    try:
        return PickleBuffer(buffer).raw()
    except (TypeError, BufferError):
        pass
    raise InvalidArgumentError(argument, "contiguous buffers", readable(type(buffer)))


def _copy(view: memoryview) -> mmap.mmap:
    """A writable copy that begins at a page."""
    copy = mmap.mmap(-1, len(view))
    copy.write(view)
    return copy


def copy_blobs(blobs: Iterable[Buffer]) -> list[memoryview]:
    """The blobs in memory that nothing else shares: writable and aligned to 64 bytes."""
    views = [_raw("blobs", blob) for blob in blobs]
    starts = list(accumulate((_aligned(len(view)) for view in views), initial=0))
    whole = memoryview(mmap.mmap(-1, max(starts[-1], 1)))
    copies = [whole[start : start + len(view)] for start, view in zip(starts, views, strict=False)]
    for copy, view in zip(copies, views, strict=True):
        copy[:] = view
    return copies
