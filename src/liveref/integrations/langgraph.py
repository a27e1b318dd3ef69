"""LangGraph: a checkpoint serializer that writes live objects as markers and reads them back as themselves."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from liveref import InvalidArgumentError, RegistryKey, SessionRefRegistry, SnapshotKeys
from liveref._payloads.parts import Opener, Scan, opener_of, with_parts
from liveref._payloads.stand_in import ERROR, STAND_INS, read, unnamed_in, write
from liveref._payloads.swap import OnMissing, Swap
from liveref._text.tag import readable

try:
    import ormsgpack
    from langgraph.checkpoint.serde import jsonplus
    from langgraph.checkpoint.serde.base import SerializerProtocol
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.types import Send
except ImportError as _error:
    raise ImportError("langgraph is missing: pip install 'liveref[langgraph]'") from _error

__all__ = ["LiveRefSerializer"]

_OPTION: Final = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_REPLACE_SURROGATES
)
_PACK: Final = partial(ormsgpack.packb, option=_OPTION | ormsgpack.OPT_PASSTHROUGH_SUBCLASS)
_ATOMS: Final = frozenset({type(None), bytes, bytearray, str, int, float, bool})
_LOG: Final = logging.getLogger(jsonplus.__name__)  # of a warning for every class read, without an allow-list
_SEND: Final = Opener(lambda send: {"arg": send.arg}, with_parts)


class LiveRefSerializer(JsonPlusSerializer):  # LangGraph extends the allow-list of no other class
    """A serializer for any LangGraph saver; a payload without keys and live objects is written as ever.

    Args:
        registry: where the live objects are; None for the current one at each call, which concurrent
            synchronous runs can't rely on: LangGraph writes from threads without their context.
        live: the classes whose instances are written as markers. Keys are always written so, builtin data never.
        inner: writes and reads the rest; None for ``JsonPlusSerializer()``. One with an allow-list or an
            encrypted one will do, and any other that writes objects by class and fields, as pickle does.
        missing: what becomes of a marker whose ref is gone: ``"raise"`` its error, or ``"key"``, its key.
        recipes: the ring that signs the recipes of refs into the checkpoints, and admits refs by them when read.

    Raises:
        InvalidArgumentError: one of them is no such thing.

    Example:
        >>> from asyncio import Lock
        >>> from liveref import Session
        >>> serde, lock = LiveRefSerializer(live=[Lock]), Lock()
        >>> with Session():
        ...     serde.loads_typed(serde.dumps_typed({"lock": lock}))["lock"] is lock
        True
    """

    def __init__(
        self,
        registry: SessionRefRegistry | None = None,
        *,
        live: Iterable[type] = (),
        inner: SerializerProtocol | None = None,
        missing: OnMissing = "raise",
        recipes: SnapshotKeys | None = None,
    ) -> None:
        super().__init__()
        if inner is not None and not isinstance(inner, SerializerProtocol):
            raise InvalidArgumentError("inner", "a serializer of LangGraph", readable(type(inner)))
        self._swap: Final = Swap(registry, live=live, missing=missing, recipes=recipes, engine="langgraph")
        self._inner = _allowing(JsonPlusSerializer() if inner is None else inner, STAND_INS)
        encode = _encoder(self._inner)
        self._one_pass: Final = encode is not None
        self._scan: Final = Scan((RegistryKey, *self._swap.classes), _opener, _PACK, encode)

    def dumps_typed(self, obj: object) -> tuple[str, bytes]:
        """The name of a format, and the payload in it.

        Raises:
            NotJSONableError: something in the payload can't be written; it names the path.
            NoCurrentRegistryError: a live object is in it, or with ``recipes`` a key, and there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
                Whatever it raises, nothing was inserted.
        """
        self._swap.note()
        try:
            written = self._as_ever(obj)
        except Exception:  # noqa: BLE001  whatever the inner serializer raises: write finds what is wrong
            written = None
        if written is None or written[0].startswith("pickle"):
            return write(self._swap, self._inner.dumps_typed, obj, _opener, written=written)
        return written

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # Any: as JsonPlusSerializer has it
        """The payload.

        Raises:
            RefNotFoundError, RefReleasedError, RefDroppedError, ReopenError: a live object in it can't be had.
            MarkerAuthError, CapacityExceededError, RegistryClosedError: with ``recipes``, a ref is not admitted.
        """
        self._swap.note()
        with unnamed_in(_LOG):
            return read(self._swap, self._inner.loads_typed, data)

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> LiveRefSerializer:
        """This serializer with more classes in the allow-list of the inner one."""
        clone = copy.copy(self)
        clone._inner = _allowing(self._inner, extra_allowlist)
        return self if clone._inner is self._inner else clone

    def _as_ever(self, payload: object) -> tuple[str, bytes]:
        """What the inner serializer writes; raises where a key or a live object is in it."""
        if isinstance(payload, BaseException):  # which the inner serializer writes as its repr, with all that is in it
            raise TypeError
        if not self._swap.classes or type(payload) in _ATOMS:
            return self._inner.dumps_typed(payload)
        packed = self._scan.run(payload)
        return ("msgpack", packed) if self._one_pass else self._inner.dumps_typed(payload)


def _opener(cls: type[object]) -> Opener | None:
    if issubclass(cls, BaseException):
        return ERROR
    return _SEND if cls is Send else opener_of(cls)


def _allowing(serde: SerializerProtocol, classes: Iterable[tuple[str, ...] | type]) -> SerializerProtocol:
    """A serializer with more classes in its allow-list; the same one where it has none or they are in it."""
    if isinstance(serde, JsonPlusSerializer):
        return serde.with_msgpack_allowlist(classes)
    if not isinstance(serde, EncryptedSerializer):
        return serde
    clone = copy.copy(serde)
    clone.serde = _allowing(serde.serde, classes)
    return serde if clone.serde is serde.serde else clone


def _encoder(serde: SerializerProtocol) -> Callable[[object], object] | None:
    """What JsonPlusSerializer encodes objects with, if it is as known: then one pass looks and writes, not two."""
    known = type(serde) is JsonPlusSerializer and getattr(jsonplus, "_option", None) == _OPTION
    return getattr(jsonplus, "_msgpack_default", None) if known else None
