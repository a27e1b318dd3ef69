from _typeshed import Incomplete
from typing import Final

__all__ = ['ADVICE', 'JSON', 'SPECIAL', 'encodable', 'json_copy', 'path_step']

JSON: Incomplete
ADVICE: Final[str]
SPECIAL: Final[dict[type, str]]

def json_copy(found: object, path: str) -> JSON: ...
def encodable(text: str) -> bool: ...
def path_step(name: str | int) -> str: ...
