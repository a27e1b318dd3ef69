"""llama-index-workflows: contexts with keys and live objects in them, as JSON and back.

Outside of models this writes what `liveref.jsonable` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Final, cast

from liveref._payloads.blame import dump_or_blame
from liveref._payloads.swap import OnMissing, Swap, key_of_typed
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.marker import SESSION_REF_TAG, TYPE_FIELD

try:
    from workflows.context.serializers import JsonSerializer

    from liveref.integrations._llama_index import PYDANTIC, WRAP, parts, text, tree
except ImportError as _error:
    raise ImportError("llama-index-workflows is missing: pip install 'liveref[llama-index]'") from _error

__all__ = ["LiveRefSerializer"]


class LiveRefSerializer(JsonSerializer):
    """A serializer for ``Workflow(serializer=)``, ``ctx.to_dict`` and ``Context.from_dict``.

    Args:
        registry: where the objects are; None for the registry that is current at each call.
        live: the classes whose instances become markers. An object keeps its key from hop to hop.
        missing: what becomes of an object that is gone: ``"raise"`` its error, or ``"key"``, its key.
        recipes: the ring that signs the recipes of refs into what is written, and admits them when that is read, in
            another process too; None to go without.

    Example:
        >>> serializer = LiveRefSerializer(SessionRefRegistry(), live=[type(open)])
        >>> serializer.deserialize(serializer.serialize({"store": [open]})) == {"store": [open]}
        True
    """

    def __init__(
        self,
        registry: SessionRefRegistry | None = None,
        *,
        live: Iterable[type] = (),
        missing: OnMissing = "raise",
        recipes: SnapshotKeys | None = None,
    ) -> None:
        super().__init__()
        self._swap: Final = Swap(registry, live=live, missing=missing, recipes=recipes, engine="llama_index")

    def serialize(self, value: object) -> str:
        """`serialize_value` as text; it raises the same."""
        with self._swap.write() as writing:
            return dump_or_blame(value, partial(text, writing), parts, whereabouts=writing.whereabouts)

    def serialize_value(self, value: object) -> object:
        """The value as what JSON carries, with markers in it.

        Raises:
            NotJSONableError: a part of it can't be carried; it names the path.
            NoCurrentRegistryError: a live object is in it, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        with self._swap.write() as writing:
            return dump_or_blame(value, partial(tree, writing), parts, whereabouts=writing.whereabouts)

    def deserialize_value(self, data: object) -> object:
        """What `serialize_value` was given.

        Raises:
            MarkerError: a marker in it is broken.
            RefLookupError: a live object is gone, unless ``missing`` is ``"key"``.
            MarkerAuthError, CapacityExceededError, RegistryClosedError: with ``recipes``, a ref is not admitted.
        """
        record = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        if WRAP in record and PYDANTIC in record:
            unwrap = partial(self._unwrapped, cast("str", record[WRAP]))
            data = {**record, "value": json.loads(json.dumps(record["value"]), object_hook=unwrap)}
        elif isinstance(escaped := record.get(SESSION_REF_TAG), dict):
            return {name: self.deserialize_value(item) for name, item in cast("dict[str, object]", escaped).items()}
        elif SESSION_REF_TAG in record:
            return self._swap.read_marker(record)
        return super().deserialize_value(data)

    def _unwrapped(self, wrap: str, fields: dict[str, object]) -> object:
        if wrap not in fields:
            return fields
        found = self.deserialize_value(fields[wrap])
        if TYPE_FIELD not in fields:
            return found
        marker = cast("dict[str, object]", fields[wrap])
        return key_of_typed({**marker, TYPE_FIELD: fields[TYPE_FIELD]})
