from typing import final
from collections.abc import Callable
from liveref._hints.info import ClassInfo
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import AnyRecipe
from liveref._registry.leases import Seconds, Whose
from liveref._registry.store import Store
from liveref._typing import Default, Missing, T
from typing import Generic, overload

__all__ = ['TypedRefs']

@final
class TypedRefs(Generic[T]):
    def __init__(self, registry: Store, info: ClassInfo) -> None: ...
    def insert(self, value: T, *, lifetime: RefLifetime = ..., finalizer: Callable[[T], object] | None = None, reopen: AnyRecipe[T] | None = None, ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    @overload
    def get(self, key: RegistryKey[T], *, default: Missing = ...) -> T: ...
    @overload
    def get(self, key: RegistryKey[T], *, default: Default) -> T | Default: ...
