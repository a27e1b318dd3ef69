import dataclasses
import enum
from collections.abc import Sequence
from liveref._policy import RefLifetime
from liveref._snapshot.guarded import Guarded, Guards
from liveref._snapshot.keyring import SnapshotLimits
from liveref._text.json import JSON
from typing import Final, NamedTuple, TypeVar
from typing_extensions import Buffer

__all__ = ['BLOBS', 'Contents', 'Dropping', 'Kept', 'Kind', 'RecipeCall', 'SerializerUse']

BLOBS: Final[int]
N = TypeVar('N')

class Kind(enum.IntEnum):
    PICKLE = 0
    SERIALIZER = 1
    RECIPE = 2
    EXPECTED = 3

class RecipeCall(NamedTuple):
    tag: str
    args: list[JSON]
    kwargs: dict[str, JSON]

class SerializerUse(NamedTuple):
    tag: str
    version: int

class Kept(NamedTuple):
    pickled: list[int]
    expected: list[int]
    serialized: dict[int, tuple[SerializerUse, memoryview]]
    opened: dict[int, tuple[RecipeCall, str]]

class Dropping(NamedTuple):
    type_tag: str
    policy: str
    when: str
    reason: str
    owner: str | tuple[str, ...] | None = ...

@dataclasses.dataclass(slots=True, kw_only=True)
class Contents:
    stream: Buffer
    data: Buffer
    ids: list[bytes]
    objects: Sequence[int]
    tags: Sequence[int]
    tag_names: list[str]
    lifetimes: bytes
    kinds: bytes
    ends: Sequence[int]
    details: Sequence[int]
    recipes: list[RecipeCall]
    serializers: list[SerializerUse]
    dropped: dict[bytes, Dropping]
    when: str
    policy: str
    writer: str | None
    is_list: bool = ...
    guards: Guards = dataclasses.field(default_factory=dict[int, Guarded])
    shared: bytes = ...
    def encode(self) -> tuple[dict[str, JSON], list[Buffer]]: ...
    @classmethod
    def decode(cls, header: dict[str, JSON], blobs: Sequence[memoryview], limits: SnapshotLimits) -> Contents: ...
    def sizes(self, buffers: Sequence[int]) -> list[int]: ...
    def lifetime_of(self, row: int) -> RefLifetime: ...
    def tag_of(self, row: int) -> str: ...
    def of_kind(self, kind: Kind) -> list[int]: ...
    def kept(self) -> Kept: ...
    def first_rows(self) -> dict[int, int]: ...
    def name_of(self, at: int) -> str | None: ...

class _Header:
    def __init__(self, fields: dict[str, JSON]) -> None: ...
    def number(self, name: str) -> int: ...
    def text(self, name: str) -> str: ...
    def texts(self, name: str) -> list[str]: ...
    def owners(self, name: str) -> list[str | tuple[str, ...] | None]: ...
    def rows(self, name: str, width: int) -> list[list[JSON]]: ...
