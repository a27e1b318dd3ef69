"""The sessions of a home: their refs have ids that say where they are."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any, Final
from uuid import UUID

from liveref._hints.info import ClassInfo
from liveref._key import RegistryKey
from liveref._pause.capture import Capture
from liveref._policy import RefLifetime, SessionPausePolicy
from liveref._recipe import Recipe
from liveref._registry.entry import Holder, enter
from liveref._registry.registry import SessionRefRegistry
from liveref._session import Session
from liveref._text.route import Route, routed_id
from liveref._typing import MISSING
from liveref.exceptions import RefFailure, RefNotFoundError

__all__ = ["HomeRegistry", "HomeSession"]


class HomeRegistry(SessionRefRegistry):
    """A registry whose keys are found from other processes.

    Args:
        capacity: as for its base.
        route: the last 12 digits of its keys.
    """

    __slots__ = ("_route",)

    def __init__(self, capacity: int, route: Route) -> None:
        super().__init__(capacity=capacity)
        self._route: Final = route
        self._room = -1  # no insert goes the short way, which takes ids of another kind

    def _fresh_id(self) -> bytes:
        return routed_id(self._route)

    def keep(
        self,
        value: object,
        info: ClassInfo | None,
        lifetime: RefLifetime,
        recipe: Recipe[object] | None,
        *,
        shared: bool,
    ) -> Holder[Any]:
        """The key under which something is held from now on."""
        holder = self._insert(value, info, None, lifetime, None, recipe, MISSING, MISSING, MISSING)
        if shared:
            enter(holder, replace(holder._entry, shared=True))
        return holder


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

    def __init__(self, route: Route, capacity: int, policy: SessionPausePolicy, lease: float | None) -> None:
        super().__init__(capacity=capacity, policy=policy)
        self._refs = self.home_refs = HomeRegistry(capacity, route)  # the first one has made no key yet
        self.route: Final = route
        self.token: Final = str(UUID(bytes=routed_id(route)))
        self.lease: Final = lease
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
