"""Pickles in which live objects travel as keys: what the engines that pickle their payloads share.

A key pickles by itself, with its hint, so it comes back as a key. A live object becomes a persistent id,
which is the text of its key, so it comes back as that object.
"""

from __future__ import annotations

import pickle
from functools import partial
from io import BytesIO
from typing import IO, Final

from liveref._key import RegistryKey
from liveref._payloads.swap import Swap, Writing
from liveref._text.blame import NamingUnpickler, dump_or_blame, pickled_parts
from liveref.exceptions import NotPicklableError

__all__ = ["KeyPickler", "dumps", "loads"]


class KeyPickler(pickle.Pickler):
    """A pickler that writes keys in place of live objects; among the bases it goes before another pickler."""

    def __init__(self, file: IO[bytes], writing: Writing) -> None:
        super().__init__(file)
        self._writing: Final = writing

    def persistent_id(self, value: object, /) -> str | None:
        """The text of the key of a live object; None for all else, keys too."""
        if type(value) is RegistryKey or not self._writing._swap.is_live(value):
            return None
        return str(self._writing.key_of(value))


class _KeyUnpickler(NamingUnpickler):
    def __init__(self, file: IO[bytes], swap: Swap) -> None:
        super().__init__(file)
        self._swap: Final = swap

    def persistent_load(self, pid: str, /) -> object:
        return self._swap.read(RegistryKey.parse(pid))


def dumps(value: object, writing: Writing, *, pickler: type[KeyPickler] = KeyPickler) -> bytes:
    """The pickle of a value with the keys of its live objects.

    Raises:
        NotPicklableError: a part of it can't be pickled; it names the path. What code of the user's raised is its
            cause.
        NoCurrentRegistryError: a live object is in it, and there is no registry.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
    """

    def dump(part: object) -> bytes:
        file = BytesIO()
        pickler(file, writing).dump(part)
        return file.getvalue()

    parts = partial(pickled_parts, functions=hasattr(pickler, "reducer_override"))
    return dump_or_blame(value, dump, parts, error=NotPicklableError, whereabouts=writing.whereabouts)


def loads(data: bytes, swap: Swap) -> object:
    """What `dumps` was given. The usual warning applies: a pickle may run any code.

    Raises:
        RefLookupError: a live object is gone, unless the swap gives its key then.
    """
    return _KeyUnpickler(BytesIO(data), swap).load()
