"""The parts that a check is built of.

A `Part` answers three questions. Do all of these values fit (`passes`)? It is asked of many at once, for so a large
value is looked at in C: what stands in one field of 1,000 records is a column, and ``set(map(type, column))`` its
classes. Does this value surely fit, at a glance (`glance`)? Where and how does this value not fit (`why`)?

Parts are deterministic, and read a subclass of a builtin container as the container that it is: its own ``__len__``
and ``__iter__`` are not believed. A metaclass that lies about ``==`` is believed, as is a value about its class.
"""

from __future__ import annotations

import functools
import inspect
import types
from abc import ABCMeta
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeAlias, TypeVar, Union, cast
from weakref import ref

from liveref._hints.forms import CheckDepth, subscribe
from liveref._text.tag import in_class, mro_of, readable, readable_beside, stays
from liveref.exceptions import counted

__all__ = [
    "ANY",
    "ITERATORS",
    "METHODS",
    "PLAIN",
    "Part",
    "attributes",
    "bearable",
    "beartype",
    "choice",
    "classes",
    "depth_of",
    "every",
    "items",
    "leaf",
    "literals",
    "members",
    "pairs",
    "record",
    "say_why",
    "tuple_of",
]

T = TypeVar("T")
Test: TypeAlias = Callable[[object], bool]
Asked: TypeAlias = Callable[[], object]
Found: TypeAlias = tuple[str, str]
"""Where something does not fit, and what was found there."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a hint, or a part of one, asks of values."""

    depth: CheckDepth
    passes: Callable[[Iterable[object], bool], bool]
    """Whether all values fit; if not wholly, their outsides and first items."""
    asked: Asked | None = None
    """Gives what beartype is asked in a lookup, or None where it would keep a class for ever; None where it is not."""
    glance: Test | None = None
    """Whether a value surely fits: by classes alone where beartype is asked; None where `exact` tells as much."""
    takes: Test = lambda value: True  # noqa: ARG005
    """Whether a value may be meant for this member of a union."""
    why: Callable[[object, bool], Found] = lambda value, _: ("", readable(type(value)))
    """Where and how a value does not fit."""
    front: tuple[type, ...] = ()
    """Classes all of whose instances pass a lookup."""
    exact: frozenset[type] = frozenset()
    """Classes of which a direct instance passes, whatever it holds."""
    only_classes: bool = False
    """Whether `isinstance` is all of it."""


Columns: TypeAlias = Iterator[tuple[str, int | None, Part, Iterable[object]]]
"""Of some values: where a column stands, the number of its first item where they are counted, what they must fit."""

ITERATORS: Final[Mapping[type, Callable[[object], Iterator[object]]]] = {
    base: vars(base)["__iter__"] for base in (list, tuple, dict, set, frozenset, deque)
}
_VALUES: Final[Callable[[object], Iterable[object]]] = vars(dict)["values"]
PLAIN: Final[frozenset[type]] = frozenset({*ITERATORS, defaultdict, OrderedDict, Counter})
"""Containers that hold what they say; a subclass of them is not among these."""
_UNIFORM: Final[frozenset[type]] = frozenset({str, bytes, bytearray, memoryview, range})
"""Sequences whose items are all of one class: the first tells of all, however many there are."""
_SHARED: Final = 100_000
"""From so many items on, containers that are one object are looked at once: it may hold itself, twice at each level."""
_MOST: Final = 10_000_000
"""So many items of a container that is no builtin one are looked at, for some never end."""
METHODS: Final = (
    types.FunctionType, types.BuiltinFunctionType, classmethod, staticmethod,
    types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType,
)  # fmt: skip
_MISSING: Final = type("Missing", (), {})()  # of a class that no hint names


class Unfit(Exception):  # noqa: N818  never leaves this module
    """A value has not the parts that it must have; what is wrong, as text."""


