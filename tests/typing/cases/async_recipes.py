"""Recipes of coroutine functions."""

from __future__ import annotations

from typing_extensions import assert_type

from liveref import (
    AsyncRecipe,
    AsyncReopener,
    Recipe,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    reopener,
)


class Pool:
    async def aclose(self) -> None: ...


class Other:
    pass


def takes_other(other: Other) -> None: ...


@reopener("cases.pool", finalizer=Pool.aclose)
async def open_pool(url: str, size: int = 1) -> Pool:
    return Pool()


@reopener("cases.plain")
async def open_plain(url: str) -> Pool:
    return Pool()


@reopener("cases.sync", finalizer=Pool.aclose)
def open_sync(url: str) -> Pool:
    return Pool()


def made() -> None:
    assert_type(open_pool.recipe("u", size=2), AsyncRecipe[Pool])
    assert_type(open_plain.recipe("u"), AsyncRecipe[Pool])
    assert_type(open_sync.recipe("u"), Recipe[Pool])
    open_pool.recipe(1)  # E: argument
    open_pool.recipe()  # E: missing
    AsyncRecipe(1)  # E: argument


async def called() -> None:
    assert_type(await open_pool("u"), Pool)
    assert_type(await open_plain("u"), Pool)


async def opened(refs: SessionRefRegistry, recipe: AsyncRecipe[Pool], reopened: AsyncReopener[[str], Pool]) -> None:
    assert_type(await refs.aopen(recipe), RegistryKey[Pool])
    assert_type(await refs.aopen(open_sync.recipe("u")), RegistryKey[Pool])
    assert_type(await refs.aopen(recipe, ttl=3, owner="user-7"), RegistryKey[Pool])
    assert_type(reopened.recipe("u"), AsyncRecipe[Pool])
    assert_type(refs.open(open_sync.recipe("u")), RegistryKey[Pool])
    refs.open(recipe)  # E: argument
    await refs.aopen("u")  # E: argument


async def looked_up(refs: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
    assert_type(await refs.aget(key), Pool)
    assert_type(await refs.aget(key, default=None), Pool | None)
    assert_type(await refs.aget(key, Pool), Pool)
    assert_type(await refs.aget(key, Pool, default=Other()), Pool | Other)
    found = await refs.aget(key)
    takes_other(found)  # E: argument
    await refs.aget("u")  # E: closest-overload


def inserted(refs: SessionRefRegistry, pool: Pool) -> None:
    assert_type(refs.insert(pool, finalizer=Pool.aclose, reopen=open_pool.recipe("u")), RegistryKey[Pool])
    assert_type(refs.insert(pool, Pool, reopen=open_pool.recipe("u")), RegistryKey[Pool])
    refs.typed(Pool).insert(pool, reopen=open_pool.recipe("u"))


async def resumed(snapshot: SessionSnapshot) -> None:
    assert_type(await Session.aresume(snapshot), Session)
    assert_type(await Session.aresume(snapshot, ttl=3, broken="drop"), Session)
    await Session.aresume(snapshot, broken="never")  # E: argument
    await Session.aresume(1)  # E: argument
