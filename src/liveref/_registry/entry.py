"""What a registry knows of a ref: the key that holds its value, and the facts besides."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import repeat
from time import monotonic
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, Generic

from liveref._hints.info import ClassInfo, class_of, hint_of, mismatch, tag_of
from liveref._key import RegistryKey, new_object
from liveref._policy import DEFAULT_LIFETIME, RefLifetime
from liveref._recipe import AnyRecipe
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from liveref._registry.leases import GUARDED, Guard
from liveref._registry.owners import Owner
from liveref._text.marker import redact
from liveref._text.tag import printable, readable
from liveref._typing import MISSING, T
from liveref.exceptions import RefTypeError

__all__ = [
    "Entry", "Holder", "RefInfo", "caller", "describe", "fill", "fitting", "hold", "hold_all", "is_asynchronous",
    "let_go", "outside", "place_of", "tag_of_ref", "tell",
]  # fmt: skip

if TYPE_CHECKING:

    class Holder(RegistryKey[T], Generic[T]):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  final to all others
        """The key that an insert returned: it holds the value, and so is the ref's entry in the registry.

        To the interpreter it is a `RegistryKey` like every other: one object a ref rather than two saves 40 bytes
        and a fifth of the time of an insert. Only here are its two slots more written, and in the two fast inserts.
        """

        _value: Any  # the T of the ref, gone when the ref goes: the isinstance of a lookup stands in for the cast
        _entry: Entry

else:
    Holder = RegistryKey


@dataclasses.dataclass(slots=True)
class Entry:
    """The facts of a ref besides its value.

    Never changed, for refs share it: clones, and plain inserts of one place within a millisecond, which
    so take 0 bytes each for it instead of 90.

    Attributes:
        born: when it was inserted, in seconds of the monotonic clock.
        code: with ``offset`` the place of the insert, as what costs least to take down; a text that is the place
            itself; None where none is known.
        offset: of the instruction in the code.
        lifetime: when the ref is purged.
        finalizer: runs when it goes.
        recipe: opens the object again.
        opening: opens it at the first lookup after a pause.
        guard: what a lookup asks first; of this ref alone.
        shared: other processes get copies of it.
    """

    born: float
    code: CodeType | str | None
    offset: int
    lifetime: RefLifetime = DEFAULT_LIFETIME
    finalizer: Finalizer | None = None
    recipe: AnyRecipe[object] | None = None
    opening: Opening | None = None
    guard: Guard | None = None
    shared: bool = False

    @classmethod
    def of_call(
        cls,
        frame: FrameType | None,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        finalizer: Finalizer | None = None,
        recipe: AnyRecipe[object] | None = None,
        *,
        guard: Guard | None = None,
        engine: str | None = None,
    ) -> Entry:
        """The entry of an insert at this moment by a frame, or where there is none by an engine."""
        code, offset = (engine, 0) if frame is None else (frame.f_code, frame.f_lasti)
        return cls(monotonic(), code, offset, lifetime, finalizer, recipe, guard=guard)

    def where(self) -> str | None:
        """The place of the insert, as ``"file:line"``; None where a resume made it, or no Python code did."""
        code = self.code
        if not isinstance(code, CodeType):
            return code
        lines = (line for start, end, line in code.co_lines() if start <= self.offset < end and line is not None)
        return printable(f"{code.co_filename}:{next(lines, code.co_firstlineno)}")

    def origin(self) -> str:
        """As `where`, in words."""
        return self.where() or "the resume of its session"


def is_asynchronous(holder: Holder[Any]) -> bool:
    """Whether it is known, without a call, that there is something to await at the end of a ref."""
    opening, finalizer = holder._entry.opening, holder._entry.finalizer
    if opening is not None:
        return opening.is_asynchronous()
    return finalizer is not None and finalizer.is_asynchronous()


def tag_of_ref(holder: Holder[Any]) -> str:
    """The type tag of a ref; of what its recipe has not opened yet that from before the pause."""
    opening = holder._entry.opening
    return tag_of(holder._info) if opening is None or hasattr(holder, "_value") else opening.type_tag


def tell(error: BaseException, holder: Holder[Any]) -> None:
    """Note on what a finalizer raised whose it was."""
    note = f"finalizer of ref {redact(holder._id)} ({tag_of(holder._info)}, inserted at {holder._entry.origin()})"
    with suppress(Exception):  # notes of its own may be no list
        BaseException.add_note(error, note)  # a class may have its own add_note, which is user code


def caller() -> FrameType | None:
    """The frame that called who asks; None where that is no Python code: a thread of C, gevent, atexit."""
    try:
        return sys._getframe(2)
    except ValueError:
        return None


_HOUSE: Final = __file__.rpartition("_registry")[0]


_LIBRARY: Final = str(os.__file__).removesuffix("os.py")
_INSTALLED: Final = ("site-packages", "dist-packages")


def outside(engine: str | None = None) -> FrameType | None:
    """The innermost frame that is not of liveref; where an engine calls, that of the program which uses the engine.

    None where there is none: engines call from threads of their own.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and _is_passed_by(frame.f_code.co_filename, engine):
        frame = frame.f_back
    return frame


