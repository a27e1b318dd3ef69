from __future__ import annotations

import abc
import collections
import collections.abc as cabc
import contextlib
import dataclasses
import decimal
import enum
import functools
import gc
import inspect
import io
import numbers
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypeVar, Union

import numpy as np
import pytest
import typing_extensions as te
from beartype.vale import Is, IsInstance
from numpy.typing import NDArray
from typing_extensions import Annotated, NotRequired, ReadOnly, Required, TypeAliasType, TypedDict

from liveref import (
    CheckDepth,
    HintError,
    LiveRefError,
    Pinned,
    RefTypeError,
    RegistryKey,
    SessionRefRegistry,
    check_depth,
    pin,
)

EXACT, SHALLOW, NONE = CheckDepth.EXACT, CheckDepth.SHALLOW, CheckDepth.NONE

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = typing.ParamSpec("P")
Ts = typing.TypeVarTuple("Ts")


class Base: ...


class Child(Base): ...


class Other: ...


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Box(Generic[T]):
    def __init__(self, item: object = None) -> None:
        self.item = item


class IntBox(Box[int]): ...


class Point(NamedTuple):
    x: int
    y: int


class Tagged(NamedTuple, Generic[T]):
    item: T


@dataclasses.dataclass
class Order:
    number: int


@dataclasses.dataclass
class Parcel(Generic[T]):
    content: T


class Movie(TypedDict):
    title: str
    year: int


class Partial(TypedDict, total=False):
    title: str
    year: int


class Mixed(TypedDict, total=False):
    title: Required[str]
    year: int


class Loose(TypedDict):
    title: str
    year: NotRequired[int]


class Sequel(Movie, total=False):
    number: int


class Fixed(TypedDict):
    title: ReadOnly[str]


class Cinema(TypedDict):
    main: Movie
    others: list[Movie]


class Tree(TypedDict):
    name: str
    children: list[Tree]


class Chain(TypedDict, total=False):
    next: Chain
    value: int


class Page(TypedDict, Generic[T]):
    items: list[T]
    total: int


class Closed(te.TypedDict, closed=True):
    title: str


class Extended(te.TypedDict, extra_items=int):
    title: str


class ExtendedByLists(te.TypedDict, extra_items=list[int]):
    title: str


# Fields whose annotations are objects, as in a module without the __future__ import.
Plain = TypedDict("Plain", {"title": Required[str], "year": NotRequired[int], "no name": ReadOnly[bool]}, total=False)
StandardMovie = typing.TypedDict("StandardMovie", {"title": str, "year": typing.NotRequired[list[int]]})

UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
Scores = NewType("Scores", list[int])


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


@typing.runtime_checkable
class Named(Protocol):
    name: str


@typing.runtime_checkable
class Source(Protocol[T_co]):
    def read(self) -> T_co: ...


@te.runtime_checkable
class Backported(te.Protocol):
    def close(self) -> None: ...


class Unchecked(Protocol):
    def close(self) -> None: ...


class Closer:
    def close(self) -> None: ...

    def read(self) -> str:
        return ""


class WithName:
    def __init__(self) -> None:
        self.name = "n"


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    def area(self) -> float:
        return 1.0


class Registered: ...


Shape.register(Registered)


class Rows(cabc.Sequence[int]):
    def __init__(self, *rows: object) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index):
        return self._rows[index]


class Streamed:
    """Iterable, but no collection."""

    def __iter__(self):
        return iter([1])


Number = TypeAliasType("Number", int | str)
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Numbers = TypeAliasType("Numbers", list[Number])


class Opened(NamedTuple):
    """A value that is made for one test and closed after it."""

    make: Callable[[], Any]


def temporary(mode: str) -> Opened:
    return Opened(lambda: tempfile.NamedTemporaryFile(mode))


def generator() -> Iterator[int]:
    yield 1


class Row(NamedTuple):
    name: str
    hint: object
    depth: CheckDepth
    right: list[object]
    wrong: list[object]
    needs: tuple[int, int] = (3, 11)


def newer(name: str, needs: tuple[int, int], source: str, depth: CheckDepth, right: list, wrong: list) -> Row:
    """A row whose hint takes the syntax of a newer Python; ``source`` binds it to ``Hint``."""
    names: dict[str, object] = {}
    if sys.version_info >= needs:
        exec(source, names)
    return Row(name, names.get("Hint"), depth, right, wrong, needs)