def classes(*kinds: type, depth: CheckDepth = CheckDepth.EXACT) -> Part:
    """A choice of classes; beartype is asked of those that live as long as it keeps them (beartype#673)."""
    exact = frozenset(kinds)
    plain = all(type(cls) in {type, ABCMeta} for cls in kinds)

    def passes(values: Iterable[object], whole: bool) -> bool:  # noqa: ARG001, FBT001
        others = set(map(type, values)) - exact
        by_class = not others or (plain and all(issubclass(cls, kinds) for cls in others))
        return by_class or all(isinstance(value, kinds) for value in values)

    def asked() -> object:
        return subscribe(Union, kinds) if all(map(stays, kinds)) else None

    def why(value: object, whole: bool) -> Found:  # noqa: ARG001, FBT001
        return "", readable_beside(type(value), kinds)

    def takes(value: object) -> bool:
        return isinstance(value, kinds)

    glance = takes if depth is CheckDepth.NONE else None
    return Part(depth, passes, asked, glance, takes, why, kinds, exact, only_classes=True)


ANY: Final = classes(object, depth=CheckDepth.NONE)


def leaf(
    test: Test,
    depth: CheckDepth = CheckDepth.EXACT,
    *,
    asked: Asked | None = None,
    kinds: tuple[type, ...] = (object,),
    front: tuple[type, ...] = (),
    found: Callable[[object], str] = lambda value: readable(type(value)),
) -> Part:
    """What one test decides, of values of some kinds; ``found`` is the text for one that does not fit."""
    return Part(
        depth,
        lambda values, _: all(map(test, values)),
        asked,
        None if asked else test,
        takes=lambda value: isinstance(value, kinds),
        why=lambda value, _: ("", found(value) if isinstance(value, kinds) else readable(type(value))),
        front=front,
    )


def literals(choices: tuple[object, ...]) -> Part:
    """A Literal, by exact class too: beartype compares by ``==`` alone, and ``1 == True``."""
    kinds, equals = frozenset(map(type, choices)), frozenset(choices)
    known = frozenset(zip(map(type, choices), choices, strict=True))
    apart = len(kinds) == 1 or kinds <= {int, str, bytes, types.NoneType}  # unlike bool and int, and enums of either

    def passes(values: Iterable[object], whole: bool) -> bool:  # noqa: ARG001, FBT001
        if not kinds.issuperset(map(type, values)):
            return False
        return equals.issuperset(values) if apart else known.issuperset(zip(map(type, values), values, strict=True))

    def glance(value: object) -> bool:
        return type(value) in kinds and (value in equals if apart else (type(value), value) in known)

    return Part(CheckDepth.EXACT, passes, glance=glance, takes=lambda value: type(value) in kinds)


def members(interface: type, names: Iterable[str]) -> Part:
    """A Protocol: its members are there. No property runs, as `isinstance` makes it before Python 3.12.

    Beartype is asked where no property can run. A yes that hangs on the class of the value is kept by its id, which the
    weak reference takes out before it is used again: on Python 3.11 `isinstance` takes 100 times as long.
    """
    absent = {name: None if callable(in_class(interface, name)) else _MISSING for name in sorted(names)}
    by_beartype = _MISSING not in absent.values() and stays(interface)
    known: dict[int, ref[type]] = {}

    def lacking(value: object) -> list[str]:
        return [name for name, nothing in absent.items() if inspect.getattr_static(value, name, nothing) is nothing]

    def fits(value: object) -> bool:
        cls = type(value)
        of_class = [in_class(cls, name) for name in absent]
        if by_beartype and not any(map(_may_run, of_class)):
            verdict = bearable(interface)(value)
        else:
            verdict = interface in mro_of(cls) or not lacking(value)
        if verdict and None not in of_class:
            identity = id(cls)
            known[identity] = ref(cls, lambda _: known.pop(identity, None) and None)
        return verdict

    return Part(
        CheckDepth.SHALLOW,
        lambda values, _: all(id(type(value)) in known or fits(value) for value in values),
        glance=lambda value: id(type(value)) in known,
        takes=fits,
        why=lambda value, _: ("", f"{readable(type(value))} that lacks {', '.join(lacking(value))}"),
    )


