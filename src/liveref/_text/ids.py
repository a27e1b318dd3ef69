"""The ids of keys: random UUIDs of version 4, as 16 bytes."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Final

__all__ = ["FRESH_IDS", "fresh_id", "is_spent", "pop_fresh_id", "spend_reserve"]

FRESH_IDS: Final[list[bytes]] = []

pop_fresh_id: Final[Callable[[], bytes]] = FRESH_IDS.pop
"""A random id that no key has yet; IndexError where none is at hand."""

_BATCH: Final = 1024
_SPLIT: Final = struct.Struct("16s" * _BATCH).unpack
_VERSION: Final = bytes(byte & 0x0F | 0x40 for byte in range(256))
_VARIANT: Final = bytes(byte & 0x3F | 0x80 for byte in range(256))


_reserve: list[bytes] = FRESH_IDS


def fresh_id() -> bytes:
    """A random UUID of version 4; they are made in batches."""
    while True:
        try:
            return _reserve.pop()
        except IndexError:
            random = bytearray(os.urandom(16 * _BATCH))
            random[6::16] = random[6::16].translate(_VERSION)
            random[8::16] = random[8::16].translate(_VARIANT)
            _reserve.extend(_SPLIT(random))


def spend_reserve() -> None:
    """Leave nothing to `pop_fresh_id`, for good: from now on every insert goes the slow way."""
    global _reserve  # noqa: PLW0603  a process has one
    if _reserve is FRESH_IDS:
        _reserve = []
        FRESH_IDS.clear()


def is_spent() -> bool:
    """Whether `spend_reserve` was called."""
    return _reserve is not FRESH_IDS


def _forget() -> None:
    _reserve.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork
    os.register_at_fork(after_in_child=_forget)  # else parent and child would give out the same ids
