from _typeshed import Incomplete
from collections.abc import Generator
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

__all__ = ['Outcome', 'Pending', 'Place', 'Steps']

class Place(Enum):
    ANY_TASK = 0
    THIS_TASK = 1
    IN_ITS_SCOPE = 2

class Outcome:
    count: int
    is_cut: bool
    is_hasty: bool
    error: Incomplete
    errors: list[BaseException]
    def __init__(self, error: BaseException | None = None) -> None: ...
    def cancel(self, error: BaseException) -> None: ...
    def reraise(self, message: str = '', *, bare: bool = False) -> None: ...

class Pending(NamedTuple):
    held: list[Any]
    place: Place
Steps: TypeAlias = Generator[Pending, object, None]
