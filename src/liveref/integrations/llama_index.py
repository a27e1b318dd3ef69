"""llama-index-workflows: contexts with keys and live objects in them, as JSON and back.

Outside of models this writes what `liveref.jsonable` writes. What is in a model pydantic writes, so there a
marker is wrapped into a dict with a random name, which stands beside the model: no input can make one up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from secrets import token_hex
from typing import Final, cast

from liveref._key import RegistryKey
from liveref._payloads.swap import Missing, Swap, Writing
from liveref._registry.registry import SessionRefRegistry
from liveref._text.blame import Parts, contents, dump_or_blame
from liveref._text.marker import SESSION_REF_TAG

try:
    from pydantic import BaseModel
    from workflows.context.serializers import JsonSerializer
    from workflows.context.utils import get_qualified_name
    from workflows.events import DictLikeModel
except ImportError as _error:
    raise ImportError("llama-index-workflows is missing: pip install 'liveref[llama-index]'") from _error

__all__ = ["LiveRefSerializer"]

_WRAP: Final = "__liveref_wrap"


class LiveRefSerializer(JsonSerializer):
    """A serializer for ``Workflow(serializer=)``, ``ctx.to_dict`` and ``Context.from_dict``.

    Args:
        registry: where the objects are; None for the registry that is current at each call.
        live: the classes whose instances become markers. An object keeps its key from hop to hop.
        missing: what becomes of an object that is gone: ``"raise"`` its error, or ``"key"``, its key.

    Example:
        >>> serializer = LiveRefSerializer(SessionRefRegistry(), live=[type(open)])
        >>> serializer.deserialize(serializer.serialize({"store": [open]})) == {"store": [open]}
        True
    """

    def __init__(
        self, registry: SessionRefRegistry | None = None, *, live: Iterable[type] = (), missing: Missing = "raise"
    ) -> None:
        super().__init__()
        self._swap: Final = Swap(registry, live=live, missing=missing)

    def serialize(self, value: object) -> str:
        """`serialize_value` as text."""
        return json.dumps(self.serialize_value(value))

    def serialize_value(self, value: object) -> object:
        """The value as what JSON carries, with markers in it.

        Raises:
            NotJSONableError: a part of it can't be carried; it names the path.
            NoCurrentRegistryError: a live object is in it, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        with self._swap.write() as writing:
            return dump_or_blame(value, lambda part: _tree(part, writing), _parts, whereabouts=writing.whereabouts)

    def deserialize_value(self, data: object) -> object:
        """What `serialize_value` was given.

        Raises:
            MarkerError: a marker in it is broken.
            RefLookupError: a live object is gone, unless ``missing`` is ``"key"``.
        """
        record = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        if _WRAP in record:
            unwrap = partial(self._unwrapped, wrap=cast("str", record[_WRAP]))
            data = {**record, "value": json.loads(json.dumps(record["value"]), object_hook=unwrap)}
        elif isinstance(escaped := record.get(SESSION_REF_TAG), dict):
            return {name: self.deserialize_value(item) for name, item in cast("dict[str, object]", escaped).items()}
        elif SESSION_REF_TAG in record:
            return self._swap.read_marker(record)
        return super().deserialize_value(data)

    def _unwrapped(self, fields: dict[str, object], wrap: str) -> object:
        return self.deserialize_value(fields[wrap]) if wrap in fields else fields


class _Hidden:
    def __init__(self, marker: dict[str, str]) -> None:
        self.marker: Final = marker


def _tree(value: object, writing: Writing) -> object:
    """What the engine makes of a value, with markers in it; TypeError for what JSON can't carry."""
    if marker := writing.marker_of(value):
        return marker
    if hasattr(value, "class_name"):  # as the engine tells its components
        return json.loads(JsonSerializer().serialize(value))
    if isinstance(value, BaseModel):
        return _record(value, writing)
    if isinstance(value, list | tuple):
        return [_tree(item, writing) for item in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        tree = {name: _tree(item, writing) for name, item in cast("dict[str, object]", value).items()}
        return {SESSION_REF_TAG: tree} if SESSION_REF_TAG in tree else tree
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError
    return value


def _record(model: BaseModel, writing: Writing) -> dict[str, object]:
    record: dict[str, object] = {"__is_pydantic": True, "qualified_name": get_qualified_name(model)}
    wrap = token_hex(8)

    def fallback(part: object) -> dict[str, object]:
        record[_WRAP] = wrap
        return {wrap: part.marker if isinstance(part, _Hidden) else _tree(part, writing)}

    hidden = cast("BaseModel", _hide(model, writing)) if writing._swap.classes else model
    record["value"] = hidden.model_dump(mode="json", fallback=fallback, warnings=hidden is model)
    return record


def _hide(value: object, writing: Writing) -> object:
    """A copy of a value with its live objects out of sight, for pydantic may know how to write those by value."""
    kind = type(value)
    if kind is dict:
        return {name: _hide(item, writing) for name, item in cast("dict[object, object]", value).items()}
    if kind in {list, tuple, set, frozenset}:
        container = cast("list[object]", value)
        return type(container)(_hide(item, writing) for item in container)
    marker = None if kind is RegistryKey else writing.marker_of(value)
    if marker or not isinstance(value, BaseModel):
        return _Hidden(marker) if marker else value
    fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
    copy = value.model_copy(update=cast("dict[str, object]", _hide(fields, writing)))
    if isinstance(copy, DictLikeModel):
        copy._data = cast("dict[str, object]", _hide(copy._data, writing))
    return copy


def _parts(value: object) -> Parts:
    yield from contents(value)
    if isinstance(value, BaseModel):
        yield from contents(value.__dict__)
    if isinstance(value, DictLikeModel):
        yield from contents(value._data)
