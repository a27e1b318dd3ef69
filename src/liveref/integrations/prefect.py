"""Prefect: task results with keys and live objects in them.

Prefect writes the fields of a serializer beside each result, and makes it anew from those for each read. So
a registry goes by a name there; where no such registry is, in another process, it is the current one. A ring goes
by a name that its current secret makes: in another process it is the one of a serializer there that has that secret.
"""

from __future__ import annotations

from base64 import decodebytes, encodebytes
from collections.abc import Iterable
from secrets import token_hex
from typing import Final, Self, TypeAlias
from weakref import WeakValueDictionary

from liveref._payloads.pickling import KeyPickler, dumps, loads
from liveref._payloads.swap import OnMissing, Swap
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.digest import new_mac
from liveref._snapshot.keyring import SnapshotKeys
from liveref.exceptions import LiveRefError

try:
    import cloudpickle  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  it has none
    from prefect.logging import get_logger
    from prefect.serializers import Serializer
    from pydantic import Field, PrivateAttr
except ImportError as _error:
    raise ImportError("prefect is missing: pip install 'liveref[prefect]'") from _error

__all__ = ["LiveRefSerializer"]

_Class: TypeAlias = type[object]  # for the serializer has a field of the name

_REGISTRIES: Final[WeakValueDictionary[str, SessionRefRegistry]] = WeakValueDictionary()
_RINGS: Final[WeakValueDictionary[str, SnapshotKeys]] = WeakValueDictionary()
_NAMES_A_RING: Final = b"liveref ring of a serializer\0"


class LiveRefSerializer(Serializer):
    """A serializer for ``@task(result_serializer=)``: cloudpickle's pickles, with live objects as keys in them.

    Its type is ``"liveref"``: once this module is imported, that text stands for ``LiveRefSerializer()``.

    Args:
        registry: where the objects are; None for the registry that is current at each call.
        live: the classes whose instances become keys. An object keeps its key from hop to hop.
        missing: what becomes of an object that is gone: ``"raise"`` its error, or ``"key"``, its key.
        recipes: the ring that signs the recipes of refs into what is written, and admits them when that is read, in
            another process too; None to go without.

    Example:
        >>> serializer = LiveRefSerializer(SessionRefRegistry(), live=[type(open)])
        >>> serializer.loads(serializer.dumps(["result", open])) == ["result", open]
        True
    """

    type: str = Field(default="liveref", frozen=True)
    missing: OnMissing = "raise"
    registry_name: str | None = None
    ring_name: str | None = None
    _live: tuple[_Class, ...] = PrivateAttr(default=())
    _kept: _Kept = PrivateAttr()

    def __new__(cls, *_args: object, **_fields: object) -> Self:  # noqa: D102  Prefect's own takes no registry
        return super().__new__(cls)

    def __init__(  # pyright: ignore[reportInconsistentConstructor]
        self,
        registry: SessionRefRegistry | None = None,
        *,
        live: Iterable[_Class] = (),
        missing: OnMissing = "raise",
        recipes: SnapshotKeys | None = None,
        **fields: str | None,
    ) -> None:
        swap = Swap(registry, live=live, missing=missing, recipes=recipes, engine="prefect")
        super().__init__(missing=missing, **fields)
        self._live, self._kept = swap.classes, _Kept(registry, recipes)
        if registry is not None:
            self.registry_name = token_hex(8)
            _REGISTRIES[self.registry_name] = registry
        if recipes is not None:
            self.ring_name = _name_of(recipes._secrets[recipes.current])
            for secret in recipes._secrets.values():
                _RINGS.setdefault(_name_of(secret), recipes)
            _RINGS[self.ring_name] = recipes

    def dumps(self, obj: object) -> bytes:
        """The pickle of a value, in base64. An error is logged as well.

        Raises:
            NotPicklableError: a part of it can't be pickled; it names the path.
            NoCurrentRegistryError: a live object is in it, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        try:
            with self._swap().write() as writing:
                return encodebytes(dumps(obj, writing, pickler=_CloudPickler))
        except LiveRefError as error:
            get_logger("liveref").warning("%s", error)  # Prefect goes on without a result, and tells its own text alone
            raise

    def loads(self, blob: bytes) -> object:
        """What `dumps` was given.

        Raises:
            RefLookupError: a live object is gone, unless ``missing`` is ``"key"``.
            MarkerAuthError, CapacityExceededError, RegistryClosedError: with ``recipes``, a ref is not admitted.
        """
        return loads(decodebytes(blob), self._swap())

    def _swap(self) -> Swap:
        registry = _REGISTRIES.get(self.registry_name or "")
        ring = _RINGS.get(self.ring_name or "")
        return Swap(registry, live=self._live, missing=self.missing, recipes=ring, engine="prefect")


class _Kept:
    """Keeps the registry and the ring of a serializer alive; both stay behind when that is copied or pickled."""

    def __init__(self, *kept: object) -> None:
        self._kept: Final = kept

    def __reduce__(self) -> tuple[type[object], tuple[()]]:
        return object, ()


def _name_of(secret: bytes) -> str:
    """The name of a ring by one of its secrets: of that alone, and the secret can't be told from it."""
    mac = new_mac(secret)
    mac.update(_NAMES_A_RING)
    return mac.digest().hex()[:16]


class _CloudPickler(KeyPickler, cloudpickle.Pickler):  # type: ignore[misc]  # it is untyped
    """What writes a lambda or a class of ``__main__`` too, as Prefect's own serializer does."""
