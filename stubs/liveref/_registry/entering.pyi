from contextlib import AbstractAsyncContextManager, AbstractContextManager
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.closing import Closing
from liveref._registry.leases import Seconds, Whose
from liveref._snapshot.keyring import SnapshotKeys
from liveref._typing import Missing, T, V
from typing import overload
from typing_extensions import TypeForm

__all__ = ['Entering']

class Entering(Closing):
    def open(self, recipe: Recipe[T], *, lifetime: RefLifetime = ..., ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    def enter_context(self, cm: AbstractContextManager[T, bool | None], *, ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    async def enter_async_context(self, cm: AbstractAsyncContextManager[T, bool | None], *, own_task: bool = False, ttl: Seconds = ..., idle: Seconds = ..., owner: Whose = ...) -> RegistryKey[T]: ...
    def sturdy_marker(self, key: RegistryKey[object], *, keys: SnapshotKeys) -> dict[str, str]: ...
    @overload
    def admit(self, marker: object, hint: Missing = ..., *, keys: SnapshotKeys) -> RegistryKey[object]: ...
    @overload
    def admit(self, marker: object, hint: TypeForm[V], *, keys: SnapshotKeys) -> RegistryKey[V]: ...