def every(parts: Sequence[Part], depth: CheckDepth, asked: Asked | None = None) -> Part:
    """Several parts at once: a type and its validators, a class and the containers that it derives from."""
    looks = [_own(part) for part in parts]

    def why(value: object, whole: bool) -> Found:  # noqa: FBT001
        return next((part for part in parts if not part.passes((value,), whole)), ANY).why(value, whole)

    return Part(
        depth,
        lambda values, whole: all(part.passes(values, whole) for part in parts),
        asked,
        None if asked else lambda value: all(sees and sees(value) for sees in looks),
        takes=parts[0].takes,
        why=why,
    )


def choice(options: Sequence[tuple[object, Part]], depth: CheckDepth, asked: Asked | None) -> Part:  # noqa: C901  closures
    """A union that is more than a choice of classes, by its members and what they ask."""
    parts = [part for _, part in options]
    glances = [part.glance for part in parts if part.glance]
    exact = frozenset(chain.from_iterable(part.exact for part in parts))

    def meant_for(values: Iterable[object]) -> dict[tuple[Part, ...], list[object]]:
        """The values by the members that they may be meant for: of a builtin container its class tells."""
        of_class: dict[type, tuple[Part, ...]] = {}
        groups: dict[tuple[Part, ...], list[object]] = {}
        for value in values:
            if (cls := type(value)) not in exact:
                meant = of_class.get(cls) or tuple(part for part in parts if part.takes(value))
                groups.setdefault(meant, []).append(value)
                if cls in PLAIN:
                    of_class[cls] = meant
        return groups

    def passes(values: Iterable[object], whole: bool) -> bool:  # noqa: FBT001
        for meant, group in meant_for(values if not set(map(type, values)) <= exact else ()).items():
            some = [group] if len(meant) == 1 else [[value] for value in group]
            if not all(any(part.passes(each, whole) for part in meant) for each in some):
                return False
        return True

    def glance(value: object) -> bool:
        for sees in glances:  # noqa: SIM110  in half the time of any()
            if sees(value):
                return True
        return False

    def why(value: object, whole: bool) -> Found:  # noqa: FBT001
        meant = [option for option in options if option[1].takes(value)]
        if len(meant) == 1:
            return meant[0][1].why(value, whole)
        tried = "; ".join(f"{readable(hint)}: {say_why(value, part, whole)}" for hint, part in meant)
        return "", f"{readable(type(value))}{tried and f' that is none of these: {tried}'}"

    sees = glance if len(glances) > 1 else next(iter(glances), None)
    front = chain.from_iterable(part.front for part in parts)
    return Part(depth, passes, asked, sees, why=why, front=tuple(front), exact=exact)


def _structure(  # noqa: C901  closures
    origin: type,
    columns: Callable[[Sequence[object], bool], Columns],
    parts: Iterable[Part],
    asked: Asked | None = None,
    glance: Test | None = None,
) -> Part:
    """Something that has parts: what stands in them, by columns, which raise Unfit where a value lacks one."""
    kinds = _kinds(origin)

    def passes(values: Iterable[object], whole: bool) -> bool:  # noqa: FBT001
        if not set(map(type, values)) <= kinds and not all(isinstance(value, origin) for value in values):
            return False
        listed = cast("Sequence[object]", values) if type(values) in {list, tuple} else list(values)
        try:
            for _, _, part, column in columns(listed, whole) if listed else ():  # there a recursive hint ends
                if not part.passes(column, whole):
                    return False
        except Unfit:
            return False
        return True

    def why(value: object, whole: bool) -> Found:  # noqa: FBT001
        try:
            for place, start, part, column in columns([value] if isinstance(value, origin) else [], whole):
                for at, item in enumerate(() if part.passes(column, whole) else column):
                    if not part.passes((item,), whole):
                        path, found = part.why(item, whole)
                        return f"{place}{'' if start is None else f'[{start + at}]'}{path}", found
        except Unfit as unfit:
            return "", f"{readable(type(value))} {unfit}"
        return "", readable(type(value))

    return Part(depth_of(parts), passes, asked, glance, lambda value: isinstance(value, origin), why)


def items(origin: type, item: Part, asked: Asked | None) -> Part:
    """A container of one kind of item."""
    kinds, exact, sees = _kinds(origin), item.exact, item.glance

    def glance(value: Any) -> bool:  # Any: a cast costs as much as the look
        if type(value) not in kinds:
            return False
        for first in value:
            return type(first) in exact or (sees is not None and sees(first))
        return True

    def columns(values: Sequence[object], whole: bool) -> Columns:  # noqa: FBT001
        yield "", 0, item, _column(values, whole, _telling if item.only_classes else _items)

    return _structure(origin, columns, [item], asked, glance)


