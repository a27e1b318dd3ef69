"""The store of one run: `SessionRefRegistry`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from time import monotonic
from typing import Any, Final, NoReturn, SupportsIndex, cast, overload

from typing_extensions import TypeForm

from liveref._hints.info import class_info
from liveref._key import RegistryKey, new_object
from liveref._lanes import LANES
from liveref._policy import MAX_SESSION_REFS_PER_RUN, RefLifetime
from liveref._recipe import Recipe
from liveref._registry.entry import Entry, Holder, RefInfo, caller, let_go
from liveref._registry.finalize import Finalizer, arun, finish, run
from liveref._registry.outcome import Outcome, Place
from liveref._registry.store import Store, id_of, require_methods
from liveref._registry.table import describe_all
from liveref._registry.typed import TypedRefs
from liveref._text.ids import FRESH_IDS, fresh_id, pop_fresh_id
from liveref._text.tag import readable
from liveref._typing import MISSING, Default, Missing, T, V
from liveref.exceptions import InvalidArgumentError, RegistryClosedError

__all__ = ["SessionRefRegistry"]


_DEFAULT: Final = RefLifetime.UNTIL_CONTEXT_DROP
_TICK: Final = 0.001
"""Seconds: plain refs that one place inserts within a tick share an entry."""

_frame: Final = sys._getframe


class SessionRefRegistry(Store):
    """The live objects of one run, each under a typed key.

    Safe to use from any thread and task, from a finalizer, ``__del__`` or signal handler, and in the child after a
    fork. No method blocks. That of a `Session` ends with it, another with `close` or ``contextlib.closing``.

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
        plain = hint is MISSING and lifetime is _DEFAULT and finalizer is None and reopen is None
        if not plain or cls is not type(value):
            info = None if hint is MISSING else class_info(hint)
            return self._insert(value, info, caller(), lifetime=lifetime, finalizer=finalizer, reopen=reopen)
        try:
            uid = pop_fresh_id()
        except IndexError:
            uid = fresh_id()
        try:
            frame = _frame(1)
        except ValueError:  # no Python code calls
            return self._keep_value(value, None, Entry.of_call(None), "insert", uid)
        refs = self._refs
        if len(refs) >= self._room:
            self._admit("insert")
        code = frame.f_code
        offset = frame.f_lasti
        now = monotonic()
        entry = self._latest
        if entry is None or code is not entry.code or offset != entry.offset or now - entry.born > _TICK:
            self._latest = entry = Entry(now, code, offset)
        holder: Holder[Any] = new_object(RegistryKey)
        holder._id = uid
        holder._info = cls
        holder._value = value
        holder._entry = entry
        refs[uid] = holder
        if len(refs) > self._room:
            self._confirm(holder, "insert")
        return holder

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
            return self._insert(value, None, caller(), lifetime=lifetime, finalizer=finalizer, reopen=recipe)
        except BaseException:
            if finalizer is not None:
                finish(finalizer, value)
            raise

    def enter_context(self, cm: AbstractContextManager[T, bool | None]) -> RegistryKey[T]:
        """The key of what a context manager gives; it is left when the ref goes, as in `contextlib.ExitStack`.

        It sees the exception that leaves the session's body. At capacity it is left again at once.

        Raises:
            InvalidArgumentError: it is no context manager.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed; nothing was entered.
        """
        require_methods(cm, "__enter__", "__exit__")
        if self._closed:
            raise RegistryClosedError("enter_context")
        cls = type(cm)
        entry = Entry.of_call(
            caller(), finalizer=Finalizer(partial(cls.__exit__, cm), is_exit=True, place=Place.THIS_TASK)
        )
        entered: list[T] = []
        uid = fresh_id()
        try:
            entered.extend(map(cls.__enter__, (cm,)))  # in one step: what was entered is known to be
            return self._keep_value(entered[0], None, entry, "enter_context", uid)
        except BaseException as error:
            if entered and uid not in self._refs:
                cls.__exit__(cm, type(error), error, error.__traceback__)
            raise

    async def enter_async_context(
        self, cm: AbstractAsyncContextManager[T, bool | None], *, own_task: bool = False
    ) -> RegistryKey[T]:
        """As `enter_context`, for an asynchronous one; left by `arelease`, `adrain`, `aclose` and ``async with``.

        Args:
            cm: the context manager.
            own_task: a task of its own enters it, waits and leaves it, so that any task may end it. Some have to be
                left by the task that entered them, as those with a cancel scope or task group inside: the session of
                an MCP client. It needs asyncio.

        Raises:
            InvalidArgumentError: it is no asynchronous context manager.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed; nothing was entered.
            RuntimeError: ``own_task`` on another event loop than asyncio's; nothing was entered.
        """
        frame = caller()
        require_methods(cm, "__aenter__", "__aexit__")
        if self._closed:
            raise RegistryClosedError("enter_async_context")
        from liveref._registry.own_task import enter  # noqa: PLC0415  it loads asyncio

        value, finalizer = await enter(cm, own_task=own_task)
        uid = fresh_id()
        try:
            return self._keep_value(value, None, Entry.of_call(frame, finalizer=finalizer), "enter_async_context", uid)
        except BaseException as error:
            if uid not in self._refs:
                await arun(finalizer.leave_again(error), Outcome(), None)
            raise

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
        return self._held(key, parents=True)[1]

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
        self._check("verify", *self._held(key, parents=True), key._info, full=True)

    def remove(self, key: RegistryKey[T]) -> T:
        """The object of a key, which is the caller's from now on: the finalizer does not run.

        Of an object with clones, the finalizer stays with those, until the last of them goes.

        Raises:
            RefTypeError: the object is not of the key's type; the ref stays.
            RefNotFoundError, RefReleasedError: as `get`, but not looking in a parent.
        """
        holder, value = self._held(key, parents=False)
        self._check("remove", holder, value, key._info)
        finalizer = holder._entry.finalizer
        if finalizer is not None and finalizer.is_exit:
            expected = "no ref of an entered context, whose exit would be lost: end it by release(key) or arelease(key)"
            raise InvalidArgumentError("key", expected, f"that of {readable(type(value))}")
        removed, uid = cast("T", value), holder._id
        taken: list[Holder[Any] | None] = []
        self._gone.append((uid, "removed", monotonic()))
        try:
            taken.extend(map(self._refs.pop, (uid,), (None,)))
            if taken[0] is not None:
                let_go(holder)
                if finalizer is not None:
                    finalizer.leave(uid)
                return removed
        except BaseException:
            if taken and taken[0] is holder:
                self._restore(holder, value)
            raise
        raise self._absence(uid)

    def release(self, key: RegistryKey[object]) -> bool:
        """Drop a ref and run its finalizer; False if it was not there.

        What the finalizer raises is raised here.

        Raises:
            TypeError: the finalizer is known to be asynchronous, and the ref stays: await `arelease`. Of another one
                that turns out to be, what it returned is closed.
        """
        refs = self._refs
        uid = id_of(key) if type(key) is not RegistryKey else key._id
        holder = refs.get(uid)
        if holder is None:
            return False
        if holder._entry.finalizer is not None:
            return self._release(holder)
        self._gone.append((uid, "released", monotonic()))  # here _end is inlined: a call costs five lookups in a dict
        if refs.pop(uid, None) is None:
            return False
        try:  # noqa: SIM105  suppress() costs as much as all of this
            del holder._value
        except AttributeError:  # its recipe has not opened it
            pass
        return True

    async def arelease(self, key: RegistryKey[object], *, timeout: float | None = None) -> bool:
        """As `release`, awaiting the finalizer, which is shielded from cancellation as in `adrain`.

        Args:
            key: the key.
            timeout: seconds for the finalizer, as in `adrain`.

        Raises:
            TimeoutError: it took longer.

        Example:
            >>> import asyncio
            >>> async def main() -> bool:
            ...     registry = SessionRefRegistry()
            ...     async def close(value: str) -> None:
            ...         print("closed", value)
            ...     return await registry.arelease(registry.insert("x", finalizer=close))
            >>> asyncio.run(main())
            closed x
            True
        """
        holder = self._refs.get(id_of(key))
        if holder is None:
            return False
        outcome = Outcome()
        await arun(self._drop([holder], "released", outcome), outcome, timeout, bare=True)
        return bool(outcome.count)

    def drain(self) -> int:
        """Release all refs, last in first out; how many were dropped.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        outcome = Outcome()
        run(self._purge(outcome, "drained"), outcome)
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
        await arun(self._purge(outcome, "drained"), outcome, timeout)
        return outcome.count

    def close(self) -> None:
        """Refuse inserts from now on and drain. Closing twice does nothing.

        Raises:
            ExceptionGroup: as `drain`.
        """
        self._shut()
        outcome = Outcome()
        run(self._purge(outcome, "registry closed"), outcome)

    async def aclose(self, *, timeout: float | None = None) -> None:
        """As `close`, awaiting asynchronous finalizers as `adrain` does."""
        self._shut()
        outcome = Outcome()
        await arun(self._purge(outcome, "registry closed"), outcome, timeout)

    def clone_ref(self, key: RegistryKey[T]) -> RegistryKey[T]:
        """A new key of the same object, with the same lifetime, recipe and finalizer.

        Raises:
            RefTypeError, RefNotFoundError, RefReleasedError: as `remove`.
            CapacityExceededError: the registry is full.
        """
        holder, value = self._unopened(key, "clone_ref")
        return self._clone(holder, value)

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
        holder, _ = self._unopened(key, "transfer_ref")
        if to is not self and not self._move(holder, to, holder._entry):
            raise self._absence(holder._id)
        return key

    def keys(self) -> list[RegistryKey[object]]:
        """The keys of the refs held now, in the order of their inserts; O(n)."""
        return list(self._refs.copy().values())

    def __iter__(self) -> Iterator[RegistryKey[object]]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return self._find(id_of(cast("RegistryKey[object]", key)), parents=True) is not None

    def __len__(self) -> int:
        return min(len(self._refs), self._capacity)  # one that finds no room is among them for a moment

    def __bool__(self) -> bool:
        """True, with no refs too: there is a registry."""
        return True

    def is_empty(self) -> bool:
        """Whether no ref is held."""
        return not self._refs

    def lifetime_of(self, key: RegistryKey[object]) -> RefLifetime:
        """When the ref of a key is purged.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`.
        """
        uid = id_of(key)
        holder = self._find(uid, parents=True)
        if holder is None:
            raise self._absence(uid)
        return holder._entry.lifetime

    def describe(self) -> list[RefInfo]:
        """What may be told of the refs held now: redacted, without the objects, a table in rich and IPython; O(n)."""
        return describe_all(self._refs.copy().values())

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


if LANES is not None:  # pragma: no cover  the tests of the compiled wheel run it
    LANES.install(SessionRefRegistry, RegistryKey, Entry, FRESH_IDS, _TICK, class_info, deque[object].append)
