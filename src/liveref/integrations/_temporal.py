"""What Temporal reads of a payload by the annotations: keys in place of markers."""

from __future__ import annotations

from collections import abc, deque
from contextlib import suppress
from typing import Any, Final, cast, get_args, get_origin

from temporalio.converter import JSONTypeConverter, value_to_type

from liveref._key import KeyField, RegistryKey
from liveref._text.marker import SESSION_REF_TAG, TYPE_FIELD
from liveref._text.tag import UNION_FORMS, readable, type_tag
from liveref.exceptions import HintError, MarkerError

__all__ = ["KeyHints", "is_key", "second_copy"]

_SECOND_COPY: Final = (
    "it is of a second copy of liveref, which the sandbox has loaded; "
    "import it under `with workflow.unsafe.imports_passed_through():`"
)
_CONTAINERS: Final = frozenset(
    {dict, list, tuple, set, frozenset, deque}
    | {abc.Mapping, abc.MutableMapping, abc.Sequence, abc.MutableSequence, abc.Set, abc.Collection, abc.Iterable}
)
"""What Temporal reads without a look at the items where the annotation does not say what they are."""


class KeyHints(JSONTypeConverter):
    """Reads markers as keys, with the hints of the annotations."""

    def to_typed_value(self, hint: object, value: object) -> object:
        """What a value is by its hint; raises as `RegistryKey.from_marker`."""
        origin, inside = get_origin(hint) or hint, get_args(hint)
        if origin is RegistryKey:
            return RegistryKey.from_marker(value, *inside)
        if is_key(origin):
            raise second_copy(hint)
        if hint is Any:
            return _with_keys(value)
        if origin in UNION_FORMS:
            return self._key_of_one(inside, value)
        if inside[-1:] == (Any,) or (origin in _CONTAINERS and not inside):
            return value_to_type(cast("type", hint), _with_keys_inside(value))
        return self.Unhandled

    def _key_of_one(self, hints: tuple[object, ...], value: object) -> object:
        """The key of a marker where some hints are of keys: Temporal drops their errors, and tells the marker."""
        keys = [hint for hint in hints if is_key(get_origin(hint) or hint)]
        if not keys or _key_of(value) is None:
            return self.Unhandled
        tag = cast("dict[str, object]", value).get(TYPE_FIELD)
        *others, last = sorted(keys, key=lambda hint: KeyField.of(hint).tag != tag)
        for hint in others:
            with suppress(MarkerError):
                return self.to_typed_value(hint, value)
        return self.to_typed_value(last, value)


def is_key(cls: object) -> bool:
    """Whether a class is that of keys, be it of a second copy of liveref."""
    return isinstance(cls, type) and type_tag(cls) == type_tag(RegistryKey)


def second_copy(hint: object) -> HintError:
    """The error of a key, or of a hint of one, that is of a second copy of liveref."""
    return HintError(readable(hint), readable(RegistryKey), _SECOND_COPY)


def _key_of(value: object) -> RegistryKey[object] | None:
    """The key of a marker; None of all else."""
    if isinstance(value, dict) and SESSION_REF_TAG in value:
        with suppress(MarkerError):
            return RegistryKey.from_marker(cast("dict[str, object]", value))
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
