"""What objects are made of, and copies of them with other parts: for engines that write more than JSON."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, Final, TypeAlias

__all__ = ["Copier", "Open", "Opener", "Parts", "Scan", "opener_of", "with_parts"]

Parts: TypeAlias = dict[Any, object]  # Any: names of fields, positions, or whatever the keys of a dict are


@dataclasses.dataclass(frozen=True, slots=True)
class Opener:
    """How the instances of one class are taken apart and made again.

    Attributes:
        parts: the parts of an object; not to be changed, for it may be its own dict.
        rebuild: an object as the one given, but of these parts.
    """

    parts: Callable[[Any], Parts]  # Any: an instance of the class, here and below
    rebuild: Callable[[Any, Parts], object]


Open: TypeAlias = Callable[[type[object]], Opener | None]
Pack: TypeAlias = Callable[[object, Callable[[object], object]], bytes]


def opener_of(cls: type[object]) -> Opener | None:
    """How containers, NamedTuples, dataclasses and pydantic models are opened; None for all else."""
    if hasattr(cls, "_asdict") and hasattr(cls, "_replace"):
        return _NAMED_TUPLE
    for base, opener in _CONTAINERS.items():
        if issubclass(cls, base):
            return opener
    if hasattr(cls, "__pydantic_validator__") and hasattr(cls, "model_dump"):
        return _MODEL
    return _DATACLASS if dataclasses.is_dataclass(cls) else None


def with_parts(value: object, parts: Parts) -> object:
    """A shallow copy with these attributes, of a frozen class too; no constructor runs."""
    copied = copy.copy(value)
    for name, part in parts.items():
        object.__setattr__(copied, name, part)
    return copied


class _Model:
    """A pydantic model with other parts; a copy of it would warn, when dumped, of parts of other types."""

    def __init__(self, model: object, parts: Parts) -> None:
        self._model: Final = type(model)
        self._parts: Final = parts

    @property  # type: ignore[misc]  # what writes it asks for the class and dumps it
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._model

    def model_dump(self) -> Parts:
        return self._parts

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        return partial(self._model, **self._parts), ()


def _items(value: Iterable[object]) -> Parts:
    return dict(enumerate(value))


def _listed(value: Iterable[object]) -> list[object]:  # packed in half the time of numbered items
    return list(value)


def _fields(value: Any) -> Parts:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _model_fields(value: Any) -> Parts:
    extra = value.__pydantic_extra__
    return {**value.__dict__, **extra} if extra else value.__dict__


_GROUP: Final = Opener(_items, lambda value, parts: type(value)(parts.values()))
_CONTAINERS: Final[dict[type, Opener]] = {
    dict: Opener(dict, lambda _, parts: parts),
    list: Opener(_items, lambda _, parts: list(parts.values())),
    tuple: Opener(_items, lambda _, parts: tuple(parts.values())),
    set: _GROUP,
    frozenset: _GROUP,
    deque: _GROUP,
}
_NAMED_TUPLE: Final = Opener(lambda value: value._asdict(), lambda value, parts: value._replace(**parts))
_DATACLASS: Final = Opener(_fields, with_parts)
_MODEL: Final = Opener(_model_fields, _Model)


class Copier:
    """Copies payloads with some objects replaced, wherever they are.

    Args:
        replace: what stands for an object in the copy; the object itself where it stays.
        open_: how the instances of a class are opened.
    """

    def __init__(self, replace: Callable[[object], object], open_: Open) -> None:
        self._replace: Final = replace
        self._open: Final = open_

    def copy(self, value: object) -> object:
        """The value with what was replaced in it; what holds nothing of that kind is not copied.

        Raises:
            RecursionError: the value is nested too deeply, or contains itself.
        """
        replaced = self._replace(value)
        opener = self._open(type(value)) if replaced is value else None
        if opener is None:
            return replaced
        parts = opener.parts(value)
        copied = {name: self.copy(part) for name, part in parts.items()}
        same = all(part is copied[name] for name, part in parts.items())
        return value if same else opener.rebuild(value, copied)


class Scan:
    """Looks into payloads for objects of some classes, with an encoder that knows builtin data by exact type.

    Args:
        wanted: the classes.
        open_: how the instances of a class are opened.
        pack: the encoder, and what it asks for what to encode in place of an object that it does not know.
        encode: what is encoded for an object that may stay; without it what `run` gives is of no use.
    """

    def __init__(
        self,
        wanted: tuple[type, ...],
        open_: Open,
        pack: Pack,
        encode: Callable[[object], object] | None = None,
    ) -> None:
        self._wanted: Final = wanted
        self._open: Final = open_
        self._pack: Final = pack
        self._encode: Final = encode or _nothing
        self._known: Final[dict[type, Callable[[object], object]]] = {}
        self._inner: Final = self if encode is None else Scan(wanted, open_, pack)

    def run(self, payload: object) -> bytes:
        """The payload, encoded.

        Raises:
            Exception: of any class: an object of those classes is in it, or one that can't be encoded.
        """
        return self._pack(payload, self._meet)

    def _meet(self, value: object) -> object:
        if isinstance(value, self._wanted):
            raise TypeError
        take = self._known.get(type(value)) or self._learn(type(value))
        return take(value)

    def _learn(self, cls: type[object]) -> Callable[[object], object]:
        if len(self._known) == _CLASSES:  # of a program that makes classes as it goes: pin no more of them
            self._known.clear()
        builtin = next((_BUILTIN[base] for base in cls.__mro__ if base in _BUILTIN), None)
        take = self._known[cls] = builtin if builtin and not issubclass(cls, Enum) else self._look(cls)
        return take

    def _look(self, cls: type[object]) -> Callable[[object], object]:
        opener = self._open(cls)
        if opener is None:
            return self._encode
        parts: Callable[[Any], object] = _listed if opener is _GROUP else opener.parts
        pack, default, encode = self._pack, self._inner._meet, self._encode

        def take(value: Any) -> object:
            pack(parts(value), default)
            return encode(value)

        return take


def _nothing(_value: object) -> None:
    pass


_CLASSES: Final = 1000
_BUILTIN: Final[dict[type, Callable[[Any], object]]] = {
    dict: dict[Any, object].copy,
    list: list[object].copy,
    int: int.__int__,
    str: str.__str__,
}
"""A subclass's instance as the builtin that it is, with none of its own methods."""
