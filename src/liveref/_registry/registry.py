"""The store of one run: `SessionRefRegistry`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from time import monotonic
from typing import Final, NoReturn, SupportsIndex, cast, overload

from typing_extensions import TypeForm

from liveref._hints.info import class_info, class_of
from liveref._key import RegistryKey, new_object
from liveref._lanes import LANES
from liveref._policy import MAX_SESSION_REFS_PER_RUN, RefLifetime
from liveref._recipe import Recipe
from liveref._registry.entry import Entry, RefInfo, describe
from liveref._registry.finalize import ExitHook, Finalizer, Outcome, arun, finish, run
from liveref._registry.store import Store, id_of
from liveref._registry.typed import TypedRefs
from liveref._text.ids import FRESH_IDS, fresh_id, pop_fresh_id
from liveref._text.tag import readable
from liveref._typing import MISSING, Default, Missing, T, V
from liveref.exceptions import (
    InvalidArgumentError,
    RegistryClosedError,
)

__all__ = ["SessionRefRegistry"]


_DEFAULT: Final = RefLifetime.UNTIL_CONTEXT_DROP
_TICK: Final = 0.001
"""Seconds: plain refs that one place inserts within a tick share an entry."""

_frame: Final = sys._getframe


class SessionRefRegistry(Store):
    """The live objects of one run, each under a typed key.

    Safe to use from any thread and task, from a finalizer, ``__del__`` or signal handler, and in the
    child after a fork. No method blocks. The registry of a `Session` ends with it; one made directly
    ends with `close`: it is no context manager itself, ``contextlib.closing`` makes it one.

    Args:
        capacity: refs held at most, at least 1.

    Raises:
        InvalidArgumentError: the capacity is no such number.

    Example:
        >>> import sqlite3
        >>> registry = SessionRefRegistry()
        >>> key = registry.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
        >>> registry.get(key).execute("select 6 * 7").fetchone()
        (42,)
        >>> registry.close()
    """

    __slots__ = ()

    def __init__(self, *, capacity: int = MAX_SESSION_REFS_PER_RUN) -> None:
        super().__init__(capacity)

    @overload
    def insert(
        self,
        value: T,
        hint: Missing = ...,
        *,
        lifetime: RefLifetime = ...,
        finalizer: Callable[[T], object] | None = ...,
        reopen: Recipe[T] | None = ...,
    ) -> RegistryKey[T]: ...
    @overload
    def insert(
        self,
        value: object,
        hint: TypeForm[V],
        *,
        lifetime: RefLifetime = ...,
        finalizer: Callable[[V], object] | None = ...,
        reopen: Recipe[V] | None = ...,
    ) -> RegistryKey[V]: ...
    def insert(
        self,
        value: object,
        hint: object = MISSING,
        lifetime: RefLifetime = _DEFAULT,
        finalizer: Callable[..., object] | None = None,
        reopen: Recipe[object] | None = None,
    ) -> RegistryKey[object]:
        """The key under which the object is now held.

        Args:
            value: the live object.
            hint: the type of the key: a class, union, Protocol, ``list[int]``, …. The value is
                checked against it in full, O(n) for containers; without one it is the value's class, and
                of a proxy or mock the class that it says it is.
            lifetime: when the ref is purged.
            finalizer: called once with the object when the ref goes, unless it is removed; may be
                asynchronous where the session ends asynchronously.
            reopen: the recipe that opens the object again after a pause.

        Raises:
            RefTypeError: the value is not of the hint; nothing is stored.
            HintError: the hint can't be checked at run time.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed, or its session has ended.
        """
        try:
            cls = value.__class__
        except Exception:  # noqa: BLE001  any code of a proxy
            cls = None
        if (
            cls is not type(value)
            or hint is not MISSING
            or finalizer is not None
            or reopen is not None
            or lifetime is not _DEFAULT
        ):
            info = None if hint is MISSING else class_info(hint)
            return self._insert(value, info, lifetime, finalizer, reopen)
        try:
            uid = pop_fresh_id()
            self._free.pop()
        except IndexError:
            self._admit("insert")
            uid = fresh_id()
        frame = _frame(1)
        code = frame.f_code
        offset = frame.f_lasti
        now = monotonic()
        entry = self._latest
        if entry is None or code is not entry.code or offset != entry.offset or now - entry.born > _TICK:
            self._latest = entry = Entry(now, code, offset)
        key: RegistryKey[object] = new_object(RegistryKey)
        key._id = uid
        key._info = cls
        key._value = value
        key._entry = entry
        self._refs[uid] = key
        if self._closed:
            self._withdraw(key, "insert")
        return key

    def open(self, recipe: Recipe[T], *, lifetime: RefLifetime = _DEFAULT) -> RegistryKey[T]:
        """The key of an object that a recipe opens now, with the recipe and its finalizer.

        Raises:
            ReopenError: the recipe raised.
            CapacityExceededError: the registry is full; the object is closed again.
            RegistryClosedError: the registry is closed; so is the object.
        """
        if not isinstance(recipe, Recipe):
            raise InvalidArgumentError("recipe", "a Recipe", readable(type(recipe)))
        if self._closed:
            raise RegistryClosedError("open")
        value = recipe._open()
        finalizer = recipe._finalizer()
        try:
            key = self._insert(value, None, lifetime, finalizer, recipe)
        except BaseException:
            if finalizer is not None:
                finish(Finalizer(finalizer), value)
            raise
        return cast("RegistryKey[T]", key)

    def enter_context(self, cm: AbstractContextManager[T, bool | None]) -> RegistryKey[T]:
        """The key of what a context manager gives; it is left when the ref goes, as in `contextlib.ExitStack`.

        It sees the exception that leaves the session's body. At capacity it is left again at once.

        Raises:
            InvalidArgumentError: it is no context manager.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed; nothing was entered.
        """
        _require(cm, "__enter__", "__exit__")
        if self._closed:
            raise RegistryClosedError("enter_context")
        cls = type(cm)
        value = cls.__enter__(cm)
        hook = partial(cls.__exit__, cm)
        try:
            key = self._enter(value, hook)
        except BaseException as error:
            hook(type(error), error, error.__traceback__)
            raise
        return key

    async def enter_async_context(self, cm: AbstractAsyncContextManager[T, bool | None]) -> RegistryKey[T]:
        """As `enter_context`, for an asynchronous context manager; left by `adrain`, `aclose` and ``async with``."""
        _require(cm, "__aenter__", "__aexit__")
        if self._closed:
            raise RegistryClosedError("enter_async_context")
        cls = type(cm)
        value = await cls.__aenter__(cm)
        hook = partial(cls.__aexit__, cm)
        try:
            key = self._enter(value, hook)
        except BaseException as error:
            await hook(type(error), error, error.__traceback__)
            raise
        return key

    def _enter(self, value: T, hook: ExitHook) -> RegistryKey[T]:
        entry = Entry.of_call(_DEFAULT, Finalizer(None, hook), None)
        return self._keep(value, class_of(value), entry, "enter_context")

    @overload
    def get(self, key: RegistryKey[T], hint: Missing = ..., *, default: Missing = ...) -> T: ...
    @overload
    def get(self, key: RegistryKey[T], hint: Missing = ..., *, default: Default) -> T | Default: ...
    @overload
    def get(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Missing = ...) -> V: ...
    @overload
    def get(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Default) -> V | Default: ...
    def get(self, key: RegistryKey[object], hint: object = MISSING, default: object = MISSING) -> object:
        """The object of a key, checked to be of the key's type, or of the hint. O(1).

        Args:
            key: the key; an isolated child session finds its parent's too.
            hint: an explicit downcast: the type to check instead of the key's.
            default: what to give where the key was never here or has gone. Nothing else is hidden
                by it: a wrong type, a dropped ref and a failing recipe raise.

        Raises:
            RefNotFoundError: the registry never held the key.
            RefReleasedError: it did.
            RefTypeError: the object is not of the type.
            HintError: the hint can't be checked at run time.
        """
        try:
            value = self._refs[key._id]._value
            if isinstance(value, key._info if hint is MISSING else class_info(hint)):
                return value
        except Exception:  # noqa: BLE001, S110  told below, where there is time
            pass
        return self._look_up(key, None if hint is MISSING else class_info(hint), default)

    def __getitem__(self, key: RegistryKey[T]) -> T:
        """As `get` without a hint and default."""
        try:
            value: T = self._refs[key._id]._value
            if isinstance(value, key._info):
                return value
        except Exception:  # noqa: BLE001, S110  told below, where there is time
            pass
        return cast("T", self._look_up(key, None, MISSING))

    def get_any(self, key: RegistryKey[object]) -> object:
        """The object of a key, of whatever type it is.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`.
        """
        return self._found(key)[1]

    def typed(self, hint: TypeForm[T]) -> TypedRefs[T]:
        """The registry seen as one of one type: there a wrong type is an argument error in every checker.

        Raises:
            HintError: the hint can't be checked at run time.
        """
        return TypedRefs(self, class_info(hint))

    def verify(self, key: RegistryKey[object]) -> None:
        """Check the whole object against the key's type now, O(n) for containers.

        Raises:
            RefTypeError: it does not fit.
            RefNotFoundError, RefReleasedError: as `get`.
        """
        self._check("verify", key, *self._found(key), key._info, full=True)

    def remove(self, key: RegistryKey[T]) -> T:
        """The object of a key, which is the caller's from now on: the finalizer does not run.

        Of an object with clones, the finalizer stays with those, until the last of them goes.

        Raises:
            RefTypeError: the object is not of the key's type; the ref stays.
            RefNotFoundError, RefReleasedError: as `get`, but not looking in a parent.
        """
        ref, _ = self._own(key, "remove")
        taken = self._take(ref, "removed")
        if taken is None:
            raise self._absence(key)
        finalizer, value = taken
        if finalizer is not None:
            finalizer.give_up()
        return cast("T", value)

    def release(self, key: RegistryKey[object]) -> bool:
        """Drop a ref and run its finalizer; False if it was not there.

        What the finalizer raises is raised here. An asynchronous one is not run: that is a TypeError.
        """
        refs = self._refs  # what follows is _take, inlined: a call costs as much as five dict lookups
        uid = id_of(key) if type(key) is not RegistryKey else key._id
        if uid not in refs:
            return False
        self._gone.append((uid, "released", monotonic()))  # before it goes: there is no moment between
        ref = refs.pop(uid, None)
        if ref is None:
            return False
        try:
            value = ref._value
            del ref._value
        except AttributeError:  # its recipe has not opened it
            value = None
        self._free.append(None)
        finalizer = ref._entry.finalizer
        if finalizer is not None and finalizer.give_up():
            finish(finalizer, value)
        return True

    def drain(self) -> int:
        """Release all refs, last in first out; how many were dropped.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        outcome = Outcome()
        run(self._purge(outcome, "drained", keep_none), outcome)
        return outcome.count

    async def adrain(self, *, timeout: float | None = None) -> int:
        """As `drain`, awaiting asynchronous finalizers.

        They are shielded from cancellation: a cancelled drain goes on to the end and then raises
        CancelledError. Exits of contexts entered run in the calling task.

        Args:
            timeout: seconds for each finalizer; TimeoutError joins the group. Without one a
                finalizer may take its time, but ten seconds once the drain is cancelled.
        """
        outcome = Outcome()
        await arun(self._purge(outcome, "drained", keep_none), outcome, timeout)
        return outcome.count

    def close(self) -> None:
        """Refuse inserts from now on and drain. Closing twice does nothing.

        Raises:
            ExceptionGroup: as `drain`.
        """
        self._closed = True
        outcome = Outcome()
        run(self._purge(outcome, "registry closed", keep_none), outcome)

    async def aclose(self, *, timeout: float | None = None) -> None:
        """As `close`, awaiting asynchronous finalizers as `adrain` does."""
        self._closed = True
        outcome = Outcome()
        await arun(self._purge(outcome, "registry closed", keep_none), outcome, timeout)

    def clone_ref(self, key: RegistryKey[T]) -> RegistryKey[T]:
        """A new key of the same object, with the same lifetime, recipe and finalizer.

        Raises:
            RefTypeError, RefNotFoundError, RefReleasedError: as `remove`.
            CapacityExceededError: the registry is full.
        """
        ref, value = self._own_unopened(key, "clone_ref")
        finalizer: Finalizer | None = ref._entry.finalizer
        if finalizer is not None:
            finalizer.share()
        try:
            self._own_unopened(key, "clone_ref")  # it may have gone before its finalizer was shared
            return self._keep(value, ref._info, ref._entry, "clone_ref")
        except BaseException:
            if finalizer is not None and finalizer.give_up():  # the ref went meanwhile and left its duty here
                finish(finalizer, value)
            raise

    def transfer_ref(self, key: RegistryKey[T], to: SessionRefRegistry) -> RegistryKey[T]:
        """The same key, whose ref the other registry now holds, with all that belongs to it.

        Raises:
            DuplicateKeyError: the other registry holds the key already.
            CapacityExceededError, RegistryClosedError: the other registry is full or closed.
            RefTypeError, RefNotFoundError, RefReleasedError: as `remove`.
                Whatever it raises, nothing has moved.
        """
        if not isinstance(to, SessionRefRegistry):
            raise InvalidArgumentError("to", "a SessionRefRegistry", readable(type(to)))
        ref, _ = self._own_unopened(key, "transfer_ref")
        if not self._move(ref, to, ref._entry):
            raise self._absence(key)
        return key

    def keys(self) -> list[RegistryKey[object]]:
        """The keys of the refs held now, in the order of their inserts; O(n)."""
        return list(self._refs.copy().values())

    def __iter__(self) -> Iterator[RegistryKey[object]]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        if type(key) is not RegistryKey:
            return False
        uid = key._id
        return any(uid in store._refs for store in self._lineage())

    def __len__(self) -> int:
        return len(self._refs)

    def is_empty(self) -> bool:
        """Whether no ref is held."""
        return not self._refs

    def lifetime_of(self, key: RegistryKey[object]) -> RefLifetime:
        """When the ref of a key is purged.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`.
        """
        lifetime: RefLifetime = self._known(key)._entry.lifetime
        return lifetime

    def describe(self) -> list[RefInfo]:
        """What may be told of the refs held now: redacted, and without the objects; O(n)."""
        now = monotonic()
        return [describe(ref, now) for ref in self.keys()]

    @property
    def capacity(self) -> int:
        """Refs held at most."""
        return self._capacity

    def __repr__(self) -> str:
        closed = ", closed" if self._closed else ""
        return f"<{type(self).__name__}: {len(self)} of {self._capacity} refs{closed}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        message = (
            "a registry holds live objects and can't be pickled or copied: pass its keys on, "
            "and take a snapshot() of its session to keep what it holds"
        )
        raise TypeError(message)


def keep_none(_lifetime: RefLifetime) -> bool:
    return False


def _require(cm: object, *methods: str) -> None:
    if not all(hasattr(type(cm), method) for method in methods):
        raise InvalidArgumentError("cm", f"a context manager with {' and '.join(methods)}", readable(type(cm)))


if LANES is not None:  # pragma: no cover  the tests of the compiled wheel run it
    LANES.install(SessionRefRegistry, RegistryKey, Entry, FRESH_IDS, _TICK, class_info, deque[object].append)
