"""Keys and live objects for serializers that write objects by class and fields, and read them by a call.

In place of a key or live object they are given a stand-in, whose fields are those of a marker. The call of its
class gives the key or the object: so a constructor that takes a live object gets it, and nothing that merely
looks like a marker is ever looked up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Generic, Self, TypeVar, cast

from liveref._key import RegistryKey
from liveref._payloads.blame import OTHER_FORM, failure_of, name_fault
from liveref._payloads.parts import Copier, Open, Opener, Parts
from liveref._payloads.swap import Swap, Writing
from liveref._text.blame import innermost, step_of
from liveref._text.marker import TYPE_FIELD
from liveref._text.tag import loaded_class, readable, type_tag
from liveref._typing import persisted
from liveref.exceptions import HintError, LiveRefError, NotJSONableError

__all__ = ["ERROR", "STAND_INS", "read", "unnamed_in", "write"]

Written = TypeVar("Written")

_BUILTIN_DATA: Final = frozenset(
    map(
        id,
        (type(None), bool, int, float, str, bytes, bytearray, memoryview, list, tuple, dict, set, frozenset),
    )
)
"""The ids of the classes of what is never live: another class may have no hash."""

_INSERT: Final = "Insert it into the registry and pass its key, or add its class to live=."


@persisted
class KeyStandIn:
    """A key: ``KeyStandIn(**marker)`` gives it, with the class of its hint if that is loaded."""

    __slots__ = ("_fields",)

    _fields: dict[str, str]

    def __new__(cls, **marker: str) -> Self:
        return cast("Self", _found(cls, marker))  # it is no instance: that is the point

    @classmethod
    def of(cls, marker: dict[str, str]) -> Self:
        """What stands for the key of a typed marker; its type is that of the key, and no signature holds it."""
        stand_in = object.__new__(cls)
        stand_in._fields = marker
        return stand_in

    def _asdict(self) -> dict[str, str]:
        return self._fields

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        return partial(type(self), **self._fields), ()


@persisted
class LiveStandIn(KeyStandIn):
    """A live object: the call gives it where `read` is under way, and elsewhere its key."""

    __slots__ = ()


@persisted
class ErrorStandIn:
    """An exception with a key or live object in it: the call gives one of the same class, arguments and attributes.

    As those of the other two, its names are what checkpoints hold: they can't change.
    """

    __slots__ = ("_fields",)

    _fields: dict[str, object]

    def __new__(cls, **fields: object) -> Self:
        return cast("Self", _error(**cast("dict[str, Any]", fields)))

    @classmethod
    def of(cls, error: BaseException, parts: Parts) -> Self:
        """What stands for an exception of these parts."""
        stand_in = object.__new__(cls)
        stand_in._fields = {"type": type_tag(type(error)), **{name: _whole(part) for name, part in parts.items()}}
        return stand_in

    def _asdict(self) -> dict[str, object]:
        return self._fields

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        return partial(type(self), **self._fields), ()


def _error_parts(error: BaseException) -> Parts:
    return {"args": error.args, "state": error.__dict__}


def _whole(part: object) -> object:
    """A part of an exception that stands for itself; an exception in it may not become a text, as it else does."""
    if isinstance(part, BaseException):
        return ErrorStandIn.of(part, _error_parts(part))
    if type(part) in {list, tuple}:
        return [_whole(item) for item in cast("list[object]", part)]
    return part


def _error(type: str, args: Iterable[object], state: dict[str, object]) -> BaseException:  # noqa: A002  it is a field
    cls = loaded_class(type)
    if cls is None or not issubclass(cls, BaseException):
        cls = Exception
    error = _made(cls, tuple(args))
    error.__dict__.update(state)
    return error


def _made(cls: type[BaseException], args: tuple[object, ...]) -> BaseException:
    """An exception, by its constructor if that takes its arguments, else without; at worst of no class of its own."""
    for make in (cls, partial(cls.__new__, cls)):
        with suppress(Exception):
            return make(*args)
    return Exception(*args)


ERROR: Final = Opener(_error_parts, ErrorStandIn.of, opaque=True)
"""Opens exceptions."""
STAND_INS: Final = (KeyStandIn, LiveStandIn, ErrorStandIn)


def write(
    swap: Swap, dumps: Callable[[object], Written], payload: object, open_: Open, *, written: Written | None = None
) -> Written:
    """What a serializer writes of a payload in which stand-ins are put.

    Args:
        swap: which objects are live.
        dumps: what the serializer writes with.
        payload: what to write.
        open_: how objects are opened, to look for keys and live objects in them.
        written: what to give where there are none, if that is known already.

    Raises:
        NotJSONableError: something in the payload can't be written; it names the path.
        NoCurrentRegistryError, CapacityExceededError, RegistryClosedError: as `Writing.key_of`.
            Whatever it raises, nothing was inserted.
    """
    with swap.write() as writing:
        return _Writer(swap, writing, dumps, open_).write(payload, written)


class _Writer(Generic[Written]):
    def __init__(self, swap: Swap, writing: Writing, dumps: Callable[[object], Written], open_: Open) -> None:
        self._swap: Final = swap
        self._writing: Final = writing
        self._dumps: Final = dumps
        self._open: Final = open_
        self._copier: Final = Copier(self._stand_in, open_)

    def write(self, payload: object, written: Written | None) -> Written:
        try:
            copied = self._copier.copy(payload)
            return self._dumps(copied) if copied is not payload or written is None else written
        except LiveRefError:
            raise
        except Exception as error:
            if not isinstance(error, RecursionError) and self._failure(None):
                raise  # it is the serializer that fails
            failure = error
        if isinstance(failure, RecursionError):
            raise NotJSONableError("$", "a value that is nested too deeply, or contains itself", OTHER_FORM)
        culprit = innermost(payload, failure, self._failure, self._parts)
        raise self._refusal(culprit.path, culprit.part)

    def _failure(self, part: object) -> Exception | None:
        return failure_of(part, self._dump)

    def _dump(self, value: object) -> Written:
        return self._dumps(self._copier.copy(value))

    def _parts(self, value: object) -> Iterator[tuple[str, object]]:
        opener, parts = self._open(type(value)), Parts()
        with suppress(Exception):  # any code of the object's
            parts = opener.parts(value) if opener else parts
        for name, part in parts.items():
            yield step_of(name), part

    def _stand_in(self, value: object) -> object:
        if id(type(value)) in _BUILTIN_DATA:
            return value
        if type(value) is RegistryKey:
            key = cast("RegistryKey[object]", value)
            return KeyStandIn.of(self._swap.marker_of(key) | key.to_marker(typed=True))
        if not self._swap.is_live(value):
            return value
        return LiveStandIn.of(self._swap.marker_of(self._writing.key_of(value), typed=True))

    def _refusal(self, path: str, value: object) -> NotJSONableError:
        kind = type(value)
        if name := name_fault(value, self._dump):
            return NotJSONableError(path, name, OTHER_FORM)
        if id(kind) in _BUILTIN_DATA:
            found = f"a value of type {readable(kind)} that is too large or nested too deeply"
            return NotJSONableError(path, found, OTHER_FORM)
        return self._swap.refusal(path, value, _INSERT)


class _Reading:
    __slots__ = ("errors", "swap")

    def __init__(self, swap: Swap) -> None:
        self.swap = swap
        self.errors: list[LiveRefError] = []


_current: Final[ContextVar[_Reading | None]] = ContextVar("liveref_reading", default=None)


def read(swap: Swap, loads: Callable[[Written], object], written: Written) -> object:
    """What a serializer reads, with live objects from the registry of a swap.

    Raises:
        LiveRefError: one of them can't be had. It is raised at the end, for serializers swallow what a call
            raises.
    """
    reading = _Reading(swap)
    token = _current.set(reading)
    try:
        loaded = loads(written)
    finally:
        _current.reset(token)
    if reading.errors:
        raise reading.errors[0]
    return loaded


@contextmanager
def unnamed_in(log: logging.Logger) -> Generator[None]:
    """Meanwhile, what a serializer logs of stand-ins does not get through: who uses it has never heard of them."""

    def is_of_others(record: logging.LogRecord) -> bool:
        return not isinstance(record.args, tuple) or record.args[:1] != (KeyStandIn.__module__,)

    log.addFilter(is_of_others)
    try:
        yield
    finally:
        log.removeFilter(is_of_others)


def _found(cls: type[KeyStandIn], marker: dict[str, str]) -> object:
    reading = _current.get()
    if reading is None:
        return _key_of(marker)
    try:
        return _read(reading.swap, marker, live=issubclass(cls, LiveStandIn))
    except LiveRefError as error:
        reading.errors.append(error)
    return None


def _read(swap: Swap, marker: dict[str, str], *, live: bool) -> object:
    key = _key_of(marker)
    if live:
        swap.admit(marker)
        return swap.read(key)
    swap.admit({name: text for name, text in marker.items() if name != TYPE_FIELD})
    return key


def _key_of(marker: dict[str, str]) -> RegistryKey[object]:
    cls = loaded_class(marker.get("type", ""))
    try:
        return RegistryKey.from_marker(marker, object if cls is None else cls)
    except HintError:  # another class of that name, which can't be checked
        return RegistryKey.from_marker(marker)
