from typing import final
import dataclasses
from collections.abc import Sequence
from liveref._policy import RefLifetime
from liveref._snapshot.contents import Contents
from liveref._snapshot.file import StrPath
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.progress import Progress
from typing import Never, NoReturn, Self, SupportsIndex
from typing_extensions import Buffer

__all__ = ['CapturedRef', 'DroppedRef', 'ExpectedRef', 'SessionSnapshot', 'check_target', 'new_snapshot', 'save_snapshot']

@dataclasses.dataclass(frozen=True, slots=True)
class CapturedRef:
    key: str
    type_tag: str
    how: str
    size: int
    lifetime: RefLifetime
    name: str | None

@dataclasses.dataclass(frozen=True, slots=True)
class DroppedRef:
    key: str
    type_tag: str
    reason: str

@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedRef:
    key: str
    type_tag: str
    name: str | None

@final
class SessionSnapshot:
    def __new__(cls, *_args: Never, **_kwargs: Never) -> Self: ...
    def __init__(self, never: Never, /) -> None: ...
    @classmethod
    def from_bytes(cls, data: Buffer, *, keys: SnapshotKeys | None = None, trusted: bool = False, limits: SnapshotLimits = ...) -> SessionSnapshot: ...
    @classmethod
    def read(cls, path: StrPath, *, keys: SnapshotKeys | None = None, trusted: bool = False, limits: SnapshotLimits = ..., progress: Progress | None = None) -> SessionSnapshot: ...
    def to_bytes(self, *, keys: SnapshotKeys | None = None) -> bytes: ...
    def write(self, path: StrPath, *, keys: SnapshotKeys | None = None) -> None: ...
    @property
    def refs(self) -> list[CapturedRef]: ...
    @property
    def dropped(self) -> list[DroppedRef]: ...
    @property
    def expected(self) -> list[ExpectedRef]: ...
    @property
    def when(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def writer(self) -> str | None: ...
    @property
    def key_name(self) -> str | None: ...
    @property
    def verified(self) -> bool: ...
    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn: ...

def new_snapshot(contents: Contents, buffers: Sequence[Buffer]) -> SessionSnapshot: ...
def save_snapshot(contents: Contents, buffers: Sequence[Buffer], path: StrPath, keys: SnapshotKeys | None, progress: Progress | None) -> SessionSnapshot: ...
def check_target(path: StrPath, keys: SnapshotKeys | None, progress: Progress | None = None) -> None: ...
