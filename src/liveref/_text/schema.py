"""What pydantic is told of a key. Core schemas are plain dicts, so pydantic is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from liveref._text.marker import CANONICAL_PATTERN, RECIPE_LIMIT, SESSION_REF_TAG
from liveref._text.tag import readable
from liveref.exceptions import KeyFormatError

__all__ = ["json_schema", "key_schema", "written_schema"]

Key = TypeVar("Key")
Schema: TypeAlias = dict[str, object]

_NAME: Final = "liveref"
_DESCRIPTION: Final = (
    "Stands for an object that the program holds. Pass it on exactly as it was given; it can't be made up."
)


class _Field(Protocol[Key]):
    @property
    def tag(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> int: ...
    @property
    def read(self) -> Callable[[object], Key]: ...
    @property
    def read_exact(self) -> Callable[[object], Key]: ...
    @property
    def takes(self) -> Callable[[object], bool]: ...
    @property
    def write(self) -> Callable[[Key], dict[str, str]]: ...


def key_schema(field: _Field[Key]) -> Schema:
    """The core schema of a field that holds keys: markers in JSON, the keys themselves in Python.

    Its reference makes it one component of its own in a JSON schema. By its label the errors of a union
    tell the members apart.
    """

    def write(found: Key) -> dict[str, str]:
        if not field.takes(found):  # a union asks each of its members in turn
            raise sys.modules["pydantic_core"].PydanticSerializationUnexpectedValue
        return field.write(found)

    reference = f"liveref.RegistryKey[{field.name}:{field.identity}]"
    schema = {
        "type": "lax-or-strict",
        "lax_schema": _reader(field.read),
        "strict_schema": _reader(field.read_exact),
        "ref": reference,
        "metadata": {_NAME: (field.name, field.tag)},
        **written_schema(write),
    }
    return {"type": "definitions", "schema": _labelled(reference, field.tag), "definitions": [schema]}


def _labelled(reference: str, tag: str | None) -> Schema:
    """What refers to the schema of a field, with the label that a union shows."""

    def refer(_source: object) -> Schema:
        return {"type": "definition-ref", "schema_ref": reference}

    labelled: Schema = sys.modules["pydantic"].Tag(tag or "RegistryKey").__get_pydantic_core_schema__(None, refer)
    return labelled


def written_schema(write: Callable[[Key], dict[str, str]]) -> Schema:
    """How a key is written: as a marker, and where it is the key of a dict as its canonical text."""

    def written(found: Key) -> _Written:
        return _Written(write(found))

    text = {"type": "any", "serialization": {"type": "to-string"}}
    return {
        "serialization": {
            "type": "function-plain",
            "function": written,
            "is_field_serializer": False,
            "info_arg": False,
            "when_used": "json",
            "return_schema": {"type": "union", "choices": [{"type": "dict"}, text]},
        },
    }


def json_schema(core_schema: Schema) -> Schema:
    """The JSON schema of what `key_schema` made, the same for reading and writing."""
    name, tag = cast("dict[str, tuple[str, str | None]]", core_schema["metadata"])[_NAME]
    kind = {"const": tag} if tag else {}
    return {
        "type": "object",
        "title": f"Handle of {name}",
        "description": _DESCRIPTION,
        "properties": {
            SESSION_REF_TAG: {"type": "string", "pattern": f"^{CANONICAL_PATTERN}$"},
            "type": {**kind, "type": "string"},
            "recipe": {"type": "string", "maxLength": RECIPE_LIMIT},
        },
        "required": [SESSION_REF_TAG],
        "additionalProperties": False,
    }


class _Written(dict[str, str]):
    def __str__(self) -> str:
        return self[SESSION_REF_TAG]


def _reader(read: Callable[[object], Key]) -> Schema:
    """A step that tells of a wrong input its class alone: pydantic prints what a step is given."""

    def read_or_tell(found: object) -> Key:
        try:
            return read(found)
        except KeyFormatError as error:
            refusal = error
        told = {"type": "value_error", "input": readable(type(found)), "ctx": {"error": refusal}}
        raise sys.modules["pydantic_core"].ValidationError.from_exception_data("key", [told])

    return {"type": "function-plain", "function": {"type": "no-info", "function": read_or_tell}}