CLASSES = [
    Row("int", int, EXACT, [1, True, Level.LOW, 10**30], ["1", 1.0, None, int]),
    Row("bool", bool, EXACT, [True, False], [1, 0, "True", None]),
    Row("str", str, EXACT, ["", "x"], [b"x", 1]),
    Row("bytes", bytes, EXACT, [b""], ["", bytearray(), memoryview(b"")]),
    Row("float", float, EXACT, [1.5, 1, True], ["1", 1j, None, decimal.Decimal(1)]),
    Row("complex", complex, EXACT, [1j, 1.5, 1, True], ["1", None]),
    Row("class", Base, EXACT, [Base(), Child()], [Other(), Base, None]),
    Row("enum", Color, EXACT, [Color.RED], [1, "RED", Level.LOW]),
    Row("type", type, EXACT, [int, Base, abc.ABCMeta], [1, list[int], None]),
    Row("None", None, EXACT, [None], [0, False, "", []]),
    Row("NoneType", type(None), EXACT, [None], [0]),
    Row("object", object, NONE, [1, None, [], int], []),
    Row("Any", Any, NONE, [1, None, [], int], []),
    Row("module", types.ModuleType, EXACT, [re], ["re"]),
    Row("function", types.FunctionType, EXACT, [generator], [len, Base]),
    Row("lock", type(threading.Lock()), EXACT, [threading.Lock()], [threading.RLock()]),
    Row("socket", socket.socket, EXACT, [Opened(socket.socket)], [1]),
    Row("ABC", Shape, EXACT, [Square(), Registered()], [Base(), Square]),
    Row("Number", numbers.Number, EXACT, [1, 1.0, decimal.Decimal(1)], ["1"]),
    Row("Hashable", cabc.Hashable, EXACT, [1, "x", ()], [[], {}]),
    Row("Sized", cabc.Sized, EXACT, [[], ""], [1]),
    Row("NamedTuple", Point, EXACT, [Point(1, 2), Point("by class", None)], [(1, 2), [1, 2]]),
    Row("dataclass", Order, EXACT, [Order(1), Order("by class")], [1, {"number": 1}]),
    Row("LiteralString", typing.LiteralString, EXACT, ["x"], [1, b"x"]),
]
UNIONS = [
    Row("union", int | str, EXACT, [1, "x", True], [1.0, None, b""]),
    Row("Union", Union[int, str], EXACT, [1, "x"], [1.0, None]),
    Row("Optional", Optional[int], EXACT, [1, None], ["x", 1.0]),
    Row("or None", Base | None, EXACT, [Child(), None], [Other()]),
    Row("float or str", float | str, EXACT, [1, 1.0, "x"], [1j, None]),
    Row("union of containers", list[int] | dict[str, int], EXACT, [[1], {"a": 1}, []], [["x"], {"a": "x"}, {1: 1}, 1]),
    Row("union with Any", Union[int, Any], NONE, [1, "x", None], []),
    Row("union with object", int | object, NONE, [1, "x", None], []),
    Row("union with Callable", int | Callable[[int], str], SHALLOW, [1, len], ["x"]),
    Row("Optional list", Optional[list[int]], EXACT, [None, [1, 2]], [[1, None], [1, "x"]]),
    Row("list of union", list[int | None], EXACT, [[1, None], [None, 1]], [[1, None, "x"], [None, 1.0]]),
    Row("list of union of lists", list[list[int] | str], EXACT, [[[1], "x"]], [["x", ["x"]], [[1, 2], ["x", 1]]]),
]
LITERALS = [
    Row("Literal 1", Literal[1], EXACT, [1], [True, 1.0, "1", 2, Level.LOW]),
    Row("Literal True", Literal[True], EXACT, [True], [1, False, "True"]),
    Row("Literal 0", Literal[0], EXACT, [0], [False, 0.0, None, ""]),
    Row("Literal strings", Literal["a", "b"], EXACT, ["a", "b"], ["c", b"a", "", None]),
    Row("Literal bytes", Literal[b"a"], EXACT, [b"a"], ["a", bytearray(b"a")]),
    Row("Literal enum", Literal[Color.RED], EXACT, [Color.RED], [Color.BLUE, 1, "RED"]),
    Row("Literal int enum", Literal[Level.LOW], EXACT, [Level.LOW], [1, Level.HIGH, True]),
    Row("Literal None", Literal[None], EXACT, [None], [0, False]),
    Row("Literal mixed", Literal[1, "a", None, Color.RED], EXACT, [1, "a", None, Color.RED], [True, "b", Color.BLUE]),
    Row("Literal nested", Literal[Literal[1], Literal["a"]], EXACT, [1, "a"], [True, "b"]),
    Row("list of Literal 1", list[Literal[1]], EXACT, [[1, 1]], [[1, True], [True]]),
    Row("list of Literal True", list[Literal[True]], EXACT, [[True]], [[True, 1]]),
    Row("union of Literals", Literal[1] | Literal["x"], EXACT, [1, "x"], [True, "y"]),
]
WRAPPED = [
    Row("Annotated", Annotated[int, "metres"], EXACT, [1], ["x", None]),
    Row("Annotated unhashable", Annotated[int, []], EXACT, [1], ["x"]),
    Row("Annotated list", Annotated[list[int], "metres"], EXACT, [[1]], [[1, "x"]]),
    Row("Annotated Any", Annotated[Any, "anything"], NONE, [1, None], []),
    Row("Annotated Is", Annotated[int, Is[lambda n: n > 0]], EXACT, [1], [0, -1, "x"]),
    Row("Annotated Is twice", Annotated[int, "m", Is[lambda n: n > 0], Is[lambda n: n < 9]], EXACT, [1], [0, 9]),
    Row("Annotated Is and", Annotated[int, Is[lambda n: n > 0] & Is[lambda n: n < 9]], EXACT, [1], [0, 9]),
    Row("Annotated Is of Any", Annotated[object, Is[lambda value: bool(value)]], EXACT, [1, "x"], [0, ""]),
    Row("Annotated IsInstance", Annotated[object, IsInstance[int]], EXACT, [1], ["x"]),
    Row("Annotated list Is", Annotated[list[int], Is[lambda xs: len(xs) > 1]], EXACT, [[1, 2]], [[1], [1, "x"]]),
    Row(
        "list of Annotated Is", list[Annotated[int, Is[lambda n: n > 0]]], EXACT, [[1, 2], []], [[1, 0], [0, 1], ["x"]]
    ),
    Row("NewType", UserId, EXACT, [1, UserId(2)], ["x", None]),
    Row("NewType of NewType", AdminId, EXACT, [1], ["x"]),
    Row("NewType of list", Scores, EXACT, [[1, 2]], [[1, "x"], (1,)]),
    Row("list of NewType", list[UserId], EXACT, [[1]], [[1, "x"]]),
    Row("alias", Number, EXACT, [1, "x"], [1.0]),
    Row("alias of alias", Numbers, EXACT, [[1, "x"]], [[1, 1.0]]),
    Row("generic alias", Pair[int], EXACT, [(1, 2)], [(1, "x"), (1,)]),
    newer("type statement", (3, 12), "type Hint = int | list[str]", EXACT, [1, ["x"]], ["x", ["x", 1]]),
    newer(
        "recursive alias",
        (3, 12),
        "type Hint = int | list[Hint] | dict[str, Hint]",
        EXACT,
        [1, [], [1, [2, [3]]], {"a": [{"b": 1}]}],
        ["x", [1, ["x"]], [[[1], [2], [3.0]]], {"a": {"b": None}}, {1: 1}],
    ),
    newer("generic type statement", (3, 12), "type Two[T] = tuple[T, T]\nHint = Two[int]", EXACT, [(1, 2)], [(1, "x")]),
    newer(
        "recursive generic alias",
        (3, 12),
        "type Nest[T] = T | list[Nest[T]]\nHint = Nest[int]",
        EXACT,
        [1, [1, [2]]],
        ["x", [1, ["x"]]],
    ),
    newer("class with type parameter", (3, 12), "class Cell[T]: ...\nHint = Cell[int]", SHALLOW, [], [1, Box(1)]),
]
RECORDS = [
    Row(
        "TypedDict",
        Movie,
        EXACT,
        [
            {"title": "x", "year": 1},
            {"title": "x", "year": 1, "more": None},
            collections.OrderedDict(title="x", year=1),
        ],
        [
            {"title": "x"},
            {"title": "x", "year": "1"},
            {"year": 1},
            {},
            [],
            None,
            {"title": None, "year": 1},
            types.MappingProxyType({"title": "x", "year": 1}),
        ],
    ),
    Row("TypedDict not total", Partial, EXACT, [{}, {"year": 1}, {"more": 1}], [{"year": "1"}, {"title": 1}, 1]),
    Row(
        "TypedDict Required", Mixed, EXACT, [{"title": "x"}, {"title": "x", "year": 1}], [{}, {"year": 1}, {"title": 1}]
    ),
    Row(
        "TypedDict NotRequired",
        Loose,
        EXACT,
        [{"title": "x"}, {"title": "x", "year": 1}],
        [{}, {"title": "x", "year": "1"}],
    ),
    Row(
        "TypedDict inherited",
        Sequel,
        EXACT,
        [{"title": "x", "year": 1}, {"title": "x", "year": 1, "number": 2}],
        [{"title": "x"}, {"title": "x", "year": 1, "number": "2"}, {"number": 2}],
    ),
    Row("TypedDict ReadOnly", Fixed, EXACT, [{"title": "x"}], [{}, {"title": 1}]),
    Row(
        "TypedDict of objects",
        Plain,
        EXACT,
        [{"title": "x"}, {"title": "x", "year": 1, "no name": True}],
        [{}, {"title": "x", "year": "1"}, {"title": "x", "no name": 1}],
    ),
    Row(
        "typing.TypedDict",
        StandardMovie,
        EXACT,
        [{"title": "x"}, {"title": "x", "year": [1]}],
        [{}, {"title": "x", "year": [1, "x"]}],
    ),
    Row(
        "TypedDict nested",
        Cinema,
        EXACT,
        [{"main": {"title": "x", "year": 1}, "others": []}],
        [
            {"main": {"title": "x"}, "others": []},
            {"main": {"title": "x", "year": 1}, "others": [{"title": "x", "year": 1}, {}]},
        ],
    ),
    Row(
        "TypedDict recursive",
        Tree,
        EXACT,
        [{"name": "a", "children": []}, {"name": "a", "children": [{"name": "b", "children": []}]}],
        [
            {"name": "a"},
            {"name": "a", "children": [{"name": "b"}]},
            {"name": "a", "children": [{"name": 1, "children": []}]},
        ],
    ),
    Row(
        "TypedDict recursive directly",
        Chain,
        EXACT,
        [{}, {"next": {"next": {"value": 1}}}],
        [{"next": {"next": {"value": "1"}}}, {"next": 1}],
    ),
    Row(
        "TypedDict generic",
        Page[int],
        EXACT,
        [{"items": [1], "total": 1}],
        [{"items": [1, "x"], "total": 1}, {"items": [1]}],
    ),
    Row(
        "TypedDict generic bare",
        Page,
        EXACT,
        [{"items": [1, "x"], "total": 1}],
        [{"items": 1, "total": 1}, {"items": []}],
    ),
    Row("TypedDict closed", Closed, EXACT, [{"title": "x"}], [{"title": "x", "more": 1}, {}]),
    Row(
        "TypedDict extra_items",
        Extended,
        EXACT,
        [{"title": "x"}, {"title": "x", "more": 1}],
        [{"title": "x", "more": "1"}],
    ),
    Row(
        "TypedDict extra_items of lists",
        ExtendedByLists,
        EXACT,
        [{"title": "x", "more": [1, 2]}],
        [{"title": "x", "more": [1, "x"]}, {"title": "x", "more": 1}],
    ),
    Row(
        "list of TypedDict",
        list[Movie],
        EXACT,
        [[], [{"title": "x", "year": 1}]],
        [[{"title": "x", "year": 1}, {"title": "x"}]],
    ),
    Row(
        "TypedDict with Callable",
        TypedDict("Hooks", {"call": Callable[[int], str]}),
        SHALLOW,
        [{"call": len}],
        [{"call": 1}],
    ),
]
TUPLES = [
    Row("tuple", tuple, EXACT, [(), (1, "x")], [[], None]),
    Row("tuple of two", tuple[int, str], EXACT, [(1, "x")], [(1,), (1, 2), ("x", 1), (1, "x", 1), [1, "x"], ()]),
    Row(
        "tuple variadic",
        tuple[int, ...],
        EXACT,
        [(), (1,), (1, 2, 3), Point(1, 2)],
        [(1, "x"), ("x", 1), [1], (1,) * 999 + ("x",)],
    ),
    Row("tuple empty", tuple[()], EXACT, [()], [(1,), []]),
    Row("typing.Tuple", typing.Tuple[int, ...], EXACT, [(), (1,)], [(1, "x")]),
    Row("typing.Tuple empty", typing.Tuple[()], EXACT, [()], [(1,)]),
    Row("tuple nested", tuple[tuple[int, str], ...], EXACT, [((1, "x"),) * 3], [((1, "x"), (1, 2))]),
    Row(
        "tuple with middle",
        tuple[int, *tuple[str, ...], bytes],
        EXACT,
        [(1, b""), (1, "a", "b", b"")],
        [(1,), (1, "a"), (1, 2, b""), (1, "a", 2, "c", b""), ("a", b""), ()],
    ),
    Row(
        "tuple with Unpack",
        tuple[int, typing.Unpack[tuple[str, ...]]],
        EXACT,
        [(1,), (1, "a", "b")],
        [(), (1, 2), (1, "a", 2)],
    ),
    Row(
        "tuple with Unpack of fixed", tuple[int, te.Unpack[tuple[str, bytes]]], EXACT, [(1, "a", b"")], [(1, "a"), (1,)]
    ),
    Row(
        "tuple of lists", tuple[list[int], dict[str, int]], EXACT, [([1], {"a": 1})], [([1, "x"], {}), ([], {"a": "x"})]
    ),
    Row("NamedTuple generic", Tagged[int], SHALLOW, [Tagged(1), Tagged("x")], [(1,), 1]),
]
CONTAINERS = [
    Row("list", list, EXACT, [[], [1, "x"]], [(), {}, "x"]),
    Row(
        "list[int]",
        list[int],
        EXACT,
        [[], [1, 2], [True]],
        [[1] * 999 + ["x"], ["x", 1], (1,), "x", None, [None], [1, 2.0]],
    ),
    Row("typing.List", typing.List[int], EXACT, [[1]], [[1, "x"], (1,)]),
    Row("typing.List bare", typing.List, EXACT, [[1, "x"]], [(1,)]),
    Row("list[float]", list[float], EXACT, [[1.0, 1, True]], [[1.0, "x"]]),
    Row("list[Any]", list[Any], EXACT, [[1, "x"]], [(1,)]),
    Row("list of lists", list[list[int]], EXACT, [[[1], []]], [[[1], [1, "x"]], [[1], 1]]),
    Row("list of dicts", list[dict[str, int]], EXACT, [[{"a": 1}]], [[{"a": 1}, {"a": 1, "b": "x"}]]),
    Row("set", set[int], EXACT, [set(), {1, 2}], [{1, "x"}, {1, 2, 3, None}, frozenset({1}), [1]]),
    Row("frozenset", frozenset[int], EXACT, [frozenset({1})], [frozenset({1, "x"}), {1}]),
    Row("deque", collections.deque[int], EXACT, [collections.deque([1])], [collections.deque([1, "x"]), [1]]),
    Row(
        "dict", dict[str, int], EXACT, [{}, {"a": 1, "b": 2}], [{"a": 1, "b": "x"}, {"a": 1, 2: 2}, {1: 1}, [("a", 1)]]
    ),
    Row("typing.Dict", typing.Dict[str, list[int]], EXACT, [{"a": [1]}], [{"a": [1], "b": [1, "x"]}]),
    Row("dict bare", dict, EXACT, [{}, {1: "x"}], [[]]),
    Row(
        "defaultdict",
        collections.defaultdict[str, int],
        EXACT,
        [collections.defaultdict(int, a=1)],
        [collections.defaultdict(int, a=1, b="x"), {"a": 1}],
    ),
    Row(
        "OrderedDict",
        collections.OrderedDict[str, int],
        EXACT,
        [collections.OrderedDict(a=1)],
        [collections.OrderedDict(a=1, b="x"), {"a": 1}],
    ),
    Row("Counter", collections.Counter[str], EXACT, [collections.Counter("aab")], [collections.Counter([1]), {"a": 1}]),
    Row(
        "Counter of a wrong count",
        typing.Counter[str],
        EXACT,
        [collections.Counter()],
        [collections.Counter({"a": 1, "b": "x"})],
    ),
    Row(
        "ChainMap",
        collections.ChainMap[str, int],
        EXACT,
        [collections.ChainMap({"a": 1}, {"b": 2})],
        [collections.ChainMap({"a": 1}, {"b": "x"}), {"a": 1}],
    ),
    Row(
        "Sequence",
        cabc.Sequence[int],
        EXACT,
        [[1], (1,), range(3), b"ab", Rows(1, 2), collections.deque([1])],
        [[1, "x"], (1, "x"), "ab", {1}, Rows(1, "x"), 1],
    ),
    Row("Sequence of str", typing.Sequence[str], EXACT, ["abc", ["a"], ""], [[1], b"a", ["a", 1]]),
    Row("Sequence of Literal", cabc.Sequence[Literal["a"]], EXACT, ["aaa", ["a"]], ["ab", "aab", ["a", "b"]]),
    Row(
        "Sequence of Annotated Is",
        cabc.Sequence[Annotated[int, Is[lambda n: n > 0]]],
        EXACT,
        [range(1, 5), b"\1"],
        [range(2, -2, -1), b"\1\0"],
    ),
    Row("MutableSequence", cabc.MutableSequence[int], EXACT, [[1], collections.deque([1])], [[1, "x"], (1,)]),
    Row("Set", cabc.Set[int], EXACT, [{1}, frozenset({1}), {1: "x"}.keys()], [{1, "x"}, [1]]),
    Row("MutableSet", cabc.MutableSet[int], EXACT, [{1}], [{1, "x"}, frozenset({1})]),
    Row(
        "Mapping",
        cabc.Mapping[str, int],
        EXACT,
        [{"a": 1}, types.MappingProxyType({"a": 1}), collections.UserDict(a=1), collections.ChainMap({"a": 1})],
        [{"a": 1, "b": "x"}, types.MappingProxyType({"a": 1, "b": "x"}), collections.UserDict(a=1, b="x"), [1]],
    ),
    Row(
        "MutableMapping",
        typing.MutableMapping[str, int],
        EXACT,
        [{"a": 1}],
        [{"a": 1, "b": "x"}, types.MappingProxyType({})],
    ),
    Row("Collection", cabc.Collection[int], EXACT, [[1], {1}, (1,), {1: "x"}], [[1, "x"], {1, "x"}, 1, iter([1])]),
    Row("KeysView", cabc.KeysView[str], EXACT, [{"a": 1}.keys()], [{"a": 1, 1: 1}.keys(), ["a"]]),
    Row("ValuesView", cabc.ValuesView[int], EXACT, [{"a": 1}.values()], [{"a": 1, "b": "x"}.values(), [1]]),
    Row(
        "ItemsView",
        cabc.ItemsView[str, int],
        EXACT,
        [{"a": 1}.items()],
        [[("a", 1)], {"a": 1}.keys(), {"a": 1, "b": "x"}.items(), {1: 1}.items()],
    ),
    Row(
        "Iterable",
        cabc.Iterable[int],
        SHALLOW,
        [[1], {1}, Opened(generator), range(3), Streamed()],
        [1, [1, "x"], "ab"],
    ),
    Row("Iterable[Any]", cabc.Iterable[Any], EXACT, [[1], "x", Streamed()], [1]),
    Row("Reversible", cabc.Reversible[int], SHALLOW, [[1], range(3)], [{1}, [1, "x"]]),
    Row("Container", cabc.Container[int], SHALLOW, [[1], {1}], [1, [1, "x"]]),
    Row("Iterator", cabc.Iterator[int], SHALLOW, [iter([1]), Opened(generator), iter(["unseen"])], [[1], 1]),
    Row("Iterator bare", cabc.Iterator, EXACT, [iter([1])], [[1]]),
    Row("Generator", cabc.Generator[int, None, None], SHALLOW, [Opened(generator)], [iter([1]), [1]]),
    Row("AsyncIterator", cabc.AsyncIterator[int], SHALLOW, [], [iter([1]), 1]),
    Row("Awaitable", cabc.Awaitable[int], SHALLOW, [], [1, generator]),
    Row("dict of shallow", dict[str, Callable[[int], str]], SHALLOW, [{"a": len}], [{"a": len, "b": 1}]),
    Row("ContextManager", contextlib.AbstractContextManager[int, None], SHALLOW, [contextlib.nullcontext()], [1]),
]
CALLABLES = [
    Row("Callable", cabc.Callable, EXACT, [len, int, lambda: 0, functools.partial(int)], [1, None, "len"]),
    Row("Callable of int", Callable[[int], str], SHALLOW, [len, int, lambda _: 0], [1, None, lambda: 0]),
    Row("typing.Callable", typing.Callable[[int], str], SHALLOW, [len], [1]),
    Row("Callable without arguments", Callable[[], None], SHALLOW, [lambda: 0], [1, len]),
    Row("Callable of any arguments", Callable[..., Any], EXACT, [len], [1]),
    Row("Callable to int", Callable[..., int], SHALLOW, [len], [1]),
    Row("Callable Concatenate", typing.Callable[typing.Concatenate[int, ...], str], SHALLOW, [len], [1]),
    Row("list of Callable", list[Callable[[int], str]], SHALLOW, [[len, int]], [[len, 1]]),
    Row("type[int]", type[int], EXACT, [int, bool, Level], [str, 1, list[int], None]),
    Row("type[Base]", type[Base], EXACT, [Base, Child], [Other, Base()]),
    Row("type[Any]", type[Any], EXACT, [int, Base], [1, None]),
    Row("type[object]", type[object], EXACT, [int, Base], [1]),
    Row("typing.Type", typing.Type[Base], EXACT, [Child], [Other, Child()]),
    Row("type of union", type[int | str], EXACT, [int, str, bool], [float, 1]),
    Row("type[None]", type[None], EXACT, [type(None)], [None, int]),
    Row("type[NewType]", type[UserId], EXACT, [int, bool], [str]),
    Row("type[ABC]", type[Shape], EXACT, [Square, Registered], [Base, Square()]),
    Row("type[Box[int]]", type[Box[int]], SHALLOW, [Box, IntBox], [int, Box()]),
    Row("type[Protocol]", type[Closes], SHALLOW, [Closer], [1, Closer()]),
    Row("list of types", list[type[Base]], EXACT, [[Base, Child]], [[Base, Other]]),
]
INTERFACES = [
    Row("Protocol", Closes, SHALLOW, [Closer(), io.StringIO()], [1, "x", WithName()]),
    Row("Protocol with data", Named, SHALLOW, [WithName()], [1, Closer()]),
    Row("Protocol generic", Source[str], SHALLOW, [Closer(), io.StringIO()], [1, WithName()]),
    Row("Protocol generic bare", Source, SHALLOW, [Closer()], [1]),
    Row("Protocol of typing_extensions", Backported, SHALLOW, [Closer()], [1]),
    Row("SupportsInt", typing.SupportsInt, SHALLOW, [1, 1.0], ["1", None]),
    Row("SupportsIndex", typing.SupportsIndex, SHALLOW, [1, True], [1.0, "1"]),
    Row("SupportsAbs", typing.SupportsAbs[int], SHALLOW, [1, 1.0], ["1"]),
    Row("list of Protocol", list[Closes], SHALLOW, [[Closer()]], [[Closer(), 1]]),
    Row("Protocol or None", Closes | None, SHALLOW, [Closer(), None], [1]),
    Row("PathLike", os.PathLike[str], SHALLOW, [pathlib.Path()], ["x"]),
    Row("Box[int]", Box[int], SHALLOW, [Box(1), Box("unseen"), IntBox()], [1, Base()]),
    Row("Box[Any]", Box[Any], EXACT, [Box(1)], [1]),
    Row("Box of an alias of Any", Box[TypeAliasType("Anything", Any)], EXACT, [Box(1)], [1]),
    Row("Box of an alias of int", Box[TypeAliasType("Whole", int)], SHALLOW, [Box(1)], [1]),
    Row("Box", Box, EXACT, [Box(1)], [1]),
    Row("generic dataclass", Parcel[int], SHALLOW, [Parcel(1), Parcel("unseen")], [1, Order(1)]),
    Row("list of Box[int]", list[Box[int]], SHALLOW, [[Box(1)]], [[Box(1), 1]]),
    Row("Pattern[str]", re.Pattern[str], EXACT, [re.compile("x")], ["x", None, re.compile(b"x")]),
    Row("Pattern", re.Pattern, EXACT, [re.compile("x"), re.compile(b"x")], ["x"]),
    Row("Match[str]", re.Match[str], EXACT, [re.match("", "")], ["x", None, re.match(b"", b"")]),
    Row("typing.Pattern", typing.Pattern[str], EXACT, [re.compile("x")], ["x", re.compile(b"x")]),
    Row("Pinned[int]", Pinned[int], EXACT, [pin(lambda: 1, thread=False)], [1, pin(str, thread=False)]),
    Row("Pinned", Pinned, EXACT, [pin(lambda: 1, thread=False)], [1]),
    Row("Pinned[Box[int]]", Pinned[Box[int]], SHALLOW, [pin(lambda: Box(1), thread=False)], [pin(str, thread=False)]),
    Row("list of Pinned", list[Pinned[int]], EXACT, [[pin(lambda: 1, thread=False)]], [[pin(str, thread=False)], [1]]),
    Row("ref", weakref.ref[Base], SHALLOW, [weakref.ref(Base)], [Base()]),
]
TEXTS: list[object] = [io.StringIO(), Opened(lambda: open(os.devnull)), temporary("w+")]
BYTES: list[object] = [
    io.BytesIO(),
    Opened(lambda: open(os.devnull, "rb")),
    Opened(lambda: open(os.devnull, "rb", buffering=0)),
    Opened(lambda: open(os.devnull, "wb")),
    temporary("w+b"),
]
FILES = [
    Row("TextIO", typing.TextIO, EXACT, TEXTS, [*BYTES, "x", None, 1]),
    Row("BinaryIO", typing.BinaryIO, EXACT, BYTES, [*TEXTS, b"x", None, 1]),
    Row("IO[str]", typing.IO[str], EXACT, TEXTS, [*BYTES, "x"]),
    Row("IO[bytes]", typing.IO[bytes], EXACT, BYTES, [*TEXTS, b"x"]),
    Row("IO[Any]", typing.IO[Any], EXACT, [*TEXTS, *BYTES], [1, "x"]),
    Row("IO", typing.IO, EXACT, [*TEXTS, *BYTES], [1, "x"]),
    Row("TextIO or None", typing.TextIO | None, EXACT, [io.StringIO(), None], [io.BytesIO(), 1]),
    Row("list of BinaryIO", list[typing.BinaryIO], EXACT, [[io.BytesIO()]], [[io.BytesIO(), io.StringIO()]]),
    Row("StringIO", io.StringIO, EXACT, [io.StringIO()], [io.BytesIO()]),
]
ARRAYS = [
    Row("ndarray", np.ndarray, EXACT, [np.zeros(2)], [[1.0], 1]),
    Row(
        "NDArray[float64]",
        NDArray[np.float64],
        EXACT,
        [np.zeros(2), np.zeros((2, 2))],
        [np.zeros(2, np.int64), np.zeros(2, np.float32), [1.0]],
    ),
    Row("NDArray[floating]", NDArray[np.floating], EXACT, [np.zeros(2, np.float32)], [np.zeros(2, np.int64)]),
    Row("NDArray[Any]", NDArray[Any], EXACT, [np.zeros(2), np.zeros(2, np.int64)], [[1.0]]),
    Row(
        "ndarray of a shape",
        np.ndarray[tuple[int, int], np.dtype[np.int64]],
        SHALLOW,
        [np.zeros((2, 2), np.int64)],
        [np.zeros((2, 2)), 1],
    ),
    Row(
        "list of arrays",
        list[NDArray[np.int64]],
        EXACT,
        [[np.zeros(2, np.int64)]],
        [[np.zeros(2, np.int64), np.zeros(2)]],
    ),
]
ROWS = [
    *CLASSES,
    *UNIONS,
    *LITERALS,
    *WRAPPED,
    *RECORDS,
    *TUPLES,
    *CONTAINERS,
    *CALLABLES,
    *INTERFACES,
    *FILES,
    *ARRAYS,
]


