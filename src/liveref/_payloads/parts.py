"""What objects are made of, and copies of them with other parts: for engines that write more than JSON."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["COPIED_MODEL", "Copier", "Open", "Opener", "Parts", "Scan", "opener_of", "with_parts"]

Parts: TypeAlias = dict[Any, object]  # Any: names of fields, positions, or whatever the keys of a dict are


@dataclasses.dataclass(frozen=True, slots=True)
class Opener:
    """How the instances of one class are taken apart and made again.

    Attributes:
        parts: the parts of an object; not to be changed, for it may be its own dict.
        rebuild: an object as the one given, but of these parts.
        opaque: whether one is left as it is where its parts can't be copied, and nothing in it is to be replaced.
    """

    parts: Callable[[Any], Parts]  # Any: an instance of the class, here and below
    rebuild: Callable[[Any, Parts], object]
    opaque: bool = False


Open: TypeAlias = Callable[[type[object]], Opener | None]
Pack: TypeAlias = Callable[[object, Callable[[object], object]], bytes]
Look: TypeAlias = Callable[[Any], object]


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


def _fields(value: Any) -> Parts:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _model_fields(model: Any) -> Parts:
    extra = model.__pydantic_extra__
    return {**model.__dict__, **extra} if extra else model.__dict__


def _copied_fields(model: Any) -> Parts:
    return {**_model_fields(model), _DATA: getattr(model, _DATA, None)}


def _copied_with(model: Any, parts: Parts) -> object:
    copied = model.model_copy(update={name: part for name, part in parts.items() if name != _DATA})
    if parts[_DATA] is not None:
        setattr(copied, _DATA, parts[_DATA])
    return copied


_DATA: Final = "_data"
"""Where an event of llama-index keeps what it has no field for."""
_GROUP: Final = Opener(_items, lambda value, parts: type(value)(parts.values()))
_CONTAINERS: Final[dict[type, Opener]] = {
    dict: Opener(dict, lambda _, parts: parts),
    list: Opener(_items, lambda _, parts: list(parts.values())),
    tuple: Opener(_items, lambda _, parts: tuple(parts.values())),
    set: _GROUP,
    frozenset: _GROUP,
    deque: Opener(_items, lambda value, parts: type(value)(parts.values(), value.maxlen)),
}
_NAMED_TUPLE: Final = Opener(lambda value: value._asdict(), lambda value, parts: value._replace(**parts))
_DATACLASS: Final = Opener(_fields, with_parts)
_MODEL: Final = Opener(_model_fields, _Model)
COPIED_MODEL: Final = Opener(_copied_fields, _copied_with)
"""Opens pydantic models for who dumps them: of a live object in one pydantic warns, and writes it none the less."""


class Copier:
    """Copies payloads with some objects replaced, wherever they are.

    Args:
        replace: what stands for an object in the copy; the object itself where it stays.
        open_: how the instances of a class are opened.
    """

    def __init__(self, replace: Callable[[object], object], open_: Open) -> None:
        self._replace: Final = replace
        self._open: Final = open_
        self._openers: Final[dict[type[object], Opener | None]] = {}

    def copy(self, value: object) -> object:
        """The value with what was replaced in it; what holds nothing of that kind is not copied.

        Raises:
            RecursionError: the value is nested too deeply, or contains itself.
        """
        replaced = self._replace(value)
        opener = self._opener(type(value)) if replaced is value else None
        if opener is None:
            return replaced
        try:
            return self._copy_with(opener, value)
        except Exception:
            if not opener.opaque or self._is_any_replaced(value):
                raise
            return value

    def _copy_with(self, opener: Opener, value: object) -> object:
        parts = opener.parts(value)
        copied = {name: self.copy(part) for name, part in parts.items()}
        same = all(part is copied[name] for name, part in parts.items())
        return value if same else opener.rebuild(value, copied)

    def _is_any_replaced(self, value: object) -> bool:
        """Whether anything in a value is, as far as it can be looked into; it may contain itself."""
        todo, seen = [value], dict[int, object]()
        while todo:
            part = todo.pop()
            if id(part) in seen:
                continue
            seen[id(part)] = part
            if self._replace(part) is not part:
                return True
            opener = self._opener(type(part))
            with suppress(Exception):  # any code of the object's
                todo += opener.parts(part).values() if opener else ()
        return False

    def _opener(self, cls: type[object]) -> Opener | None:
        if cls not in self._openers:
            self._openers[cls] = self._open(cls)
        return self._openers[cls]


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
        self._asked: Final = tuple(cls for cls in wanted if type(cls).__instancecheck__ is not type.__instancecheck__)
        self._open: Final = open_
        self._pack: Final = pack
        self._encode: Final = encode
        self._known: Final[dict[type, Known]] = {}
        self._models: Final[set[type]] = set()

    def run(self, payload: object) -> bytes:
        """The payload, encoded.

        Raises:
            Exception: of any class: an object of those classes is in it, or one that can't be encoded.
        """
        encode = self._encode
        if encode is None:
            return self._pack(payload, self._inside)
        insides: list[object] = []  # of the objects that were encoded: to look into all at once is faster
        note, models = insides.append, self._models

        def meet(value: Any) -> object:
            if type(value) in models:  # what there is most of in the state of an agent, by the shortest way
                note(value.__dict__)
                if value.__pydantic_extra__:
                    note(value.__pydantic_extra__)
                return encode(value)
            builtin, inside = self._known_of(value)
            if builtin:
                return builtin(value)
            if inside:
                note(inside(value))
            return encode(value)

        packed = self._pack(payload, meet)
        if insides:
            self._pack(insides, self._inside)
        return packed

    def _inside(self, value: Any) -> object:
        builtin, inside = self._known_of(value)
        look = builtin or inside
        return look and look(value)

    def _known_of(self, value: object) -> Known:
        """How to look at an object; TypeError if it is wanted."""
        if self._asked and isinstance(value, self._asked):
            raise TypeError
        return self._known.get(type(value)) or self._learn(value)

    def _learn(self, value: object) -> Known:
        if isinstance(value, self._wanted):
            raise TypeError
        cls = type(value)
        if len(self._known) == _CLASSES:  # of a program that makes classes as it goes: pin no more of them
            self._known.clear()
            self._models.clear()
        known = self._look(cls)
        if any("__class__" in vars(base) for base in cls.__mro__[:-1]):  # proxies: each may pass for another class
            return known
        self._known[cls] = known
        if known.inside is _model_fields and not self._asked:
            self._models.add(cls)
        return known

    def _look(self, cls: type[object]) -> Known:
        builtin = next((_BUILTIN[base] for base in cls.__mro__ if base in _BUILTIN), None)
        if builtin is not None and not issubclass(cls, Enum):
            return Known(builtin, None)
        opener = self._open(cls)
        return Known(None, None if opener is None else _look_of(cls, opener))


def _look_of(cls: type, opener: Opener) -> Look:
    """The parts of an object, in whatever form is had soonest."""
    if opener is _GROUP:
        return list
    fields = dataclasses.fields(cls) if opener is _DATACLASS else ()
    return attrgetter(*[field.name for field in fields]) if fields else opener.parts


class Known(NamedTuple):
    """How the objects of a class are looked at.

    Attributes:
        builtin: gives an instance of a subclass of a builtin as that builtin.
        inside: what is in an object.
    """

    builtin: Look | None
    inside: Look | None


_CLASSES: Final = 1000
_BUILTIN: Final[dict[type, Callable[[Any], object]]] = {
    dict: dict[Any, object].copy,
    list: list[object].copy,
    int: int.__int__,
    str: str.__str__,
}
"""A subclass's instance as the builtin that it is, with none of its own methods."""
