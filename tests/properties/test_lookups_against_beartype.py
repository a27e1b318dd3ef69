"""The verdict of a lookup is beartype's, for every form of hint; where it is not, the table of exceptions says so."""

from __future__ import annotations

import collections
import collections.abc as cabc
import contextlib
import io
import os
import pathlib
import re
import typing
import weakref
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

import numpy as np
import pytest
import typing_extensions as te
from beartype import BeartypeConf
from beartype.door import is_bearable
from beartype.roar import BeartypeException
from beartype.vale import Is
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liveref import Pinned
from liveref._hints import forms
from liveref._hints.compile import _BUILDERS
from liveref._hints.info import check_of, class_info, mismatch

CONF = BeartypeConf(is_random=False, is_pep484_tower=True)
T = TypeVar("T")


class Base: ...


class Child(Base): ...


class Other: ...


class Box(Generic[T]): ...


class Stack(list[T]): ...


class Point(NamedTuple):
    x: int
    y: int


class Row(TypedDict):
    a: int


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


@typing.runtime_checkable
class Source(Protocol[T]):
    def read(self) -> T: ...


@typing.runtime_checkable
class Placed(Protocol):
    @property
    def place(self) -> str: ...


class Closer:
    place = "p"

    def close(self) -> None: ...

    def read(self) -> str:
        return ""


New = typing.NewType("New", int)
Alias = te.TypeAliasType("Alias", Union[int, list[str]])

# Forms whose verdict is beartype's, as leaves of larger ones.
LEAVES: list[Any] = [
    int, str, bool, float, complex, bytes, None, object, Any, Base, Child, Other, Point, type, list, dict, tuple,
    typing.LiteralString, New, Alias, Closes, Source[str], Box[int], Box[Any], Stack[int],
    type[int], type[Base], type[Any], type[int | Base], type[float],
    cabc.Callable, cabc.Callable[[int], str], cabc.Callable[..., Any], cabc.Hashable, cabc.Sized,
    cabc.Iterator[int], cabc.Generator[int, None, None], cabc.Awaitable[int], cabc.AsyncIterator[int],
    cabc.ItemsView[str, int], os.PathLike[str], weakref.ref[Base], contextlib.AbstractContextManager[int, None],
    typing.SupportsInt, typing.SupportsIndex, typing.SupportsAbs[int],
]  # fmt: skip
# Forms whose verdict is not, and what beartype does there.
EXCEPTIONS: dict[str, Any] = {
    "compares a Literal by == alone: 1 is True": Literal[1, "a"],
    "looks at no field of a TypedDict": Row,
    "looks at the class of a Pattern alone": re.Pattern[str],
    "looks at the class of a Match alone": re.Match[bytes],
    "wants a mode of a file": typing.TextIO,
    "wants a mode of a binary file": typing.BinaryIO,
    "compares a dtype by size, unit and order of bytes": NDArray[np.float64],
    "runs the property, before Python 3.12": Placed,
    "does not look into a tuple with an unpacked part": tuple[int, te.Unpack[tuple[str, ...]]],
    "would keep the validator for ever": Annotated[int, Is[lambda n: n > 0]],
}
VALUES: list[Any] = [
    0, 1, True, 1.5, 1j, "", "a", b"a", None, Base(), Child(), Other(), Point(1, 2), Closer(), Box(), Stack([1]),
    Stack(["a"]), int, bool, str, Base, Child, len, print, iter([1]), (n for n in ()), pathlib.Path(), re.compile("a"),
    {"a": 1}.keys(), {1: "a"}.values(), {"a": 1}.items(), weakref.ref(Base), contextlib.nullcontext(), range(3),
    collections.deque([1]), collections.Counter("a"), collections.ChainMap({"a": 1}), collections.OrderedDict(a=1),
    collections.defaultdict(int, a=1), np.zeros(2), io.StringIO(), bytearray(b"a"), {"a": 1}, {"a": "b"},
]  # fmt: skip
PAIRS: frozenset[object] = forms.PAIRS | {cabc.ItemsView}
HASHABLE: list[Any] = [each for each in VALUES if type(each).__hash__ is not None]


def larger(hints: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.tuples(st.sampled_from(sorted(forms.ITEMS, key=str)), hints).map(lambda parts: parts[0][parts[1]])
    pairs = st.tuples(st.sampled_from(sorted(PAIRS, key=str)), hints, hints).map(lambda p: p[0][p[1], p[2]])
    return st.one_of(
        items,
        pairs,
        hints.map(lambda hint: collections.Counter[hint]),
        hints.map(lambda hint: tuple[hint, ...]),
        st.lists(hints, max_size=3).map(lambda parts: tuple[tuple(parts)] if parts else tuple[()]),
        st.lists(hints, min_size=2, max_size=3).map(lambda parts: Union[tuple(parts)]),
        hints.map(lambda hint: Annotated[hint, "m"]),
    )


hints = st.recursive(st.sampled_from(LEAVES), larger, max_leaves=4)
with_exceptions = st.recursive(st.sampled_from([*LEAVES, *EXCEPTIONS.values()]), larger, max_leaves=3)
hashable = st.sampled_from(HASHABLE)
values = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=2).map(collections.deque),
        st.frozensets(hashable, max_size=2),
        st.sets(hashable, max_size=2),
        st.dictionaries(hashable, inner, max_size=2),
        st.dictionaries(hashable, inner, max_size=2).map(collections.ChainMap),
        st.dictionaries(hashable, inner, max_size=2).map(collections.OrderedDict),
    ),
    max_leaves=4,
)
MAKERS: dict[object, Any] = {
    cabc.ItemsView: dict.items,
    cabc.KeysView: lambda items: dict.fromkeys(items).keys(),
    cabc.ValuesView: lambda items: dict(enumerate(items)).values(),
    cabc.MappingView: lambda items: dict.fromkeys(items).keys(),
    set: set, cabc.MutableSet: set, frozenset: frozenset, cabc.Set: frozenset, collections.deque: collections.deque,
    collections.OrderedDict: collections.OrderedDict, collections.ChainMap: collections.ChainMap,
    collections.defaultdict: lambda items: collections.defaultdict(int, items),
}  # fmt: skip


