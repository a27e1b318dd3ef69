"""Wrong hints inside of what mypy checks several times: overloads that it tries, unions that it takes apart, lambdas."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar, overload

from liveref import RegistryKey, SessionRefRegistry

T = TypeVar("T")
R = TypeVar("R")


class Options(TypedDict, total=False):
    depth: int
    name: str


@overload
def convert(value: bytes) -> bytes: ...
@overload
def convert(value: list[T]) -> T: ...
@overload
def convert(value: Callable[[], T]) -> T: ...
@overload
def convert(value: int) -> int: ...
@overload
def convert(value: str) -> str: ...
def convert(value: object) -> object:
    return value


@overload
def choose(value: int, mode: Literal["a"]) -> int: ...
@overload
def choose(value: str, mode: Literal["b"]) -> str: ...
@overload
def choose(value: object, mode: str) -> object: ...
def choose(value: object, mode: str) -> object:
    return value


@overload
def apply(function: Callable[[RegistryKey[str]], R], key: RegistryKey[str]) -> R: ...
@overload
def apply(function: Callable[[RegistryKey[int]], R], key: RegistryKey[int]) -> R: ...
def apply(function: Callable[[Any], R], key: RegistryKey[Any]) -> R:
    return function(key)


def same(value: T) -> T:
    return value


def sums(refs: SessionRefRegistry, keys: list[RegistryKey[object]], number: RegistryKey[int]) -> None:
    sum(refs.get(key, Callable[[], int])() for key in keys)  # E: liveref-shallow
    sum([refs.get(key, Callable[[], int])() for key in keys], 0)  # E: liveref-shallow
    max((refs.get(key, Callable[[], int])() for key in keys), default=0)  # E: liveref-shallow
    sorted(keys, key=lambda key: refs.get(key, Callable[[], int])())  # E: liveref-shallow
    sum(map(lambda key: refs.get(key, Callable[[], int])(), keys))  # E: liveref-shallow
    any(refs.get(key, Callable[[], bool])() for key in keys)  # E: liveref-shallow
    dict((str(key), refs.get(key, Callable[[], int])()) for key in keys)  # E: liveref-shallow
    dict(zip(map(str, keys), (refs.get(key, Callable[[], int]) for key in keys)))  # E: liveref-shallow
    set(itertools.chain(*(refs.get(key, Callable[[], list[int]])() for key in keys)))  # E: liveref-shallow
    "".join(refs.get(number, str) for _ in keys)  # E: liveref-overlap
    round(refs.get(number, str), 2)  # E: liveref-overlap, call-overload
    pow(refs.get(number, complex), 2)  # ok
    divmod(refs.get(number, float), 2)  # ok
    int(refs.get(number, bytes), 16)  # E: liveref-overlap
    open(refs.get(number, str), "rb").read()  # E: liveref-overlap
    min(refs.get(number, str), refs.get(number, bytes), key=len)  # E: liveref-overlap


def nested(refs: SessionRefRegistry, text: str, key: RegistryKey[RegistryKey[int]]) -> None:
    refs.get(RegistryKey.parse(text, Callable[[int], str]), Callable[..., Any])  # E: liveref-shallow
    refs.get(refs.get(key, RegistryKey), str)  # ok
    refs.get(refs.get(key), str)  # E: liveref-overlap
    refs.insert(refs.get(RegistryKey.new(Callable[[int], str]), Callable[..., Any])(1))  # E: liveref-shallow
    convert(convert(convert(convert(convert(convert(refs.get(refs.get(key), str)))))))  # E: liveref-overlap
    convert([convert([convert([convert([convert([convert([refs.get(refs.get(key), str)])])])])])])  # E: liveref-overlap
    convert(lambda: convert(lambda: convert(lambda: convert(lambda: refs.get(refs[key], str)))))  # E: liveref-overlap
    same(same(same(same(same(same(refs.get(RegistryKey.parse(text, Callable[[int], str]))))))))  # E: liveref-shallow
    choose(convert(choose(convert(refs.get(refs[key], str)), "b")), "b")  # E: liveref-overlap
    choose(refs.get(refs[key], str) if text else 1, text)  # E: liveref-overlap
    refs.get(RegistryKey.parse(str(refs.get(key)), str), str)  # E: liveref-roundtrip
    refs.get(refs.insert(refs.get(refs.insert(refs.get(refs.insert(1), str)), bytes)), int)  # E: liveref-overlap


def functions(refs: SessionRefRegistry, number: RegistryKey[int], keys: Sequence[RegistryKey[int]]) -> None:
    apply(lambda key: refs.get(key, str), number)  # E: liveref-overlap
    apply(lambda key: refs.get(key, int), number)  # ok
    apply(lambda key: refs.get(key), number)  # ok
    functools.reduce(lambda total, key: total + refs.get(key, str), keys, "")  # E: liveref-overlap
    functools.reduce(lambda total, key: total + refs.get(key), keys, 0)  # ok
    list(filter(lambda key: refs.get(key, str), keys))  # E: liveref-overlap
    [*map(lambda key: lambda: refs.get(key, str), keys)]  # E: liveref-overlap
    functools.partial(same, refs.get(number, str))  # E: liveref-overlap
    itertools.groupby(keys, key=lambda key: refs.get(key, str))  # E: liveref-overlap
    (lambda: lambda: (lambda: refs.get(number, str))())()()  # E: liveref-overlap


def unions(
    refs: SessionRefRegistry,
    either: RegistryKey[int] | RegistryKey[str],
    value: int | str | list[int],
    options: Options,
    table: Mapping[str, RegistryKey[int]],
) -> None:
    refs.get(either, bytes)  # E: liveref-overlap
    refs.get(either, str)  # ok
    refs.get(either, str | int)  # ok
    convert(value if value else refs.get(either, bytes))  # E: liveref-overlap
    convert(value if value else refs.get(either, str))  # ok
    options.get("depth", refs.get(table["a"], str))  # E: liveref-overlap
    Options(depth=1, name=refs.get(table["a"], str))  # E: liveref-overlap
    options.update({"name": refs.get(table["a"], str)})  # E: liveref-overlap
    made: Options | dict[str, str] = {"name": refs.get(table["a"], str)}  # E: liveref-overlap
    (value if isinstance(value, int) else 1) + refs.get(either, float)  # ok
    refs.get(table.get("a") or table["b"], str)  # E: liveref-overlap
    [] + [refs.get(table["a"], str)]  # E: liveref-overlap
    print(made)


def loops(refs: SessionRefRegistry, keys: list[RegistryKey[int]], text: str) -> None:
    key: RegistryKey[int] | RegistryKey[str] = refs.insert(1)
    while text:
        refs.get(key, str)  # ok
        key = refs.insert("a")
    other: RegistryKey[int] | RegistryKey[str] = refs.insert(1)
    for each in keys:
        refs.get(each, str)  # E: liveref-overlap
        refs.get(other, bytes)  # E: liveref-overlap
        refs.get(other, str)  # ok
        other = refs.insert(text)
    found = None
    for each in keys:
        if found is not None:
            refs.get(found, str)  # E: liveref-overlap
        found = each
    try:
        key = refs.insert(2)
    finally:
        refs.get(key, bytes)  # E: liveref-overlap


async def asynchronous(refs: SessionRefRegistry, key: RegistryKey[Awaitable[int]], flag: bool) -> None:
    await refs.get(key)  # ok
    await refs.get(key, Awaitable[str])  # E: liveref-overlap, liveref-shallow
    [await refs.get(each, Awaitable[str]) for each in [key]]  # E: liveref-overlap, liveref-shallow
    await (refs.get(key, Awaitable[int]) if flag else refs.get(key))  # E: liveref-shallow


def iterables(refs: SessionRefRegistry, key: RegistryKey[list[int]]) -> Iterable[object]:
    yield from map(str, refs.get(key, list[str]))  # E: liveref-overlap
    yield sum(refs.get(key, list[str]), [])  # E: liveref-overlap
    yield {**{name: refs.get(key, list[str]) for name in "ab"}}  # E: liveref-overlap
    yield [row for row in [refs.get(key)] if row and refs.get(key, set[int])]  # E: liveref-overlap, arg-type
