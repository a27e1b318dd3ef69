"""Keys that are used after their refs have gone."""

from __future__ import annotations

import contextlib

import pytest

from liveref import AsyncRecipe, RefReleasedError, RegistryKey, Session, SessionRefRegistry


def after_remove(refs: SessionRefRegistry, key: RegistryKey[int], flag: bool) -> None:
    refs.remove(key)
    refs.get(key)  # E: liveref-removed
    refs[key]  # E: liveref-removed
    refs.get_any(key)  # E: liveref-removed
    refs.remove(key)  # E: liveref-removed
    refs.typed(int).get(key)  # E: liveref-removed
    alias = key
    print(refs.get(alias) + 1)  # E: liveref-removed
    if flag:
        refs.get(key)  # E: liveref-removed
    for _ in range(3):
        refs.get(key)  # E: liveref-removed
    while refs:
        refs[key]  # E: liveref-removed
    with open("x") as file:
        file.write(str(refs.get(key)))  # E: liveref-removed
    [refs.get(key) for _ in "ab"]  # E: liveref-removed
    try:
        refs.get(key)  # E: liveref-removed
    except OSError:
        refs.get(key)  # E: liveref-removed
    match flag:
        case True if refs[key]:  # E: liveref-removed
            refs.get(key)  # E: liveref-removed
    key = refs.insert(1)
    refs.get(key)  # ok


def meant(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    refs.release(key)
    refs.get(key, default=None)  # ok
    refs.release(key)  # ok
    refs.typed(int).get(key, default=0)  # ok
    with pytest.raises(RefReleasedError):
        refs.get(key)  # ok
    with contextlib.suppress(LookupError):
        refs.remove(key)  # ok
    try:
        refs[key]  # ok
    except (OSError, LookupError):
        pass
    try:
        refs[key]  # ok
    except KeyError:
        pass
    with contextlib.suppress(KeyError, RefReleasedError), open("x"):
        refs[key]  # ok
    print(key in refs)  # ok
    refs.lifetime_of(refs.insert(1))  # ok


def on_some_paths(refs: SessionRefRegistry, key: RegistryKey[int], flag: bool, keys: list[RegistryKey[int]]) -> None:
    if flag:
        refs.release(key)
        refs.get(key)  # E: liveref-removed
    else:
        refs.get(key)  # ok
    refs.get(key)  # ok
    for each in keys:
        refs.get(each)  # ok
        refs.release(each)
    while flag:
        refs.get(key)  # ok
        refs.release(key)
        key = refs.insert(1)
    try:
        refs.release(key)
        refs.drain()
    finally:
        print(refs.get(key))  # ok
    refs.get(key)  # ok
    flag and refs.release(key)
    refs.get(key)  # ok
    other = refs.insert(1)
    refs.release(other) if flag else None
    refs.get(other)  # ok
    del other
    match keys:
        case [first, *rest]:
            refs.get(first)  # ok
            refs.get(rest[0])  # ok
        case {"a": key, **more}:
            refs.get(key)  # ok


def brought_back(refs: SessionRefRegistry, key: RegistryKey[int], other: SessionRefRegistry) -> None:
    refs.remove(key)
    restore(refs, key)
    refs.get(key)  # ok
    key, number = refs.insert(1), 2
    refs.release(key)
    refs.get(key)  # E: liveref-removed
    refs.drain()
    (key := refs.insert(number))
    refs.get(key)  # ok
    refs.transfer_ref(key, other)
    other.get(key)  # ok
    refs.remove(key)
    refs.get(key)  # ok


def restore(refs: SessionRefRegistry, key: RegistryKey[int]) -> None: ...


def all_at_once(name: str) -> int:
    refs = SessionRefRegistry()
    first, second = refs.insert(1), refs.insert(name)
    third = refs.typed(int).insert(3)
    refs.drain()
    fourth = refs.insert(4)
    refs.get(first)  # E: liveref-removed
    refs.get(second)  # E: liveref-removed
    refs.get(third)  # E: liveref-removed
    refs.get(fourth)  # ok
    refs.close()
    return refs.get(fourth)  # E: liveref-removed


async def all_at_once_asynchronously() -> None:
    refs = SessionRefRegistry()
    lock = await refs.enter_async_context(contextlib.AsyncExitStack())
    clone = refs.clone_ref(lock)
    await refs.adrain()
    refs.get(lock)  # E: liveref-removed
    await refs.aclose(timeout=1)
    refs[clone]  # E: liveref-removed


class Holder:
    def __init__(self) -> None:
        self.refs = SessionRefRegistry()
        self.session = Session()

    def method(self, key: RegistryKey[int]) -> int:
        self.refs.release(key)
        print(self.refs.get(key))  # E: liveref-removed
        self.session.refs.get(key)  # ok
        self.refs = SessionRefRegistry()
        return self.refs.get(key)  # ok


def functions(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    refs.release(key)

    def inner() -> int:
        return refs.get(key)  # ok

    def rebind() -> None:
        nonlocal key
        key = refs.insert(1)

    async def own(key: RegistryKey[int]) -> None:
        refs.remove(key)
        refs.get(key)  # E: liveref-removed

    rebind()
    refs.get(key)  # ok
    print(inner(), own, lambda: refs.get(key))


REFS = SessionRefRegistry()
KEY = REFS.insert(1)
REFS.release(KEY)
REFS.get(KEY)  # E: liveref-removed


class Mine(SessionRefRegistry):
    def fill(self, key: RegistryKey[int]) -> None: ...


def pair() -> tuple[SessionRefRegistry, RegistryKey[int]]:
    raise NotImplementedError


def handed_out(mine: Mine, key: RegistryKey[int], keys: list[RegistryKey[int]]) -> None:
    mine.remove(key)
    mine.fill(key)
    mine.get(key)  # ok
    mine.release(keys[0])
    mine.transfer_ref(keys[0], mine)
    refs, other = pair()
    refs.get(other)  # ok
    if not keys:
        return
    elif mine.get(keys[1]):
        mine.get(keys[1])  # ok
    for _ in range(2):
        with Session() as session, open("x") as file:
            for key in [other]:
                refs.get(key)  # ok
            print(session, file)
    try:
        mine.release(other)
        mine.get(other)  # ok
    except (OSError, *NETWORK):
        pass


NETWORK = (ConnectionError,)


async def after_an_awaited_release(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    await refs.arelease(key)
    refs.get(key)  # E: liveref-removed
    with refs.borrow(key):  # E: liveref-removed
        pass
    refs.renew(key)  # E: liveref-removed


async def after_one_that_is_asked(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    if await refs.arelease(key):
        return
    refs.get(key)  # ok


def after_what_ends_nothing_for_sure(key: RegistryKey[int]) -> int:
    with Session(ttl=5) as session:
        mine = session.refs.insert(1)
        session.refs.sweep()
        session.refs.drain(owner="user-7")
        with session.refs.borrow(mine) as found:
            return found + session.refs.get(mine)  # ok


async def opened_and_awaited(refs: SessionRefRegistry, recipe: AsyncRecipe[int]) -> int:
    key = await refs.aopen(recipe)
    await refs.aget(key)  # ok
    refs.release(key)
    return await refs.aget(key)  # E: liveref-removed
