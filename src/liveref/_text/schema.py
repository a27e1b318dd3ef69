"""The pydantic schema of a key. Core schemas are plain dicts, so pydantic is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, TypeVar

from liveref._text.marker import CANONICAL_PATTERN, SESSION_REF_TAG, concealed

__all__ = ["key_schema"]

Key = TypeVar("Key")


class _Field(Protocol[Key]):
    @property
    def read(self) -> Callable[[object], Key]: ...
    @property
    def read_exact(self) -> Callable[[object], Key]: ...
    @property
    def takes(self) -> Callable[[object], bool]: ...
    @property
    def write(self) -> Callable[[Key], dict[str, str]]: ...


def key_schema(field: _Field[Key], tag: str | None) -> dict[str, object]:
    """The core schema of a field that holds keys: markers in JSON, the keys themselves in Python.

    Args:
        field: reads and writes the keys.
        tag: the one type tag of the field, or None where it takes any.
    """

    def write(found: Key) -> dict[str, str]:
        if not field.takes(found):  # a union asks each of its members in turn
            raise sys.modules["pydantic_core"].PydanticSerializationUnexpectedValue
        return field.write(found)

    return {
        "type": "lax-or-strict",
        "lax_schema": _reader(field.read, tag),
        "strict_schema": _reader(field.read_exact, tag),
        "serialization": {
            "type": "function-plain",
            "function": write,
            "is_field_serializer": False,
            "info_arg": False,
            "when_used": "json",
            "return_schema": _marker_schema(tag, typed=True),
        },
    }


def _reader(read: Callable[[object], Key], tag: str | None) -> dict[str, object]:
    """Two steps, for pydantic prints the input of a step that fails: that of the second shows no whole key."""
    first = _step(concealed) | {"json_schema_input_schema": _marker_schema(tag, typed=False)}
    return {"type": "chain", "steps": [first, _step(read)]}


def _step(function: Callable[[object], object]) -> dict[str, object]:
    return {"type": "function-plain", "function": {"type": "no-info", "function": function}}


def _marker_schema(tag: str | None, *, typed: bool) -> dict[str, object]:
    uuid: dict[str, object] = {"type": "str", "pattern": f"^{CANONICAL_PATTERN}$"}
    type_: dict[str, object] = {"type": "literal", "expected": [tag]} if tag else {"type": "str"}
    return {
        "type": "typed-dict",
        "fields": {
            SESSION_REF_TAG: {"type": "typed-dict-field", "schema": uuid, "required": True},
            "type": {"type": "typed-dict-field", "schema": type_, "required": typed},
        },
        "extra_behavior": "forbid",
    }
