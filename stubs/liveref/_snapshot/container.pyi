import dataclasses
from _typeshed import Incomplete
from collections.abc import Callable, Iterable, Mapping, Sequence
from hmac import HMAC
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._text.json import JSON
from liveref.exceptions import SnapshotAuthError
from typing import Final, NamedTuple
from typing_extensions import Buffer

__all__ = ['PROLOGUE_SIZE', 'Container', 'Layout', 'Prologue', 'copy_blobs', 'lay_out', 'pack', 'parse', 'read_prologue', 'secret_for', 'unpack', 'wrong_signature']

PROLOGUE_SIZE: Final[Incomplete]

class Prologue(NamedTuple):
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
    verified: bool
    key_name: str
    spans: list[slice]
    again: Callable[[], Buffer]
    def fresh_blobs(self) -> list[memoryview]: ...

class Layout(NamedTuple):
    header: Mapping[str, JSON]
    prologue: Prologue
    parts: list[Buffer]
    starts: list[int]
    lengths: list[int]
    mac: HMAC | None
    def container(self, again: Callable[[], Buffer]) -> Container: ...

def lay_out(header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, copied: int) -> Layout: ...
def pack(header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, *, copied: int = 0) -> bytes: ...
def unpack(data: Buffer, *, keys: SnapshotKeys | None, trusted: bool, limits: SnapshotLimits) -> Container: ...
def read_prologue(first: memoryview, size: int, limits: SnapshotLimits) -> Prologue: ...
def secret_for(prologue: Prologue, keys: SnapshotKeys | None, *, trusted: bool) -> bytes | None: ...
def wrong_signature(prologue: Prologue) -> SnapshotAuthError: ...
def parse(view: memoryview, prologue: Prologue, limits: SnapshotLimits, *, verified: bool, again: Callable[[], Buffer]) -> Container: ...
def copy_blobs(blobs: Iterable[Buffer]) -> list[memoryview]: ...
