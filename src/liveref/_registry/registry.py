"""The store of one run: `SessionRefRegistry`."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final, NoReturn, SupportsIndex, cast, overload

from typing_extensions import TypeForm

from liveref._hints.info import class_info
from liveref._key import RegistryKey, new_object
from liveref._lanes import LANES
from liveref._policy import DEFAULT_LIFETIME, MAX_SESSION_REFS_PER_RUN, RefLifetime
from liveref._recipe import AnyRecipe
from liveref._registry import finalize
from liveref._registry.borrowing import Borrow
from liveref._registry.entering import Entering
from liveref._registry.entry import Entry, Holder, RefInfo, let_go, place_of
from liveref._registry.finalize import DUTY, Finalizer, arun, closing
from liveref._registry.going import note_error
from liveref._registry.leases import Seconds, Whose
from liveref._registry.outcome import Outcome
from liveref._registry.resolver import Resolver
from liveref._registry.stats import RegistryStats, stats_of
from liveref._registry.store import SHUT, id_of, new_store
from liveref._registry.table import describe_all
from liveref._registry.typed import TypedRefs
from liveref._text.ids import FRESH_IDS, fresh_id, is_spent, pop_fresh_id
from liveref._text.tag import readable
from liveref._typing import MISSING, Default, Missing, T, V
from liveref.exceptions import InvalidArgumentError

__all__ = ["SessionRefRegistry"]

_TICK: Final = 0.001
"""Seconds: plain refs that one place inserts within a tick share an entry."""


_frame: Final = sys._getframe


class SessionRefRegistry(Entering):
    """The live objects of one run, each under a typed key.

    Safe to use from any thread and task, from a finalizer, ``__del__`` or signal handler, and in the child after a
    fork. No method blocks. That of a `Session` ends with it, another with `close` or ``contextlib.closing``.

    Args:
        capacity: refs held at most, at least 1.
        ttl: seconds after which a ref has expired, counted from its insert; None never. Each insert may say another.
        idle: seconds without a use after which a ref has expired; as ``ttl``.
        owned: whether each ref has to have an owner, so that an insert where nobody acts fails.
        per_owner: refs of one owner at most.
        clock: gives the seconds of leases, for tests.
        engine: looks the keys of other processes up that are not here, for ``get``, ``[]`` and ``get_any``.

    Raises:
        InvalidArgumentError: one of them is no such thing.

    Example:
        >>> import sqlite3
        >>> registry = SessionRefRegistry()
        >>> key = registry.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close)
        >>> registry.get(key).execute("select 6 * 7").fetchone()
        (42,)
        >>> registry.close()
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        capacity: int = MAX_SESSION_REFS_PER_RUN,
        ttl: float | None = None,
        idle: float | None = None,
        owned: bool = False,
        per_owner: int | None = None,
        clock: Callable[[], float] = monotonic,
        engine: Resolver | None = None,
    ) -> None:
        super().__init__(capacity, (ttl, idle, owned, per_owner, clock), engine)

    def _inner(self) -> SessionRefRegistry:
        """A registry of the same capacity and defaults, which finds the refs of this one too."""
        inner = new_store(SessionRefRegistry, self._capacity, self._defaults, self._resolver)
        inner._parent = self
        return inner

    @overload
    def insert(
        self,
        value: T,
        hint: Missing = ...,
        *,
        lifetime: RefLifetime = ...,
        finalizer: Callable[[T], object] | None = ...,
        reopen: AnyRecipe[T] | None = ...,
        ttl: Seconds = ...,
        idle: Seconds = ...,
        owner: Whose = ...,
    ) -> RegistryKey[T]: ...
    @overload
    def insert(
        self,
        value: object,
        hint: TypeForm[V],
        *,
        lifetime: RefLifetime = ...,
        finalizer: Callable[[V], object] | None = ...,
        reopen: AnyRecipe[V] | None = ...,
        ttl: Seconds = ...,
        idle: Seconds = ...,
        owner: Whose = ...,
    ) -> RegistryKey[V]: ...
    def insert(
        self, value: object, *rest: Any, finalizer: Callable[..., object] | None = None, **named: Any
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
            ttl: seconds after which it has expired; None never. As the registry says where it is not given.
            idle: seconds without a use after which it has; as ``ttl``.
            owner: whose it is; None nobody's. Who acts where it is not given.
            rest: the hint, where it has no name.
            named: all the others.

        Raises:
            RefTypeError: the value is not of the hint; nothing is stored.
            HintError: the hint can't be checked at run time.
            InvalidArgumentError: seconds or an owner are none.
            CapacityExceededError: the registry is full, or the owner's share of it.
            RegistryClosedError: the registry is closed, or its session has ended.
        """
        try:
            cls = value.__class__
        except Exception:  # noqa: BLE001  any code of a proxy
            cls = None
        try:
            frame = _frame(1)
        except ValueError:  # no Python code calls
            return self._insert(value, None, *rest, finalizer=finalizer, **named)
        if rest or named or cls is not type(value):  # one test for all of them: this is half of what an insert does
            return self._insert(value, frame, *rest, finalizer=finalizer, **named)
        try:
            uid = pop_fresh_id()
        except IndexError:
            if is_spent():  # somebody acts here, or did
                return self._insert(value, frame, finalizer=finalizer)
            uid = fresh_id()
        refs = self._refs
        if len(refs) >= self._room:
            return self._insert(value, frame, finalizer=finalizer)
        code = frame.f_code
        offset = frame.f_lasti
        now = monotonic()
        if finalizer is None:
            entry = self._latest
            if entry is None or code is not entry.code or offset != entry.offset or now - entry.born > _TICK:
                self._latest = entry = Entry(now, code, offset)
        else:
            entry = Entry(now, code, offset, DEFAULT_LIFETIME, Finalizer(closing(finalizer), uid))
        holder: Holder[Any] = new_object(RegistryKey)
        holder._id = uid
        holder._info = cls
        holder._value = value
        holder._entry = entry
        refs[uid] = holder
        if len(refs) > self._room:
            self._confirm(holder, "insert")
        return holder

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
        return self._look_up(key, object, MISSING)

    def borrow(self, key: RegistryKey[T]) -> Borrow[T]:
        """The object of a key for the length of a ``with`` or ``async with``, in which no finalizer of it runs.

        Whatever ends the ref meanwhile takes it out at once; its finalizer runs when the last borrower gives it back,
        there. What that raises is raised there, bare. A lent ref does not expire.

        Raises:
            RefNotFoundError, RefReleasedError, RefTypeError: as `get`, at the ``with``.

        Example:
            >>> registry = SessionRefRegistry()
            >>> key = registry.insert([1])
            >>> with registry.borrow(key) as numbers:
            ...     numbers.append(2)
            >>> registry[key]
            [1, 2]
        """
        return Borrow(self, key)

    def stats(self) -> RegistryStats:
        """What the registry holds, in numbers; for the run's own code, whoever acts. O(n)."""
        return stats_of(self._refs, self._capacity, self._book)

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
        self._check("verify", *self._held(key, parents=True, used=True), key._info, full=True)

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
        self._note(holder, "removed")
        try:
            taken.extend(map(self._refs.pop, (place_of(holder),), (None,)))
            if taken[0] is not None:
                self._left(holder)
                let_go(holder)
                if finalizer is not None:
                    finalizer.hand_over(uid)
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
            guarded = self._reachable(uid)
            return guarded is not None and self._release(guarded)
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
        holder = self._reachable(id_of(key))
        if holder is None:
            return False
        outcome = Outcome()
        await arun(self._drop([holder], "released", outcome), outcome, timeout, bare=True)
        return bool(outcome.count)

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
        guard = holder._entry.guard
        if to._defaults.owned and (guard is None or guard.owner is None):
            raise InvalidArgumentError(
                "key", "that of a ref with an owner, for the other registry is owned=True", "one of nobody's"
            )
        if to is not self and not self._move(holder, to, holder._entry):
            raise self._absence(holder._id)
        return key

    def keys(self) -> list[RegistryKey[object]]:
        """The keys of the refs held now, in the order of their inserts, of those that who acts may look up; O(n)."""
        return list(self._seen().copy().values())

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

    def renew(self, key: RegistryKey[object]) -> None:
        """Begin the ttl and the idle time of a ref anew.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`, but not looking in a parent.

        Example:
            >>> registry = SessionRefRegistry(ttl=60)
            >>> key = registry.insert([1])
            >>> registry.renew(key)
        """
        uid = id_of(key)
        holder = self._find(uid, parents=False)
        if holder is None:
            raise self._absence(uid)
        if holder._entry.guard is not None:
            holder._entry.guard.renew()

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
        """What may be told of the refs held now, of those that who acts may look up; O(n).

        Redacted, and without the objects; a table in rich and IPython.
        """
        return describe_all(self._seen().copy().values(), self._book)

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


_given = inspect.signature(SessionRefRegistry._insert)
_parameters = [each for name, each in _given.parameters.items() if name != "frame"]
setattr(SessionRefRegistry.insert, "__signature__", _given.replace(parameters=_parameters))  # noqa: B010  a method has no such attribute yet
setattr(SessionRefRegistry.insert, "__wrapped__", SessionRefRegistry._insert)  # noqa: B010  whose defaults those are
SessionRefRegistry._insert.__qualname__ = SessionRefRegistry.insert.__qualname__  # what a TypeError names

if LANES is not None:  # pragma: no cover  the tests of the compiled wheel run it
    _classes = SessionRefRegistry, RegistryKey, Finalizer, Entry(0.0, None, 0), Outcome
    _values = FRESH_IDS, _TICK, DUTY, SHUT, vars(finalize)
    LANES.install(*_classes, *_values, class_info, deque[object].append, note_error)
