from liveref._entry import Entry
from liveref._key import RegistryKey
from typing import NamedTuple

__all__ = ['State', 'Store']

class State(NamedTuple):
    refs: list[RegistryKey[object]]
    entries: list[Entry]
    values: list[object]

class Store:
    def __init__(self, capacity: int) -> None: ...
    def __del__(self) -> None: ...
