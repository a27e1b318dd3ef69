"""Temporal: keys as payloads.

A workflow replays on any worker, so it never sees a live object: it passes keys on, and activities look them
up. Inside the sandbox liveref has to be passed through, for a key of a second copy of it is another class.
"""

from __future__ import annotations

import dataclasses
from collections import abc, deque
from contextlib import suppress
from typing import Any, Final, cast, get_args, get_origin

from liveref._hints.forms import UNIONS
from liveref._key import RegistryKey
from liveref._payloads.blame import dump_or_blame
from liveref._text.blame import Parts, contents
from liveref._text.marker import SESSION_REF_TAG
from liveref._text.tag import readable, type_tag
from liveref.exceptions import HintError, MarkerError

try:
    from temporalio.api.common.v1 import Payload
    from temporalio.converter import (
        AdvancedJSONEncoder,
        CompositePayloadConverter,
        DataConverter,
        DefaultPayloadConverter,
        JSONPlainPayloadConverter,
        JSONTypeConverter,
        value_to_type,
    )
except ImportError as _error:
    raise ImportError("temporalio is missing: pip install 'liveref[temporal]'") from _error

__all__ = ["data_converter"]

_ADVICE: Final = "Put it into the registry of the worker and pass its key."
_SECOND_COPY: Final = (
    "it is of a second copy of liveref, which the sandbox has loaded; "
    "import it under `with workflow.unsafe.imports_passed_through():`"
)

_CONTAINERS: Final = frozenset(
    {dict, list, tuple, set, frozenset, deque}
    | {abc.Mapping, abc.MutableMapping, abc.Sequence, abc.MutableSequence, abc.Set, abc.Collection, abc.Iterable}
)
"""What Temporal reads without a look at the items where the annotation does not say what they are."""


def data_converter() -> DataConverter:
    """A converter for ``Client.connect(data_converter=)``: Temporal's own, with keys as typed markers.

    Where an argument or result is annotated, ``RegistryKey[T]`` is read with that hint, and a marker that is
    provably of another type is refused; where it is not, a marker is read as a ``RegistryKey[object]``.

    Example:
        >>> converter = data_converter().payload_converter
        >>> key = RegistryKey.new(int)
        >>> converter.from_payload(converter.to_payload(key), RegistryKey[int]) == key
        True
    """
    return DataConverter(payload_converter_class=_KeyConverter)


class _KeyConverter(CompositePayloadConverter):
    def __init__(self) -> None:
        converters = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(_KeyJSON() if type(each) is JSONPlainPayloadConverter else each for each in converters))


class _KeyJSON(JSONPlainPayloadConverter):
    def __init__(self) -> None:
        super().__init__(encoder=_Encoder, custom_type_converters=[_KeyHints()])

    def to_payload(self, value: object) -> Payload | None:
        return dump_or_blame(value, super().to_payload, _parts, advice=_ADVICE)

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> object:
        return super().from_payload(payload, type_hint or cast("type", Any))


class _Encoder(AdvancedJSONEncoder):
    def default(self, o: object) -> object:
        if type(o) is RegistryKey:
            return cast("RegistryKey[object]", o).to_marker(typed=True)
        if _is_key(type(o)):
            raise _second_copy(type(o))
        return super().default(o)


class _KeyHints(JSONTypeConverter):
    def to_typed_value(self, hint: object, value: object) -> object:
        origin, inside = get_origin(hint) or hint, get_args(hint)
        if origin is RegistryKey:
            return RegistryKey.from_marker(value, *inside)
        if _is_key(origin):
            raise _second_copy(hint)
        if hint is Any:
            return _with_keys(value)
        if origin in UNIONS:
            return self._key_of_one(inside, value)
        if inside[-1:] == (Any,) or (origin in _CONTAINERS and not inside):
            return value_to_type(cast("type", hint), _with_keys_inside(value))
        return self.Unhandled

    def _key_of_one(self, hints: tuple[object, ...], value: object) -> object:
        """The key of a marker where some hints are of keys: Temporal drops their errors, and tells the marker."""
        keys = [hint for hint in hints if _is_key(get_origin(hint) or hint)] if _key_of(value) else []
        for hint in keys[:-1]:
            with suppress(MarkerError):
                return self.to_typed_value(hint, value)
        return self.to_typed_value(keys[-1], value) if keys else self.Unhandled


def _is_key(cls: object) -> bool:
    """Whether a class is that of keys, be it of a second copy of liveref."""
    return isinstance(cls, type) and type_tag(cls) == type_tag(RegistryKey)


def _second_copy(hint: object) -> HintError:
    return HintError(readable(hint), readable(RegistryKey), _SECOND_COPY)


def _key_of(value: object) -> RegistryKey[object] | None:
    """The key of a marker; None of all else."""
    if isinstance(value, dict) and SESSION_REF_TAG in value:
        with suppress(MarkerError):
            return RegistryKey.from_marker(value)
    return None


def _with_keys(value: object) -> object:
    """A value with keys in place of its markers."""
    return _key_of(value) or _with_keys_inside(value)


def _with_keys_inside(value: object) -> object:
    if isinstance(value, list):
        return [_with_keys(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _with_keys(item) for name, item in cast("dict[str, object]", value).items()}
    return value


def _parts(value: object) -> Parts:
    yield from contents(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from contents({field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)})