def marks(row: Row) -> list[pytest.MarkDecorator]:
    needed = ".".join(map(str, row.needs))
    return [pytest.mark.skipif(sys.version_info < row.needs, reason=f"its syntax needs Python {needed}")]


def cases(which: str) -> list[object]:
    return [
        pytest.param(row, value, id=f"{row.name}-{position}", marks=marks(row))
        for row in ROWS
        for position, value in enumerate(getattr(row, which))
    ]


@contextlib.contextmanager
def opened(value: object) -> Iterator[object]:
    if not isinstance(value, Opened):
        yield value
        return
    made = value.make()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def registry() -> Iterator[SessionRefRegistry]:
    made = SessionRefRegistry()
    yield made
    made.close()


every_row = pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=marks(row)) for row in ROWS])


def test_table_holds_at_least_90_hints() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 90


@pytest.mark.parametrize(("row", "value"), cases("right"))
def test_value_of_the_hint_passes_insert_get_and_verify(registry: SessionRefRegistry, row: Row, value: object) -> None:
    with opened(value) as made:
        key = registry.insert(made, row.hint)
        assert registry.get(key) is made
        assert registry[key] is made
        assert registry.get(key, row.hint) is made
        registry.verify(key)
        assert registry.remove(key) is made


@pytest.mark.parametrize(("row", "value"), cases("wrong"))
def test_value_of_another_type_is_refused_and_nothing_is_stored(
    registry: SessionRefRegistry, row: Row, value: object
) -> None:
    with opened(value) as made:
        with pytest.raises(RefTypeError):
            registry.insert(made, row.hint)
        assert registry.is_empty()
        with pytest.raises(RefTypeError):
            registry.typed(row.hint).insert(made)
        assert registry.is_empty()


