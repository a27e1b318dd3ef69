"""Hints of every form of the typing specification, each with a value that fits and one that does not.

Written from the specification alone, before any library was asked. `tests/unit/test_hint_rows.py` holds
liveref to it; `benchmarks/checks.py` runs other libraries over it as well.
"""

from __future__ import annotations

import abc
import array
import ast
import asyncio
import collections
import collections.abc as cabc
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import logging
import multiprocessing
import multiprocessing.queues
import numbers
import operator
import os
import pathlib
import queue
import re
import sqlite3
import threading
import types
import typing
import uuid
import weakref
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypeVar, Union

import numpy as np
import typing_extensions as te
from numpy.typing import NDArray
from typing_extensions import NotRequired, ReadOnly, Required, TypeAliasType, TypedDict

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
T_co = TypeVar("T_co", covariant=True)


class Row(NamedTuple):
    """A hint, a value that fits it, and one that does not."""

    name: str
    hint: Any
    right: Any
    wrong: Any


class Base: ...


class Child(Base): ...


class Other: ...


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    READ = "r"
    WRITE = "w"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Box(Generic[T]):
    def __init__(self, item: object = None) -> None:
        self.item = item


class IntBox(Box[int]): ...


class Stack(list[T]): ...


class Point(NamedTuple):
    x: int
    y: int


class Tagged(NamedTuple, Generic[T]):
    item: T


@dataclasses.dataclass
class Order:
    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    content: T


class Movie(TypedDict):
    title: str
    year: int


class Loose(TypedDict):
    title: str
    year: NotRequired[int]


class Partial(TypedDict, total=False):
    title: Required[str]
    year: int


class Sequel(Movie, total=False):
    number: int


class Fixed(TypedDict):
    title: ReadOnly[str]


class Noted(TypedDict):
    title: str
    note: Annotated[NotRequired[str], "free text"]


class Certain(TypedDict, total=False):
    title: Annotated[Required[str], "must be there"]


class Cinema(TypedDict):
    main: Movie
    others: list[Movie]


class Tree(TypedDict):
    name: str
    children: list[Tree]


class Page(TypedDict, Generic[T]):
    items: list[T]
    total: int


class IntPage(Page[int]):
    number: int


class Closed(te.TypedDict, closed=True):
    title: str


class Extended(te.TypedDict, extra_items=int):
    title: str


Spaced = TypedDict("Spaced", {"first name": str, "class": int})

UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
Scores = NewType("Scores", list[int])

Number = TypeAliasType("Number", Union[int, str])
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Swapped = TypeAliasType("Swapped", dict[V, K], type_params=(K, V))
Json = TypeAliasType("Json", Union[int, str, None, "list[Json]", "dict[str, Json]"])
Nest = TypeAliasType("Nest", Union[T, "list[Nest[T]]"], type_params=(T,))
Whole = TypeAliasType("Whole", "Union[int, list[Whole]]")


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


@typing.runtime_checkable
class Named(Protocol):
    name: str


@typing.runtime_checkable
class Titled(Protocol):
    @property
    def title(self) -> str: ...


@typing.runtime_checkable
class Source(Protocol[T_co]):
    def read(self) -> T_co: ...


@typing.runtime_checkable
class Both(Closes, Source[str], Protocol): ...


@typing.runtime_checkable
class Handler(Protocol):
    def __call__(self, event: str) -> None: ...


class Closer:
    def close(self) -> None: ...

    def read(self) -> str:
        return ""


class Reader:
    def read(self) -> str:
        return ""


class WithName:
    def __init__(self) -> None:
        self.name = "n"


class WithTitle:
    @property
    def title(self) -> str:
        return "t"


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    def area(self) -> float:
        return 1.0


class Entered:
    def __enter__(self) -> int:
        return 1

    def __exit__(self, *exc: object) -> None: ...


class AsyncEntered:
    async def __aenter__(self) -> int:
        return 1

    async def __aexit__(self, *exc: object) -> None: ...


class Awaited:
    def __await__(self) -> Generator[int, None, int]:
        yield 1
        return 1


class Streamed:
    def __aiter__(self) -> Streamed:
        return self

    async def __anext__(self) -> int:
        return 1


def counted() -> Generator[int, None, None]:
    yield 1


def shout(text: str) -> str:
    return text


