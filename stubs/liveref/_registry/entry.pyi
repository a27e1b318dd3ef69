import dataclasses
from collections.abc import Iterable
from liveref._hints.info import ClassInfo
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from liveref._typing import T
from types import CodeType, FrameType
from typing import Any, Generic

__all__ = ['Entry', 'Holder', 'RefInfo', 'caller', 'describe', 'fill', 'hold', 'hold_all', 'let_go', 'outside']

class Holder(RegistryKey[T], Generic[T]): ...  # type: ignore[misc]

@dataclasses.dataclass(slots=True)
class Entry:
    born: float
    code: CodeType | str | None
    offset: int
    lifetime: RefLifetime = ...
    finalizer: Finalizer | None = ...
    recipe: Recipe[object] | None = ...
    opening: Opening | None = ...
    @classmethod
    def of_call(cls, frame: FrameType | None, lifetime: RefLifetime = ..., finalizer: Finalizer | None = None, recipe: Recipe[object] | None = None, *, engine: str | None = None) -> Entry: ...
    def where(self) -> str | None: ...

def caller() -> FrameType | None: ...
def outside(engine: str | None = None) -> FrameType | None: ...
def hold(uid: bytes, info: ClassInfo, entry: Entry, value: object = ...) -> Holder[Any]: ...
def hold_all(ids: Iterable[bytes], values: Iterable[object], entries: Iterable[Entry], count: int) -> list[Holder[Any]]: ...
def fill(holder: Holder[Any], value: object) -> None: ...
def let_go(holder: Holder[Any]) -> object: ...

@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None

def describe(holder: Holder[Any], now: float) -> RefInfo: ...