@every_row
def test_depth_of_hint_is_as_tabled(row: Row) -> None:
    assert check_depth(row.hint) is row.depth


@every_row
def test_verdict_is_the_same_each_time_and_takes_no_random_number(registry: SessionRefRegistry, row: Row) -> None:
    def verdict(value: object) -> bool:
        try:
            registry.remove(registry.insert(value, row.hint))
        except RefTypeError:
            return False
        return True

    with contextlib.ExitStack() as stack:
        right = [stack.enter_context(opened(value)) for value in row.right]
        wrong = [stack.enter_context(opened(value)) for value in row.wrong]
        verdict(None)  # the first look may import beartype
        state = random.getstate()
        assert {verdict(value) for value in right for _ in range(20)} <= {True}
        assert {verdict(value) for value in wrong for _ in range(20)} <= {False}
        assert random.getstate() == state


@every_row
def test_hint_of_key_is_the_hint_given(row: Row) -> None:
    assert RegistryKey.new(row.hint).hint == row.hint


def test_right_coroutine_and_asynchronous_generator_pass(registry: SessionRefRegistry) -> None:
    async def work() -> int:
        return 1

    async def stream():
        yield 1

    coroutine = work()
    registry.verify(registry.insert(coroutine, cabc.Awaitable[int]))
    registry.verify(registry.insert(coroutine, cabc.Coroutine[Any, Any, int]))
    registry.verify(registry.insert(stream(), cabc.AsyncIterator[int]))
    coroutine.close()