def add(one: int, other: int) -> int:
    return one + other


def with_keyword(one: int, *, other: int) -> int:
    return one + other


def with_default(one: int, other: int = 1) -> int:
    return one + other


def of_any_number(*numbers: int) -> int:
    return sum(numbers)


async def fetch(url: str) -> str:
    return url


CONNECTION = sqlite3.connect(":memory:")
MOVIE = {"title": "x", "year": 1}
LONG = [1] * 999 + ["x"]

CLASSES = [
    Row("int", int, 10**30, 1.0),
    Row("int takes bool", int, True, "1"),
    Row("bool", bool, False, 0),
    Row("str", str, "", b""),
    Row("bytes", bytes, b"", bytearray()),
    Row("bytearray", bytearray, bytearray(), b""),
    Row("memoryview", memoryview, memoryview(b""), b""),
    Row("float takes int", float, 1, decimal.Decimal(1)),
    Row("float", float, 1.5, 1j),
    Row("complex takes float", complex, 1.5, "1j"),
    Row("None", None, None, False),
    Row("NoneType", types.NoneType, None, 0),
    Row("range", range, range(3), [0, 1, 2]),
    Row("slice", slice, slice(1), range(1)),
    Row("class", Base, Child(), Other()),
    Row("class and not its instance", Base, Base(), Base),
    Row("generic without its parameter", Box, IntBox(), Base()),
    Row("enum", Color, Color.RED, 1),
    Row("IntEnum", Level, Level.LOW, 1),
    Row("StrEnum", Mode, Mode.READ, "r"),
    Row("Flag", Access, Access.READ | Access.WRITE, 3),
    Row("ABC", Shape, Square(), Base()),
    Row("dataclass", Order, Order(1), {"number": 1}),
    Row("NamedTuple", Point, Point(1, 2), (1, 2)),
    Row("Exception", Exception, ValueError(), KeyboardInterrupt()),
    Row("BaseException", BaseException, KeyboardInterrupt(), ValueError),
    Row("module", types.ModuleType, re, "re"),
    Row("function", types.FunctionType, shout, len),
    Row("builtin function", types.BuiltinFunctionType, len, shout),
    Row("method", types.MethodType, Closer().close, Closer.close),
    Row("Number", numbers.Number, decimal.Decimal(1), "1"),
    Row("Integral", numbers.Integral, 1, fractions.Fraction(1, 2)),
    Row("Decimal", decimal.Decimal, decimal.Decimal(1), 1.0),
    Row("datetime", datetime.datetime, datetime.datetime(2026, 1, 1), datetime.date(2026, 1, 1)),
    Row("date takes datetime", datetime.date, datetime.datetime(2026, 1, 1), "2026-01-01"),
    Row("UUID", uuid.UUID, uuid.UUID(int=1), str(uuid.UUID(int=1))),
    Row("Path", pathlib.PurePath, pathlib.Path(), "."),
    Row("IPv4Address", ipaddress.IPv4Address, ipaddress.IPv4Address("127.0.0.1"), "127.0.0.1"),
    Row("Logger", logging.Logger, logging.getLogger("x"), "x"),
    Row("Connection", sqlite3.Connection, CONNECTION, CONNECTION.cursor()),
    Row("Event", threading.Event, threading.Event(), threading.Condition()),
    Row("Lock", threading.Lock, threading.Lock(), threading.RLock()),
    Row("RLock", threading.RLock, threading.RLock(), threading.Lock()),
    Row("Queue", queue.Queue, queue.Queue(), asyncio.Queue()),
    Row("queue of processes", multiprocessing.Queue, multiprocessing.Queue(), queue.Queue()),
    Row("AST", ast.AST, ast.Name("x"), "x"),
]
UNIONS = [
    Row("union", int | str, "x", 1.0),
    Row("typing.Union", Union[int, str], 1, b"x"),
    Row("Optional", Optional[int], None, "x"),
    Row("union with None", Base | None, Child(), Other()),
    Row("union with float", float | str, 1, 1j),
    Row("union of containers", list[int] | dict[str, int], {"a": 1}, {"a": "x"}),
    Row("union of lists", list[int] | list[str], ["a", "b"], ["a", 1]),
    Row("list of a union", list[int | None], [None, 1], [None, "x"]),
    Row("list of a union of lists", list[list[int] | list[str]], [[1], ["x"]], [[1], [1, "x"]]),
    Row("Optional container", Optional[dict[str, list[int]]], {"a": [1]}, {"a": [1, "x"]}),
    Row("union of TypedDicts", Movie | Fixed, {"title": "x"}, {"year": 1}),
    Row("union with Callable", int | Callable[[int], str], shout, "x"),
    Row("union with a Literal", Literal["auto"] | int, "auto", "manual"),
    Row("union with type", type[int] | int, bool, str),
]
LITERALS = [
    Row("Literal of an int", Literal[1], 1, 2),
    Row("Literal 1 is not True", Literal[1], 1, True),
    Row("Literal True is not 1", Literal[True], True, 1),
    Row("Literal 0 is not False", Literal[0], 0, False),
    Row("Literal of a negative int", Literal[-1], -1, 1),
    Row("Literal of texts", Literal["a", "b"], "b", "c"),
    Row("Literal of bytes", Literal[b"a"], b"a", "a"),
    Row("Literal of None", Literal[None], None, 0),
    Row("Literal of an enum", Literal[Color.RED], Color.RED, Color.BLUE),
    Row("Literal of an IntEnum", Literal[Level.LOW], Level.LOW, 1),
    Row("Literal int is no IntEnum", Literal[1], 1, Level.LOW),
    Row("Literal mixed", Literal[1, "a", None, Color.RED], Color.RED, True),
    Row("Literal nested", Literal[Literal[1, 2], Literal["a"]], "a", "b"),
    Row("list of Literals", list[Literal["a", "b"]], ["a", "b"], ["a", "c"]),
    Row("dict of Literals", dict[Literal["a", "b"], int], {"a": 1}, {"a": 1, "c": 2}),
    Row("LiteralString", typing.LiteralString, "x", b"x"),
]
TUPLES = [
    Row("tuple", tuple, (1, "x"), [1, "x"]),
    Row("tuple of two", tuple[int, str], (1, "x"), ("x", 1)),
    Row("tuple too short", tuple[int, int], (1, 2), (1,)),
    Row("tuple too long", tuple[int, int], (1, 2), (1, 2, 3)),
    Row("empty tuple", tuple[()], (), (1,)),
    Row("tuple of any length", tuple[int, ...], (), (*[1] * 999, "x")),
    Row("tuple with a middle", tuple[int, *tuple[str, ...], bytes], (1, "a", "b", b""), (1, "a", 2, b"")),
    Row("tuple with a middle, too short", tuple[int, *tuple[str, ...], bytes], (1, b""), (1,)),
    Row("tuple with a fixed middle", tuple[int, te.Unpack[tuple[str, bytes]]], (1, "a", b""), (1, "a")),
    Row("tuple of tuples", tuple[tuple[int, str], ...], ((1, "a"),) * 3, ((1, "a"), (1, 2))),
    Row("tuple takes a NamedTuple", tuple[int, int], Point(1, 2), Point("a", 2)),
    Row("list of tuples", list[tuple[int, str]], [(1, "a")], [(1, "a"), ("a", 1)]),
    Row("typing.Tuple", typing.Tuple[int, ...], (1,), [1]),
    Row("typing.Tuple without its items", typing.Tuple, (1, "a"), [1]),
    Row("generic NamedTuple", Tagged[int], Tagged(1), (1,)),
]
CONTAINERS = [
    Row("list", list, [1, "x"], (1, "x")),
    Row("list of int", list[int], [1, True], LONG),
    Row("list of None", list[None], [None], [None, 0]),
    Row("list of float", list[float], [1.0, 1], [1.0, "x"]),
    Row("list of lists", list[list[int]], [[1], []], [[1], [1, "x"]]),
    Row("list of Any", list[Any], [1, "x"], (1,)),
    Row("typing.List", typing.List[int], [1], [1, None]),
    Row("set", set[int], {1, 2}, {1, "x"}),
    Row("set and no frozenset", set[int], set(), frozenset()),
    Row("frozenset", frozenset[int], frozenset({1}), frozenset({1, "x"})),
    Row("frozenset of tuples", frozenset[tuple[int, str]], frozenset({(1, "a")}), frozenset({(1, 2)})),
    Row("deque", collections.deque[int], collections.deque([1]), collections.deque([1, "x"])),
    Row("dict of wrong values", dict[str, int], {"a": 1, "b": 2}, {"a": 1, "b": "x"}),
    Row("dict of wrong keys", dict[str, int], {"a": 1}, {"a": 1, 2: 2}),
    Row("dict of dicts", dict[str, dict[str, int]], {"a": {"b": 1}}, {"a": {"b": 1, "c": None}}),
    Row("dict of Any", dict[str, Any], {"a": object()}, {1: 1}),
    Row("defaultdict", collections.defaultdict[str, int], collections.defaultdict(int, a=1), {"a": 1}),
    Row("OrderedDict", collections.OrderedDict[str, int], collections.OrderedDict(a=1), {"a": 1}),
    Row("Counter", collections.Counter[str], collections.Counter("ab"), collections.Counter([1])),
    Row("Counter of no ints", collections.Counter[str], collections.Counter(), collections.Counter({"a": "x"})),
    Row(
        "ChainMap",
        collections.ChainMap[str, int],
        collections.ChainMap({"a": 1}, {"b": 2}),
        collections.ChainMap({"a": 1}, {"b": "x"}),
    ),
    Row("Sequence", Sequence[int], (1, 2), (1, "x")),
    Row("Sequence of str takes str", Sequence[str], "abc", b"abc"),
    Row("Sequence of int takes range", Sequence[int], range(3), "ab"),
    Row("Sequence and no set", Sequence[int], [1], {1}),
    Row("MutableSequence", cabc.MutableSequence[int], collections.deque([1]), (1,)),
    Row("MutableSequence takes array", cabc.MutableSequence[int], array.array("i", [1]), array.array("d", [1.0])),
    Row("Set", cabc.Set[int], frozenset({1}), frozenset({1, "x"})),
    Row("Set takes keys", cabc.Set[str], {"a": 1}.keys(), {1: 1}.keys()),
    Row("MutableSet", cabc.MutableSet[int], {1}, frozenset({1})),
    Row("Mapping", Mapping[str, int], types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": "x"})),
    Row("Mapping takes UserDict", Mapping[str, int], collections.UserDict(a=1), collections.UserDict(a=1, b="x")),
    Row("MutableMapping", cabc.MutableMapping[str, int], {"a": 1}, types.MappingProxyType({"a": 1})),
    Row("Collection", cabc.Collection[int], {1}, {1, "x"}),
    Row("KeysView", cabc.KeysView[str], {"a": 1}.keys(), {"a": 1, 1: 1}.keys()),
    Row("ValuesView", cabc.ValuesView[int], {"a": 1}.values(), {"a": 1, "b": "x"}.values()),
    Row("ItemsView", cabc.ItemsView[str, int], {"a": 1}.items(), {"a": 1}.keys()),
    Row("ItemsView of other keys", cabc.ItemsView[str, Any], {"a": 1}.items(), {"a": 1, 1: 1}.items()),
    Row("ItemsView of other values", cabc.ItemsView[Any, int], {"a": 1}.items(), {"a": 1, "b": "x"}.items()),
    Row("Iterable takes list", Iterable[int], [1], [1, "x"]),
    Row("Iterable takes generator", Iterable[int], counted(), 1),
    Row("Reversible", cabc.Reversible[int], [1], {1}),
    Row("Container", cabc.Container[int], [1], 1),
    Row("Iterator", Iterator[int], iter([1]), [1]),
    Row("Generator", Generator[int, None, None], counted(), iter([1])),
    Row("AsyncIterator", cabc.AsyncIterator[int], Streamed(), iter([1])),
    Row("AsyncIterable", cabc.AsyncIterable[int], Streamed(), [1]),
    Row("Awaitable", Awaitable[int], Awaited(), fetch),
    Row("Hashable", cabc.Hashable, (), []),
    Row("Sized", cabc.Sized, "", 1),
    Row("subclass of a container", list[int], Stack([1]), Stack([1, "x"])),
]
CALLABLES = [
    Row("Callable", cabc.Callable, len, "len"),
    Row("Callable of one", Callable[[str], str], shout, lambda: ""),
    Row("Callable of one takes a default", Callable[[int], int], with_default, add),
    Row("Callable of none", Callable[[], int], lambda: 1, shout),
    Row("Callable of two", Callable[[int, int], int], operator.add, shout),
    Row("Callable of any number", Callable[[int, int], int], of_any_number, None),
    Row("Callable without its keyword", Callable[[int], int], functools.partial(with_keyword, other=1), with_keyword),
    Row("Callable takes a method", Callable[[], None], Closer().close, Closer.close),
    Row("Callable takes a class", Callable[[int], Order], Order, Point),
    Row("Callable with an ellipsis", Callable[..., int], add, 1),
    Row("Callable of a coroutine", Callable[[str], Awaitable[str]], fetch, fetch.__name__),
    Row("Callable with Concatenate", typing.Callable[typing.Concatenate[int, ...], int], with_default, lambda: 1),
    Row("Callable that does not return", Callable[[int], typing.NoReturn], with_default, "exit"),
    Row("Callable to TypeGuard", Callable[[object], te.TypeIs[int]], callable, 1),
    Row("list of Callables", list[Callable[[int], int]], [with_default], [with_default, add]),
    Row("type", type, int, 1),
    Row("type of a class", type[Base], Child, Other),
    Row("type and no instance", type[Base], Base, Base()),
    Row("type of a union", type[int | str], bool, float),
    Row("type of float takes int", type[float], int, str),
    Row("type of None", type[None], types.NoneType, None),
    Row("type of Any", type[Any], int, 1),
    Row("type of an ABC", type[Shape], Square, Base),
    Row("type of a NewType", type[UserId], int, str),
    Row("typing.Type", typing.Type[Base], Child, Child()),
]
RECORDS = [
    Row("TypedDict", Movie, MOVIE, {"title": "x", "year": "1"}),
    Row("TypedDict lacks a key", Movie, {**MOVIE, "more": None}, {"title": "x"}),
    Row("TypedDict of no dict", Movie, {**MOVIE}, types.MappingProxyType(MOVIE)),
    Row("TypedDict with NotRequired", Loose, {"title": "x"}, {"title": "x", "year": "1"}),
    Row("TypedDict with Required", Partial, {"title": "x"}, {"year": 1}),
    Row("TypedDict inherited", Sequel, {**MOVIE, "number": 1}, {**MOVIE, "number": "1"}),
    Row("TypedDict lacks an inherited key", Sequel, MOVIE, {"title": "x", "number": 1}),
    Row("TypedDict with ReadOnly", Fixed, {"title": "x"}, {"title": 1}),
    Row("TypedDict with Annotated NotRequired", Noted, {"title": "x"}, {"title": "x", "note": 1}),
    Row("TypedDict with Annotated Required", Certain, {"title": "x"}, {}),
    Row("TypedDict of TypedDicts", Cinema, {"main": MOVIE, "others": [MOVIE]}, {"main": MOVIE, "others": [MOVIE, {}]}),
    Row(
        "TypedDict that holds itself",
        Tree,
        {"name": "a", "children": [{"name": "b", "children": []}]},
        {"name": "a", "children": [{"name": "b"}]},
    ),
    Row("TypedDict with a parameter", Page[int], {"items": [1], "total": 1}, {"items": [1, "x"], "total": 1}),
    Row(
        "TypedDict of a TypedDict with its parameter",
        IntPage,
        {"items": [1], "total": 1, "number": 1},
        {"items": ["x"], "total": 1, "number": 1},
    ),
    Row("TypedDict that is closed", Closed, {"title": "x"}, {"title": "x", "more": 1}),
    Row("TypedDict with extra items", Extended, {"title": "x", "more": 1}, {"title": "x", "more": "1"}),
    Row("TypedDict with odd names", Spaced, {"first name": "x", "class": 1}, {"first name": "x", "class": "1"}),
    Row("list of TypedDicts", list[Movie], [MOVIE], [MOVIE, {"title": "x"}]),
]
WRAPPED = [
    Row("Annotated", Annotated[int, "metres"], 1, "x"),
    Row("Annotated with what has no hash", Annotated[int, []], 1, "x"),
    Row("Annotated container", list[Annotated[int, "metres"]], [1], [1, "x"]),
    Row("NewType", UserId, 1, "x"),
    Row("NewType of a NewType", AdminId, 1, "x"),
    Row("NewType of a list", Scores, [1], [1, "x"]),
    Row("alias", Number, "x", 1.0),
    Row("alias with a parameter", Pair[int], (1, 2), (1, "x")),
    Row("alias with its parameters swapped", Swapped[int, str], {"a": 1}, {1: "a"}),
    Row("alias that holds itself", Json, {"a": [1, None, {"b": "c"}]}, {"a": [1, None, {"b": 1.5}]}),
    Row("alias that holds itself, with a parameter", Nest[int], [1, [2, [3]]], [1, [2, ["x"]]]),
    Row("alias of a text", Whole, [1, [2]], [1, ["x"]]),
]
INTERFACES = [
    Row("Protocol", Closes, Closer(), WithName()),
    Row("Protocol with data", Named, WithName(), Closer()),
    Row("Protocol with a property", Titled, WithTitle(), WithName()),
    Row("Protocol with a parameter", Source[str], Closer(), WithName()),
    Row("Protocol of Protocols", Both, Closer(), Reader()),
    Row("Protocol of a call", Handler, shout, "x"),
    Row("SupportsInt", typing.SupportsInt, 1.0, "1"),
    Row("SupportsIndex", typing.SupportsIndex, True, 1.0),
    Row("SupportsAbs", typing.SupportsAbs[int], -1, "x"),
    Row("SupportsBytes", typing.SupportsBytes, pathlib.PurePosixPath("x"), "x"),
    Row("PathLike", os.PathLike[str], pathlib.Path(), "x"),
    Row("ContextManager", contextlib.AbstractContextManager[int, None], Entered(), AsyncEntered()),
    Row("AsyncContextManager", contextlib.AbstractAsyncContextManager[int, None], AsyncEntered(), Entered()),
    Row("generic", Box[int], IntBox(), Base()),
    Row("generic dataclass", Parcel[int], Parcel(1), Order(1)),
    Row("list of generics", list[Box[int]], [Box(1)], [Box(1), 1]),
    Row("weak reference", weakref.ref[Base], weakref.ref(Base), Base()),
    Row("Pattern", re.Pattern[str], re.compile("x"), re.compile(b"x")),
    Row("Match", re.Match[bytes], re.match(b"", b""), re.match("", "")),
    Row("TextIO", typing.TextIO, io.StringIO(), io.BytesIO()),
    Row("BinaryIO", typing.BinaryIO, io.BytesIO(), io.StringIO()),
    Row("IO of str", typing.IO[str], io.StringIO(), io.BytesIO()),
    Row("IO of bytes", typing.IO[bytes], io.BytesIO(), "x"),
]
ARRAYS = [
    Row("array", np.ndarray, np.zeros(2), [0.0, 0.0]),
    Row("array of a dtype", NDArray[np.float64], np.zeros(2), np.zeros(2, np.float32)),
    Row("array of big-endian numbers", NDArray[np.float64], np.zeros(2, ">f8"), np.zeros(2, ">i8")),
    Row("array of a kind of dtype", NDArray[np.floating], np.zeros(2, np.float32), np.zeros(2, np.int64)),
    Row("array of any size of number", NDArray[np.floating[Any]], np.zeros(2, np.float32), np.zeros(2, np.int64)),
    Row("array of texts", NDArray[np.str_], np.array(["abc"]), np.array([b"abc"])),
    Row("array of times", NDArray[np.datetime64], np.array(["2026-01-01"], "M8[D]"), np.array([1], "m8[D]")),
    Row("array of records", NDArray[np.void], np.zeros(2, [("a", "i4")]), np.zeros(2, "i4")),
    Row("array of objects", NDArray[np.object_], np.array([None]), np.array([0])),
    Row("array of bools", NDArray[np.bool_], np.array([True]), np.array([1])),
    Row(
        "array of a shape",
        np.ndarray[tuple[int, int], np.dtype[np.int64]],
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2)),
    ),
    Row("array of another shape", np.ndarray[tuple[int, int], np.dtype[np.float64]], np.zeros((2, 2)), np.zeros(2)),
    Row("list of arrays", list[NDArray[np.float64]], [np.zeros(2)], [np.zeros(2), np.zeros(2, np.int64)]),
]
ROWS: list[Row] = [
    *CLASSES, *UNIONS, *LITERALS, *TUPLES, *CONTAINERS, *CALLABLES, *RECORDS, *WRAPPED, *INTERFACES, *ARRAYS,
]  # fmt: skip
