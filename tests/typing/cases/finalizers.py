"""A finalizer takes the object, and a recipe opens the same type."""

from __future__ import annotations

import asyncio
import sqlite3
from io import StringIO

from typing_extensions import assert_type

from liveref import Recipe, RegistryKey, SessionRefRegistry


class Resource:
    def close(self) -> None: ...
    async def aclose(self) -> None: ...


def close_any(_value: object) -> None: ...
def close_text(_value: str) -> None: ...
async def close_later(_value: Resource) -> None: ...
def no_parameter() -> None: ...


def finalizer(registry: SessionRefRegistry, db: sqlite3.Connection) -> None:
    assert_type(registry.insert(db, finalizer=sqlite3.Connection.close), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(Resource(), finalizer=Resource.close), RegistryKey[Resource])
    assert_type(registry.insert(Resource(), finalizer=close_any), RegistryKey[Resource])
    assert_type(registry.insert(Resource(), finalizer=None), RegistryKey[Resource])
    assert_type(registry.insert(Resource(), finalizer=lambda resource: resource.close()), RegistryKey[Resource])
    registry.insert(db, finalizer=close_text)  # E: insert-option
    registry.insert(db, finalizer=no_parameter)  # E: insert-option
    registry.insert(db, finalizer=db)  # E: insert-option
    registry.insert(db, finalizer="close")  # E: insert-option mypy=call-overload


def asynchronous(registry: SessionRefRegistry) -> None:
    assert_type(registry.insert(Resource(), finalizer=Resource.aclose), RegistryKey[Resource])
    assert_type(registry.insert(Resource(), finalizer=close_later), RegistryKey[Resource])
    registry.insert("text", finalizer=close_later)  # E: insert-option


async def releasing(registry: SessionRefRegistry, key: RegistryKey[Resource]) -> None:
    assert_type(registry.release(key), bool)
    assert_type(await registry.arelease(key), bool)
    assert_type(await registry.arelease(key, timeout=1), bool)
    await registry.arelease(Resource())  # E: argument
    await registry.arelease(key, timeout="1")  # E: argument


def of_the_hint(registry: SessionRefRegistry, value: object) -> None:
    assert_type(registry.insert(value, Resource, finalizer=Resource.close), RegistryKey[Resource])
    assert_type(registry.insert(value, Resource, finalizer=close_any), RegistryKey[Resource])
    registry.insert(value, int, finalizer=close_text)  # E: overload-argument mypy=arg-type
    registry.insert(value, Resource, finalizer=StringIO.close)  # E: overload-argument mypy=arg-type


def reopen(registry: SessionRefRegistry, recipe: Recipe[sqlite3.Connection], db: sqlite3.Connection) -> None:
    assert_type(registry.insert(db, reopen=recipe), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(db, reopen=None), RegistryKey[sqlite3.Connection])
    assert_type(registry.insert(db, sqlite3.Connection, reopen=recipe), RegistryKey[sqlite3.Connection])
    assert_type(registry.typed(sqlite3.Connection).insert(db, reopen=recipe), RegistryKey[sqlite3.Connection])
    # A limit of every one-call signature: a recipe of another type widens the key. typed() refuses it, and so does
    # an annotation.
    # deviation(mypy): joins to object where the others make a union
    assert_type(registry.insert("x", str, reopen=recipe), RegistryKey[str | sqlite3.Connection])  # E: mypy=assert-type
    key: RegistryKey[str] = registry.insert("x", str, reopen=recipe)  # E: key-assignment
    registry.release(key)
    registry.typed(str).insert("text", reopen=recipe)  # E: argument
    registry.insert(db, reopen="myapp.db")  # E: insert-option mypy=call-overload


def ends(registry: SessionRefRegistry, key: RegistryKey[Resource]) -> None:
    assert_type(registry.release(key), bool)
    assert_type(registry.drain(), int)
    assert_type(registry.close(), None)
    asyncio.run(registry.aclose())
    registry.release("x")  # E: argument
    registry.drain(timeout=1)  # E: unknown


async def asynchronous_ends(registry: SessionRefRegistry) -> None:
    assert_type(await registry.adrain(), int)
    assert_type(await registry.adrain(timeout=2.5), int)
    assert_type(await registry.aclose(timeout=None), None)
    await registry.adrain(timeout="1s")  # E: argument
    await registry.adrain(1)  # E: positional mypy=call-arg,arg-type