def test_iterator_is_not_consumed_by_its_check(registry: SessionRefRegistry) -> None:
    for hint in (cabc.Iterator[int], cabc.Iterable[int], cabc.Generator[int, None, None]):
        key = registry.insert(generator(), hint)
        registry.verify(key)
        assert list(registry.get(key)) == [1]


# Refused hints.

Unfound = typing.TypedDict("Unfound", {"field": "Nowhere"})
VARIABLES = [(T, "T"), (P, "P"), (Ts, "Ts"), (typing.AnyStr, "AnyStr")]
ALONE = [
    ("int", "'int'"),
    (typing.ForwardRef("int"), "int"),
    (typing.Never, "Never"),
    (typing.NoReturn, "NoReturn"),
    (typing.Self, "Self"),
    (ClassVar, "ClassVar"),
    (ClassVar[int], "ClassVar"),
    (typing.Final, "Final"),
    (typing.Final[int], "Final"),
    (typing.TypeAlias, "TypeAlias"),
    (typing.TypeGuard, "TypeGuard"),
    (typing.TypeGuard[int], "TypeGuard"),
    (te.TypeIs, "TypeIs"),
    (te.TypeIs[int], "TypeIs"),
    (typing.Concatenate, "Concatenate"),
    (typing.Concatenate[int, P], "Concatenate"),
    (Required[int], "Required"),
    (NotRequired[int], "NotRequired"),
    (ReadOnly[int], "ReadOnly"),
    (Unchecked, "Unchecked"),
    (Union, "Union"),
    (Optional, "Optional"),
    (Literal, "Literal"),
    (Annotated, "Annotated"),
    (Generic, "Generic"),
    (Protocol, "Protocol"),
    (P.args, ""),
    (5, "int"),
    (5.0, "float"),
    (True, "bool"),
    ([int], ""),
    ((int, str), "tuple"),
    ({"a": int}, "dict"),
    (..., ""),
    (NotImplemented, "NotImplementedType"),
    (len, "builtin_function_or_method"),
    (generator, "function"),
    (re, "module"),
    (Color.RED, "Color"),
    (Box(1), "Box"),
    (Unfound, "Nowhere"),
    (typing.TypedDict("Broken", {"field": "os.nothing_of_this_name"}), "Broken"),
    (typing.TypedDict("Calling", {"field": "len()"}), "Calling"),
    (typing.TypedDict, ""),
    (typing.NamedTuple, ""),
]
PARTS = [
    ("Other", "'Other'"),
    (T, "T"),
    (P, "P"),
    (Ts, "Ts"),
    (typing.Never, "Never"),
    (typing.NoReturn, "NoReturn"),
    (typing.Self, "Self"),
    (ClassVar[int], "ClassVar"),
    (typing.Final[int], "Final"),
    (typing.TypeGuard[int], "TypeGuard"),
    (te.TypeIs[int], "TypeIs"),
    (Required[int], "Required"),
    (Unchecked, "Unchecked"),
    (5, "int"),
    (Union, "Union"),
    (Literal, "Literal"),
]
WRAPPERS: dict[str, Callable[[Any], object]] = {
    "list": lambda part: list[part],
    "set of lists": lambda part: set[tuple[list[part], ...]],
    "dict key": lambda part: dict[part, int],
    "dict value": lambda part: dict[str, part],
    "tuple": lambda part: tuple[int, part],
    "variadic tuple": lambda part: tuple[part, ...],
    "Callable argument": lambda part: cabc.Callable[[part], int],
    "Callable result": lambda part: cabc.Callable[[int], part],
    "any Callable result": lambda part: cabc.Callable[..., part],
    "type": lambda part: type[part],
    "Iterator": lambda part: cabc.Iterator[part],
    "Generator": lambda part: cabc.Generator[int, None, part],
    "generic": lambda part: types.GenericAlias(Box, (part,)),
    "Pattern": lambda part: re.Pattern[part],
    "Pinned": lambda part: Pinned[part],
    "Counter": lambda part: collections.Counter[part],
    "union member": lambda part: list[part] | None,
    "Annotated": lambda part: Annotated[list[part], "m"],
    "TypedDict field": lambda part: typing.TypedDict("Record", {"field": list[part]}),
    "alias": lambda part: TypeAliasType("Alias", list[part]),
    "NewType": lambda part: NewType("New", list[part]),
    "type of generic": lambda part: type[types.GenericAlias(Box, (part,))],
}


def stands_for_a_type(wrapper: str, part: object) -> bool:
    """In a field and an alias a string is an annotation, in a field T that of a generic; a result is not looked at."""
    if wrapper.endswith("Callable result"):
        return (typing.get_origin(part) or part) in (typing.Never, typing.NoReturn, typing.TypeGuard, te.TypeIs)
    return (wrapper in ("TypedDict field", "alias") and isinstance(part, str)) or (
        wrapper == "TypedDict field" and part is T
    )


@pytest.mark.parametrize(
    ("hint", "part"),
    [pytest.param(*case, id=f"{position}-{case[0]!r:.18}") for position, case in enumerate(ALONE + VARIABLES)],
)
def test_hint_without_a_run_time_check_is_refused_and_named(
    registry: SessionRefRegistry, hint: object, part: str
) -> None:
    for use in (
        check_depth,
        RegistryKey.new,
        registry.typed,
        lambda hint: registry.insert(1, hint),
        lambda hint: registry.get(registry.insert(1), hint),
        lambda hint: registry.get(registry.insert(1), hint, default=None),
    ):
        with pytest.raises(HintError) as caught:
            use(hint)
        assert part in str(caught.value)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("part", "name"), [pytest.param(*case, id=f"{case[0]!s:.25}") for case in PARTS])
def test_refused_part_makes_the_whole_hint_refused(wrapper: str, part: object, name: str) -> None:
    if stands_for_a_type(wrapper, part):
        assert check_depth(WRAPPERS[wrapper](part)) in (EXACT, SHALLOW)
        return
    with pytest.raises(HintError) as caught:
        RegistryKey.new(WRAPPERS[wrapper](part))
    assert name in caught.value.args[1]
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("hint", "part"),
    [
        (Callable[P, int], "P"),
        (Callable[typing.Concatenate[int, P], int], "P"),
        (tuple[typing.Unpack[Ts]], "Ts"),
        (tuple[int, *Ts], "Ts"),
        (Optional[T], "T"),
        (Optional["Base"], "Base"),
        (Union[int, "Base"], "Base"),
        (Annotated["Base", "m"], "Base"),
        (Annotated[T, Is[lambda value: bool(value)]], "T"),
        (Box[T], "T"),
        (Box["Base"], "Base"),
        (Page[T], "T"),
        (type["Base"], "Base"),
        (Source[T], "T"),
        (Unchecked | None, "Unchecked"),
        (type[Unchecked], "Unchecked"),
        (list[Literal], "Literal"),
    ],
    ids=lambda part: f"{part!s:.60}",
)
def test_refused_part_is_named_in_typed_forms(hint: object, part: str) -> None:
    with pytest.raises(HintError) as caught:
        check_depth(hint)
    assert part in str(caught.value)


def test_unparametrised_class_is_no_refused_type_variable() -> None:
    assert check_depth(Box) is EXACT
    assert check_depth(Page) is EXACT


def test_field_names_of_the_module_are_resolved_in_it() -> None:
    local = typing.TypedDict("Local", {"field": "Movie"})
    assert check_depth(local) is EXACT


def test_refused_hint_stores_nothing(registry: SessionRefRegistry) -> None:
    with pytest.raises(HintError):
        registry.insert([1], list["int"])
    assert registry.is_empty()


# The look of `get`, and the full look of `insert` and `verify`.


def test_get_looks_at_the_first_item_and_verify_at_all(registry: SessionRefRegistry) -> None:
    numbers_held = [1, 2]
    key = registry.insert(numbers_held, list[int])
    numbers_held.append("x")
    assert registry.get(key) is numbers_held
    with pytest.raises(RefTypeError, match=r"found list with str at \[2\]"):
        registry.verify(key)
    assert registry.get(key) is numbers_held
    numbers_held[0] = "x"
    with pytest.raises(RefTypeError):
        registry.get(key)
    assert len(registry) == 1


