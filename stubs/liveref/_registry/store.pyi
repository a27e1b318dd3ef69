from collections.abc import Callable
from contextvars import ContextVar
from liveref._key import RegistryKey
from liveref._registry.going import Going
from liveref._registry.leases import Given
from liveref._registry.resolver import Resolver
from typing import Final, TypeVar

__all__ = ['SHUT', 'Store', 'id_of', 'new_store', 'witness']

S = TypeVar('S', bound='Store')
SHUT: Final[int]
witness: Final[ContextVar[Callable[[Store], object] | None]]

class Store(Going):
    def __init__(self, capacity: int, given: Given = ..., resolver: Resolver | None = None) -> None: ...

def new_store(kind: type[S], capacity: int, given: Given, resolver: Resolver | None) -> S: ...
def id_of(key: RegistryKey[object]) -> bytes: ...
