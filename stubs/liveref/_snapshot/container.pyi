import dataclasses
from _typeshed import Incomplete
from collections.abc import Callable, Iterable, Mapping, Sequence
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._text.json import JSON
from liveref.exceptions import SnapshotAuthError
from typing import Final
from typing_extensions import Buffer

__all__ = ['PROLOGUE_SIZE', 'Container', 'Prologue', 'copy_blobs', 'lay_out', 'pack', 'parse', 'read_prologue', 'secret_for', 'unpack', 'wrong_signature']

PROLOGUE_SIZE: Final[Incomplete]

@dataclasses.dataclass(frozen=True, slots=True)
class Prologue:
    blobs: int
    header: int
    copied: int
    total: int
    key_name: str
    @property
    def header_at(self) -> int: ...
    @property
    def header_end(self) -> int: ...
    @property
    def body(self) -> int: ...

@dataclasses.dataclass(frozen=True, slots=True, repr=False, eq=False)
class Container:
    header: dict[str, JSON]
    blobs: list[memoryview]
    signed: bool
    verified: bool
    key_name: str
    spans: list[slice]
    again: Callable[[], Buffer]
    def fresh_blobs(self) -> list[memoryview]: ...

def lay_out(header: Mapping[str, JSON], blobs: Sequence[Buffer], key_name: str, copied: int) -> list[Buffer]: ...
def pack(header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, *, copied: int = 0) -> bytes: ...
def unpack(data: Buffer, *, keys: SnapshotKeys | None, trusted: bool, limits: SnapshotLimits) -> Container: ...
def read_prologue(first: memoryview, size: int, limits: SnapshotLimits) -> Prologue: ...
def secret_for(prologue: Prologue, keys: SnapshotKeys | None, *, trusted: bool) -> bytes | None: ...
def wrong_signature(prologue: Prologue) -> SnapshotAuthError: ...
def parse(view: memoryview, prologue: Prologue, limits: SnapshotLimits, *, verified: bool, again: Callable[[], Buffer]) -> Container: ...
def copy_blobs(blobs: Iterable[Buffer]) -> list[memoryview]: ...
