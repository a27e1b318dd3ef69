"""A registry seen as one of one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, final, overload

from liveref._hints.info import ClassInfo, hint_of
from liveref._key import RegistryKey
from liveref._policy import DEFAULT_LIFETIME, RefLifetime
from liveref._recipe import AnyRecipe
from liveref._registry.entry import caller
from liveref._registry.leases import Seconds, Whose
from liveref._registry.store import Store
from liveref._text.tag import readable
from liveref._typing import MISSING, Default, Missing, T

__all__ = ["TypedRefs"]


@final
class TypedRefs(Generic[T]):
    """A registry seen as one of one type; `SessionRefRegistry.typed` makes it.

    Example:
        >>> from liveref import SessionRefRegistry
        >>> registry = SessionRefRegistry()
        >>> texts = registry.typed(str)
        >>> texts.get(texts.insert("hello"))
        'hello'
    """

    __slots__ = ("_info", "_registry")

    def __init__(self, registry: Store, info: ClassInfo) -> None:
        self._registry: Final = registry
        self._info: Final = info

    def insert(
        self,
        value: T,
        *,
        lifetime: RefLifetime = DEFAULT_LIFETIME,
        finalizer: Callable[[T], object] | None = None,
        reopen: AnyRecipe[T] | None = None,
        ttl: Seconds = MISSING,
        idle: Seconds = MISSING,
        owner: Whose = MISSING,
    ) -> RegistryKey[T]:
        """As `SessionRefRegistry.insert` with the hint."""
        return self._registry._insert(
            value, caller(), hint_of(self._info),
            lifetime=lifetime, finalizer=finalizer, reopen=reopen, ttl=ttl, idle=idle, owner=owner,
        )  # fmt: skip

    @overload
    def get(self, key: RegistryKey[T], *, default: Missing = ...) -> T: ...
    @overload
    def get(self, key: RegistryKey[T], *, default: Default) -> T | Default: ...
    def get(self, key: RegistryKey[T], *, default: object = MISSING) -> object:
        """As `SessionRefRegistry.get` with the hint."""
        return self._registry._look_up(key, self._info, default)

    def __repr__(self) -> str:
        return f"<TypedRefs[{readable(hint_of(self._info))}] of {self._registry!r}>"
