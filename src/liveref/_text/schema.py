"""What pydantic is told of a key. Core schemas are plain dicts, so pydantic is not imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

from liveref._text.marker import CANONICAL_PATTERN, RECIPE_LIMIT, SESSION_REF_TAG
from liveref._text.tag import readable
from liveref.exceptions import KeyFormatError

__all__ = ["UnknownTypeSerializer", "json_schema", "key_schema", "keys_unknown"]

Key = TypeVar("Key")
Schema: TypeAlias = dict[str, object]

_unknown: Final[ContextVar[bool]] = ContextVar("liveref_keys_unknown", default=False)
_NAME: Final = "liveref"
_DICT: Final[Schema] = {"type": "dict"}
_TEXT: Final[Schema] = {"type": "any", "serialization": {"type": "to-string"}}
_ABOUT: Final = "Pass it on exactly as it was given; it can't be made up."


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
    def narrows(self) -> Callable[[Key], bool]: ...
    @property
    def write(self) -> Callable[[Key], dict[str, str]]: ...


def key_schema(field: _Field[Key]) -> Schema:
    """The core schema of a field that holds keys: markers in JSON, the keys themselves in Python.

    Its reference makes it one component of its own in a JSON schema. By its label the errors of a union
    tell the members apart.
    """

    def write(found: Key) -> _Written:
        if not field.takes(found) or field.narrows(found):  # a union asks each of its members in turn
            raise sys.modules["pydantic_core"].PydanticSerializationUnexpectedValue
        return _Written(field.write(found))

    reference = f"liveref.RegistryKey[{field.name}:{field.identity}]"
    schema = {
        "type": "lax-or-strict",
        "lax_schema": _reader(field.read, field.name),
        "strict_schema": _reader(field.read_exact, field.name),
        "ref": reference,
        "metadata": {_NAME: (field.name, field.tag)},
        "serialization": _written_by(write, {"type": "union", "choices": [_DICT, _TEXT]}),
    }
    return {"type": "definitions", "schema": _labelled(reference, field.tag), "definitions": [schema]}


def _labelled(reference: str, tag: str | None) -> Schema:
    """What refers to the schema of a field, with the label that a union shows."""

    def refer(_source: object) -> Schema:
        return {"type": "definition-ref", "schema_ref": reference}

    labelled: Schema = sys.modules["pydantic"].Tag(tag or "RegistryKey").__get_pydantic_core_schema__(None, refer)
    return labelled


def _written_by(write: Callable[[Key], Mapping[str, object]], written: Schema) -> Schema:
    """How a key is written: what becomes of it, and how pydantic writes that."""
    return {
        "type": "function-plain",
        "function": write,
        "is_field_serializer": False,
        "info_arg": False,
        "when_used": "json",
        "return_schema": written,
    }


class UnknownTypeSerializer(Generic[Key]):
    """The ``__pydantic_serializer__`` of a class of keys: writes them where pydantic does not know the type.

    Made once pydantic asks for it, for nothing else imports pydantic.

    Args:
        write: gives the marker of a key.
    """

    def __init__(self, write: Callable[[Key], dict[str, str]]) -> None:
        self._write: Final = write
        self._made: object = None

    def __get__(self, key: object, cls: type) -> object:
        core = sys.modules.get("pydantic_core")
        if core is None or _unknown.get():
            raise AttributeError
        if self._made is None:
            self._made = core.SchemaSerializer({"type": "any", "serialization": _written_by(self._write, _DICT)})
        return self._made


@contextmanager
def keys_unknown() -> Generator[None]:
    """Meanwhile pydantic asks its ``fallback=`` for keys of which it does not know the type."""
    token = _unknown.set(True)
    try:
        yield
    finally:
        _unknown.reset(token)


def json_schema(core_schema: Schema) -> Schema:
    """The JSON schema of what `key_schema` made, the same for reading and writing."""
    name, tag = cast("dict[str, tuple[str, str | None]]", core_schema["metadata"])[_NAME]
    kind = {"const": tag} if tag else {}
    return {
        "type": "object",
        "title": f"Handle of {name}",
        "description": f"Stands for an object of type {name}, which the program holds. {_ABOUT}",
        "properties": {
            SESSION_REF_TAG: {"type": "string", "pattern": f"^{CANONICAL_PATTERN}$"},
            "type": {**kind, "type": "string"},
            "recipe": {"type": "string", "maxLength": RECIPE_LIMIT},
        },
        "required": [SESSION_REF_TAG],
        "additionalProperties": False,
    }


class _Written(dict[str, str]):
    """A marker, or where it is the key of a dict the canonical text, which is read back as well."""

    def __str__(self) -> str:
        return self[SESSION_REF_TAG]


def _reader(read: Callable[[object], Key], name: str) -> Schema:
    """A step that tells of a wrong input its class alone, where pydantic prints what a step is given."""

    def read_or_tell(value: object) -> Key:
        try:
            return read(value)
        except KeyFormatError as error:
            found, expected, advice, _ = error.args
            refusal = error if advice else type(error)(found, expected, _ABOUT)  # clients and models read it
        told = {"type": "value_error", "input": readable(type(value)), "ctx": {"error": refusal}}
        raise sys.modules["pydantic_core"].ValidationError.from_exception_data("key", [told])

    read_or_tell.__name__ = f"RegistryKey[{name}]"  # pydantic names a step by its function
    return {"type": "function-plain", "function": {"type": "no-info", "function": read_or_tell}}