def pairs(origin: type, key: Part, value: Part, asked: Asked | None) -> Part:
    """A mapping of one kind of key to one kind of value."""
    kinds, key_exact, key_sees, exact, sees = _kinds(origin), key.exact, key.glance, value.exact, value.glance

    def columns(values: Sequence[object], whole: bool) -> Columns:  # noqa: FBT001
        yield ".keys()", 0, key, _column(values, whole, _items)
        yield ".values()", 0, value, _column(values, whole, _values, _VALUES)

    def glance(found: Any) -> bool:  # Any: a cast costs as much as the look
        if type(found) not in kinds:
            return False
        for k in found:
            if type(k) in key_exact or (key_sees is not None and key_sees(k)):
                v = found[k]
                return type(v) in exact or (sees is not None and sees(v))
            return False
        return True

    return _structure(origin, columns, [key, value], asked, glance)


def tuple_of(front: Sequence[Part], middle: Part | None, back: Sequence[Part], asked: Asked | None) -> Part:
    """A tuple of fixed items; with a middle, any number of one kind of item stands between front and back."""
    kinds, fixed, more = _kinds(tuple), len(front) + len(back), _own(middle) if middle else None
    placed = [*enumerate(front), *enumerate(back, -len(back))]
    looks = [(at, part.exact, part.glance) for at, part in placed]

    def columns(values: Sequence[object], whole: bool) -> Columns:  # noqa: FBT001
        rows = [cast("tuple[object, ...]", row) if type(row) is tuple else tuple(_items(row)) for row in values]
        for size in set(map(len, rows)):
            if size < fixed or (middle is None and size > fixed):
                raise Unfit(f"of {counted(size, 'item')}")
        for at, part in placed:
            yield "", at if at >= 0 else len(rows[0]) + at, part, [row[at] for row in rows]
        if middle is not None:
            middles = [row[len(front) : (len(row) if whole else min(len(row), fixed + 1)) - len(back)] for row in rows]
            yield "", len(front), middle, _column(middles, whole, iter)

    def glance(value: Any) -> bool:  # Any: a cast costs as much as the look
        if type(value) not in kinds or len(value) < fixed:
            return False
        for at, exact, sees in looks:  # faster by half than zip
            if type(value[at]) not in exact and not (sees and sees(value[at])):
                return False
        return len(value) == fixed or (more is not None and more(value[len(front)]))

    return _structure(tuple, columns, [*front, middle or ANY, *back], asked, glance)


def record(fields: Mapping[str, tuple[Part, bool]], others: Part | None) -> Part:
    """A TypedDict: its fields, each with whether it must be there, and what other keys hold; None where there are none.

    Beartype looks at no key (beartype#319).
    """
    kinds, looks = _kinds(dict), [(name, part.exact, _own(part), must) for name, (part, must) in fields.items()]

    def columns(values: Sequence[object], whole: bool) -> Columns:  # noqa: FBT001
        rows: list[dict[object, object]] = [
            row if type(row) is dict else dict(zip(_items(row), _values(row), strict=True)) for row in values
        ]
        for name, (part, required) in fields.items():
            column = [row[name] for row in rows if name in row]
            if required and len(column) < len(rows):
                raise Unfit(f"that lacks {name!r}")
            yield f"[{name!r}]", None, part, column
        more = (item for row in rows for name, item in row.items() if name not in fields)
        column = list(islice(more, None if whole and others is not ANY else others is not ANY))
        if column and others is None:
            raise Unfit("with a key that is not declared")
        yield "[…]", None, others or ANY, column

    def glance(value: Any) -> bool:  # Any: a cast costs as much as the look
        if type(value) not in kinds or others is not ANY:
            return False
        for name, exact, sees, must in looks:
            item = value.get(name, _MISSING)
            if type(item) not in exact and (must if item is _MISSING else not (sees and sees(item))):
                return False
        return True

    return _structure(dict, columns, [*(part for part, _ in fields.values()), others or ANY], glance=glance)


