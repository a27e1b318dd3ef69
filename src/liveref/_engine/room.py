"""The sessions of a home: their refs have ids that say where they are."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple, Self, TypeVar
from uuid import UUID

from liveref._hints.info import ClassInfo
from liveref._key import RegistryKey
from liveref._pause.capture import Capture
from liveref._policy import DEFAULT_LIFETIME, MAX_SESSION_REFS_PER_RUN, RefLifetime, SessionPausePolicy
from liveref._recipe import Recipe
from liveref._registry.entry import Entry, Holder, hold
from liveref._registry.leases import Defaults, Guard, Seconds, Whose, guard_of
from liveref._registry.pin import duty_of
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.store import Store
from liveref._session import Session
from liveref._text.ids import fresh_id
from liveref._text.route import Route, routed_id
from liveref._text.tag import readable
from liveref._typing import MISSING
from liveref.exceptions import InvalidArgumentError, RefFailure, RefNotFoundError

__all__ = ["HomeRegistry", "HomeSession", "Options", "Terms"]

R = TypeVar("R")


class Options(NamedTuple):
    """What a session of a home is given.

    Attributes:
        capacity: as for `Session`, as are the others but the last.
        policy: what a snapshot does with live refs.
        ttl: seconds after which a ref has expired.
        idle: seconds without a use after which it has.
        owned: whether each ref has to have an owner.
        per_owner: refs of one owner at most.
        lease: seconds after which the session ends, unless it is renewed or used; None where it lasts.
    """

    capacity: int = MAX_SESSION_REFS_PER_RUN
    policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_ERROR
    ttl: float | None = None
    idle: float | None = None
    owned: bool = False
    per_owner: int | None = None
    lease: float | None = None

    def checked(self) -> Self:
        """The same.

        Raises:
            InvalidArgumentError: one of them is no such thing.
        """
        Store(self.capacity, Defaults(self.ttl, self.idle, self.owned, self.per_owner))
        policy: object = self.policy
        if not isinstance(policy, SessionPausePolicy):
            raise InvalidArgumentError("policy", "a SessionPausePolicy", readable(type(policy)))
        lease = self.lease
        if lease is not None and not (type(lease) in {int, float} and 0 < lease < float("inf")):
            raise InvalidArgumentError("lease", "a positive number of seconds", readable(type(lease)))
        return self


class Terms(NamedTuple):
    """What an insert says of a ref.

    Attributes:
        lifetime: when it is purged.
        ttl: as for an insert; MISSING what the session gives, as for the next.
        idle: as for an insert.
        owner: whose it is; MISSING who acts.
        left: seconds that are left of its ttl, where it comes from another session.
        unused: seconds since its last use there.
    """

    lifetime: RefLifetime = DEFAULT_LIFETIME
    ttl: Seconds = MISSING
    idle: Seconds = MISSING
    owner: Whose = MISSING
    left: float | None = None
    unused: float = 0.0

    @classmethod
    def of(cls, entry: Entry) -> Terms:
        """Those of a ref that is to move, which keeps them."""
        guard = entry.guard
        if guard is None:
            return cls(entry.lifetime, None, None, None)
        return cls(entry.lifetime, guard.ttl, guard.idle, guard.owner, guard.left(), guard.clock() - guard.used)


class HomeRegistry(SessionRefRegistry):
    """A registry whose keys are found from other processes.

    Args:
        options: of its session.
        route: the last 12 digits of its keys.
    """

    __slots__ = ("_route",)

    def __init__(self, options: Options, route: Route) -> None:
        super().__init__(
            capacity=options.capacity,
            ttl=options.ttl,
            idle=options.idle,
            owned=options.owned,
            per_owner=options.per_owner,
        )
        self._route: Final = route
        self._room = -1  # no insert goes the short way, which takes ids of another kind

    def _fresh_id(self) -> bytes:
        return routed_id(self._route)

    def keep(
        self,
        value: object,
        info: ClassInfo | None,
        terms: Terms,
        recipe: Recipe[object] | None,
        *,
        shared: bool,
    ) -> Holder[Any]:
        """The key under which something is held from now on.

        Raises:
            InvalidArgumentError, CapacityExceededError, RegistryClosedError: as an insert.
        """
        guard = self.guard_by(terms)
        entry = Entry(monotonic(), None, 0, terms.lifetime, duty_of(value), recipe, None, guard, shared)
        return self._keep_value(value, info, entry, "insert")

    def guard_by(self, terms: Terms) -> Guard | None:
        """The guard of a new ref; None where it needs none.

        Raises:
            InvalidArgumentError: the terms are none, or there has to be an owner.
        """
        if not isinstance(terms.lifetime, RefLifetime):
            raise InvalidArgumentError("lifetime", "a RefLifetime", readable(type(terms.lifetime)))
        guard = guard_of(terms.ttl, terms.idle, terms.owner, self._defaults)
        if guard is not None:
            guard.ends = guard.ends if terms.left is None else guard.used + terms.left
            guard.used -= terms.unused
        return guard

    def in_use(self, holder: Holder[Any], fn: Callable[[Any], R]) -> Callable[[Any], R]:
        """A function for the object of a ref that does not expire while it runs, however long; its end is a use."""
        guard = holder._entry.guard
        if guard is None or not guard.is_leased():
            return fn

        def lent(value: Any) -> R:
            book, loan = self._guarding(), hold(fresh_id(), holder._info, holder._entry)
            book.lend(holder._id, loan)
            try:
                return fn(value)
            finally:
                book.take_back(holder._id, loan)
                guard.use()

        return lent


class HomeSession(Session):
    """A session of a home.

    Attributes:
        route: where it is.
        token: who has it may list and change the session.
        lease: seconds after which it ends, unless it is renewed or used; None where it lasts.
        used: when that was last.
        told: what its last snapshot dropped.
    """

    __slots__ = ("home_refs", "lease", "route", "token", "told", "used")

    def __init__(self, route: Route, options: Options) -> None:
        super().__init__(policy=options.policy)
        self._refs = self.home_refs = HomeRegistry(options, route)  # the first one has made no key yet
        self.route: Final = route
        self.token: Final = str(UUID(bytes=routed_id(route)))
        self.lease: Final = options.lease
        self.used = monotonic()
        self.told: list[RefFailure] = []

    def knows(self, key: RegistryKey[Any]) -> bool:
        """Whether it holds a key, or held it: not a newer one than the snapshot that it was resumed from."""
        refs = self._refs
        return refs._find(key._id, parents=False) is not None or type(refs._absence(key._id)) is not RefNotFoundError

    def is_due(self, now: float) -> bool:
        """Whether its lease has run out."""
        return self.lease is not None and now - self.used > self.lease

    def _settle(self, captured: Capture) -> None:
        """What was dropped is told to whom asked for the snapshot, in its own process."""
        self.told = captured.dropped
        super()._settle(captured._replace(dropped=[]))
