from collections.abc import Callable
from liveref.exceptions import KeyFormatError
from typing import Final

__all__ = ['CANONICAL_PATTERN', 'RECIPE_FIELD', 'RECIPE_LIMIT', 'SESSION_REF_TAG', 'TYPE_FIELD', 'marker_in', 'parse_marker', 'parse_text', 'redact', 'text_of', 'uid_of']

SESSION_REF_TAG: Final[str]
TYPE_FIELD: Final[str]
RECIPE_FIELD: Final[str]
RECIPE_LIMIT: Final[int]
CANONICAL_PATTERN: Final[str]
text_of: Final[Callable[[bytes], str]]
uid_of: Final[Callable[[str], bytes | None]]

def redact(uid: bytes) -> str: ...
def parse_text(text: object, error: type[KeyFormatError] = ...) -> bytes: ...
def parse_marker(marker: object) -> tuple[bytes, str | None]: ...
def marker_in(text: str) -> object: ...
