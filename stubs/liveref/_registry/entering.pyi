from contextlib import AbstractAsyncContextManager, AbstractContextManager
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.closing import Closing
from liveref._registry.leases import Seconds, Whose
from liveref._typing import T

__all__ = ['Entering']

class Entering(Closing):
    def open(self, recipe: Recipe[T], *, lifetime: RefLifetime = ..., ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    def enter_context(self, cm: AbstractContextManager[T, bool | None], *, ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    async def enter_async_context(self, cm: AbstractAsyncContextManager[T, bool | None], *, own_task: bool = False, ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
