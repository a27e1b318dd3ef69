"""The tests that a check is built of: functions from a value to a verdict.

A test is called in one of two ways. Without a trail it looks at the outside and at the first item,
in constant time. With a trail, a list, it looks at everything and, when it says no, leaves in the
trail what it found and where, innermost first. Tests are deterministic, and read a subclass of a
builtin container as the container that it is: its own ``__len__`` and ``__iter__`` are not believed.
"""

from __future__ import annotations

import inspect
import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Final, Protocol, TypeAlias, cast
from weakref import ref

from liveref._text.tag import readable

__all__ = [
    "KnownClasses",
    "Test",
    "Trail",
    "all_of",
    "always",
    "any_of",
    "attribute_of",
    "class_object",
    "collection_of",
    "instance_of",
    "literal",
    "mapping_of",
    "protocol",
    "quick",
    "record",
    "tuple_of",
]

Trail: TypeAlias = list[str]


class Test(Protocol):
    """From a value, and a trail where all of it is to be looked at, to a verdict."""

    def __call__(self, value: object, trail: Trail | None = None, /) -> bool:
        """Whether the value fits."""
        ...


KnownClasses: TypeAlias = dict[int, ref[type]]
"""Classes all of whose instances pass, by id: the weak reference takes an id out before it is used again."""

_BUILTIN_ITERATORS: Final[dict[type, Callable[[object], Iterator[object]]]] = {
    base: vars(base)["__iter__"] for base in (list, tuple, dict, set, frozenset, deque)
}
_ITEMS_OF_DICT: Final[Callable[[object], Iterable[tuple[object, object]]]] = vars(dict)["items"]
_HAS: Final[Callable[[object, object], bool]] = vars(dict)["__contains__"]
_GET: Final[Callable[[object, object], object]] = vars(dict)["get"]
_LENGTH: Final[Callable[[object], int]] = vars(tuple)["__len__"]
_SLICE: Final[Callable[[object, slice], tuple[object, ...]]] = vars(tuple)["__getitem__"]
_UNIFORM: Final = (str, bytes, bytearray, memoryview, range)
"""Sequences whose items are all of one type: the first tells of all, however many there are."""


