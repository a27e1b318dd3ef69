import dataclasses
from liveref._finalize import Finalizer
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._recipe import Recipe
from types import CodeType
from typing import TypeAlias

__all__ = ['Entry', 'RefInfo', 'Site', 'call_site', 'describe', 'entry_of', 'where_of']

Site: TypeAlias = tuple[CodeType, int]

@dataclasses.dataclass(slots=True)
class Entry:
    born: float
    site: Site | None = ...
    lifetime: RefLifetime = ...
    finalizer: Finalizer | None = ...
    recipe: Recipe[object] | None = ...

@dataclasses.dataclass(slots=True, frozen=True)
class RefInfo:
    key: str
    type_tag: str
    lifetime: RefLifetime
    age: float
    where: str | None

def call_site() -> Site: ...
def entry_of(ref: RegistryKey[object]) -> Entry: ...
def describe(ref: RegistryKey[object], now: float) -> RefInfo: ...
def where_of(site: Site) -> str: ...
