"""What a reader of snapshots brings along: the ring of secrets that sign them, and the limits of what it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final, Never, final

from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError, SnapshotLimitError, counted

__all__ = ["SnapshotKeys", "SnapshotLimits"]

_SECRET_SIZE: Final = 32
_NAME_SIZE: Final = 64


@final
class SnapshotKeys:
    """A ring of secrets that sign snapshots: a new one can come in while the old ones still verify.

    Immutable; its ``repr`` shows names only, and it can't be pickled.

    Args:
        secrets: for each name, 1 to 64 printable ASCII characters, a secret of at least 32 random bytes. The name
            stands in the snapshot in the clear.
        current: the name of the secret that signs; all of them verify.

    Raises:
        InvalidArgumentError: a name or a secret is none, or ``current`` is not in the ring. A ValueError.

    Example:
        >>> import secrets
        >>> SnapshotKeys({"2026-11": secrets.token_bytes(32)}, current="2026-11")
        SnapshotKeys(['2026-11'], current='2026-11')
    """

    __slots__ = ("__weakref__", "_current", "_secrets")

    def __init__(self, secrets: Mapping[str, bytes], *, current: str) -> None:
        if not isinstance(secrets, Mapping):
            raise InvalidArgumentError("secrets", "a mapping of names to bytes", readable(type(secrets)))
        self._secrets: Final = {_key_name(name): _secret(name, secret) for name, secret in secrets.items()}
        if type(current) is not str or current not in self._secrets:
            raise InvalidArgumentError("current", f"one of {sorted(self._secrets)}", "a name that is not in the ring")
        self._current: Final = current

    @property
    def current(self) -> str:
        """The name of the secret that signs."""
        return self._current

    @property
    def names(self) -> list[str]:
        """The names of all secrets, sorted."""
        return sorted(self._secrets)

    def __repr__(self) -> str:
        return f"SnapshotKeys({self.names}, current={self._current!r})"

    def __reduce__(self) -> Never:
        message = (
            "SnapshotKeys can't be pickled or copied: a pickle would show its secrets. Load them where you use them."
        )
        raise TypeError(message)


def _key_name(name: object) -> str:
    if type(name) is str and name.isascii() and name.isprintable() and 0 < len(name) <= _NAME_SIZE:
        return name
    raise InvalidArgumentError("a key's name", f"1 to {_NAME_SIZE} printable ASCII characters", readable(type(name)))


def _secret(name: str, secret: object) -> bytes:
    raw = memoryview(secret).tobytes() if isinstance(secret, bytes) else b""  # whatever a subclass makes of its length
    if len(raw) >= _SECRET_SIZE:
        return raw
    found = counted(len(raw), "byte") if isinstance(secret, bytes) else readable(type(secret))
    raise InvalidArgumentError(f"the secret of key {name!r}", f"at least {_SECRET_SIZE} bytes", found)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLimits:
    """What a reader takes at most; more is a SnapshotLimitError, raised before memory is taken for it.

    Raises:
        InvalidArgumentError: a limit is no int of at least 1. A ValueError.
    """

    max_bytes: int = 16 << 30
    """Bytes of a whole snapshot."""
    max_refs: int = 1_000_000
    """Refs in it."""
    max_ref_bytes: int = 16 << 30
    """Bytes of one ref."""
    max_header_bytes: int = 16 << 20
    """Bytes of the JSON header and of the table of blobs. Of each 16 bytes of this limit one may begin a JSON value,
    of each 32 one a blob (65,536 of both are always allowed): so the default bounds the memory to 200 MB."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            limit: object = getattr(self, field.name)
            if type(limit) is not int or limit < 1:
                shown = str(limit) if isinstance(limit, int) else readable(type(limit))
                raise InvalidArgumentError(field.name, "an int of at least 1", shown)

    def _check(self, option: str, what: str, found: int, allowed: int) -> None:
        """Raise SnapshotLimitError where more is found than allowed, and name the option that allows it."""
        if found > allowed:
            advice = f"Where you expect that, pass limits=SnapshotLimits({option}=…) with a higher limit."
            raise SnapshotLimitError(f"the snapshot has {found:,} {what}, more than the {allowed:,} allowed", advice)
