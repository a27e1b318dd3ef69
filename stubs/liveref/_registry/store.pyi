from collections.abc import Callable
from contextvars import ContextVar
from liveref._registry.entry import Entry, Holder
from typing import Any, Final, NamedTuple

__all__ = ['State', 'Store', 'witness']

witness: Final[ContextVar[Callable[[Store], object] | None]]

class State(NamedTuple):
    refs: list[Holder[Any]]
    entries: list[Entry]
    values: list[object]

class Store:
    def __init__(self, capacity: int) -> None: ...
    def __del__(self) -> None: ...
