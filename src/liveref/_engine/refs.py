"""The refs of all homes, seen from any process: `EngineRefs`, and those of one session: `SessionRefs`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast, final, overload
from uuid import UUID

from typing_extensions import TypeForm

from liveref._engine.answers import Away, Found
from liveref._engine.calls import Calls, Target, target_of, there
from liveref._engine.home import inner_hint
from liveref._engine.room import Terms
from liveref._hints.info import class_info, class_of, hint_of, mismatch, tag_of
from liveref._hints.pinned import Pinned
from liveref._hints.predicates import Part
from liveref._key import RegistryKey, make_key
from liveref._policy import DEFAULT_LIFETIME, RefLifetime
from liveref._recipe import Recipe
from liveref._registry.leases import Seconds, Whose
from liveref._registry.owners import Owner
from liveref._registry.pin import hint_of_pinned
from liveref._registry.resolver import check_found
from liveref._registry.shield import off_loop
from liveref._registry.store import id_of
from liveref._text.elsewhere import RefLostError
from liveref._text.marker import redact
from liveref._text.route import Route, route_of
from liveref._text.tag import loaded_class, readable, type_tag
from liveref._typing import MISSING, Default, Missing, T, T_co, V
from liveref.exceptions import InvalidArgumentError, RefNotFoundError, RefReleasedError, RefTypeError

__all__ = ["EngineRefs", "Handle", "SessionRefs", "Whereabouts"]

R = TypeVar("R")


class Whereabouts(NamedTuple):
    """What may be told of a ref of an engine.

    Attributes:
        key: the redacted key.
        type_tag: what it is.
        origin: the process that it lives in.
        kind: ``"shared"`` (others get copies), ``"pinned"`` (functions go there) or ``"plain"`` (of its home alone).
    """

    key: str
    type_tag: str
    origin: str
    kind: str


@final
class Handle(Pinned[T_co], Generic[T_co]):
    """The Pinned of an object of another process.

    Attributes:
        key: its key.
        tag: the type tag of the Pinned.
    """

    __slots__ = ("_calls", "key", "tag")

    def __init__(self, calls: Calls, key: RegistryKey[Any], tag: str) -> None:
        self._calls = calls
        self.key = key
        self.tag = tag

    def run(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R:
        if not callable(fn):
            raise InvalidArgumentError("fn", "callable", readable(type(fn)))
        result: R = self._calls._ask(target_of(self.key, self.tag), "run", self.key, fn, timeout=timeout)
        return result

    async def arun(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R:
        return await off_loop(partial(self.run, fn, timeout=timeout))

    def _fits(self, part: Part, *, full: bool) -> bool:  # noqa: ARG002  the home looks at all of it
        cls = loaded_class(self.tag.partition("[")[2].removesuffix("]"))
        return cls is None or not part.only_classes or issubclass(cls, part.front)

    def _tag(self) -> str:
        return self.tag

    def __repr__(self) -> str:
        return f"<{self.tag.partition(':')[2]} {redact(self.key._id)}>"


class EngineRefs:
    """Any ref of the homes of an engine, from any process of it.

    Safe to use from any thread. Each call may be one over the network: `get_many` asks each home once.
    """

    __slots__ = ("_calls",)

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @overload
    def get(self, key: RegistryKey[T], /, *, default: Missing = ..., timeout: float | None = ...) -> T: ...
    @overload
    def get(self, key: RegistryKey[T], /, *, default: Default, timeout: float | None = ...) -> T | Default: ...
    def get(self, key: RegistryKey[object], /, *, default: object = MISSING, timeout: float | None = None) -> object:
        """The object of a key: at its home itself, elsewhere a read-only copy or a `Pinned`.

        Args:
            key: the key.
            default: what to give where it was never there, or has gone or expired; nothing else is hidden by it.
            timeout: seconds; None for the engine's.

        Raises:
            RefNotFoundError, RefReleasedError, RefDroppedError: as of a registry.
            RefElsewhereError: it was inserted by its home's own code, and stays there.
            RefLostError: its process is gone.
            RefUnavailableError: its process gives no answer in time.
            RefTypeError: it is not of the key's type.
        """
        try:
            value = self._fetch(key, timeout)
        except (RefNotFoundError, RefReleasedError):
            if default is MISSING:
                raise
            return default
        check_found(key, value, key._info)
        return value

    def __getitem__(self, key: RegistryKey[T]) -> T:
        """As `get` without a default."""
        return self.get(key)

    async def aget(self, key: RegistryKey[T], /, *, timeout: float | None = None) -> T:
        """As `get`, without blocking the event loop, asyncio's or trio's."""
        found: T = await off_loop(partial(self.get, key, timeout=timeout))
        return found

    def get_many(self, keys: Sequence[RegistryKey[T]], /, *, timeout: float | None = None) -> list[T]:
        """The objects of keys in their order, by one call a home.

        Args:
            keys: the keys.
            timeout: seconds for each home; None for the engine's.

        Raises:
            RefLookupError, EngineError: as `get`, of the first key that fails.
        """
        by_home: dict[Route, list[int]] = {}
        targets = [self._target(key) for key in keys]
        for place, target in enumerate(targets):
            by_home.setdefault(Route(target.route.home, 0), []).append(place)
        found: dict[int, object] = {}
        for places in by_home.values():
            found.update(
                zip(places, self._get_there([keys[at] for at in places], targets[places[0]], timeout), strict=True)
            )
        return [self._given(keys[at], found[at], timeout) for at in range(len(keys))]

    def _get_there(self, keys: list[RegistryKey[Any]], target: Target, timeout: float | None) -> list[object]:
        """For each key of one home what that says, or None where it does not."""
        limit = self._calls._limit("get", timeout)
        try:
            found: list[object] = self._calls._ask_at(target, "get_many", ([_untyped(key) for key in keys],), limit)
        except (RefNotFoundError, RefReleasedError, RefLostError):
            return [None] * len(keys)
        return found

    def _given(self, key: RegistryKey[T], found: object, timeout: float | None) -> T:
        """The object of what was found; a key of which there is none is asked for itself: it may have moved."""
        if found is None:
            return self.get(key, timeout=timeout)
        try:
            value = self._received(key, there(cast("Found", found)))
        except RefReleasedError:
            return self.get(key, timeout=timeout)
        check_found(key, value, key._info)
        return cast("T", value)

    @overload
    def at(self, key: RegistryKey[Pinned[T]], /) -> Pinned[T]: ...
    @overload
    def at(self, key: RegistryKey[T], /) -> Pinned[T]: ...
    def at(self, key: RegistryKey[Any], /) -> Pinned[Any]:
        """The object of a key where it lives, whatever it is, as a `Pinned`. No call is made.

        Raises:
            RefNotFoundError: the key says nothing of where its object is.
        """
        target = self._target(key)
        is_pinned, _ = inner_hint(key)
        return Handle(self._calls, key, target.tag if is_pinned else type_tag(hint_of_pinned(hint_of(key._info))))

    def derive(
        self,
        key: RegistryKey[Pinned[T]],
        fn: Callable[[T], R],
        /,
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        timeout: float | None = None,
    ) -> RegistryKey[Pinned[R]]:
        """The key of what a function gives for a pinned object: it stays there, in the same thread.

        Raises:
            RefLookupError, EngineError: as ``run`` of the Pinned.
            CapacityExceededError, RegistryClosedError: as an insert.
        """
        made: RegistryKey[Pinned[R]] = self._calls._ask(
            self._target(key), "derive", key, fn, Terms(lifetime), timeout=timeout
        )
        return made

    def release(self, key: RegistryKey[object], /) -> bool:
        """End a ref where it lives; False if it was not there."""
        try:
            ended: bool = self._calls._ask(self._target(key), "release", _untyped(key))
        except (RefNotFoundError, RefReleasedError):
            return False
        return ended

    def clone_ref(self, key: RegistryKey[T], /) -> RegistryKey[T]:
        """A new key of the same object, at the same home."""
        made: RegistryKey[T] = self._calls._ask(self._target(key), "clone_ref", key)
        return make_key(made._id, key._info)

    def transfer_ref(self, key: RegistryKey[T], to: SessionRefs, /) -> RegistryKey[T]:
        """A new key in another session of what is shared; the old one goes once the new one stands.

        Lifetime, owner, and what is left of its lease go along.

        Raises:
            RefElsewhereError: it is not shared; nothing was moved.
            RefLookupError, EngineError, CapacityExceededError, RegistryClosedError: nothing was released.
        """
        if not isinstance(to, SessionRefs):
            raise InvalidArgumentError("to", "the SessionRefs of a session", readable(type(to)))
        target = self._target(key)
        taken: tuple[object, Terms] = self._calls._ask(target, "take", key)
        made = to._insert(taken[0], hint_of(key._info), taken[1], None)
        self._calls._ask(target, "gone", key)
        return make_key(made._id, key._info)

    def describe(self, key: RegistryKey[object], /) -> Whereabouts:
        """What may be told of a ref."""
        target = self._target(key)
        return Whereabouts(target.key, *self._calls._ask(target, "describe", key))

    def _target(self, key: RegistryKey[Any]) -> Target:
        id_of(key)
        return target_of(key, tag_of(key._info))

    def _fetch(self, key: RegistryKey[Any], timeout: float | None) -> object:
        """The object of a key, whatever it is."""
        target = self._target(key)
        is_pinned, _ = inner_hint(key)
        if is_pinned and not self._calls._is_here(target.route):
            return self._handle(key, target.tag)  # to use it is a call of its own
        return self._received(key, there(self._calls._ask(target, "get", _untyped(key), timeout=timeout)))

    def _received(self, key: RegistryKey[Any], found: Found) -> object:
        return self._handle(key, found.value.tag) if isinstance(found.value, Away) else found.value

    def _handle(self, key: RegistryKey[Any], tag: str) -> Pinned[Any]:
        return Handle(self._calls, key, tag)


class SessionRefs(EngineRefs):
    """The refs of one session of a home; new ones go there. Any ref of the engine can be looked up too."""

    __slots__ = ("_id", "_place", "_token")

    def __init__(self, calls: Calls, token: str) -> None:
        super().__init__(calls)
        try:
            route = route_of(UUID(token).bytes)
        except (ValueError, AttributeError, TypeError):
            route = None
        if route is None:
            raise InvalidArgumentError("token", "that of a session", readable(type(token)))
        self._token = token
        self._id = str(route)
        self._place = Target(route, f"of session {route}", "a session")

    @overload
    def insert(
        self,
        value: T,
        /,
        hint: Missing = ...,
        *,
        lifetime: RefLifetime = ...,
        ttl: Seconds = ...,
        idle: Seconds = ...,
        owner: Whose = ...,
        timeout: float | None = ...,
    ) -> RegistryKey[T]: ...
    @overload
    def insert(
        self,
        value: object,
        /,
        hint: TypeForm[V],
        *,
        lifetime: RefLifetime = ...,
        ttl: Seconds = ...,
        idle: Seconds = ...,
        owner: Whose = ...,
        timeout: float | None = ...,
    ) -> RegistryKey[V]: ...
    def insert(
        self,
        value: object,
        /,
        hint: object = MISSING,
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
        timeout: float | None = None,
    ) -> RegistryKey[object]:
        """The key of a value that others get copies of; arrays can't be written any more.

        Args:
            value: it is pickled where the home is another process.
            hint: the type of the key; without one its class.
            lifetime: when the ref is purged.
            ttl: seconds after which it has expired; None never. As the session says where it is not given.
            idle: seconds without a use after which it has; as ``ttl``.
            owner: whose it is; None nobody's. Who acts here where it is not given.
            timeout: seconds; None for 120.

        Raises:
            RefTypeError: the value is not of the hint; nothing is stored.
            InvalidArgumentError, CapacityExceededError, RegistryClosedError: as of a registry.
            RefLostError: the process of the session is gone.
            RefUnavailableError: it gives no answer in time; the value may be stored.
        """
        if isinstance(value, Pinned):
            raise InvalidArgumentError("value", "something that can be copied", "a Pinned: use create(factory)")
        return self._insert(value, hint, Terms(lifetime, ttl, idle, owner), timeout)

    def _insert(self, value: object, hint: object, terms: Terms, timeout: float | None) -> RegistryKey[Any]:
        info = class_of(value) if hint is MISSING else class_info(hint)
        found = mismatch(value, info, full=True)
        if found is not None:
            raise RefTypeError(
                "insert", None, readable(hint_of(info)), found.found, "Nothing was stored."
            ) from found.cause
        made: RegistryKey[Any] = self._ask("insert", value, hint, terms, timeout=timeout)
        return made

    def create(
        self,
        factory: Callable[[], T],
        /,
        *,
        finalizer: Callable[[T], object] | None = None,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
        thread: bool = True,
        timeout: float | None = None,
    ) -> RegistryKey[Pinned[T]]:
        """The key of an object that is made at the home, and stays there.

        Args:
            factory: makes it, there.
            finalizer: closes it, there; a plain function.
            lifetime: when the ref is purged.
            ttl: as for `insert`, as are the next two.
            idle: seconds without a use after which it has expired. It does not expire while a function uses it.
            owner: whose it is.
            thread: as for `liveref.pin`.
            timeout: seconds for the factory; None for the engine's.

        Raises:
            InvalidArgumentError, CapacityExceededError, RegistryClosedError: as `insert`.
            InvalidArgumentError: so is an asynchronous finalizer, which a home can't await; nothing is made.
            RefLostError, RefUnavailableError: as `insert`.
                What the factory raises is raised here.
        """
        terms = Terms(lifetime, ttl, idle, owner)
        made: RegistryKey[Pinned[T]] = self._ask("create", factory, finalizer, thread, terms, timeout=timeout)
        return made

    def open(
        self,
        recipe: Recipe[T],
        /,
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
        timeout: float | None = None,
    ) -> RegistryKey[Pinned[T]]:
        """As `create`, by a recipe, which opens it again after a pause.

        Raises:
            ReopenError: the recipe raised.
            InvalidArgumentError: its finalizer is asynchronous, as for `create`.
            UnknownTypeTagError: it is not registered at the home: see ``imports``.
        """
        if not isinstance(recipe, Recipe):
            raise InvalidArgumentError("recipe", "a Recipe", readable(type(recipe)))
        made: RegistryKey[Pinned[T]] = self._ask("open", recipe, Terms(lifetime, ttl, idle, owner), timeout=timeout)
        return made

    def renew(self, key: RegistryKey[object], /) -> None:
        """Begin the ttl and the idle time of a ref anew.

        Raises:
            RefLookupError, EngineError: as `EngineRefs.get`.
        """
        self._calls._ask(self._target(key), "renew", _untyped(key))

    def keys(self) -> list[RegistryKey[object]]:
        """The keys of the session's refs that who acts may look up, in the order of their inserts."""
        found: list[RegistryKey[object]] = self._ask("keys")
        return found

    def __len__(self) -> int:
        found: int = self._ask("count")
        return found

    def __bool__(self) -> bool:
        """True, with no refs too; no call is made."""
        return True

    def drain(self, *, owner: Owner | Missing | None = MISSING) -> int:
        """End all refs of the session; how many.

        Args:
            owner: whose alone, as where somebody logs out; None for those of nobody.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        count: int = self._ask("drain", owner)
        return count

    def sweep(self) -> int:
        """End what has expired of the session, and run its finalizers; how many refs were taken out.

        A home does so by itself only where it finds a session full, and at its end.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run.
        """
        count: int = self._ask("sweep")
        return count

    def _ask(self, operation: str, *args: object, timeout: float | None = None) -> Any:
        return self._calls._ask(self._place, operation, self._token, *args, timeout=timeout)

    def __repr__(self) -> str:
        return f"<SessionRefs of session {self._id}>"


def _untyped(key: RegistryKey[Any]) -> RegistryKey[Any]:
    """A key without its hint, which may be one that can't be pickled: what comes is checked here."""
    return make_key(key._id, object)