def _is_passed_by(file: str, engine: str | None) -> bool:
    """Whether a file is liveref's or, where an engine calls, any that is installed."""
    installed = engine is not None and (file.startswith((_LIBRARY, "<")) or any(map(file.__contains__, _INSTALLED)))
    return installed or file.startswith(_HOUSE)


def place_of(holder: Holder[Any]) -> bytes:
    """Where a ref stands in its registry: under its id, and where it has a guard out of the fast paths' sight."""
    return holder._id if holder._entry.guard is None else holder._id + GUARDED


def hold(uid: bytes, info: ClassInfo, entry: Entry, value: object = MISSING) -> Holder[Any]:
    """A key that holds a value, or none yet where its recipe is to give it."""
    holder: Holder[Any] = new_object(RegistryKey)
    holder._id = uid
    holder._info = info
    holder._entry = entry
    if value is not MISSING:
        holder._value = value
    return holder


def hold_all(ids: Iterable[bytes], values: Iterable[object], entries: Iterable[Entry], count: int) -> list[Holder[Any]]:
    """Keys that hold values by their class; 10,000 calls of `hold` take as long as the pickle they are for."""
    holders: list[Holder[Any]] = list(map(new_object, repeat(RegistryKey, count)))
    for holder, uid, value, entry in zip(holders, ids, values, entries, strict=True):
        holder._id = uid
        holder._info = class_of(value)
        holder._value = value
        holder._entry = entry
    return holders


def fitting(value: object, info: ClassInfo) -> ClassInfo:
    """The class info of a hint.

    Raises:
        RefTypeError: the value is not of it, in full.
    """
    found = mismatch(value, info, full=True)
    if found is None:
        return info
    raise RefTypeError("insert", None, readable(hint_of(info)), found.found, "Nothing was stored.") from found.cause


def fill(holder: Holder[Any], value: object) -> None:
    """Give a holder the value that its recipe opened."""
    holder._value = value
    holder._info = class_of(value)


def enter(holder: Holder[Any], entry: Entry) -> None:
    """Give a holder another entry, as where it goes to a parent."""
    holder._entry = entry


def let_go(holder: Holder[Any]) -> object:
    """The value of a ref that goes; None where its recipe has not opened it, or it has gone.

    The key, which its owner may keep, keeps nothing alive from now on.
    """
    try:
        value: object = holder._value
        del holder._value
    except AttributeError:
        return None
    return value


@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    """One row of `SessionRefRegistry.describe`.

    Attributes:
        key: the redacted key, such as ``"3f2a1c…"``.
        type_tag: the hint as text, such as ``"sqlite3:Connection"``.
        lifetime: when the ref is purged.
        age: seconds since the insert, to the millisecond.
        where: ``"file:line"`` of the insert, the name of the engine that made it in a thread of its own, or None.
        owner: whose it is; None for nobody's.
        expires_in: seconds until it expires, if nobody uses it; None where it never does.
        lent: how many borrow it now.
    """

    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None
    owner: Owner | None = None
    expires_in: float | None = None
    lent: int = 0


def describe(holder: Holder[Any], now: float, lent: int = 0) -> RefInfo:
    """What may be told of a ref."""
    entry = holder._entry
    owner, expires_in = (None, None) if entry.guard is None else (entry.guard.owner, entry.guard.expires_in())
    age = max(0.0, now - entry.born)
    return RefInfo(redact(holder._id), tag_of_ref(holder), entry.lifetime, age, entry.where(), owner, expires_in, lent)
