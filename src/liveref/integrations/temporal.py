"""Temporal: keys as payloads.

A workflow replays on any worker, so it never sees a live object: it passes keys on, and activities look them
up. Inside the sandbox liveref has to be passed through, for a key of a second copy of it is another class.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final, cast

from liveref._key import RegistryKey
from liveref._payloads.blame import dump_or_blame
from liveref._text.blame import Parts, contents

try:
    from temporalio.api.common.v1 import Payload
    from temporalio.converter import (
        AdvancedJSONEncoder,
        CompositePayloadConverter,
        DataConverter,
        DefaultPayloadConverter,
        JSONPlainPayloadConverter,
    )

    from liveref.integrations._temporal import KeyHints, is_key, second_copy
except ImportError as _error:
    raise ImportError("temporalio is missing: pip install 'liveref[temporal]'") from _error

__all__ = ["data_converter"]

_ADVICE: Final = "Put it into the registry of the worker and pass its key."


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
        super().__init__(encoder=_Encoder, custom_type_converters=[KeyHints()])

    def to_payload(self, value: object) -> Payload | None:
        return dump_or_blame(value, super().to_payload, _parts, advice=_ADVICE)

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> object:
        return super().from_payload(payload, type_hint or cast("type", Any))


class _Encoder(AdvancedJSONEncoder):
    def default(self, o: object) -> object:
        if type(o) is RegistryKey:
            return cast("RegistryKey[object]", o).to_marker(typed=True)
        if is_key(type(o)):
            raise second_copy(type(o))
        return super().default(o)


def _parts(value: object) -> Parts:
    yield from contents(value, names=False)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from contents({field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)})