@pytest.mark.parametrize(
    ("hint", "value", "at"),
    [
        (list[int], [1] * 999 + ["x"], "found list with str at [999]"),
        (tuple[int, ...], (1,) * 999 + ("x",), "found tuple with str at [999]"),
        (tuple[int, str], (1, 2), "found tuple with int at [1]"),
        (list[list[int]], [[1], [1, None]], "found list with None at [1][1]"),
        (dict[str, list[int]], {"a": [1], "b": [1, "x"]}, "found dict with str at .values()[1][1]"),
        (dict[str, int], {"a": 1, 2: 2}, "found dict with int at .keys()[1]"),
        (Movie, {"title": "x", "year": "1"}, "found dict with str at ['year']"),
        (Cinema, {"main": {"title": "x", "year": None}, "others": []}, "found dict with None at ['main']['year']"),
        (list[Movie], [{"title": "x", "year": 1}, {"title": 1, "year": 1}], "found list with int at [1]['title']"),
        (cabc.Sequence[int], Rows(1, 2, "x"), "Rows with str at [2]"),
        (collections.deque[int], collections.deque([1, "x"]), "found collections.deque with str at [1]"),
        (list[int], (1,), "found tuple."),
        (tuple[int, str], (1, "x", 1), "found tuple of 3 items."),
        (tuple[()], (1,), "found tuple of 1 item."),
        (int, "x", "found str."),
        (list[int] | None, "x", "found str."),
        (list[Base], [Base(), Other()], "Other at [1]"),
    ],
)
def test_error_tells_what_was_found_and_where(
    registry: SessionRefRegistry, hint: object, value: object, at: str
) -> None:
    with pytest.raises(RefTypeError) as caught:
        registry.insert(value, hint)
    assert at in str(caught.value)


def test_error_tells_what_was_expected(registry: SessionRefRegistry) -> None:
    with pytest.raises(RefTypeError, match=r"^insert: expected list\[int\] \| None, found str\. Nothing was stored\.$"):
        registry.insert("x", list[int] | None)


class _CountingMeta(type):
    looks = 0

    def __instancecheck__(cls, value: object) -> bool:
        _CountingMeta.looks += 1
        return True


class Counted(metaclass=_CountingMeta): ...


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[Counted], [1] * 5_000),
        (tuple[Counted, ...], (1,) * 5_000),
        (set[Counted], set(range(5_000))),
        (dict[Counted, Counted], dict.fromkeys(range(5_000))),
        (cabc.Sequence[Counted], Rows(*range(5_000))),
        (te.TypedDict("Counts", {}, extra_items=Counted), dict.fromkeys(map(str, range(5_000)))),
        (cabc.Mapping[str, Counted] | list[Counted], collections.UserDict(dict.fromkeys(map(str, range(5_000))))),
    ],
)
def test_get_takes_constant_time(registry: SessionRefRegistry, hint: object, value: object) -> None:
    key = registry.insert(value, hint)
    before = _CountingMeta.looks
    registry.get(key)
    assert _CountingMeta.looks - before <= 4
    before = _CountingMeta.looks
    registry.verify(key)
    assert _CountingMeta.looks - before >= 5_000


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[int], [1] * 200_000),
        (tuple[int, ...], (1,) * 200_000),
        (tuple[int, *tuple[str, ...]], (1, *["x"] * 200_000)),
        (set[int], set(range(200_000))),
        (dict[int, int], dict.fromkeys(range(200_000), 1)),
        (Partial, dict.fromkeys(map(str, range(200_000)), 1)),
        (Extended, {"title": "x"} | dict.fromkeys(map(str, range(200_000)), 1)),
        (cabc.Sequence[int], range(200_000)),
        (cabc.Mapping[int, int], dict.fromkeys(range(200_000), 1)),
        (list[int] | dict[int, int], dict.fromkeys(range(200_000), 1)),
    ],
    ids=lambda part: f"{part!s:.25}",
)
def test_get_copies_nothing(registry: SessionRefRegistry, hint: object, value: object) -> None:
    key = registry.insert(value, hint)
    registry.get(key)
    tracemalloc.start()
    try:
        registry.get(key)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000


def test_get_of_a_recursive_hint_takes_constant_time(registry: SessionRefRegistry) -> None:
    tree: Any = {"name": "leaf", "children": []}
    for _ in range(50):
        tree = {"name": "node", "children": [tree]}
    key = registry.insert(tree, Tree)
    lowest = tree
    while lowest["children"]:
        lowest = lowest["children"][0]
    lowest["name"] = 1
    assert registry.get(key) is tree
    with pytest.raises(RefTypeError, match=r"found dict with int at \['children'\]\[0\]"):
        registry.verify(key)


def test_long_range_is_checked_quickly(registry: SessionRefRegistry) -> None:
    start = time.perf_counter()
    registry.verify(registry.insert(range(10**12), cabc.Sequence[int]))
    with pytest.raises(RefTypeError):
        registry.insert(range(10**12), cabc.Sequence[str])
    assert time.perf_counter() - start < 1


# Values and hints that do not behave.


class Secret:
    """A value whose text must not be asked for."""

    asked = 0

    def __repr__(self) -> str:
        Secret.asked += 1
        return "hunter2"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


class Unreadable:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__


class _RaisingMeta(type):
    def __instancecheck__(cls, value: object) -> bool:
        raise ZeroDivisionError("hunter2")

    def __subclasscheck__(cls, other: type) -> bool:
        raise ZeroDivisionError("hunter2")


class RaisingCheck(metaclass=_RaisingMeta): ...


class _UnhashableMeta(type):
    def __hash__(cls) -> int:
        raise ZeroDivisionError("hunter2")


class UnhashableClass(metaclass=_UnhashableMeta): ...


class _ComparingMeta(type):
    def __eq__(cls, other: object) -> bool:
        raise ZeroDivisionError("hunter2")

    __hash__ = type.__hash__


class UncomparableClass(metaclass=_ComparingMeta): ...


class _ReprMeta(type):
    def __repr__(cls) -> str:
        raise ZeroDivisionError("hunter2")


class UnreadableClass(metaclass=_ReprMeta): ...


class _AttributeMeta(type):
    def __getattr__(cls, name: str) -> object:
        raise ZeroDivisionError("hunter2")


class AttributeClass(metaclass=_AttributeMeta): ...


class _ShutMeta(type):
    def __getattribute__(cls, name: str) -> object:
        raise ZeroDivisionError("hunter2")


class ShutClass(metaclass=_ShutMeta): ...


class _TupleMeta(type):
    @property
    def __class__(cls):
        return tuple


class TupleClass(metaclass=_TupleMeta): ...


class LyingList(list):
    def __len__(self) -> int:
        return 0

    def __iter__(self):
        return iter([])

    def __getitem__(self, index):
        return 1


class LyingDict(dict):
    def items(self):
        return {}.items()

    def __iter__(self):
        return iter([])

    def keys(self):
        return {}.keys()

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key):
        return 1


class LyingTuple(tuple):
    def __len__(self) -> int:
        return 0

    def __iter__(self):
        return iter([])

    def __getitem__(self, index):
        return 1


class LyingSet(set):
    def __iter__(self):
        return iter([])

    def __len__(self) -> int:
        return 0


class RaisingSequence(cabc.Sequence):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index):
        raise IndexError("hunter2")

    def __iter__(self):
        raise AttributeError("hunter2")


class RaisingMapping(cabc.Mapping):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, key):
        raise KeyError("hunter2")

    def __iter__(self):
        raise AttributeError("hunter2")


class Pretender:
    """Says that it is an int."""

    @property
    def __class__(self):
        return int


class Rebel:
    @property
    def __class__(self):
        raise ZeroDivisionError("hunter2")


class Unequal:
    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("hunter2")

    def __hash__(self) -> int:
        raise ZeroDivisionError("hunter2")


class OddAttributes:
    def __getattr__(self, name: str) -> object:
        raise ZeroDivisionError("hunter2")


HINTS = [
    int,
    Base,
    float,
    None,
    list[int],
    list[list[int]],
    set[int],
    dict[str, int],
    tuple[int, ...],
    tuple[int, str],
    int | str,
    Literal[1],
    Movie,
    Tree,
    cabc.Sequence[int],
    cabc.Mapping[str, int],
    cabc.Iterable[int],
    Callable[[int], str],
    type[int],
    Closes,
    Named,
    typing.SupportsInt,
    Shape,
    Box[int],
    typing.TextIO,
    typing.BinaryIO,
    typing.IO[str],
    re.Pattern[str],
    NDArray[np.float64],
    Annotated[int, Is[lambda n: n > 0]],
    cabc.Hashable,
    UserId,
    collections.Counter[str],
]
# By name: pytest itself would trip over the classes.
ODD = [
    "Secret",
    "Unreadable",
    "RaisingSequence",
    "RaisingMapping",
    "Rebel",
    "Unequal",
    "OddAttributes",
    "UnhashableClass",
    "UncomparableClass",
    "UnreadableClass",
    "AttributeClass",
    "RaisingCheck",
]


