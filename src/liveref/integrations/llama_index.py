"""llama-index-workflows: contexts with keys and live objects in them, as JSON and back.

Outside of models this writes what `liveref.jsonable` writes. What is in a model pydantic writes: there a marker
is wrapped into a dict with a random name, which stands beside the model, for no input can make one up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from secrets import token_hex
from typing import Final, cast

from liveref._payloads.parts import COPIED_MODEL, Copier, Opener, opener_of
from liveref._payloads.swap import OnMissing, Swap, Writing
from liveref._registry.registry import SessionRefRegistry
from liveref._text.blame import Parts, contents, dump_or_blame
from liveref._text.json import writable
from liveref._text.marker import SESSION_REF_TAG
from liveref._text.schema import keys_unknown

try:
    from pydantic import BaseModel
    from workflows.context.serializers import JsonSerializer
    from workflows.context.utils import get_qualified_name
    from workflows.events import DictLikeModel
except ImportError as _error:
    raise ImportError("llama-index-workflows is missing: pip install 'liveref[llama-index]'") from _error

__all__ = ["LiveRefSerializer"]

_WRAP: Final = "__liveref_wrap"
_PYDANTIC: Final = "__is_pydantic"
_IN_BAND: Final = {SESSION_REF_TAG, _PYDANTIC, "__is_component"}  # a user's own dict with one in it is escaped


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
        self, registry: SessionRefRegistry | None = None, *, live: Iterable[type] = (), missing: OnMissing = "raise"
    ) -> None:
        super().__init__()
        self._swap: Final = Swap(registry, live=live, missing=missing, engine="llama_index")

    def serialize(self, value: object) -> str:
        """`serialize_value` as text; it raises the same."""
        with self._swap.write() as writing:
            return dump_or_blame(value, partial(_text, writing), _parts, whereabouts=writing.whereabouts)

    def serialize_value(self, value: object) -> object:
        """The value as what JSON carries, with markers in it.

        Raises:
            NotJSONableError: a part of it can't be carried; it names the path.
            NoCurrentRegistryError: a live object is in it, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        with self._swap.write() as writing:
            return dump_or_blame(value, partial(_tree, writing), _parts, whereabouts=writing.whereabouts)

    def deserialize_value(self, data: object) -> object:
        """What `serialize_value` was given.

        Raises:
            MarkerError: a marker in it is broken.
            RefLookupError: a live object is gone, unless ``missing`` is ``"key"``.
        """
        record = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        if _WRAP in record and _PYDANTIC in record:
            unwrap = partial(self._unwrapped, cast("str", record[_WRAP]))
            data = {**record, "value": json.loads(json.dumps(record["value"]), object_hook=unwrap)}
        elif isinstance(escaped := record.get(SESSION_REF_TAG), dict):
            return {name: self.deserialize_value(item) for name, item in cast("dict[str, object]", escaped).items()}
        elif SESSION_REF_TAG in record:
            return self._swap.read_marker(record)
        return super().deserialize_value(data)

    def _unwrapped(self, wrap: str, fields: dict[str, object]) -> object:
        return self.deserialize_value(fields[wrap]) if wrap in fields else fields


class _Hidden:
    def __init__(self, marker: dict[str, str]) -> None:
        self.marker: Final = marker


def _tree(writing: Writing, value: object) -> object:
    """What the engine makes of a value, with markers in it; TypeError for what JSON can't carry."""
    if marker := writing.marker_of(value):
        return marker
    if hasattr(type(value) if isinstance(value, DictLikeModel) else value, "class_name"):  # a component of the engine
        return json.loads(JsonSerializer().serialize(value))
    if isinstance(value, BaseModel):
        return _record(value, writing)
    if isinstance(value, list | tuple):
        return [_tree(writing, item) for item in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        tree = {name: _tree(writing, item) for name, item in cast("dict[str, object]", value).items()}
        return tree if _IN_BAND.isdisjoint(tree) else {SESSION_REF_TAG: tree}
    if not isinstance(value, str | int | float | None) or (isinstance(value, int) and not writable(value)):
        raise TypeError
    return value


def _text(writing: Writing, value: object) -> str:
    return json.dumps(_tree(writing, value))


def _record(model: BaseModel, writing: Writing) -> dict[str, object]:
    record: dict[str, object] = {_PYDANTIC: True, "qualified_name": get_qualified_name(model)}
    wrap = token_hex(8)

    def fallback(part: object) -> dict[str, object]:
        record[_WRAP] = wrap
        return {wrap: part.marker if isinstance(part, _Hidden) else _tree(writing, part)}

    hidden = cast("BaseModel", Copier(partial(_hide, writing), _opener).copy(model)) if writing._swap.classes else model
    with keys_unknown():
        record["value"] = hidden.model_dump(mode="json", fallback=fallback, warnings=hidden is model)
    return record


def _hide(writing: Writing, value: object) -> object:
    """What stands for a live object in a copy, where pydantic can't write it by value; all else itself."""
    marker = writing.marker_of(value)
    return _Hidden(marker) if marker and "type" in marker else value  # a key pydantic passes on


def _opener(cls: type[object]) -> Opener | None:
    return COPIED_MODEL if issubclass(cls, BaseModel) else opener_of(cls)


def _parts(value: object) -> Parts:
    if isinstance(value, DictLikeModel):
        yield from contents(value._data)
    yield from contents(value.__dict__ if isinstance(value, BaseModel) else value)