def always(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001  a Test
    """The test of Any and object."""
    return True


def instance_of(*classes: type) -> Test:
    """The test of one class or more."""

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        return isinstance(value, classes)

    return test


def class_object(bases: tuple[type, ...]) -> Test:
    """The test of ``type[X]``."""

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        return isinstance(value, type) and issubclass(value, bases)

    return test


def literal(choices: tuple[object, ...]) -> Test:
    """The test of a Literal: by exact type too, for ``1 == True``."""
    exact = [(type(choice), choice) for choice in choices]

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        return any(type(value) is cls and value == choice for cls, choice in exact)

    return test


def any_of(tests: tuple[Test, ...]) -> Test:
    """The test of a union."""

    def test(value: object, trail: Trail | None = None) -> bool:
        # The trails of the members that say no are dropped: which one was meant can't be known.
        return any(member(value, None if trail is None else []) for member in tests)

    return test


def all_of(tests: tuple[Test, ...]) -> Test:
    """The test of a type and its validators."""

    def test(value: object, trail: Trail | None = None) -> bool:
        return all(part(value, trail) for part in tests)

    return test


def collection_of(origin: type, item: Test, classes: frozenset[type], *, by_value: bool = False) -> Test:
    """The test of a container of one kind of item.

    Args:
        origin: the class of the container.
        item: the test of an item.
        classes: classes whose direct instances need no further look: makes a flat list ten times as fast.
        by_value: whether the verdict on an item may differ between two of one class.
    """
    iterate = _BUILTIN_ITERATORS.get(origin, _iterate)

    def test(value: object, trail: Trail | None = None) -> bool:
        if type(value) is not origin and not isinstance(value, origin):
            return False
        if trail is None:
            for first in iterate(value):
                return type(first) in classes or item(first, None)
            return True
        if not by_value and isinstance(value, _UNIFORM):
            return all(item(first, trail) for first in itertools.islice(cast("Collection[object]", value), 1))
        if classes and set(map(type, iterate(value))) <= classes:
            return True
        return _all_items(iterate(value), item, trail)

    return test


def attribute_of(origin: type, name: str, inner: Test) -> Test:
    """The test of a class whose parameter is the type of an attribute."""

    def test(value: object, trail: Trail | None = None) -> bool:
        return isinstance(value, origin) and inner(getattr(value, name), trail)

    return test


def mapping_of(origin: type, key: Test, value_test: Test) -> Test:
    """The test of a mapping of one kind of key to one kind of value."""

    def test(value: object, trail: Trail | None = None) -> bool:
        if not isinstance(value, origin):
            return False
        if trail is None:
            for k, v in _pairs(value):
                return key(k, None) and value_test(v, None)
            return True
        for position, (k, v) in enumerate(_pairs(value)):
            if not key(k, trail):
                return _blame(trail, k, f".keys()[{position}]")
            if not value_test(v, trail):
                return _blame(trail, v, f".values()[{position}]")
        return True

    return test


def tuple_of(before: tuple[Test, ...], middle: Test | None, after: tuple[Test, ...]) -> Test:
    """The test of a tuple: fixed items, then any number of one kind, then fixed items."""
    fixed = len(before) + len(after)

    def test(found: object, trail: Trail | None = None) -> bool:
        if not isinstance(found, tuple):
            return False
        value = cast("object", found)
        count = _LENGTH(value) - fixed
        if count < 0 or (middle is None and count):
            return False
        looked_at = count if trail is not None else min(count, 1)
        inner = [middle] * looked_at if middle else []
        head = _SLICE(value, slice(len(before) + looked_at))
        items = head + _SLICE(value, slice(len(before) + count, None))
        for position, (part, item) in enumerate(zip((*before, *inner, *after), items, strict=True)):
            if not part(item, trail):
                return trail is not None and _blame(trail, item, f"[{position}]")
        return True

    return test


def record(required: frozenset[str], fields: Mapping[str, Test], extra: Test) -> Test:
    """The test of a TypedDict."""

    def test(found: object, trail: Trail | None = None) -> bool:
        if not isinstance(found, dict):
            return False
        value = cast("object", found)
        if not all(_HAS(value, name) for name in required):
            return False
        for name, field in fields.items():
            if _HAS(value, name) and not field(item := _GET(value, name), trail):
                return trail is not None and _blame(trail, item, f"[{name!r}]")
        if extra is always:
            return True
        others = (item for name, item in _ITEMS_OF_DICT(value) if name not in fields)
        return all(extra(item, trail) for item in (others if trail is not None else itertools.islice(others, 1)))

    return test


def protocol(interface: type, members: Iterable[str], known: KnownClasses) -> Test:
    """The test of a runtime-checkable Protocol, with the verdict kept by the class of the value.

    A verdict is kept where it hangs on the class alone, that is where every member is a function in
    it: ``isinstance`` costs 300 times a dict lookup on Python 3.11, the kept verdict 3.

    Args:
        interface: the Protocol.
        members: the names of its members.
        known: where verdicts are kept.
    """
    names = tuple(members)

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        cls = type(value)
        if id(cls) in known:
            return True
        if not isinstance(value, interface):
            return False
        if all(isinstance(inspect.getattr_static(cls, name, None), FunctionType) for name in names):
            identity = id(cls)
            known[identity] = ref(cls, lambda _: known.pop(identity, None) and None)
        return True

    return test


def quick(known: KnownClasses, test: Test) -> Callable[[object], bool]:
    """A test without a trail that first asks for the class of the value."""

    def answer(value: object) -> bool:
        return id(type(value)) in known or test(value)

    return answer


def _iterate(value: object) -> Iterator[object]:
    """The items of a collection; none of what is no collection: to look at an iterator's items takes them away."""
    for base, iterator in _BUILTIN_ITERATORS.items():
        if isinstance(value, base):
            return iterator(value)
    return iter(cast("Collection[object]", value)) if isinstance(value, Collection) else iter(())


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, dict):
        return iter(_ITEMS_OF_DICT(cast("object", value)))
    mapping = cast("Mapping[object, object]", value)
    return iter(mapping.items())


def _all_items(items: Iterator[object], item: Test, trail: Trail) -> bool:
    for position, each in enumerate(items):
        if not item(each, trail):
            return _blame(trail, each, f"[{position}]")
    return True


def _blame(trail: Trail, found: object, step: str) -> bool:
    if not trail:
        trail.append(readable(type(found)))
    trail.append(step)
    return False
