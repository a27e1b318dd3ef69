"""The text and JSON forms of a key: the canonical UUID, and the marker that holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Final

from liveref._lanes import LANES
from liveref._text.tag import printable, qualname_of
from liveref.exceptions import KeyFormatError, MarkerError

__all__ = [
    "CANONICAL_PATTERN",
    "RECIPE_FIELD",
    "RECIPE_LIMIT",
    "SESSION_REF_TAG",
    "TYPE_FIELD",
    "marker_in",
    "parse_marker",
    "parse_text",
    "redact",
    "text_of",
    "uid_of",
]

SESSION_REF_TAG: Final = "__blazen_session_ref__"
"""The one key of a marker: ``{"__blazen_session_ref__": "<uuid>"}`` (Blazen ``session_ref.rs``)."""

TYPE_FIELD: Final = "type"
RECIPE_FIELD: Final = "recipe"
RECIPE_LIMIT: Final = 8192
"""Bytes of the recipe that a marker may carry."""
CANONICAL_PATTERN: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_COPY: Final[Callable[[object], dict[object, object]]] = vars(dict)["copy"]
_ITEMS: Final[Callable[[object], Iterable[tuple[object, object]]]] = vars(dict)["items"]
_CANONICAL: Final = re.compile(CANONICAL_PATTERN)
_is_canonical: Final = _CANONICAL.fullmatch
_from_hex: Final = bytes.fromhex
_CANONICAL_LENGTH: Final = 36
_FORM: Final = "a canonical lower-case UUID"
_TEXT_LIMIT: Final = 65_536
"""Characters of a marker as JSON text: with a recipe of which each byte is escaped, and room to spare."""
_READS_TEXT: Final = "A text is read by RegistryKey.parse(text, hint), and whatever a client hands back by read."
_EXTRAS: Final = (TYPE_FIELD, RECIPE_FIELD)
_READS_MARKER: Final = "A marker is read by RegistryKey.from_marker(marker, hint)."


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
        raise error(_describe(text), _FORM, _READS_MARKER if issubclass(type(text), dict) else None)
    uid = uid_of(text)
    if uid is None:
        raise error(f"another text (its length: {len(text)})", _FORM)
    return uid


def parse_marker(marker: object) -> tuple[bytes, str | None]:
    """The id and the type tag of a marker; a recipe in it has no say here.

    A subclass of dict is read as the dict it is: none of its own methods runs.
    """
    cls = type(marker)
    if cls is not dict and not issubclass(cls, dict):
        raise MarkerError(_describe(marker), "a marker, which is a dict", _READS_TEXT if issubclass(cls, str) else None)
    fields = _COPY(marker) if cls is dict else dict(_ITEMS(marker))  # a copy runs keys() where __iter__ is another's
    for name in fields:
        if type(name) is not str:
            raise MarkerError("a dict with a key that is no plain str", "a marker")
    if SESSION_REF_TAG not in fields:
        raise MarkerError("a dict without the tag", f"a dict with {SESSION_REF_TAG!r}")
    tag = _extras(fields) if len(fields) > 1 else None
    return parse_text(fields[SESSION_REF_TAG], MarkerError), tag


def _extras(fields: dict[object, object]) -> str | None:
    """The type tag of a marker with more than the tag in it."""
    tag, recipe = (fields.get(name, "") for name in (TYPE_FIELD, RECIPE_FIELD))
    if type(tag) is not str or type(recipe) is not str or len(fields) > 1 + sum(name in fields for name in _EXTRAS):
        raise MarkerError("a dict with other keys beside the tag", "a marker, typed or not")
    if len(recipe.encode(errors="surrogatepass")) > RECIPE_LIMIT:
        raise MarkerError("a recipe of more than 8 KiB", "a marker, typed or not")
    return tag if TYPE_FIELD in fields else None


def marker_in(text: str) -> object:
    """What a JSON text holds that may be a marker; None where it holds none, or is too long for one."""
    if len(text) > _TEXT_LIMIT or not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _describe(found: object) -> str:
    return printable(f"a value of type {qualname_of(type(found))[:80]}")
