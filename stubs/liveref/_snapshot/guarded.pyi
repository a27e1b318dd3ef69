from collections.abc import Mapping
from liveref._text.json import JSON
from typing import NamedTuple, TypeAlias

__all__ = ['Guarded', 'Guards', 'owner_from', 'owner_row', 'owner_text', 'read_guards', 'write_guards']

class Guarded(NamedTuple):
    owner: str | tuple[str, ...] | None
    ttl: float | None
    idle: float | None
    left: float | None
Guards: TypeAlias = Mapping[int, Guarded]

def owner_text(owner: str | tuple[str, ...] | None) -> str: ...
def owner_row(owner: str | tuple[str, ...] | None) -> JSON: ...
def owner_from(found: JSON) -> str | tuple[str, ...] | None: ...
def write_guards(guards: Guards) -> list[JSON]: ...
def read_guards(rows: list[list[JSON]], refs: int) -> dict[int, Guarded]: ...
