"""What passes through JSON unchanged."""

from __future__ import annotations

import json
import math
from typing import Final, cast

from typing_extensions import TypeAliasType

from liveref._text.tag import readable
from liveref.exceptions import NotJSONableError

__all__ = [
    "ADVICE", "JSON", "SAFE_BITS", "encodable", "json_copy", "json_name", "name_fault", "path_step", "special_of",
    "writable",
]  # fmt: skip

JSON = TypeAliasType("JSON", "bool | int | float | str | list[JSON] | dict[str, JSON] | None")

ADVICE: Final = "Pass None, bool, int, finite float, str, list, or dict with str keys."


_SPECIAL: Final[dict[type, str]] = {
    float: "a float that is not finite",
    int: "an int of more than 4,300 digits",
    str: "a str with a lone surrogate",
}
SAFE_BITS: Final = 14_284
"""Of an int: more may be more digits than Python writes and reads."""
_DIGITS: Final = 4300
_SHOWN: Final = 80
"""Characters of a name in a path."""
_DEPTH: Final = 400
"""Of lists and dicts in one another: the header of a snapshot takes a few more."""


def json_copy(found: object, path: str) -> JSON:
    """A deep copy of a value that is plain JSON by exact type.

    Args:
        found: the value.
        path: what the path in an error begins with.

    Raises:
        NotJSONableError: a part would not come back from JSON as it is.
    """
    try:
        return _copy(found, path, _DEPTH)
    except RecursionError:
        pass
    raise NotJSONableError(path, "a value that is nested too deeply", ADVICE)


def _copy(found: object, path: str, depth: int) -> JSON:
    kind = type(found)
    if found is None or kind is bool:
        return cast("bool | None", found)
    if kind is int and writable(cast("int", found)):
        return cast("int", found)
    if kind is float and math.isfinite(cast("float", found)):
        return cast("float", found)
    if kind is str and encodable(cast("str", found)):
        return cast("str", found)
    if not depth:
        raise RecursionError
    if kind is list:
        return [_copy(item, f"{path}[{at}]", depth - 1) for at, item in enumerate(cast("list[object]", found))]
    if kind is dict:
        return {
            json_name(name, path): _copy(item, path + path_step(name), depth - 1)
            for name, item in cast("dict[object, object]", found).items()
        }
    raise NotJSONableError(path, special_of(kind) or readable(kind), ADVICE)


def json_name(name: object, path: str) -> str:
    """The key of a dict, if JSON holds it unchanged.

    Args:
        name: the key.
        path: of the dict, for the error.

    Raises:
        NotJSONableError: it does not.
    """
    fault = name_fault(name)
    if fault is not None:
        raise NotJSONableError(path, fault, ADVICE)
    return cast("str", name)


def special_of(kind: type) -> str | None:
    """What JSON does not hold of a class of which it holds the rest; None of any other class, be it without a hash."""
    return next((found for cls, found in _SPECIAL.items() if cls is kind), None)


def name_fault(name: object) -> str | None:
    """What is wrong with the key of a dict; None where JSON holds it unchanged."""
    if type(name) is not str:
        return f"a dict key of type {readable(type(name))}"
    return None if encodable(name) else "a dict key with a lone surrogate"


def writable(number: int) -> bool:
    """Whether an int has at most 4,300 digits: Python neither writes nor reads more, by default."""
    return number.bit_length() <= SAFE_BITS or abs(number) < 10**_DIGITS


def encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: not with a lone surrogate in it."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def path_step(name: object) -> str:
    """A step of a path: ``.event``, ``["my event"]`` or ``[2]``; of the odd key of a dict ``.float``, its type."""
    if isinstance(name, int) and writable(name):
        return f"[{int.__repr__(name)}]"
    if not isinstance(name, str):
        return f".{readable(type(name))}"
    text = str.__str__(name)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f".{shown}" if text.isidentifier() else f"[{json.dumps(shown)}]"
