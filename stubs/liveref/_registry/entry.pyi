import dataclasses
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from liveref._registry.finalize import Finalizer
from liveref._registry.guards import Opening
from types import CodeType

__all__ = ['Entry', 'RefInfo', 'describe']

@dataclasses.dataclass(slots=True)
class Entry:
    born: float
    code: CodeType | None
    offset: int
    lifetime: RefLifetime = ...
    finalizer: Finalizer | None = ...
    recipe: Recipe[object] | None = ...
    opening: Opening | None = ...
    @classmethod
    def of_call(cls, lifetime: RefLifetime, finalizer: Finalizer | None, recipe: Recipe[object] | None) -> Entry: ...
    def where(self) -> str | None: ...

@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None

def describe(ref: RegistryKey[object], now: float) -> RefInfo: ...
