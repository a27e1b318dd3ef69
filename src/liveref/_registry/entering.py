"""Refs whose objects the registry opens itself, or enters."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from time import monotonic
from typing import cast, overload

from typing_extensions import TypeForm

from liveref._hints.info import class_info
from liveref._key import RegistryKey, key_of_marker
from liveref._policy import DEFAULT_LIFETIME, RefLifetime
from liveref._recipe import AnyRecipe, AsyncRecipe, Recipe
from liveref._registry.closing import Closing
from liveref._registry.entry import Entry, caller, hold
from liveref._registry.finalize import Exit, arun, finish
from liveref._registry.guards import Opening, aclose_again, aopened_by, not_awaited, opened_by
from liveref._registry.leases import Guard, Seconds, Whose, guard_of
from liveref._registry.outcome import Outcome, Place
from liveref._registry.owners import ACTING
from liveref._registry.store import id_of
from liveref._registry.sturdy import Token, recipe_field, require_ring, sturdy_marker_of, token_in
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.marker import parse_marker, redact
from liveref._text.tag import readable
from liveref._text.telling import told
from liveref._typing import MISSING, Default, Missing, T, V
from liveref.exceptions import (
    CapacityExceededError,
    InvalidArgumentError,
    MarkerAuthError,
    RefNotFoundError,
    RegistryClosedError,
)

__all__ = ["Entering"]


class Entering(Closing):
    """A registry as far as it opens what it holds."""

    __slots__ = ()

    def open(
        self,
        recipe: Recipe[T],
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> RegistryKey[T]:
        """The key of an object that a recipe opens now, with the recipe and its finalizer.

        Args:
            recipe: opens it.
            lifetime: when the ref is purged.
            ttl: as for `insert`, as are the next two.
            idle: seconds without a use after which it has expired.
            owner: whose it is.

        Raises:
            ReopenError: the recipe raised.
            RefTypeError: it gave something else than its function's annotation says; that is closed again.
            CapacityExceededError: the registry is full; the object is closed again.
            RegistryClosedError: the registry is closed; so is the object.
        """
        if isinstance(recipe, AsyncRecipe):
            raise not_awaited(recipe, "Await what it opens: await refs.aopen(recipe).")
        if not isinstance(recipe, Recipe):
            raise InvalidArgumentError("recipe", "a Recipe", readable(type(recipe)))
        if self._closed:
            raise RegistryClosedError("open")
        frame = caller()
        guard_of(ttl, idle, owner, self._defaults)  # raises before anything is opened
        value = cast("T", opened_by(recipe))
        finalizer = recipe._reopener.finalizer
        try:
            return self._insert(
                value, frame, lifetime=lifetime, finalizer=finalizer, reopen=recipe, ttl=ttl, idle=idle, owner=owner
            )
        except BaseException:
            if finalizer is not None:
                finish(finalizer, value)
            raise

    async def aopen(
        self,
        recipe: AnyRecipe[T],
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> RegistryKey[T]:
        """As `open`, awaiting an asynchronous recipe, and a finalizer where the object is closed again.

        Raises:
            RuntimeError: the event loop here is not asyncio's; nothing was opened.

        Example:
            >>> import asyncio
            >>> from liveref import SessionRefRegistry, reopener
            >>> @reopener("example.words")
            ... async def words(text: str) -> list[str]:
            ...     return text.split()
            >>> async def main() -> list[str]:
            ...     registry = SessionRefRegistry()
            ...     return registry.get(await registry.aopen(words.recipe("a b")))
            >>> asyncio.run(main())
            ['a', 'b']
        """
        frame = caller()
        if not isinstance(recipe, Recipe | AsyncRecipe):
            raise InvalidArgumentError("recipe", "a recipe", readable(type(recipe)))
        if self._closed:
            raise RegistryClosedError("aopen")
        guard_of(ttl, idle, owner, self._defaults)  # raises before anything is opened
        from liveref._registry.shield import require_asyncio  # noqa: PLC0415  it loads asyncio

        require_asyncio("aopen")
        opened = opened_by(recipe) if isinstance(recipe, Recipe) else await aopened_by(recipe)
        value, finalizer = cast("T", opened), recipe._reopener.finalizer
        try:
            return self._insert(
                value, frame, lifetime=lifetime, finalizer=finalizer, reopen=recipe, ttl=ttl, idle=idle, owner=owner
            )
        except BaseException:
            await aclose_again(recipe, value)
            raise

    @overload
    async def aget(self, key: RegistryKey[T], hint: Missing = ..., *, default: Missing = ...) -> T: ...
    @overload
    async def aget(self, key: RegistryKey[T], hint: Missing = ..., *, default: Default) -> T | Default: ...
    @overload
    async def aget(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Missing = ...) -> V: ...
    @overload
    async def aget(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Default) -> V | Default: ...
    async def aget(self, key: RegistryKey[object], hint: object = MISSING, *, default: object = MISSING) -> object:
        """As `SessionRefRegistry.get`, awaiting an asynchronous recipe that has not run since the pause.

        It runs once, in a task of its own, however many tasks ask: who is cancelled leaves the others their object,
        and with the last who waits the opening is cancelled. What it raises is raised for each who waits, and the next
        ``aget`` tries again. Afterwards `get` and all the others work.

        For any other ref it is as `get`, but what an engine asks another process does not block the event loop.

        Raises:
            ReopenError: the recipe raised.
            RuntimeError: it has not run, and the event loop here is not asyncio's.

        Example:
            >>> import asyncio
            >>> from liveref import Session, reopener
            >>> @reopener("example.numbers")
            ... async def load(path: str) -> list[int]:
            ...     return [1, 2]
            >>> async def main() -> list[int]:
            ...     async with Session() as session:
            ...         key = await session.refs.aopen(load.recipe("a file"))
            ...         snapshot = session.snapshot()
            ...     async with Session.resume(snapshot) as session:
            ...         return await session.refs.aget(key)
            >>> asyncio.run(main())
            [1, 2]
        """
        await self._aopen(key)
        look_up = partial(self._look_up, key, None if hint is MISSING else class_info(hint), default)
        if self._resolver is None or self._find(id_of(key), parents=True) is not None:
            return look_up()
        from liveref._registry.shield import off_loop  # noqa: PLC0415  it loads asyncio

        return await off_loop(look_up)  # another process may be asked

    def enter_context(
        self,
        cm: AbstractContextManager[T, bool | None],
        *,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> RegistryKey[T]:
        """The key of what a context manager gives; it is left when the ref goes, as in `contextlib.ExitStack`.

        It sees the exception that leaves the session's body. At capacity it is left again at once.

        Args:
            cm: the context manager.
            ttl: as for `insert`, as are the next two.
            idle: seconds without a use after which it has expired.
            owner: whose it is.

        Raises:
            InvalidArgumentError: it is no context manager.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed; nothing was entered.
        """
        _require_methods(cm, "__enter__", "__exit__")
        if self._closed:
            raise RegistryClosedError("enter_context")
        cls, guard = type(cm), guard_of(ttl, idle, owner, self._defaults)
        leave = Exit(partial(cls.__exit__, cm), place=Place.THIS_TASK)
        entry = Entry.of_call(caller(), finalizer=leave, guard=guard)
        entered: list[T] = []
        uid = self._fresh_id()
        try:
            entered.extend(map(cls.__enter__, (cm,)))  # in one step: what was entered is known to be
            return self._keep_value(entered[0], None, entry, "enter_context", uid)
        except BaseException as error:
            if entered and self._at(uid) is None:
                cls.__exit__(cm, type(error), error, error.__traceback__)
            raise

    async def enter_async_context(
        self,
        cm: AbstractAsyncContextManager[T, bool | None],
        *,
        own_task: bool = False,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> RegistryKey[T]:
        """As `enter_context`, for an asynchronous one; left by `arelease`, `adrain`, `aclose` and ``async with``.

        Args:
            cm: the context manager.
            own_task: a task of its own enters it, waits and leaves it, so that any task may end it. Some have to be
                left by the task that entered them, as those with a cancel scope or task group inside: the session of
                an MCP client. It needs asyncio.
            ttl: as for `insert`, as are the next two.
            idle: seconds without a use after which it has expired; it needs ``own_task``, as ``ttl`` does.
            owner: whose it is.

        Raises:
            InvalidArgumentError: it is no asynchronous context manager.
            CapacityExceededError: the registry is full.
            RegistryClosedError: the registry is closed; nothing was entered.
            RuntimeError: ``own_task`` on another event loop than asyncio's; nothing was entered.
        """
        frame = caller()
        _require_methods(cm, "__aenter__", "__aexit__")
        if self._closed:
            raise RegistryClosedError("enter_async_context")
        guard = guard_of(ttl, idle, owner, self._defaults)
        from liveref._registry.own_task import enter  # noqa: PLC0415  it loads asyncio

        value, finalizer = await enter(cm, own_task=own_task)
        uid = self._fresh_id()
        try:
            entry = Entry.of_call(frame, finalizer=finalizer, guard=guard)
            return self._keep_value(value, None, entry, "enter_async_context", uid)
        except BaseException as error:
            if self._at(uid) is None:
                await arun(finalizer.leave_again(error), Outcome(), None)
            raise

    def sturdy_marker(self, key: RegistryKey[object], *, keys: SnapshotKeys) -> dict[str, str]:
        """The marker of a key that carries the recipe of its ref, signed: `admit` takes it in another process too.

        Args:
            key: the key of a ref with a recipe (``reopen=``, or `open`).
            keys: the ring whose current key signs it. Signed is not secret: no passwords among the arguments.

        Raises:
            InvalidArgumentError: the ref has no recipe, or one that takes more than 8 KiB.
            RefNotFoundError, RefReleasedError: as `get`.
        """
        require_ring(keys)
        uid = id_of(key)
        holder = self._find(uid, parents=True)
        if holder is None:
            raise self._absence(uid)
        return sturdy_marker_of(holder, keys)

    @overload
    def admit(self, marker: object, hint: Missing = ..., *, keys: SnapshotKeys) -> RegistryKey[object]: ...
    @overload
    def admit(self, marker: object, hint: TypeForm[V], *, keys: SnapshotKeys) -> RegistryKey[V]: ...
    def admit(self, marker: object, hint: object = MISSING, *, keys: SnapshotKeys) -> RegistryKey[object]:
        """The key of a sturdy marker; where the registry knows nothing of it, it now waits for its recipe.

        Nothing is opened before the first lookup, and twice is once. What was released here stays so for as long as
        that is remembered: a marker is revoked by a new ring. One without a recipe is read as by
        `RegistryKey.from_marker`.

        Args:
            marker: what `sturdy_marker` wrote.
            hint: the type that a lookup checks; without one a lookup gives ``object``.
            keys: the ring; any of its keys may have signed it.

        Raises:
            MarkerAuthError: it has no valid signature, or it is another owner's.
            MarkerError: it is no marker.
            UnknownTypeTagError, RefLoadError: its recipe is not registered, or takes the arguments no more.
            CapacityExceededError, RegistryClosedError: there is no room for it.

        Example:
            >>> import secrets
            >>> from liveref import SessionRefRegistry, SnapshotKeys, reopener
            >>> @reopener("docs.admit.rows")
            ... def rows(count: int) -> list[int]:
            ...     return [*range(count)]
            >>> ring = SnapshotKeys({"2026-11": secrets.token_bytes(32)}, current="2026-11")
            >>> before, after = SessionRefRegistry(), SessionRefRegistry()
            >>> marker = before.sturdy_marker(before.open(rows.recipe(3)), keys=ring)
            >>> after[after.admit(marker, list, keys=ring)]
            [0, 1, 2]
        """
        require_ring(keys)
        key = key_of_marker(marker, class_info(object if hint is MISSING else hint))
        text = recipe_field(marker)
        if text is None:
            return key
        uid, type_tag = parse_marker(marker)
        token = token_in(text, uid, type_tag, keys)
        if token.guard.owner != ACTING.get() and token.guard.owner is not None:
            raise MarkerAuthError("another owner's marker", "one of who acts", "Act as its owner, or refuse it.")
        if token.guard.owner is None and self._defaults.owned:
            raise InvalidArgumentError("marker", "that of an owner, for the registry is owned=True", "one of nobody's")
        if self._find(uid, parents=True) is None and type(self._absence(uid)) is RefNotFoundError:
            self._await_recipe(uid, token)
        return key

    def _await_recipe(self, uid: bytes, token: Token) -> None:
        opening = Opening(token.recipe, token.type_tag)
        if opening.finalizer is not None:
            opening.finalizer.share(uid)
        owner, ttl, idle, left = token.guard
        guarded = owner is not None or ttl is not None or idle is not None
        guard = Guard(owner, ttl, idle, self._defaults.clock, left) if guarded else None
        entry = Entry(
            monotonic(), None, 0, token.lifetime, opening.finalizer, token.recipe, opening=opening, guard=guard
        )
        try:
            self._keep(hold(uid, object, entry), "admit")
        except CapacityExceededError:
            if self._at(uid) is None:  # else another thread was faster, and took the last room with the same marker
                raise
        told("debug", "ref %s was admitted", redact(uid))


def _require_methods(cm: object, *methods: str) -> None:
    """Raise InvalidArgumentError unless a context manager has these methods."""
    if not all(hasattr(type(cm), method) for method in methods):
        raise InvalidArgumentError("cm", f"a context manager with {' and '.join(methods)}", readable(type(cm)))
