"""The ids of keys: random UUIDs of version 4, as 16 bytes."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Final

__all__ = ["FRESH_IDS", "fresh_id", "pop_fresh_id"]

FRESH_IDS: Final[list[bytes]] = []

pop_fresh_id: Final[Callable[[], bytes]] = FRESH_IDS.pop
"""A random id that no key has yet; IndexError where none is at hand."""

_BATCH: Final = 1024
_SPLIT: Final = struct.Struct("16s" * _BATCH).unpack
_VERSION: Final = bytes(byte & 0x0F | 0x40 for byte in range(256))
_VARIANT: Final = bytes(byte & 0x3F | 0x80 for byte in range(256))


def fresh_id() -> bytes:
    """A random UUID of version 4; they are made in batches."""
    while True:
        try:
            return pop_fresh_id()
        except IndexError:
            random = bytearray(os.urandom(16 * _BATCH))
            random[6::16] = random[6::16].translate(_VERSION)
            random[8::16] = random[8::16].translate(_VARIANT)
            FRESH_IDS.extend(_SPLIT(random))


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork
    os.register_at_fork(after_in_child=FRESH_IDS.clear)  # else parent and child would give out the same ids
