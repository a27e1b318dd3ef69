"""Hints of every form, each as ``new(HINT)``: the plugin and the running library must agree on all of them."""

from __future__ import annotations

import abc
import collections
import collections.abc
import contextlib
import dataclasses
import decimal
import enum
import io
import multiprocessing
import os
import pathlib
import re

import sqlite3
import threading
import typing
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Container,
    Generator,
    Hashable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Reversible,
    Sequence,
    Set,
    Sized,
    ValuesView,
)
from contextlib import AbstractContextManager
from types import ModuleType
from typing import (
    IO,
    Annotated,
    Any,
    BinaryIO,
    Concatenate,
    Generic,
    Literal,
    LiteralString,
    NamedTuple,
    Never,
    NewType,
    NoReturn,
    Optional,
    ParamSpec,
    Protocol,
    SupportsFloat,
    SupportsInt,
    TextIO,
    TypeGuard,
    TypeVar,
    Union,
    runtime_checkable,
)

import numpy as np
import numpy.typing as npt
from typing_extensions import NotRequired, ReadOnly, TypeAliasType, TypedDict, TypeForm, TypeIs, TypeVarTuple, Unpack

from liveref import Pinned, RegistryKey

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=int)
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
UserId = NewType("UserId", int)
Names = NewType("Names", list[str])
Anything = TypeAliasType("Anything", Any)
Steps = TypeAliasType("Steps", Callable[[int], str])
Pairs = TypeAliasType("Pairs", list[tuple[T, T]], type_params=(T,))
OldAlias = dict[str, list[int]]
OldCallback = Callable[[str], None]


class Plain: ...


class Base(abc.ABC):
    @abc.abstractmethod
    def run(self) -> None: ...


class Meta(type): ...


class WithMeta(metaclass=Meta): ...


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: int
    callback: Callable[[int], str] | None = None


class Pair(NamedTuple):
    left: int
    right: Callable[[], int]


class Box(Generic[T]):
    item: T


class IntBox(Box[int]): ...


class Two(Generic[T, S]): ...


class Called(Generic[P, T]): ...


class Shaped(Generic[Unpack[Ts]]): ...


class GenericPair(NamedTuple, Generic[T]):
    left: T


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Frozen(TypedDict, total=False):
    title: ReadOnly[str]


class Hooks(TypedDict):
    on_start: Callable[[int], None]


class Tree(TypedDict):
    name: str
    children: list[Tree]


class Page(TypedDict, Generic[T]):
    items: list[T]


class Secret(Protocol):
    def load(self) -> bytes: ...


@runtime_checkable
class Store(Protocol):
    def load(self) -> bytes: ...


@runtime_checkable
class Source(Protocol[T_co]):
    def next(self) -> T_co: ...


class Vault(TypedDict):
    inner: Secret


class Implements(Secret):
    def load(self) -> bytes:
        return b""


def plain_classes() -> None:
    RegistryKey.new(int)
    RegistryKey.new(bool)
    RegistryKey.new(float)
    RegistryKey.new(complex)
    RegistryKey.new(str)
    RegistryKey.new(bytes)
    RegistryKey.new(type)
    RegistryKey.new(object)
    RegistryKey.new(Any)
    RegistryKey.new(None)
    RegistryKey.new(Plain)
    RegistryKey.new(Base)
    RegistryKey.new(WithMeta)
    RegistryKey.new(Colour)
    RegistryKey.new(Point)
    RegistryKey.new(Pair)
    RegistryKey.new(IntBox)
    RegistryKey.new(Implements)
    RegistryKey.new(ModuleType)
    RegistryKey.new(sqlite3.Connection)
    RegistryKey.new(threading.Lock)
    RegistryKey.new(threading.RLock)
    RegistryKey.new(multiprocessing.Queue)
    RegistryKey.new(decimal.Decimal)
    RegistryKey.new(pathlib.Path)
    RegistryKey.new(io.BytesIO)
    RegistryKey.new(RegistryKey)
    RegistryKey.new(LiteralString)
    RegistryKey.new(UserId)
    RegistryKey.new(Names)