@st.composite
def values_of(draw: st.DrawFn, hint: Any) -> Any:
    """A value that fits, or nearly."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union:
        return draw(values_of(draw(st.sampled_from(args))))
    if origin is Annotated:
        return draw(values_of(args[0]))
    if origin is tuple:
        parts = args[:1] * draw(st.integers(0, 2)) if args[1:] == (...,) else args
        return tuple(draw(values_of(part)) for part in parts)
    if origin is collections.Counter:
        return collections.Counter({draw(values_of(args[0])): draw(st.sampled_from([1, True, "a"]))})
    if origin in PAIRS:
        found = {draw(values_of(args[0])): draw(values_of(args[1])) for _ in range(draw(st.integers(0, 2)))}
        return MAKERS.get(origin, dict)(found)
    if origin in forms.ITEMS:
        return MAKERS.get(origin, list)([draw(values_of(args[0])) for _ in range(draw(st.integers(0, 2)))])
    fitting = [each for each in VALUES if _fits(each, hint)]
    return draw(st.sampled_from(fitting or VALUES))


def _fits(value: object, hint: object) -> bool:
    try:
        return is_bearable(value, hint, conf=CONF)
    except Exception:
        return False


@st.composite
def pairs(draw: st.DrawFn, hints: st.SearchStrategy[Any]) -> tuple[Any, Any]:
    hint = draw(hints)
    try:
        return hint, draw(values_of(hint))
    except TypeError:  # a list in a set
        return hint, draw(values)


def theirs(value: object, hint: object) -> bool:
    """The verdict of beartype, of a hint that it can check."""
    try:
        return is_bearable(value, hint, conf=CONF)
    except BeartypeException:  # of what it can't build, os.PathLike[str] in a union on Python 3.12, there is none
        reject()


def lookup(value: object, hint: object) -> bool:
    return isinstance(value, class_info(hint))


many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def test_every_form_takes_part() -> None:
    assert set(_BUILDERS) - {Pinned} <= {  # of which beartype knows nothing
        *forms.ITEMS, *PAIRS, *forms.UNIONS, *forms.TEXTS, collections.Counter, tuple, type, cabc.Callable,
        Literal, Annotated,
    }  # fmt: skip


@many
@given(pairs(hints))
def test_verdict_of_a_lookup_is_that_of_beartype(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    if lookup(value, hint) != theirs(value, hint):
        # beartype does not look into a MappingView; what has a Protocol in it may not be asked of it.
        assert "MappingView" in str(hint)
        assert not lookup(value, hint)


@many
@given(hints, values)
def test_verdict_on_any_value_is_that_of_beartype(hint: Any, value: Any) -> None:
    assert lookup(value, hint) == theirs(value, hint)


@many
@given(pairs(hints))
def test_yes_of_the_fast_lane_is_that_of_beartype(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    check = check_of(class_info(hint))
    if check is not None and check.faster and isinstance(value, check.faster):
        assert theirs(value, hint)


@many
@given(pairs(with_exceptions))
def test_lookup_is_never_stricter_than_the_insert(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    if mismatch(value, class_info(hint), full=True) is None:
        assert lookup(value, hint)


@many
@given(pairs(hints))
def test_what_beartype_refuses_the_insert_refuses(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    if not theirs(value, hint):
        assert mismatch(value, class_info(hint), full=True) is not None


@many
@given(pairs(with_exceptions))
def test_own_look_agrees_with_the_lookup(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    check = check_of(class_info(hint))
    if check is not None and lookup(value, hint) != check.part.passes((value,), False):
        # Only the arguments of a callable, which beartype does not count, may differ, and on Python 3.13 the items
        # of a MappingView, which beartype does not look at there.
        assert "Callable" in str(hint) or "MappingView" in str(hint)


@pytest.mark.parametrize("what", EXCEPTIONS)
def test_exception_is_not_asked_of_beartype(what: str) -> None:
    for hint in (EXCEPTIONS[what], list[EXCEPTIONS[what]], EXCEPTIONS[what] | list[int]):
        assert check_of(class_info(hint)).part.asked is None


@pytest.mark.parametrize(
    ("hint", "value", "ours"),
    [
        (Literal[1], True, False),
        (Row, {"a": "b"}, False),
        (re.Pattern[str], re.compile(b""), False),
        (typing.TextIO, io.StringIO(), True),
        (NDArray[np.float64], np.zeros(2, ">f8"), True),
        (NDArray[np.str_], np.array(["a"]), True),
        (tuple[int, te.Unpack[tuple[str, ...]]], (1, 2), False),
    ],
)
def test_exception_makes_a_difference(hint: Any, value: object, ours: bool) -> None:
    assert lookup(value, hint) is ours
    assert theirs(value, hint) is not ours
