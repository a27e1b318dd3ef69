from collections.abc import Iterable
from liveref._registry.entry import Entry, Holder
from typing import Any, NamedTuple, TypeAlias

__all__ = ['Moment', 'by_object', 'moment_of']

Refs: TypeAlias = dict[bytes, Holder[Any]]

class Moment(NamedTuple):
    refs: list[Holder[Any]]
    entries: list[Entry]
    values: list[object]
    def only(self, stays: list[bool]) -> Moment: ...

def moment_of(found: Refs) -> Moment: ...
def by_object(lineage: Iterable[Refs]) -> dict[int, Holder[Any]]: ...
