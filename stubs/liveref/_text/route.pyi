from _typeshed import Incomplete
from typing import Final, NamedTuple

__all__ = ['NUMBERS', 'Route', 'route_of', 'routed_id']

NUMBERS: Final[Incomplete]

class Route(NamedTuple):
    home: int
    session: int

def routed_id(route: Route) -> bytes: ...
def route_of(uid: bytes) -> Route | None: ...
