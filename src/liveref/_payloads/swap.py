"""Live objects that travel as keys: what `encode` and the engines' transparent modes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias, cast, get_args
from weakref import WeakValueDictionary, ref

from liveref._hints.info import ClassInfo, class_info, class_of, sealed
from liveref._key import RegistryKey, make_key
from liveref._registry.current import current_session_registry
from liveref._registry.entry import Entry, Holder, outside
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.sturdy import recipe_field, require_ring, sturdy_marker_of
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.marker import TYPE_FIELD, parse_marker, redact
from liveref._text.tag import loaded_class, readable
from liveref.exceptions import (
    HintError,
    InvalidArgumentError,
    NoCurrentRegistryError,
    NotJSONableError,
    RefLookupError,
)

__all__ = ["OnMissing", "Swap", "Writing", "key_of_typed"]

OnMissing: TypeAlias = Literal["raise", "key"]

_GONE: Final = (
    "Read it while its session lives, or in one that Session.resume brought back; "
    "with missing='key' its key is read instead."
)


class Swap:
    """Which objects become keys on write, and what a key becomes on read.

    Args:
        registry: where the objects are; None for the registry that is current at each call.
        live: the classes whose instances become keys. An object keeps its key from hop to hop.
        missing: what becomes of a key whose ref is gone: ``"raise"`` its error, or ``"key"``, the key itself.
        recipes: signs the recipe of a ref into its marker, and admits a ref by such a marker; None for neither.
        engine: the name of the engine that calls, where it is not the program itself.

    Raises:
        InvalidArgumentError: one of them is no such thing.
    """

    def __init__(
        self,
        registry: SessionRefRegistry | None = None,
        *,
        live: Iterable[type] = (),
        missing: OnMissing = "raise",
        recipes: SnapshotKeys | None = None,
        engine: str | None = None,
    ) -> None:
        self.engine: Final = engine
        self.classes: Final = _all_of(live)
        for cls in self.classes:
            if not isinstance(cls, type):
                raise InvalidArgumentError("live", "classes", readable(type(cls)))
            if not _is_checkable(cls):
                raise InvalidArgumentError("live", "classes that isinstance can check", readable(cls))
        if registry is not None and not isinstance(registry, SessionRefRegistry):
            raise InvalidArgumentError("registry", "a SessionRefRegistry", readable(type(registry)))
        if missing not in get_args(OnMissing):
            raise InvalidArgumentError("missing", "'raise' or 'key'", f"another {readable(type(missing))}")
        self.recipes: Final = None if recipes is None else require_ring(recipes, "recipes")
        self._registry: Final = registry
        self._missing: Final = missing
        self._noted: Final[WeakValueDictionary[int, SessionRefRegistry]] = WeakValueDictionary()

    @property
    def registry(self) -> SessionRefRegistry:
        """The registry of this moment; where none is current, the one that was noted, if just one is open.

        Raises:
            NoCurrentRegistryError: there is none, or more than one was noted.
        """
        registry = current_session_registry(default=None) if self._registry is None else self._registry
        if registry is not None:
            return registry
        noted = [each for each in map(_referent, self._noted.valuerefs()) if each is not None and not each._closed]
        if len(noted) == 1:
            return noted[0]
        error = NoCurrentRegistryError()
        error._advice = "pass registry="
        raise error

    def note(self) -> None:
        """Note the current registry, for calls of the same run from threads that the engine gave no context."""
        registry = current_session_registry(default=None) if self._registry is None else None
        if registry is not None and id(registry) not in self._noted:
            self._noted[id(registry)] = registry

    def is_live(self, value: object) -> bool:
        """Whether a value is to become a key; not so where it can't even be asked what it is."""
        try:
            return isinstance(value, self.classes)
        except Exception:  # noqa: BLE001  any code: a proxy of nothing yet, a metaclass
            return False

    def tagged_as(self, value: object) -> ClassInfo:
        """The class of a live object; of a proxy or mock the live class that matched."""
        if class_of(value) is type(value):
            return type(value)
        return class_info(next(cls for cls in self.classes if isinstance(value, cls)))

    def refusal(self, path: str, value: object, advice: str) -> NotJSONableError:
        """The error of a value that can't be carried; if it is a ref, the error tells which one and where from.

        Args:
            path: where in the payload it is.
            value: what can't be carried; O(refs).
            advice: what to do with a value that is no ref.
        """
        found = readable(type(value))
        where = self.whereabouts(value)
        if where is None:
            return NotJSONableError(path, found, advice)
        return NotJSONableError(path, f"{found}, {where}", f"Pass the key of that ref, or {found} in live=.")

    def whereabouts(self, value: object) -> str | None:
        """Which ref a value is and where it was inserted, for an error; None if it is no ref. O(refs)."""
        try:
            key = self.registry._by_object().get(id(value))
        except NoCurrentRegistryError:
            return None
        if key is None:
            return None
        return f"which is ref {redact(key._id)} (inserted at {key._entry.origin()})"

    def write(self) -> Writing:
        """One write of one payload, as a context manager: if it raises, nothing was inserted."""
        return Writing(self)

    def put_markers(self, places: Iterable[tuple[Any, str | int, object]]) -> None:
        """Put the typed markers of live objects into containers: each by its container, its name there and itself.

        Raises as `Writing.key_of`; then nothing was inserted.
        """
        with Writing(self) as writing:
            for container, name, value in places:
                container[name] = self.marker_of(writing.key_of(value), typed=True)

    def marker_of(self, key: RegistryKey[object], *, typed: bool = False) -> dict[str, str]:
        """The marker of a key; with a ring the sturdy one, if its ref is here and has a recipe.

        Raises:
            InvalidArgumentError: its recipe is too long.
            NoCurrentRegistryError: there is a ring, and no registry.
        """
        if self.recipes is None:
            return key.to_marker(typed=typed)
        holder = self.registry._to_write(key._id)
        if holder is None or holder._entry.recipe is None:
            return key.to_marker(typed=typed)
        marker = sturdy_marker_of(holder, self.recipes)
        if not typed:
            del marker[TYPE_FIELD]
        return marker

    def admit(self, marker: object) -> None:
        """Take in the ref of a sturdy marker, if there is a ring; nothing is opened. Of others it takes no notice.

        Raises:
            MarkerAuthError, UnknownTypeTagError, RefLoadError, CapacityExceededError, RegistryClosedError: as
                `SessionRefRegistry.admit`.
            NoCurrentRegistryError: there is no registry.
        """
        if self.recipes is not None and recipe_field(marker) is not None:
            self.registry.admit(marker, keys=self.recipes)

    def read(self, key: RegistryKey[object]) -> object:
        """The object of a key that stands for one.

        Raises:
            RefLookupError: its ref is gone, unless ``missing`` is ``"key"``.
        """
        try:
            return self.registry.get_any(key)
        except RefLookupError as error:
            if self._missing == "raise":
                error._advice = _GONE
                raise
            return key

    def read_marker(self, marker: Mapping[str, object]) -> object:
        """What a marker stands for: the object of a typed one, and of another the key itself.

        Raises:
            MarkerError: it is broken.
            RefLookupError: as `read`. Other errors: as `admit`.
        """
        key = RegistryKey.from_marker(marker)
        self.admit(marker)
        return self.read(key) if TYPE_FIELD in marker else key


