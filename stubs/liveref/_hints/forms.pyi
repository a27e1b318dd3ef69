import enum
from _typeshed import Incomplete
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

__all__ = ['ALONE', 'BARE', 'COUNTS', 'FILES', 'ITEMS', 'ONE_SHOT', 'PAIRS', 'REFUSED', 'RESULTS', 'TEXTS', 'TOWER', 'UNIONS', 'UNPACK', 'VARIABLES', 'CheckDepth', 'Refused', 'Variables', 'bind', 'bound', 'items_of', 'record_of', 'subscribe']

Variables: TypeAlias = dict[object, list[object]]

class CheckDepth(enum.StrEnum):
    EXACT = 'exact'
    SHALLOW = 'shallow'
    NONE = 'none'

TOWER: Final[Mapping[object, tuple[type, ...]]]
ITEMS: Final[frozenset[object]]
PAIRS: Final[frozenset[object]]
ONE_SHOT: Final[frozenset[object]]
FILES: Final[Mapping[object, tuple[type, ...]]]
TEXTS: Final[Mapping[object, str]]
COUNTS: Final[Mapping[object, int]]
UNIONS: Final[frozenset[object]]
ALONE: Final[str]
REFUSED: Final[Mapping[object, str]]
BARE: Final[Mapping[object, str]]
RESULTS: Final[frozenset[object]]
UNPACK: Final[frozenset[object]]
VARIABLES: Final[Incomplete]

class Refused(Exception): ...

def items_of(args: Sequence[object]) -> list[tuple[object, bool]]: ...
def subscribe(generic: object, args: Iterable[object]) -> object: ...
def bound(parameters: Sequence[object], args: Sequence[object] | None) -> Variables: ...
def bind(hint: object, variables: Variables, otherwise: object = None) -> object: ...
def record_of(cls, args: Sequence[object] | None) -> tuple[dict[str, tuple[object, bool]], object]: ...
