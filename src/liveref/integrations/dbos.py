"""DBOS: workflow inputs, step results and events with keys and live objects in them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

from liveref._payloads.pickling import dumps, loads
from liveref._payloads.swap import OnMissing, Swap
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.keyring import SnapshotKeys

try:
    from dbos import Serializer
except ImportError as _error:
    raise ImportError("dbos is missing: pip install 'liveref[dbos]'") from _error

__all__ = ["LiveRefSerializer"]


class LiveRefSerializer(Serializer):
    """A serializer for ``DBOSConfig(serializer=)``: DBOS's own pickles, with live objects as keys in them.

    What a database holds of DBOS's default serializer stays readable.

    Args:
        registry: where the objects are; None for the registry that is current at each call. A recovered
            workflow runs in a thread of DBOS, where none is: give the program's own.
        live: the classes whose instances become keys. An object keeps its key from hop to hop.
        missing: what becomes of an object that is gone: ``"raise"`` its error, or ``"key"``, its key.
        recipes: the ring that signs the recipes of refs into what is written, and admits them when that is read, in
            another process too; None to go without.

    Example:
        >>> serializer = LiveRefSerializer(SessionRefRegistry(), live=[type(open)])
        >>> serializer.deserialize(serializer.serialize({"args": (open,)})) == {"args": (open,)}
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
        self._swap: Final = Swap(registry, live=live, missing=missing, recipes=recipes, engine="dbos")

    def name(self) -> str:
        """What stands beside each value in the database."""
        return "liveref_pickle"

    def serialize(self, data: object) -> str:
        """The pickle of a value, in base64.

        Raises:
            NotPicklableError: a part of it can't be pickled; it names the path.
            NoCurrentRegistryError: a live object is in it, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        with self._swap.write() as writing:
            return b64encode(dumps(data, writing)).decode()

    def deserialize(self, serialized_data: str) -> object:
        """What `serialize` was given.

        Raises:
            RefLookupError: a live object is gone, unless ``missing`` is ``"key"``.
            MarkerAuthError, CapacityExceededError, RegistryClosedError: with ``recipes``, a ref is not admitted.
        """
        return loads(b64decode(serialized_data), self._swap)