class Writing:
    """The keys of the live objects in one payload; the registry is asked for when the first one comes."""

    def __init__(self, swap: Swap) -> None:
        self._swap: Final = swap
        self.whereabouts: Final = swap.whereabouts
        self._entry: Entry | None = None
        self._registry: SessionRefRegistry | None = None
        self._keys: dict[int, Holder[Any]] = {}
        self._size = 0  # of the registry, as far as this write knows
        self._new: Final[list[RegistryKey[object]]] = []

    def key_of(self, value: object) -> RegistryKey[object]:
        """The key of an object, which is inserted unless the registry holds it; O(refs) once.

        Raises:
            NoCurrentRegistryError: there is no registry.
            CapacityExceededError, RegistryClosedError: the registry takes no more.
        """
        registry = self._registry
        if registry is None:
            registry = self._registry = self._swap.registry
            self._look(registry)
        key = self._keys.get(id(value))
        return self._insert(registry, value) if key is None else key

    def _look(self, registry: SessionRefRegistry) -> None:
        self._size = len(registry._refs)
        self._keys = registry._by_object()

    def _insert(self, registry: SessionRefRegistry, value: object) -> RegistryKey[object]:
        self._entry = self._entry or Entry.of_call(outside(self._swap.engine), engine=self._swap.engine)
        key = self._keys[id(value)] = registry._keep_value(value, self._swap.tagged_as(value), self._entry, "encode")
        self._new.append(key)
        self._size += 1
        if len(registry._refs) == self._size:
            return key
        self._look(registry)  # another write came between, maybe of the same object: then its first key stays
        if self._keys[id(value)] is not key:
            registry.release(self._new.pop())
        return self._keys[id(value)]

    def marker_of(self, value: object) -> dict[str, str] | None:
        """The marker of a key, or the typed one of a live object; None for all else. Raises as `key_of`."""
        if type(value) is RegistryKey:
            return self._swap.marker_of(cast("RegistryKey[object]", value))
        return self._swap.marker_of(self.key_of(value), typed=True) if self._swap.is_live(value) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self._registry is not None:
            for key in self._new:
                self._registry.release(key)


def _all_of(live: Iterable[type]) -> tuple[type, ...]:
    if isinstance(live, Iterable) and not isinstance(live, type):
        return tuple(live)
    raise InvalidArgumentError("live", "an iterable of classes", readable(type(live)))


def _is_checkable(cls: type) -> bool:
    """Whether isinstance takes a class: not so a TypedDict, nor a Protocol that is not runtime_checkable."""
    try:
        isinstance(None, cls)
    except Exception:  # noqa: BLE001  any code of a metaclass
        return False
    return True


def _referent(reference: ref[SessionRefRegistry]) -> SessionRefRegistry | None:
    return reference()


def key_of_typed(marker: object) -> RegistryKey[object]:
    """The key of a typed marker, for an engine that does not say which type it expects.

    Its hint is the class that the type tag names, if it is loaded. Else the key opens only a ref of that tag.

    Raises:
        MarkerError: it is no marker.
    """
    uid, tag = parse_marker(marker)
    if tag is None:
        return make_key(uid, object)
    named = loaded_class(tag)
    try:
        return make_key(uid, sealed(tag) if named is None else class_info(named))
    except HintError:  # a Protocol that can't be checked
        return make_key(uid, sealed(tag))
