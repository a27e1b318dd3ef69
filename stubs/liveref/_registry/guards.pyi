from _typeshed import Incomplete
from liveref._recipe import Recipe
from typing import Any, Final

__all__ = ['Opening']

class Opening:
    recipe: Final[Incomplete]
    type_tag: Final[Incomplete]
    finalizer: Final[Incomplete]
    def __init__(self, recipe: Recipe[Any], type_tag: str) -> None: ...
    def open(self) -> object: ...
    def peek(self) -> list[object]: ...
    def is_asynchronous(self) -> bool: ...
