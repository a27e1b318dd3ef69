"""The header of a snapshot: a JSON object as text, and what came back of one, checked before it is believed."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from typing import Final, Never, cast

from liveref._snapshot.keyring import SnapshotLimits
from liveref._text.json import JSON
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError, SnapshotFormatError

__all__ = ["DAMAGED", "broken", "header_text", "read_header", "this_writer"]

MAX_DEPTH: Final = 500
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
DAMAGED: Final = "It is damaged: write it again, or go back to an older one."


def broken(what: str) -> SnapshotFormatError:
    """The error of a snapshot whose parts do not fit together."""
    advice = "It was not written by liveref, or by a faulty one: go back to an older snapshot."
    return SnapshotFormatError(f"the snapshot is inconsistent: {what}", advice)


@cache
def this_writer() -> str:
    """The versions of liveref and Python; found when asked for: that takes a quarter of liveref's import."""
    from importlib.metadata import version  # noqa: PLC0415

    return f"liveref {version('liveref')}, Python {'.'.join(map(str, sys.version_info[:3]))}"


def header_text(header: Mapping[str, JSON]) -> bytes:
    """The text of a header.

    Raises:
        InvalidArgumentError: it is no plain JSON.
    """
    try:
        text = _ENCODER.encode(header).encode()
    except (TypeError, ValueError, RecursionError) as error:
        found = readable(type(error))  # its text may hold a value
    else:
        if not _nested_too_deeply(text):
            return text
        found = "deeper nesting"
    raise InvalidArgumentError("header", f"plain JSON, nested at most {MAX_DEPTH} deep", found)


def read_header(text: bytes, limits: SnapshotLimits) -> dict[str, JSON]:
    """A JSON object from its text, with no name twice, no number that is not finite and no lone surrogate.

    Raises:
        SnapshotFormatError: it is none.
        SnapshotLimitError: it holds too many values.
        RecursionError: of the caller's making: the parser goes no deeper than 500, and had no room for that.
    """
    values = sum(map(text.count, (b",", b":", b"[", b"{")))
    limits._check("max_header_bytes", "values in its header", values, max(65_536, limits.max_header_bytes // 16))
    try:
        if not _nested_too_deeply(text) and not _has_surrogate(text):
            header: object = json.loads(
                text.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite
            )
            if isinstance(header, dict):
                return cast("dict[str, JSON]", header)  # json makes nothing else
    except ValueError:
        pass  # and not chained: the error holds the whole text
    raise SnapshotFormatError("the header of the snapshot is no plain JSON object", DAMAGED)


_SURROGATE: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u[dD][89a-fA-F]")
_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(set(range(256)) - set(_STEP))


def _has_surrogate(text: bytes) -> bool:
    return b"\\u" in text and _SURROGATE.search(text) is not None


def _nested_too_deeply(text: bytes) -> bool:
    """Whether JSON is deeper than is safe: the parser trusts the recursion limit, which a program may have raised."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    outside_strings = text.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    rest = brackets = b"".join(outside_strings).translate(None, _NO_BRACKETS)
    for _ in range(8):  # a tenth of the cost of the count below, and enough for most
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    return bool(rest) and max(accumulate(map(_STEP.__getitem__, brackets))) > MAX_DEPTH


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _refuse(_name: str) -> Never:
    raise ValueError
