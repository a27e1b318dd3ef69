from liveref.exceptions import KeyFormatError
from typing import Final

__all__ = ['CANONICAL_PATTERN', 'SESSION_REF_TAG', 'concealed', 'parse_marker', 'parse_text', 'redact', 'text_of']

SESSION_REF_TAG: Final[str]
CANONICAL_PATTERN: Final[str]

def text_of(uid: bytes) -> str: ...
def redact(uid: bytes) -> str: ...
def parse_text(text: object, error: type[KeyFormatError] = ...) -> bytes: ...
def parse_marker(marker: object) -> tuple[bytes, str | None]: ...

class _Concealed(str):
    found: object

def concealed(found: object) -> object: ...
