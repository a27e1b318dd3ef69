from collections.abc import Sequence
from liveref._registry.owners import Owner
from types import ModuleType
from typing import NamedTuple, Protocol, TypeAlias
from typing_extensions import Buffer

__all__ = ['Answer', 'Packet', 'Request', 'cloudpickle', 'freeze', 'pack', 'pack_named', 'unpack']

Packet: TypeAlias = bytes | tuple[bytes, Sequence[Buffer]]

class Request(NamedTuple):
    operation: str
    args: tuple[object, ...]
    timeout: float | None
    owner: Owner | None = ...

class Answer(NamedTuple):
    kind: str
    value: object

def cloudpickle() -> ModuleType: ...
def pack_named(value: object) -> Packet: ...
def pack(value: object) -> Packet: ...
def unpack(packet: Packet) -> object: ...

class Array(Protocol):
    def setflags(self, *, write: bool) -> object: ...

def freeze(value: object) -> object: ...
