"""What a registry knows of a ref besides its value."""

from __future__ import annotations

import dataclasses
import sys
from types import CodeType
from typing import TypeAlias

from liveref._finalize import Finalizer
from liveref._hints import hint_of
from liveref._key import RegistryKey
from liveref._marker import redact
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._tag import type_tag

__all__ = ["Entry", "RefInfo", "Site", "call_site", "describe", "entry_of", "where_of"]

Site: TypeAlias = tuple[CodeType, int]
"""A place in a program, kept as what costs least to take down: a code object and an offset in it."""


@dataclasses.dataclass(slots=True)
class Entry:
    """The facts of a ref that was inserted with more than its value. Never changed: clones share it.

    A plain ref has no entry but the monotonic time of its insert, a float that it shares with its
    neighbours in time: at a million refs that is 0 bytes each instead of 120.
    """

    born: float
    site: Site | None = None
    lifetime: RefLifetime = RefLifetime.UNTIL_CONTEXT_DROP
    finalizer: Finalizer | None = None
    recipe: Recipe[object] | None = None


@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    """One row of `SessionRefRegistry.describe`.

    Attributes:
        key: the redacted key, such as ``"3f2a1c…"``.
        type_tag: the hint as text, such as ``"sqlite3:Connection"``.
        lifetime: when the ref is purged.
        age: seconds since the insert, to the millisecond.
        where: ``"file:line"`` of the insert. Noted for every ref with a hint, finalizer, recipe or
            lifetime of its own; for a plain ``insert(value)`` only in Python's development mode
            (``python -X dev``), else None: to note it would cost a third of the insert.
    """

    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None


def call_site() -> Site:
    """The place that called the public method which called the caller of this."""
    frame = sys._getframe(3)
    return frame.f_code, frame.f_lasti


def entry_of(ref: RegistryKey[object]) -> Entry:
    """The entry of a ref, made up where it is a plain one."""
    entry = ref._entry
    return entry if isinstance(entry, Entry) else Entry(entry)


def describe(ref: RegistryKey[object], now: float) -> RefInfo:
    """What may be told of a ref."""
    entry = entry_of(ref)
    where = None if entry.site is None else where_of(entry.site)
    return RefInfo(redact(ref._id), type_tag(hint_of(ref._info)), entry.lifetime, max(0.0, now - entry.born), where)


def where_of(site: Site) -> str:
    """A place as ``"file:line"``."""
    code, offset = site
    lines = (line for start, end, line in code.co_lines() if start <= offset < end and line is not None)
    return f"{code.co_filename}:{next(lines, code.co_firstlineno)}"
