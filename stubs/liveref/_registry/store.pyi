from collections.abc import Callable
from contextvars import ContextVar
from liveref._registry.resolver import Resolver
from typing import Final

__all__ = ['Store', 'witness']

witness: Final[ContextVar[Callable[[Store], object] | None]]

class Store:
    def __init__(self, capacity: int, resolver: Resolver | None = None) -> None: ...
    def __del__(self) -> None: ...