def chain_of(error: BaseException) -> str:
    """All the text that an error carries along."""
    texts, seen, todo = [], set(), [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        texts += [str(each), repr(each), repr(each.args), repr(getattr(each, "__notes__", ""))]
        todo += [each.__cause__, each.__context__]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("hint", [pytest.param(hint, id=f"{at}-{hint!s:.25}") for at, hint in enumerate(HINTS)])
def test_odd_value_raises_no_error_but_ours_and_shows_nothing(
    registry: SessionRefRegistry, hint: object, kind: str
) -> None:
    cls = globals()[kind]
    value = cls()
    asked = Secret.asked
    for attempt in (value, cls, [value], [1, value], {"a": value}, {"title": value, "year": value}, (1, value)):
        for use in (
            lambda: registry.insert(attempt, hint),
            lambda: registry.get(registry.insert(attempt), hint),
            lambda: registry.get(registry.insert(attempt, object), hint, default=None),
        ):
            try:
                use()
            except LiveRefError as error:
                assert isinstance(error, RefTypeError)
                assert "hunter2" not in chain_of(error)
    assert Secret.asked == asked


@pytest.mark.parametrize(
    "kind", ["Secret", "Unreadable", "RaisingSequence", "Unequal", "OddAttributes", "UnreadableClass"]
)
def test_odd_class_is_a_hint_like_any_other(registry: SessionRefRegistry, kind: str) -> None:
    hint = globals()[kind]
    value = hint()
    registry.verify(registry.insert(value, hint))
    assert registry.get(registry.insert(value, hint)) is value
    assert registry.get(registry.insert(value), hint) is value
    assert registry.get(registry.insert([value], list[hint])) == [value]
    assert registry.get(registry.insert(value, hint | None)) is value
    assert registry.get(registry.insert(hint, type[hint])) is hint
    assert registry.get(registry.insert({"a": value}, dict[str, hint]))["a"] is value
    with pytest.raises(RefTypeError) as caught:
        registry.insert(Other(), hint)
    assert hint.__qualname__ in str(caught.value)
    assert check_depth(hint) is EXACT


ODD_CLASSES = (
    *("Rebel", "UnhashableClass", "UncomparableClass", "AttributeClass", "RaisingCheck", "ShutClass", "TupleClass"),
)


@pytest.mark.parametrize("kind", ODD_CLASSES)
def test_key_of_an_odd_class_is_a_key_like_any_other(registry: SessionRefRegistry, kind: str) -> None:
    cls = globals()[kind]
    value = cls()
    key = registry.insert(value)
    registry.verify(key)
    assert registry[key] is value
    assert key.hint is cls
    assert repr(key).startswith(f"RegistryKey[{__name__}.{kind}]")
    assert key.to_marker(typed=True)["type"] == f"{__name__}:{kind}"


@pytest.mark.parametrize("kind", ODD_CLASSES)
def test_class_whose_metaclass_raises_passes_or_gives_an_error_of_ours(registry: SessionRefRegistry, kind: str) -> None:
    cls = globals()[kind]
    value = cls()
    hints = [
        lambda: cls,
        lambda: list[cls],
        lambda: dict[str, cls],
        lambda: tuple[cls, ...],
        lambda: type[cls],
        lambda: Callable[[cls], int],
        lambda: types.GenericAlias(Box, (cls,)),
    ]
    for make in hints:
        hint = make()
        for attempt in (value, [value], {"a": value}, (value,), cls, len, 1):
            for use in (
                lambda: registry.insert(attempt, hint),
                lambda: registry.get(registry.insert(attempt), hint),
                lambda: registry.typed(hint).insert(attempt),
                lambda: RegistryKey.new(hint).to_marker(typed=True),
                lambda: RegistryKey.from_marker(RegistryKey.new(int).to_marker(typed=True), hint),
                lambda: repr(RegistryKey.new(hint)),
                lambda: check_depth(hint),
            ):
                try:
                    use()
                except LiveRefError as error:
                    assert "hunter2" not in f"{error} {error.args}"


def test_metaclass_that_raises_in_the_check_gives_a_wrong_type(registry: SessionRefRegistry) -> None:
    for hint in (RaisingCheck, list[RaisingCheck], RaisingCheck | None, type[RaisingCheck], dict[str, RaisingCheck]):
        for value in (1, [1], {"a": 1}, int):
            with pytest.raises(RefTypeError) as caught:
                registry.insert(value, hint)
            assert "hunter2" not in f"{caught.value} {caught.value.args}"
    assert registry.is_empty()


def test_metaclass_that_raises_in_the_check_leaves_the_ref_at_get(registry: SessionRefRegistry) -> None:
    value = Base()
    key = registry.insert(value)
    with pytest.raises(RefTypeError, match="whose check raised ZeroDivisionError") as caught:
        registry.get(key, RaisingCheck)
    assert "hunter2" not in f"{caught.value} {caught.value.args}"
    assert str(caught.value.__cause__) == "hunter2"  # what the user's own code said
    assert registry.get(key) is value


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[int], LyingList([1, "x"])),
        (cabc.Sequence[int], LyingList([1, "x"])),
        (cabc.Iterable[int], LyingList([1, "x"])),
        (dict[str, int], LyingDict(a=1, b="x")),
        (cabc.Mapping[str, int], LyingDict(a=1, b="x")),
        (Movie, LyingDict(title="x")),
        (Movie, LyingDict(title="x", year="x")),
        (tuple[int, ...], LyingTuple((1, "x"))),
        (tuple[int, int], LyingTuple((1, "x"))),
        (tuple[()], LyingTuple((1,))),
        (cabc.Sequence[int], LyingTuple((1, "x"))),
        (set[int], LyingSet({1, "x"})),
        (cabc.Set[int], LyingSet({1, "x"})),
    ],
)
def test_subclass_of_a_builtin_container_can_not_hide_its_items(
    registry: SessionRefRegistry, hint: object, value: object
) -> None:
    with pytest.raises(RefTypeError):
        registry.insert(value, hint)


def test_subclass_of_a_builtin_container_passes_by_its_real_items(registry: SessionRefRegistry) -> None:
    for hint, value in (
        (list[int], LyingList([1, 2])),
        (dict[str, int], LyingDict(a=1)),
        (tuple[int, int], LyingTuple((1, 2))),
        (set[int], LyingSet({1})),
        (Movie, LyingDict(title="x", year=1)),
    ):
        key = registry.insert(value, hint)
        registry.verify(key)
        assert registry.get(key) is value


def test_class_property_is_believed_as_by_isinstance(registry: SessionRefRegistry) -> None:
    value = Pretender()
    assert registry.get(registry.insert(value, int)) is value
    with pytest.raises(RefTypeError, match=r"found .*Pretender\."):
        registry.insert(value, str)
    with pytest.raises(RefTypeError):
        registry.insert(value, list[int])


def test_huge_value_is_not_turned_into_text(registry: SessionRefRegistry) -> None:
    huge = ["x" * 1000] * 100_000
    with pytest.raises(RefTypeError) as caught:
        registry.insert(huge, list[int])
    assert len(chain_of(caught.value)) < 5_000


def test_error_holds_no_text_of_keys_and_items(registry: SessionRefRegistry) -> None:
    for hint, value in (
        (dict[int, int], {"hunter2": 1}),
        (dict[str, int], {"hunter2": "hunter2"}),
        (list[int], ["hunter2"]),
        (Literal["a"], "hunter2"),
        (Closed, {"title": "x", "hunter2": 1}),
        (Annotated[str, Is[lambda text: text == "x"]], "hunter2"),
        (typing.TextIO, "hunter2"),
        (Callable[[int], str], "hunter2"),
    ):
        with pytest.raises(RefTypeError) as caught:
            registry.insert(value, hint)
        assert "hunter2" not in chain_of(caught.value)


def test_raising_validator_gives_a_wrong_type(registry: SessionRefRegistry) -> None:
    hint = Annotated[object, Is[lambda value: 1 / value > 0]]
    with pytest.raises(RefTypeError):
        registry.insert(0, hint)
    with pytest.raises(RefTypeError):
        registry.insert("hunter2", hint)


def test_deeply_nested_value_is_a_wrong_type(registry: SessionRefRegistry) -> None:
    tree: Any = {"name": "leaf", "children": []}
    for _ in range(100_000):
        tree = {"name": "node", "children": [tree]}
    with pytest.raises(RefTypeError, match="nested too deeply") as caught:
        registry.insert(tree, Tree)
    assert len(chain_of(caught.value)) < 5_000
    assert registry.is_empty()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement needs Python 3.12")
def test_deeply_nested_list_of_a_recursive_alias_is_a_wrong_type(registry: SessionRefRegistry) -> None:
    names: dict[str, Any] = {}
    exec("type Nest = int | list[Nest]", names)
    nest: Any = 1
    for _ in range(100_000):
        nest = [nest]
    with pytest.raises(RefTypeError, match="nested too deeply"):
        registry.insert(nest, names["Nest"])


def test_value_that_holds_itself_is_a_wrong_type_of_a_recursive_hint(registry: SessionRefRegistry) -> None:
    tree: dict[str, object] = {"name": "root"}
    tree["children"] = [tree]
    with pytest.raises(RefTypeError):
        registry.insert(tree, Tree)


