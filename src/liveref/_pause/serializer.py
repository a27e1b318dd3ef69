"""Serializers: how the objects of one class become bytes at a pause, and objects again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar

from liveref._recipe import origin_of
from liveref._text.tag import readable, type_tag
from liveref._typing import T
from liveref.exceptions import InvalidArgumentError, SnapshotVersionError, UnknownTypeTagError

__all__ = ["Serializable", "Serializer", "register_serializer", "serializer", "serializer_tagged", "serializers_of"]


class Serializable(Protocol):
    """A class that `serializer` takes."""

    def __liveref_serialize__(self) -> bytes:
        """The object as bytes."""
        ...

    @classmethod
    def __liveref_deserialize__(cls, data: bytes, /) -> Self:
        """The object that the bytes stand for."""
        ...


S = TypeVar("S", bound=Serializable)


class Serializer(NamedTuple):
    """What is registered under a tag."""

    tag: str
    cls: type
    dump: Callable[[Any], bytes]  # Any: each has a type of its own, here and in the next
    load: Callable[[bytes], Any]
    version: int
    finalizer: Callable[[Any], object] | None


_BY_TAG: Final[dict[str, Serializer]] = {}
_BY_CLASS: Final[dict[int, Serializer]] = {}
"""By the ids of their classes, for what a metaclass makes of a hash or of equality is anyone's code."""


def serializer(tag: str, *, version: int = 1) -> Callable[[type[S]], type[S]]:
    """Register a class whose objects can turn themselves into bytes, and back.

    The class has ``__liveref_serialize__(self) -> bytes`` and a classmethod
    ``__liveref_deserialize__(cls, data: bytes)``. A subclass registers for itself.

    Args:
        tag: the name that stands in a snapshot, such as ``"myapp.blob"``; choose it once, for ever.
        version: of the bytes; count it up when they change. Older ones go to the loader as they are,
            newer ones are a SnapshotVersionError.

    Raises:
        InvalidArgumentError: the tag is taken, or no text; or the class lacks a method.

    Example:
        >>> @serializer("example.point")
        ... class Point:
        ...     def __init__(self, x: int) -> None:
        ...         self.x = x
        ...     def __liveref_serialize__(self) -> bytes:
        ...         return str(self.x).encode()
        ...     @classmethod
        ...     def __liveref_deserialize__(cls, data: bytes) -> "Point":
        ...         return cls(int(data))
    """
    _check_tag(tag, version)

    def register(cls: type[S]) -> type[S]:
        for method in ("__liveref_serialize__", "__liveref_deserialize__"):
            if not callable(getattr(cls, method, None)):
                raise InvalidArgumentError("cls", f"a class with {method}", readable(cls))
        register_serializer(tag, cls, cls.__liveref_serialize__, cls.__liveref_deserialize__, version=version)
        return cls

    return register


def register_serializer(
    tag: str,
    cls: type[T],
    dump: Callable[[T], bytes],
    load: Callable[[bytes], T],
    *,
    version: int = 1,
    finalizer: Callable[[T], object] | None = None,
) -> None:
    """Register how the objects of a class that is not yours become bytes at a pause, and objects again.

    Args:
        tag: as for `serializer`.
        cls: the class; its subclasses are other classes.
        dump: gives the bytes of an object; called when the snapshot is taken.
        load: gives an object of exactly the class; called by ``Session.resume``.
        version: as for `serializer`.
        finalizer: closes what ``load`` made, when its ref goes.

    Raises:
        InvalidArgumentError: the tag is taken by another class or by other functions, the class has another
            tag, or an argument is no such thing. A ValueError.

    Example:
        >>> from fractions import Fraction
        >>> register_serializer("example.fraction", Fraction, lambda f: str(f).encode(), lambda b: Fraction(b.decode()))
    """
    _check_tag(tag, version)
    if not isinstance(cls, type):
        raise InvalidArgumentError("cls", "a class", readable(type(cls)))
    for name, function in (("dump", dump), ("load", load)):
        if not callable(function):
            raise InvalidArgumentError(name, "callable", readable(type(function)))
    if finalizer is not None and not callable(finalizer):
        raise InvalidArgumentError("finalizer", "callable", readable(type(finalizer)))
    _register(Serializer(tag, cls, dump, load, version, finalizer))


def _check_tag(tag: object, version: object) -> None:
    if type(tag) is not str or not tag:
        raise InvalidArgumentError("tag", "a text", readable(type(tag)))
    if type(version) is not int or version < 1:
        shown = str(version) if isinstance(version, int) else readable(type(version))
        raise InvalidArgumentError("version", "an int of at least 1", shown)


def _register(made: Serializer) -> None:
    """Note a serializer. The same may come again, as of a module that is loaded again, and takes its former place."""
    known, other = _BY_TAG.get(made.tag), _BY_CLASS.get(id(made.cls))
    if known is not None and _origins(known) != _origins(made):
        expected = "one that no other class and functions have"
        raise InvalidArgumentError("tag", expected, f"{made.tag!r} of {readable(known.cls)}")
    if other is not None and other.tag != made.tag:
        found = f"{readable(made.cls)}, which has {other.tag!r}"
        raise InvalidArgumentError("cls", "a class without a serializer", found)
    if known is not None:
        _BY_CLASS.pop(id(known.cls), None)
    _BY_TAG[made.tag] = _BY_CLASS[id(made.cls)] = made


def _origins(serializer: Serializer) -> tuple[str, str, str]:
    return type_tag(serializer.cls), origin_of(serializer.dump), origin_of(serializer.load)


def serializers_of(classes: Iterable[int]) -> dict[int, Serializer]:
    """The serializers of those of some classes that have one, by the ids of the classes: each of exactly its class."""
    return {uid: _BY_CLASS[uid] for uid in classes if uid in _BY_CLASS}


def serializer_tagged(tag: str, version: int) -> Serializer:
    """The serializer that a snapshot names.

    Raises:
        UnknownTypeTagError: none is registered under the tag.
        SnapshotVersionError: the data are of a newer version.
    """
    found = _BY_TAG.get(tag)
    if found is None:
        advice = "Import the module that registers it before you resume."
        raise UnknownTypeTagError(f"the snapshot needs serializer {tag!r}, which is not registered", advice)
    if version > found.version:
        what = f"the snapshot holds data of serializer {tag!r} in version {version}; {found.version} is registered"
        raise SnapshotVersionError(what, "Resume it with the program that wrote it, or a newer one.")
    return found
