"""Lookups of what is not here, but in another process that an engine reaches."""

from __future__ import annotations

from typing import Protocol

from liveref._hints.info import ClassInfo, Sealed, check_of, hint_of, mismatch, tag_of
from liveref._hints.pinned import tag_of_value
from liveref._key import RegistryKey
from liveref._text.marker import redact
from liveref._text.route import route_of
from liveref._text.tag import readable
from liveref._typing import MISSING
from liveref.exceptions import InvalidArgumentError, RefLookupError, RefNotFoundError, RefReleasedError, RefTypeError

__all__ = ["Resolver", "check_found", "require_resolver", "resolve"]


class Resolver(Protocol):
    """What looks up the keys of other processes: a `liveref.engine.RefEngine`."""

    def _resolve(self, key: RegistryKey[object], /) -> object:
        """What another process has under a key.

        Raises:
            RefLookupError, EngineError: it gives none.
        """
        ...


def require_resolver(found: Resolver) -> Resolver:
    """What looks up the keys of other processes.

    Raises:
        InvalidArgumentError: it can't.
    """
    if not callable(getattr(found, "_resolve", None)):
        raise InvalidArgumentError("engine", "a RefEngine", readable(type(found)))
    return found


def resolve(
    resolver: Resolver, key: RegistryKey[object], info: ClassInfo | None, default: object, absence: RefLookupError
) -> object:
    """What a lookup gives for a key that is not here.

    Raises:
        RefTypeError: it is of another type than the key's, or the hint's.
        RefLookupError, EngineError: there is none to be had.
    """
    try:
        if type(absence) is not RefNotFoundError or route_of(key._id) is None:  # it was here, or is of no home
            raise absence
        value = resolver._resolve(key)
    except (RefNotFoundError, RefReleasedError):
        if default is MISSING:
            raise
        return default
    check_found(key, value, key._info if info is None else info)
    return value


def check_found(key: RegistryKey[object], value: object, info: ClassInfo) -> None:
    """Raise RefTypeError unless a value that came from elsewhere fits."""
    if isinstance(check_of(info), Sealed):
        tag = tag_of_value(value)
        if tag_of(info) != tag:
            raise RefTypeError("get", redact(key._id), tag_of(info), tag)
        return
    found = mismatch(value, info, full=False)
    if found is not None:
        raise RefTypeError("get", redact(key._id), readable(hint_of(info)), found.found) from found.cause
