"""What a registry can be asked: the half of its API that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import cast, overload

from typing_extensions import TypeForm

from liveref._hints.info import class_info
from liveref._key import RegistryKey
from liveref._policy import RefLifetime
from liveref._registry.entry import RefInfo, describe
from liveref._registry.store import Store
from liveref._registry.typed import TypedRefs
from liveref._typing import MISSING, Default, Missing, T, V

__all__ = ["Lookups"]


class Lookups(Store):
    """The lookups of a registry."""

    __slots__ = ()

    @overload
    def get(self, key: RegistryKey[T], hint: Missing = ..., *, default: Missing = ...) -> T: ...
    @overload
    def get(self, key: RegistryKey[T], hint: Missing = ..., *, default: Default) -> T | Default: ...
    @overload
    def get(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Missing = ...) -> V: ...
    @overload
    def get(self, key: RegistryKey[object], hint: TypeForm[V], *, default: Default) -> V | Default: ...
    def get(self, key: RegistryKey[object], hint: object = MISSING, default: object = MISSING) -> object:
        """The object of a key, checked to be of the key's type, or of the hint. O(1).

        Args:
            key: the key; an isolated child session finds its parent's too.
            hint: an explicit downcast: the type to check instead of the key's.
            default: what to give where the key was never here or has gone. Nothing else is hidden
                by it: a wrong type, a dropped ref and a failing recipe raise.

        Raises:
            RefNotFoundError: the registry never held the key.
            RefReleasedError: it did.
            RefTypeError: the object is not of the type.
            HintError: the hint can't be checked at run time.
        """
        try:
            value = self._refs[key._id]._value
            if isinstance(value, key._info if hint is MISSING else class_info(hint)):
                return value
        except Exception:  # noqa: BLE001, S110  told below, where there is time
            pass
        return self._look_up(key, None if hint is MISSING else class_info(hint), default)

    def __getitem__(self, key: RegistryKey[T]) -> T:
        """As `get` without a hint and default."""
        try:
            value: T = self._refs[key._id]._value
            if isinstance(value, key._info):
                return value
        except Exception:  # noqa: BLE001, S110  told below, where there is time
            pass
        return cast("T", self._look_up(key, None, MISSING))

    def get_any(self, key: RegistryKey[object]) -> object:
        """The object of a key, of whatever type it is.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`.
        """
        return self._found(key)[1]

    def typed(self, hint: TypeForm[T]) -> TypedRefs[T]:
        """The registry seen as one of one type: there a wrong type is an argument error in every checker.

        Raises:
            HintError: the hint can't be checked at run time.
        """
        return TypedRefs(self, class_info(hint))

    def verify(self, key: RegistryKey[object]) -> None:
        """Check the whole object against the key's type now, O(n) for containers.

        Raises:
            RefTypeError: it does not fit.
            RefNotFoundError, RefReleasedError: as `get`.
        """
        self._check("verify", key, *self._found(key), key._info, full=True)

    def keys(self) -> list[RegistryKey[object]]:
        """The keys of the refs held now, in the order of their inserts; O(n)."""
        return list(self._refs.copy().values())

    def __iter__(self) -> Iterator[RegistryKey[object]]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        if type(key) is not RegistryKey:
            return False
        uid = key._id
        return any(uid in store._refs for store in self._lineage())

    def __len__(self) -> int:
        return len(self._refs)

    def is_empty(self) -> bool:
        """Whether no ref is held."""
        return not self._refs

    def lifetime_of(self, key: RegistryKey[object]) -> RefLifetime:
        """When the ref of a key is purged.

        Raises:
            RefNotFoundError, RefReleasedError: as `get`.
        """
        lifetime: RefLifetime = self._known(key)._entry.lifetime
        return lifetime

    def describe(self) -> list[RefInfo]:
        """What may be told of the refs held now: redacted, and without the objects; O(n)."""
        now = monotonic()
        return [describe(ref, now) for ref in self.keys()]
