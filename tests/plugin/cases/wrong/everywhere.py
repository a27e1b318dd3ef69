"""A wrong lookup is found wherever an expression may stand, once, and without an error of another kind."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar, overload

from liveref import RegistryKey, Session, SessionRefRegistry, current_session_registry

T = TypeVar("T")


@overload
def convert(value: int) -> int: ...
@overload
def convert(value: str) -> str: ...
def convert(value: object) -> object:
    return value


def same(value: T) -> T:
    return value


def arguments(refs: SessionRefRegistry, key: RegistryKey[int], keys: list[RegistryKey[int]]) -> None:
    convert(refs.get(key, str))  # E: liveref-overlap
    same(convert(convert(refs.get(key, str))))  # E: liveref-overlap
    print({refs.get(key, str): refs.get(key, bytes)})  # E: liveref-overlap
    print([*[refs.get(key, str)]], f"{1}")  # E: liveref-overlap
    print(f"{refs.get(key, str)}")  # E: liveref-overlap
    refs.insert(refs.insert(refs.get(key, str)))  # E: liveref-overlap
    functools.partial(print, refs.get(key, str))  # E: liveref-overlap
    max(refs.get(key, str), "b")  # E: liveref-overlap
    dict(a=refs.get(key, str))  # E: liveref-overlap
    list(map(lambda each: refs.get(each, str), keys))  # E: liveref-overlap
    sorted(keys, key=lambda each: refs.get(each, str))  # E: liveref-overlap
    {each: refs.get(each, str) for each in keys}  # E: liveref-overlap
    list(refs.get(each, str) for each in keys if refs.get(each))  # E: liveref-overlap


def operators(refs: SessionRefRegistry, key: RegistryKey[int], flag: bool) -> object:
    first = refs.get(key, str) if flag else 1  # E: liveref-overlap
    second = refs.get(key, str) and 1  # E: liveref-overlap
    third = "a" + refs.get(key, str)  # E: liveref-overlap
    fourth = refs.get(key, str) + "a"  # E: liveref-overlap
    fifth = "a" == refs.get(key, str)  # E: liveref-overlap
    sixth = "a" in refs.get(key, str)  # E: liveref-overlap
    seventh = not refs.get(key, str)  # E: liveref-overlap
    eighth = refs.get(key, str)[0].upper()  # E: liveref-overlap
    ninth, tenth = refs.get(key, str), 1  # E: liveref-overlap
    texts = [""]
    texts[0] = refs.get(key, str)  # E: liveref-overlap
    texts[0] += refs.get(key, str)  # E: liveref-overlap
    return first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth


def statements(refs: SessionRefRegistry, key: RegistryKey[int]) -> Iterator[str]:
    assert refs.get(key, str)  # E: liveref-overlap
    with open(refs.get(key, str)) as file:  # E: liveref-overlap
        file.close()
    match refs.get(key, str):  # E: liveref-overlap
        case "a":
            pass
    for _ in refs.get(key, str):  # E: liveref-overlap
        pass
    while refs.get(key, str):  # E: liveref-overlap
        break
    yield refs.get(key, str)  # E: liveref-overlap
    raise ValueError(refs.get(key, str))  # E: liveref-overlap


def default(
    value: str = SessionRefRegistry().get(RegistryKey.new(int), str),  # E: liveref-overlap
) -> Callable[[], str]:
    key = RegistryKey.new(int)

    def inner() -> str:
        return current_session_registry().get(key, str)  # E: liveref-overlap

    print(value)
    return inner


class Holder:
    refs = SessionRefRegistry()
    key = refs.insert(1)
    value = refs.get(key, str)  # E: liveref-overlap

    def method(self) -> str:
        return self.refs.get(self.key, str)  # E: liveref-overlap


class Mine(SessionRefRegistry):
    def text(self, key: RegistryKey[int]) -> str:
        return self.get(key, str)  # E: liveref-overlap


class MySession(Session): ...


async def asynchronous(refs: SessionRefRegistry | None, key: RegistryKey[int]) -> AsyncIterator[str]:
    await asyncio.sleep(0, current_session_registry().get(key, str))  # E: liveref-overlap
    async with Session() as session, MySession() as other:
        session.refs.get(key, str)  # E: liveref-overlap
        other.refs.get(key, str)  # E: liveref-overlap
        session.child().refs.get(key, str)  # E: liveref-overlap
    Mine().get(key, str)  # E: liveref-overlap
    if refs is not None:
        yield refs.get(key, str)  # E: liveref-overlap


def unions(refs: SessionRefRegistry | Mine, key: RegistryKey[int] | RegistryKey[bytes]) -> None:
    refs.get(key, str)  # E: liveref-overlap


REFS = SessionRefRegistry()
KEY = REFS.insert(1)
REFS.get(KEY, str)  # E: liveref-overlap