def test_deeply_nested_hint_is_refused() -> None:
    hint: Any = int
    for _ in range(1_500):
        hint = list[hint]
    with pytest.raises(HintError, match="nested too deeply"):
        check_depth(hint)


@pytest.mark.parametrize("kind", ["Rebel", "Unequal", "OddAttributes", "Unreadable", "Secret"])
def test_odd_object_is_refused_as_a_hint(registry: SessionRefRegistry, kind: str) -> None:
    hint = globals()[kind]()
    for use in (check_depth, RegistryKey.new, registry.typed, lambda hint: registry.insert(1, hint)):
        for wrapped in (hint, list[hint]):
            with pytest.raises(HintError) as caught:
                use(wrapped)
            assert "hunter2" not in chain_of(caught.value)


class WithoutClose: ...


def test_verdict_on_a_protocol_does_not_depend_on_values_seen_before(registry: SessionRefRegistry) -> None:
    with_own = WithoutClose()
    with_own.close = len
    for _ in range(3):
        with pytest.raises(RefTypeError):
            registry.insert(WithoutClose(), Closes)
        registry.insert(with_own, Closes)
        registry.insert(Closer(), Closes)


def test_verdict_on_a_protocol_with_data_is_of_the_value(registry: SessionRefRegistry) -> None:
    without = WithName()
    del without.name
    registry.insert(WithName(), Named)
    with pytest.raises(RefTypeError):
        registry.insert(without, Named)


def test_equal_hints_of_different_meaning_are_told_apart(registry: SessionRefRegistry) -> None:
    keys = [RegistryKey.new(Literal[1]), RegistryKey.new(Literal[True]), RegistryKey.new(Literal[Level.LOW])]
    for hint, right, wrong in ((Literal[1], 1, True), (Literal[True], True, 1), (Literal[Level.LOW], Level.LOW, 1)):
        registry.insert(right, hint)
        registry.insert([right], list[hint])
        with pytest.raises(RefTypeError):
            registry.insert(wrong, hint)
        with pytest.raises(RefTypeError):
            registry.insert([wrong], list[hint])
    assert len(keys) == 3


# What is imported, and what is kept.


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_import_does_not_import_beartype() -> None:
    assert run("import liveref, sys; print('beartype' in sys.modules)") == "False"


def test_ordinary_hints_do_not_import_beartype() -> None:
    code = """
import sys, typing, liveref
registry = liveref.SessionRefRegistry()
pairs = [(1, int), ([1], list[int]), (None, int | None), (1, typing.Literal[1]), (len, typing.Callable[[int], str])]
for value, hint in pairs:
    registry.get(registry.insert(value, hint))
print('beartype' in sys.modules)
"""
    assert run(code) == "False"


def make_class(position: int) -> type:
    return type(f"Fresh{position}", (), {"close": lambda self: None, "name": "n"})


def uses(cls: type) -> list[tuple[object, object]]:
    value = cls()
    return [
        (value, cls),
        ([value], list[cls]),
        (value, cls | None),
        (value, Optional[cls]),
        (cls, type[cls]),
        (len, Callable[[cls], int]),
        ({"a": value}, dict[str, cls]),
        (value, Closes),
        (value, Named),
        (value, Annotated[cls, "x"]),
        (Box(value), Box[cls]),
        ((value,), tuple[cls, ...]),
        ({"field": value}, TypedDict("Fresh", {"field": cls})),
        (value, NewType("New", cls)),
        (value, TypeAliasType("Alias", cls)),
    ]


def clear_caches_of_python() -> None:
    for cleanup in typing._cleanups:
        cleanup()
    # Python 3.12.0 and 3.12.1 keep the last 128 classes that getattr_static saw (python/cpython#112006).
    cached = getattr(inspect, "_shadowed_dict_from_mro_tuple", None)
    if cached is not None:
        cached.cache_clear()


def test_no_class_is_kept_once_its_keys_are_gone(registry: SessionRefRegistry) -> None:
    alive = []
    for position in range(2_000):
        cls = make_class(position)
        alive.append(weakref.ref(cls))
        for value, hint in uses(cls):
            key = registry.insert(value, hint)
            registry.get(key)
            registry.get(key, hint)
            registry.verify(key)
            check_depth(hint)
            registry.remove(key)
    del cls, value, hint, key
    clear_caches_of_python()
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_refused_class_is_not_kept(registry: SessionRefRegistry) -> None:
    alive = []
    for position in range(200):
        cls = make_class(position)
        alive.append(weakref.ref(cls))
        for hint in (int, list[int], dict[str, int], typing.SupportsInt, int | None, Movie, Box[int]):
            with contextlib.suppress(RefTypeError):
                registry.insert(cls(), hint)
        with contextlib.suppress(HintError):
            registry.insert(1, dict[cls, T])
    del cls, hint
    clear_caches_of_python()
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_hint_lives_as_long_as_its_key(registry: SessionRefRegistry) -> None:
    cls = make_class(0)
    key = registry.insert([cls()], list[cls])
    alive = weakref.ref(cls)
    del cls
    gc.collect()
    assert alive() is not None
    assert registry.get(key)


def test_form_that_is_not_known_here_is_beartypes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Form:
        """A special form of a later Python."""

    def accepts_texts(hint: object) -> Callable[..., bool]:
        assert isinstance(hint, Form)
        return lambda value: isinstance(value, str)

    monkeypatch.setattr("liveref._hints.compile.bearable", accepts_texts)
    form: Any = Form()
    assert check_depth(form) is CheckDepth.SHALLOW
    registry = SessionRefRegistry()
    assert registry[registry.insert("x", form)] == "x"
    with pytest.raises(RefTypeError):
        registry.insert(1, form)


@pytest.mark.parametrize(
    ("hint", "part"),
    [
        (type[Literal[1]], r"Literal\[1\]"),
        (tuple[typing.Unpack[tuple[int, ...]], typing.Unpack[tuple[str, ...]]], "tuple"),
        (tuple[typing.Unpack[int]], "only a tuple with its items"),
        (tuple[typing.Unpack[list[int]]], "only a tuple with its items"),
        (tuple[typing.Unpack[tuple]], "only a tuple with its items"),
        (list[int, str], "list takes 1 parameter, and has 2 here"),
        (dict[int], "dict takes 2 parameters"),
        (list[set[int, int]], "set takes 1 parameter"),
        (collections.Counter[str, int], "Counter takes 1 parameter"),
        (re.Pattern[str, str], "Pattern takes 1 parameter"),
        (cabc.ItemsView[int], "ItemsView takes 2 parameters"),
        (type[int, str], "type takes 1 parameter"),
        (Literal[1.5], "a Literal takes texts"),
        (Literal["a", int], "a Literal takes texts"),
    ],
    ids=[
        "type of a literal",
        "two parts of unknown length",
        "a class unpacked",
        "a list unpacked",
        "any tuple unpacked",
        "list of two",
        "dict of one",
        "set of two inside",
        "Counter of two",
        "Pattern of two",
        "ItemsView of one",
        "type of two",
        "Literal of a float",
        "Literal of a class",
    ],
)
def test_form_that_has_no_meaning_is_refused(hint: object, part: str) -> None:
    with pytest.raises(HintError, match=part):
        check_depth(hint)


class Pair(TypedDict, Generic[T]):
    first: T
    rest: list[T]


class Shape(Generic[te.Unpack[Ts]]):
    """A class of any number of parameters."""


def test_generic_typed_dict_checks_its_fields_with_its_parameter() -> None:
    registry = SessionRefRegistry()
    registry.insert({"first": 1, "rest": [2]}, Pair[int])
    registry.insert({"first": object(), "rest": [1, "x"]}, Pair)
    for wrong in ({"first": "x", "rest": [2]}, {"first": 1, "rest": ["x"]}):
        with pytest.raises(RefTypeError):
            registry.insert(wrong, Pair[int])


def test_class_of_an_unpacked_tuple_is_checked_by_class() -> None:
    assert check_depth(Shape[te.Unpack[tuple[int, ...]]]) is CheckDepth.SHALLOW
    assert check_depth(Shape[te.Unpack[tuple[Any, ...]]]) is CheckDepth.EXACT


Q = typing.ParamSpec("Q")


class Called(Generic[Q]):
    """A class of the parameters of a function."""


def test_parameters_are_open_whatever_form_they_have() -> None:
    assert check_depth(Box[Annotated[Any, "meta"]]) is CheckDepth.EXACT
    assert check_depth(Box[Annotated[int, "meta"]]) is CheckDepth.SHALLOW
    assert check_depth(Called[[int]]) is CheckDepth.SHALLOW
    assert check_depth(Called[[Any, Any]]) is CheckDepth.EXACT
    with pytest.raises(HintError, match="T"):
        check_depth(Called[[T]])


def test_a_hint_that_no_recursion_reaches_the_end_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def part(_self: object, _hint: object) -> object:
        raise RecursionError

    monkeypatch.setattr("liveref._hints.compile._Compiler.part", part)
    with pytest.raises(HintError, match="nested too deeply; write a simpler one"):
        RegistryKey.new(list[frozenset[bytes]])
