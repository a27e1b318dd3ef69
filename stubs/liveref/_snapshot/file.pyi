import mmap
from _typeshed import Incomplete
from collections.abc import Callable, Mapping, Sequence
from liveref._snapshot.container import Container, Prologue
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.progress import Meter, Progress
from liveref._text.json import JSON
from typing import Final
from typing_extensions import Buffer

__all__ = ['StrPath', 'read_file', 'write_file']

StrPath: Incomplete

def write_file(path: StrPath, header: Mapping[str, JSON], blobs: Sequence[Buffer], keys: SnapshotKeys | None, *, copied: int = 0, progress: Progress | None = None) -> Callable[[], Container]: ...
def read_file(path: StrPath, *, keys: SnapshotKeys | None, trusted: bool, limits: SnapshotLimits, progress: Progress | None = None) -> Container: ...

class _Source:
    first: Final[memoryview]
    size: Final[int]
    def __init__(self, path: StrPath) -> None: ...
    def __del__(self) -> None: ...
    def verify(self, prologue: Prologue, secret: bytes, meter: Meter) -> None: ...
    def map(self, prologue: Prologue) -> mmap.mmap: ...