def bare_generics() -> None:
    RegistryKey.new(collections.abc.MappingView)
    RegistryKey.new(list)
    RegistryKey.new(dict)
    RegistryKey.new(tuple)
    RegistryKey.new(Box)
    RegistryKey.new(Iterable)
    RegistryKey.new(Iterator)
    RegistryKey.new(Callable)
    RegistryKey.new(typing.Callable)
    RegistryKey.new(typing.Iterable)
    RegistryKey.new(typing.List)
    RegistryKey.new(Hashable)
    RegistryKey.new(Sized)
    RegistryKey.new(os.PathLike)
    RegistryKey.new(AbstractContextManager)
    RegistryKey.new(Counter)
    RegistryKey.new(re.Pattern)


def containers() -> None:
    RegistryKey.new(list[int])
    RegistryKey.new(list[Any])
    RegistryKey.new(list[object])
    RegistryKey.new(set[str])
    RegistryKey.new(frozenset[bytes])
    RegistryKey.new(deque[int])
    RegistryKey.new(Sequence[int])
    RegistryKey.new(MutableSequence[int])
    RegistryKey.new(Set[int])
    RegistryKey.new(MutableSet[int])
    RegistryKey.new(KeysView[int])
    RegistryKey.new(ValuesView[int])
    RegistryKey.new(ItemsView[str, int])
    RegistryKey.new(ItemsView[str, Callable[[int], int]])
    RegistryKey.new(Collection[int])
    RegistryKey.new(dict[str, int])
    RegistryKey.new(dict[str, Any])
    RegistryKey.new(OrderedDict[str, int])
    RegistryKey.new(defaultdict[str, list[int]])
    RegistryKey.new(collections.ChainMap[str, int])
    RegistryKey.new(Mapping[str, int])
    RegistryKey.new(MutableMapping[str, int])
    RegistryKey.new(Counter[str])
    RegistryKey.new(list[dict[str, tuple[int, ...]]])
    RegistryKey.new(typing.List[int])
    RegistryKey.new(typing.Dict[str, int])
    RegistryKey.new(list[Callable[[int], str]])
    RegistryKey.new(dict[str, Box[int]])
    RegistryKey.new(OldAlias)


def out_of_reach() -> None:
    RegistryKey.new(Iterable[int])
    RegistryKey.new(Iterable[Any])
    RegistryKey.new(Container[int])
    RegistryKey.new(Reversible[int])
    RegistryKey.new(Iterator[int])
    RegistryKey.new(Iterator[Any])
    RegistryKey.new(AsyncIterator[int])
    RegistryKey.new(Awaitable[int])
    RegistryKey.new(Generator[int, None, None])
    RegistryKey.new(Generator[Any, Any, Any])
    RegistryKey.new(os.PathLike[str])
    RegistryKey.new(re.Pattern[str])
    RegistryKey.new(re.Match[bytes])
    RegistryKey.new(re.Pattern[Any])
    RegistryKey.new(Pinned)
    RegistryKey.new(Pinned[int])
    RegistryKey.new(Pinned[list[int]])
    RegistryKey.new(Pinned[Generator[int, None, None]])
    RegistryKey.new(list[Pinned[int]])
    RegistryKey.new(contextlib.ExitStack)


def tuples() -> None:
    RegistryKey.new(tuple[int, str])
    RegistryKey.new(tuple[int, ...])
    RegistryKey.new(tuple[Any, ...])
    RegistryKey.new(tuple[()])
    RegistryKey.new(tuple[int, Callable[[], int]])
    RegistryKey.new(tuple[int, Unpack[tuple[str, ...]]])
    RegistryKey.new(GenericPair)
    RegistryKey.new(GenericPair[int])
    RegistryKey.new(GenericPair[Any])


def unions_and_literals() -> None:
    RegistryKey.new(int | None)
    RegistryKey.new(Optional[int])
    RegistryKey.new(Union[int, str])
    RegistryKey.new(int | Any)
    RegistryKey.new(int | object)
    RegistryKey.new(int | Callable[[], int])
    RegistryKey.new(Any | Callable[[int], int])
    RegistryKey.new(list[int] | None)
    RegistryKey.new(Literal[1])
    RegistryKey.new(Literal["a", "b", None])
    RegistryKey.new(Literal[Colour.RED])
    RegistryKey.new(Literal[True] | int)


def callables() -> None:
    RegistryKey.new(Callable[[int], str])
    RegistryKey.new(Callable[..., int])
    RegistryKey.new(Callable[..., Any])
    RegistryKey.new(Callable[..., object])
    RegistryKey.new(Callable[[], Any])
    RegistryKey.new(Callable[[Any], Any])
    RegistryKey.new(Callable[[Any], int])
    RegistryKey.new(Callable[Concatenate[int, ...], str])
    RegistryKey.new(OldCallback)
    RegistryKey.new(Callable[[list[Any]], Any])
    RegistryKey.new(Callable[[], NoReturn])
    RegistryKey.new(Callable[[Any], Never])
    RegistryKey.new(Callable[[Any], TypeGuard[int]])
    RegistryKey.new(Callable[[int], TypeIs[int]])


