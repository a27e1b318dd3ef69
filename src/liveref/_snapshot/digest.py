"""Digests and signatures. They load OpenSSL, which takes as long as a tenth of liveref: not before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hashlib import _Hash
    from hmac import HMAC

__all__ = ["CHUNK", "feed", "is_signature", "new_digest", "new_mac"]

CHUNK: Final = 1 << 20
"""Bytes that are hashed, read or written at a time: in between a signal can be served."""


def new_digest(data: bytes | memoryview = b"") -> _Hash:
    """The SHA-256 of some bytes."""
    from hashlib import sha256  # noqa: PLC0415  the module says why, here and below

    return sha256(data)


def new_mac(secret: bytes) -> HMAC:
    """The signature of nothing yet, by HMAC-SHA256."""
    import hmac  # noqa: PLC0415

    return hmac.new(secret, digestmod="sha256")


def feed(mac: HMAC, view: memoryview) -> None:
    """Add bytes to a signature."""
    for at in range(0, len(view), CHUNK):
        mac.update(view[at : at + CHUNK])


def is_signature(found: bytes | memoryview, mac: HMAC) -> bool:
    """Whether a signature is the right one, in a time that does not tell how far it is."""
    from hmac import compare_digest  # noqa: PLC0415

    return compare_digest(mac.digest(), found)
