"""Pickles in which live objects travel as keys: what the engines that pickle their payloads share.

A key pickles by itself, with its hint, so it comes back as a key. A live object becomes a persistent id,
which is the text of its key, so it comes back as that object.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import IO, Final, cast

from liveref._json import path_step
from liveref._key import RegistryKey
from liveref._swap import Swap, Writing
from liveref._tag import readable
from liveref.exceptions import LiveRefError, NotPicklableError

__all__ = ["KeyPickler", "dumps", "loads"]

_ADVICE: Final = "Put it into the registry and pass its key, or name its class in live=."
_TOO_DEEP: Final = "a value that is nested too deeply"


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


class _KeyUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], swap: Swap) -> None:
        super().__init__(file)
        self._swap: Final = swap

    def persistent_load(self, pid: str, /) -> object:
        return self._swap.read(RegistryKey.parse(pid))


def dumps(value: object, writing: Writing, *, pickler: type[KeyPickler] = KeyPickler) -> bytes:
    """The pickle of a value with the keys of its live objects.

    Raises:
        NotPicklableError: a part of it can't be pickled; it names the path.
        NoCurrentRegistryError: a live object is in it, and there is no registry.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
    """

    def dump(part: object) -> bytes:
        file = BytesIO()
        pickler(file, writing).dump(part)
        return file.getvalue()

    try:
        return dump(value)
    except (LiveRefError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  whatever user code raises; its text may hold a repr, so it goes no further
        path, found = ("$", _TOO_DEEP) if _is_too_deep(error) else _blamed(value, dump)
    raise NotPicklableError(path, found, _ADVICE)


def loads(data: bytes, swap: Swap) -> object:
    """What `dumps` was given. The usual warning applies: a pickle may run any code.

    Raises:
        RefLookupError: a live object is gone, unless the swap gives its key then.
    """
    return _KeyUnpickler(BytesIO(data), swap).load()


def _is_too_deep(error: Exception) -> bool:
    return isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError)  # the latter cloudpickle's


def _blamed(value: object, dump: Callable[[object], bytes]) -> tuple[str, str]:
    """The path and type of the innermost part that can't be pickled even alone; O(n) for each step."""
    path, seen = "$", {id(value)}
    while True:
        fails = ((step, part) for step, part in _parts(value) if id(part) not in seen and not _dumps(part, dump))
        step, part = next(fails, (None, None))
        if step is None:
            return path, readable(type(value))
        path, value = path + step, part
        seen.add(id(part))


def _dumps(part: object, dump: Callable[[object], bytes]) -> bool:
    try:
        dump(part)
    except (LiveRefError, MemoryError):
        raise
    except Exception:  # noqa: BLE001  as in dumps
        return False
    return True


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """What a value consists of for pickle, each with its step of the path."""
    whole = value.args if isinstance(value, BaseException) else value
    if isinstance(whole, dict):
        for name, part in cast("dict[object, object]", whole).items():
            step = path_step(name if isinstance(name, str | int) else readable(type(name)))
            yield from ((step, name), (step, part))
    elif isinstance(whole, list | tuple | set | frozenset):
        yield from ((path_step(at), part) for at, part in enumerate(cast("Iterable[object]", whole)))
    yield from ((path_step(name), part) for name, part in _state(value).items())


def _state(value: object) -> dict[str, object]:
    """The attributes that pickle writes, of the object itself and of its slots."""
    try:
        state = value.__getstate__()
    except Exception:  # noqa: BLE001  code of the user's
        return {}
    groups = cast("tuple[object, ...]", state) if isinstance(state, tuple) else (state,)
    named = [cast("dict[object, object]", group) for group in groups if isinstance(group, dict)]
    return {str(name): part for group in named for name, part in group.items()}