def type_objects() -> None:
    RegistryKey.new(type[int])
    RegistryKey.new(type[Any])
    RegistryKey.new(type[object])
    RegistryKey.new(type[int | str])
    RegistryKey.new(type[UserId])
    RegistryKey.new(type[Box[int]])
    RegistryKey.new(type[Store])
    RegistryKey.new(type[Movie])
    RegistryKey.new(type[Secret])
    RegistryKey.new(type[list[int]])


def generics() -> None:
    RegistryKey.new(Box[int])
    RegistryKey.new(Box[Any])
    RegistryKey.new(Box[object])
    RegistryKey.new(Box[list[Any]])
    RegistryKey.new(Box[list])
    RegistryKey.new(Box[int | Any])
    RegistryKey.new(Box[tuple[Any, ...]])
    RegistryKey.new(Box[Callable[..., Any]])
    RegistryKey.new(Box[type[Any]])
    RegistryKey.new(Box[Anything])
    RegistryKey.new(Two[Any, Any])
    RegistryKey.new(Two[Any, int])
    RegistryKey.new(Called[..., Any])
    RegistryKey.new(Shaped[int, str])
    RegistryKey.new(Shaped[Unpack[tuple[int, ...]]])
    RegistryKey.new(Shaped[Unpack[tuple[Any, ...]]])
    RegistryKey.new(IO[str])
    RegistryKey.new(IO[bytes])
    RegistryKey.new(IO[Any])
    RegistryKey.new(TextIO)
    RegistryKey.new(BinaryIO)
    RegistryKey.new(npt.NDArray[np.float64])
    RegistryKey.new(np.ndarray[tuple[int, int], np.dtype[np.float64]])
    RegistryKey.new(np.ndarray)
    RegistryKey.new(npt.NDArray[np.floating[Any]])
    RegistryKey.new(npt.NDArray[np.floating[np._typing._32Bit]])


def protocols() -> None:
    RegistryKey.new(Store)
    RegistryKey.new(Source[int])
    RegistryKey.new(Source[Any])
    RegistryKey.new(SupportsInt)
    RegistryKey.new(SupportsFloat)
    RegistryKey.new(Secret)
    RegistryKey.new(Secret | None)
    RegistryKey.new(list[Secret])
    RegistryKey.new(dict[str, Secret])
    RegistryKey.new(Box[Secret])
    RegistryKey.new(tuple[int, Secret])
    RegistryKey.new(Callable[[Secret], int])


def records() -> None:
    RegistryKey.new(Movie)
    RegistryKey.new(Frozen)
    RegistryKey.new(Hooks)
    RegistryKey.new(Tree)
    RegistryKey.new(Page)
    RegistryKey.new(Page[int])
    RegistryKey.new(Page[Callable[[int], int]])
    RegistryKey.new(Vault)
    RegistryKey.new(list[Movie])


def aliases() -> None:
    RegistryKey.new(Anything)
    RegistryKey.new(Steps)
    RegistryKey.new(Pairs[int])


def annotated() -> None:
    RegistryKey.new(Annotated[int, "seconds"])
    RegistryKey.new(Annotated[Callable[[int], str], "a callback"])
    RegistryKey.new(list[Annotated[int, "seconds"]])
    RegistryKey.new(Annotated[Any, "anything"])


def refused() -> None:
    RegistryKey.new("int")
    RegistryKey.new(list["int"])
    RegistryKey.new(dict[str, "int | None"])
    RegistryKey.new(Annotated["int", "seconds"])
    RegistryKey.new(Callable[["int"], str])
    RegistryKey.new(Never)
    RegistryKey.new(NoReturn)
    RegistryKey.new(list[Never])
    RegistryKey.new(npt.NDArray[np.int64 | np.float64])
    RegistryKey.new(TypeForm[int])
    RegistryKey.new(list[TypeForm[int]])


def refused_variables(value: T, number: S) -> T:
    RegistryKey.new(T)
    RegistryKey.new(list[T])
    RegistryKey.new(T | None)
    RegistryKey.new(type[S])
    RegistryKey.new(Box[T])
    return value
