import enum
from liveref._checks import KnownClasses, Test
from typing import Final, NamedTuple, TypeGuard

__all__ = ['TOWER', 'CheckDepth', 'Form', 'compile_hint', 'is_plain_class']

class CheckDepth(enum.StrEnum):
    EXACT = 'exact'
    SHALLOW = 'shallow'
    NONE = 'none'

class Form(NamedTuple):
    depth: CheckDepth
    test: Test
    front: tuple[type, ...] = ...
    only_classes: bool = ...
    known: KnownClasses | None = ...
    by_value: bool = ...

TOWER: Final[dict[object, tuple[type, ...]]]

class _Refused(Exception): ...

def is_plain_class(hint: object) -> TypeGuard[type]: ...
def compile_hint(hint: object) -> Form: ...

class _Compiler:
    def __init__(self) -> None: ...
    def form(self, hint: object) -> Form: ...

class _Many(NamedTuple):
    hint: object