def attributes(origin: type, parts: Mapping[str, Part]) -> Part:
    """A class whose parameters are the types of attributes, as of the ``pattern`` of a Pattern."""
    looks = [(name, _own(part)) for name, part in parts.items()]

    def columns(values: Sequence[object], whole: bool) -> Columns:  # noqa: ARG001, FBT001
        for name, part in parts.items():
            yield f".{name}", None, part, [getattr(value, name) for value in values]

    def glance(value: object) -> bool:
        return isinstance(value, origin) and all(sees and sees(getattr(value, name)) for name, sees in looks)

    return _structure(origin, columns, parts.values(), glance=glance)


def depth_of(parts: Iterable[Part]) -> CheckDepth:
    """How much is seen of what has these parts, its outside and all of them."""
    shallow = any(part.depth is CheckDepth.SHALLOW for part in parts)
    return CheckDepth.SHALLOW if shallow else CheckDepth.EXACT


def say_why(value: object, part: Part, whole: bool) -> str:  # noqa: FBT001
    """What was found instead of what a part asks for, without the value."""
    path, found = part.why(value, whole)
    return f"{readable(type(value))} with {found} at {path}" if path else found


def bearable(hint: object) -> Test:
    """Beartype's verdict on the values of a hint, which beartype keeps for ever."""
    is_bearable, conf = beartype()
    return lambda value: is_bearable(value, hint, conf=conf)


@functools.cache
def beartype() -> tuple[Callable[..., bool], object]:
    from beartype import BeartypeConf  # noqa: PLC0415  100 ms, and many programs never get here
    from beartype.door import is_bearable  # noqa: PLC0415

    return is_bearable, BeartypeConf(is_random=False, is_pep484_tower=True)


def _may_run(attribute: object) -> bool:
    """Whether to ask an instance for an attribute runs code, as that of a property does."""
    return hasattr(type(attribute), "__get__") and not isinstance(attribute, METHODS)


def _own(part: Part) -> Test | None:
    """What tells at a glance that a value fits a part of what beartype is not asked of."""
    return part.takes if part.only_classes else part.glance


def _kinds(origin: type) -> frozenset[type]:
    return frozenset({origin, *(cls for cls in PLAIN if issubclass(cls, origin))})


def _column(
    containers: Sequence[object],
    whole: bool,  # noqa: FBT001
    read: Callable[..., Iterator[object]],
    view: Callable[[object], Iterable[object]] | None = None,
) -> Iterable[object]:
    """What some containers hold, or the first item of each; without a copy where it is but one."""
    if not whole:
        return [first for each in containers for first in islice(read(each), 1)]
    plain = set(map(type, containers)) <= PLAIN
    if not plain or (len(containers) > 1 and sum(map(len, cast("Sequence[Sized]", containers))) > _SHARED):
        containers = list({id(each): each for each in containers}.values())
    if not plain:
        return list(chain.from_iterable(map(read, containers)))
    views = list(map(view, containers)) if view else cast("Sequence[Iterable[object]]", containers)
    return views[0] if len(views) == 1 else list(chain.from_iterable(views))


def _items(value: object) -> Iterator[object]:
    """The items of a collection; none of what is no collection: to look at an iterator's items takes them away."""
    for base, iterate in ITERATORS.items():
        if issubclass(type(value), base):
            return iterate(value)
    collection = cast("Collection[object]", value)
    return _bounded(collection, len(collection)) if isinstance(value, Collection) else iter(())


def _telling(value: object) -> Iterator[object]:
    return islice(cast("Iterable[object]", value), 1) if type(value) in _UNIFORM else _items(value)


def _values(value: object) -> Iterator[object]:
    if issubclass(type(value), dict):
        return iter(_VALUES(value))
    mapping = cast("Mapping[object, object]", value)
    return _bounded(mapping.values(), len(mapping))


def _bounded(found: Iterable[T], length: int) -> Iterator[T]:
    limit = min(length, _MOST)
    for count, item in enumerate(found):
        if count == limit:
            raise Unfit(f"that goes on after {limit:,} items")
        yield item
