from collections.abc import Callable
from contextvars import ContextVar
from liveref._registry.going import Going
from liveref._registry.leases import Given
from liveref._registry.resolver import Resolver
from typing import Final

__all__ = ['SHUT', 'Store', 'witness']

SHUT: Final[int]
witness: Final[ContextVar[Callable[[Store], object] | None]]

class Store(Going):
    def __init__(self, capacity: int, given: Given = ..., resolver: Resolver | None = None) -> None: ...
