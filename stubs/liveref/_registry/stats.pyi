import dataclasses
from liveref._registry.leases import Book
from liveref._registry.moment import Refs
from liveref._registry.owners import Owner

__all__ = ['RegistryStats', 'stats_of']

@dataclasses.dataclass(frozen=True, slots=True)
class RegistryStats:
    live: int
    capacity: int
    lent: int
    due: int
    by_type: dict[str, int]
    by_owner: dict[Owner | None, int]

def stats_of(refs: Refs, capacity: int, book: Book | None) -> RegistryStats: ...
