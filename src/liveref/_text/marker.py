"""The text and JSON forms of a key: the canonical UUID, and the marker that holds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from liveref._lanes import LANES
from liveref.exceptions import KeyFormatError, MarkerError

__all__ = [
    "CANONICAL_PATTERN",
    "SESSION_REF_TAG",
    "concealed",
    "parse_marker",
    "parse_text",
    "redact",
    "text_of",
    "uid_of",
]

SESSION_REF_TAG: Final = "__blazen_session_ref__"
"""The one key of a marker: ``{"__blazen_session_ref__": "<uuid>"}`` (Blazen ``session_ref.rs``)."""

_TYPE_FIELD: Final = "type"
CANONICAL_PATTERN: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_COPY: Final[Callable[[object], dict[object, object]]] = vars(dict)["copy"]
_CANONICAL: Final = re.compile(CANONICAL_PATTERN)
_is_canonical: Final = _CANONICAL.fullmatch
_from_hex: Final = bytes.fromhex
_CANONICAL_LENGTH: Final = 36
_GET: Final[Callable[[object, str], object]] = vars(dict)["get"]
_FORM: Final = "a canonical lower-case UUID"


def _text_of(uid: bytes) -> str:
    """The canonical text of 16 bytes; four times as fast as ``str(uuid.UUID(bytes=uid))``."""
    digits = uid.hex("-", 6)  # counted from the right: the first and the last hyphen stand already
    return f"{digits[:13]}-{digits[13:17]}-{digits[17:]}"


def _uid_of(text: str) -> bytes | None:
    """The 16 bytes of a canonical UUID; None of any other text."""
    if len(text) == _CANONICAL_LENGTH and _is_canonical(text):
        return _from_hex(text.replace("-", ""))
    return None


text_of: Final[Callable[[bytes], str]] = getattr(LANES, "text_of", _text_of)
uid_of: Final[Callable[[str], bytes | None]] = getattr(LANES, "uid_of", _uid_of)


def redact(uid: bytes) -> str:
    """The first six digits: enough to tell keys apart in a log, too few to use one."""
    return f"{uid.hex()[:6]}…"


def parse_text(text: object, error: type[KeyFormatError] = KeyFormatError) -> bytes:
    """The 16 bytes of a canonical UUID, which is the only form that is read."""
    if type(text) is not str:
        raise error(_describe(text), _FORM)
    uid = uid_of(text)
    if uid is None:
        raise error(f"another text of {len(text)} characters", _FORM)
    return uid


def parse_marker(marker: object) -> tuple[bytes, str | None]:
    """The id and the type tag of a marker.

    A subclass of dict is read as the dict it is: none of its own methods runs.
    """
    if type(marker) is _Concealed:
        marker = marker.found
    cls = type(marker)
    if cls is not dict and not issubclass(cls, dict):
        raise MarkerError(_describe(marker), "a marker, which is a dict")
    fields = _COPY(marker)
    for name in fields:
        if type(name) is not str:
            raise MarkerError("a dict with a key that is no plain str", "a marker")
    if SESSION_REF_TAG not in fields:
        raise MarkerError("a dict without the tag", f"a dict with {SESSION_REF_TAG!r}")
    tag = fields.get(_TYPE_FIELD)
    if len(fields) > 1 and (len(fields) > 2 or type(tag) is not str):  # noqa: PLR2004  the tag and the type
        raise MarkerError("a dict with other keys beside the tag", "a marker, typed or not")
    uid = parse_text(fields[SESSION_REF_TAG], MarkerError)
    return uid, tag if isinstance(tag, str) else None


class _Concealed(str):
    """What may be shown of something that holds a whole key: a str, for every encoder takes that."""

    __slots__ = ("found",)

    found: object


def concealed(found: object) -> object:
    """What shows no whole key, and is read by `parse_marker` as what was found."""
    is_dict = issubclass(type(found), dict)
    text = _GET(found, SESSION_REF_TAG) if is_dict else found
    digits = _CANONICAL.search(text.lower()) if isinstance(text, str) else None
    if digits is None:
        return found
    shown = _Concealed(f"a {'marker' if is_dict else 'text'} with the session reference {digits[0][:6]}…")
    shown.found = found
    return shown


def _describe(found: object) -> str:
    return f"a value of type {type.__dict__['__qualname__'].__get__(type(found))[:80]}"
