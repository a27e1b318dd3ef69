"""Pickles in which live objects travel as keys: what the engines that pickle their payloads share.

A key pickles by itself, with its hint, so it comes back as a key. A live object becomes a persistent id,
which is the text of its key, so it comes back as that object. With a ring a persistent id is a sturdy marker, and so
is that of a key whose ref has a recipe, with what makes the key beside it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import IO, Final, TypeAlias, TypeGuard, cast

from liveref._key import RegistryKey, sealed_key
from liveref._key import key as key_of_pickle
from liveref._payloads.blame import dump_or_blame
from liveref._payloads.swap import Swap, Writing
from liveref._text.blame import NamingUnpickler, pickled_parts
from liveref._text.marker import RECIPE_FIELD
from liveref.exceptions import NotPicklableError

__all__ = ["KeyPickler", "dumps", "loads"]

_KeyOfPickle: TypeAlias = tuple[dict[str, object], Callable[..., object], tuple[object, ...]]
_MAKE: Final[list[object]] = [key_of_pickle, sealed_key]


class KeyPickler(pickle.Pickler):
    """A pickler that writes keys in place of live objects; among the bases it goes before another pickler."""

    def __init__(self, file: IO[bytes], writing: Writing) -> None:
        super().__init__(file)
        self._writing: Final = writing

    def persistent_id(self, value: object, /) -> object:
        """What stands for a live object, or for a key with a sturdy marker; None for all else."""
        swap = self._writing._swap
        if type(value) is RegistryKey:
            key = cast("RegistryKey[object]", value)
            marker = swap.marker_of(key)
            return (marker, *key.__reduce__()) if RECIPE_FIELD in marker else None
        if not swap.is_live(value):
            return None
        key = self._writing.key_of(value)
        marker = swap.marker_of(key, typed=True)
        return marker if RECIPE_FIELD in marker else str(key)


class _KeyUnpickler(NamingUnpickler):
    def __init__(self, file: IO[bytes], swap: Swap) -> None:
        super().__init__(file)
        self._swap: Final = swap

    def persistent_load(self, pid: object, /) -> object:
        if isinstance(pid, dict):
            return self._swap.read_marker(cast("dict[str, object]", pid))
        if _is_key(pid):
            marker, make, arguments = pid
            self._swap.read_marker(marker)
            return make(*arguments)
        return self._swap.read(RegistryKey.parse(cast("str", pid)))


def _is_key(pid: object) -> TypeGuard[_KeyOfPickle]:
    """Whether a persistent id is that of a key: engines have others of their own."""
    return isinstance(pid, tuple) and any(make in _MAKE for make in cast("tuple[object, ...]", pid)[1:2])


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
