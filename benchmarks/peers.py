"""What people use today to find an object again, one function each. None of them checks what it gives.

A scope that a peer opens around an object is its way to put one in and take it out again.
"""

from __future__ import annotations

import json
import multiprocessing
import pickle
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from contextvars import ContextVar
from typing import Final
from uuid import uuid4
from weakref import WeakValueDictionary

import dishka
import pytest
import svcs
import wireup
from aiohttp import web
from that_depends import BaseContainer, providers

from benchmarks import sessions
from benchmarks.timing import Contender

FEW: Final = 100
PACKAGES: Final = ("aiohttp", "dishka", "pytest", "svcs", "that-depends", "wireup")


class Store:
    """What is looked up."""


def contenders() -> Iterator[Contender]:
    """All of them."""
    for peer in (_dict, _context_variable, _weak_dict, _app_key, _stash, _svcs, _dishka, _that_depends, _wireup):
        yield from peer()
    yield from _manager()
    yield from _scopes()
    yield from _awaited_scopes()


def _dict() -> Iterator[Contender]:
    store = Store()
    d = {f"{number:032x}": store for number in range(FEW)}
    names = {"d": d, "k": next(iter(d)), "v": store, "uuid4": uuid4}
    yield Contender("lookup", "dict d[k]", "d[k]", names)
    yield Contender("insert and release", "dict d[k] = v; del d[k]", "d['new'] = v; del d['new']", names)
    minted = "k = str(uuid4()); d[k] = v; del d[k]"
    yield Contender("insert and release", "dict, under a new str(uuid4())", minted, names)
    text = "d[json.loads(json.dumps({'ref': k}))['ref']]"
    yield Contender("marker", "dict, its key as text, and d[k]", text, {**names, "json": json})


def _context_variable() -> Iterator[Contender]:
    variable: ContextVar[Store] = ContextVar("variable")
    variable.set(Store())
    names = {"variable": variable, "store": Store()}
    yield Contender("lookup", "ContextVar variable.get()", "variable.get()", names)
    yield Contender("insert and release", "ContextVar set, reset", "variable.reset(variable.set(store))", names)


def _weak_dict() -> Iterator[Contender]:
    stores = [Store() for _ in range(FEW)]
    d = WeakValueDictionary({f"{number:032x}": store for number, store in enumerate(stores)})
    names = {"d": d, "k": f"{0:032x}", "v": Store(), "keep": stores}
    yield Contender("lookup", "WeakValueDictionary d[k]", "d[k]", names)
    yield Contender("insert and release", "WeakValueDictionary", "d['new'] = v; del d['new']", names)


def _app_key() -> Iterator[Contender]:
    app, key, other = web.Application(), web.AppKey("store", Store), web.AppKey("other", Store)
    app[key] = Store()
    names = {"app": app, "key": key, "other": other, "store": Store()}
    yield Contender("lookup", "aiohttp app[AppKey]", "app[key]", names)
    yield Contender("insert and release", "aiohttp app[AppKey]", "app[other] = store; del app[other]", names)


def _stash() -> Iterator[Contender]:
    stash, key, other = pytest.Stash(), pytest.StashKey[Store](), pytest.StashKey[Store]()
    stash[key] = Store()
    names = {"stash": stash, "key": key, "other": other, "store": Store()}
    yield Contender("lookup", "pytest stash[StashKey]", "stash[key]", names)
    yield Contender("insert and release", "pytest stash[StashKey]", "stash[other] = store; del stash[other]", names)


def _svcs() -> Iterator[Contender]:
    registry = svcs.Registry()
    registry.register_value(Store, Store())  # pyright: ignore[reportUnknownMemberType]  its callbacks take any arguments
    names = {"container": svcs.Container(registry), "new": svcs.Container(registry), "Store": Store, "store": Store()}
    yield Contender("lookup", "svcs container.get(Store)", "container.get(Store)", names)
    scope = "new.register_local_value(Store, store); new.close()"
    yield Contender("insert and release", "svcs register_local_value, close", scope, names)


def _dishka() -> Iterator[Contender]:
    provider = dishka.Provider()
    provider.provide(Store, scope=dishka.Scope.APP)
    scoped = dishka.Provider()
    scoped.from_context(provides=Store, scope=dishka.Scope.REQUEST)
    container, outer = dishka.make_container(provider), dishka.make_container(scoped)
    names = {"container": container, "outer": outer, "Store": Store, "store": Store()}
    yield Contender("lookup", "dishka container.get(Store)", "container.get(Store)", names)
    scope = "with outer(context={Store: store}): pass"
    yield Contender("insert and release", "dishka scope with a context", scope, names)


class _Providers(BaseContainer):
    """The container of that-depends: a class."""

    alias = "benchmark"
    store = providers.Singleton(Store)
    state = providers.State[Store]()


def _that_depends() -> Iterator[Contender]:
    names = {"provider": _Providers.store, "state": _Providers.state, "store": Store()}
    yield Contender("lookup", "that-depends provider.resolve_sync()", "provider.resolve_sync()", names)
    yield Contender("insert and release", "that-depends State.init", "with state.init(store): pass", names)


@wireup.injectable
def _make_store() -> Store:
    return Store()


def _wireup() -> Iterator[Contender]:
    container = wireup.create_sync_container(injectables=[_make_store])
    names = {"container": container, "Store": Store, "store": Store()}
    yield Contender("lookup", "wireup container.get(Store)", "container.get(Store)", names)
    scope = "with container.enter_scope({Store: store}): pass"
    yield Contender("insert and release", "wireup enter_scope({Store: …})", scope, names)


def _manager() -> Iterator[Contender]:
    """Objects in another process: each access is a message there and back, and gives a copy."""
    shared = multiprocessing.Manager().dict({f"{number:032x}": Store() for number in range(FEW)})
    names = {"shared": shared, "k": f"{0:032x}", "v": Store()}
    clock = time.perf_counter
    yield Contender("lookup", "multiprocessing.Manager().dict()[k]", "shared[k]", names, clock=clock)
    proxy = {**names, "pickle": pickle}
    yield Contender(
        "marker", "Manager().dict(), its proxy pickled", "pickle.loads(pickle.dumps(shared))", proxy, clock=clock
    )
    change = "shared['new'] = v; del shared['new']"
    yield Contender("insert and release", "multiprocessing.Manager().dict()", change, names, clock=clock)


def _opened() -> Iterator[Store]:
    store = Store()
    yield store
    sessions.close(store)


async def _awaited() -> AsyncIterator[Store]:
    store = Store()
    yield store
    await sessions.aclose(store)


def _scopes() -> Iterator[Contender]:
    """A scope for a request, with a generator that makes an object and ends it."""
    registry, provider = svcs.Registry(), dishka.Provider(scope=dishka.Scope.REQUEST)
    registry.register_factory(Store, _opened)  # pyright: ignore[reportUnknownMemberType]  its callbacks take any arguments
    provider.provide(_opened)
    names: dict[str, object] = {"ExitStack": ExitStack, "Container": svcs.Container, "Store": Store}
    names |= {"registry": registry, "scope": dishka.make_container(provider)}
    group, svcs_scope = sessions.SYNC, "with Container(registry) as container: container.get(Store)"
    yield Contender(group, "contextlib.ExitStack, empty", "with ExitStack(): pass", names)
    yield Contender(group, "svcs Container with one cleanup", svcs_scope, names)
    yield Contender(group, "dishka scope with one finalizer", "with scope() as scoped: scoped.get(Store)", names)


def _awaited_scopes() -> Iterator[Contender]:
    registry, provider = svcs.Registry(), dishka.Provider(scope=dishka.Scope.REQUEST)
    registry.register_factory(Store, _awaited)  # pyright: ignore[reportUnknownMemberType]  its callbacks take any arguments
    provider.provide(_awaited)
    outer = dishka.make_async_container(provider)

    async def stack(_: object) -> None:
        async with AsyncExitStack():
            pass

    async def container(_: object) -> None:
        async with svcs.Container(registry) as opened:
            await opened.aget(Store)

    async def scope(_: object) -> None:
        async with outer() as opened:
            await opened.get(Store)

    yield sessions.repeated("contextlib.AsyncExitStack, empty", stack)
    yield sessions.repeated("svcs Container with one cleanup", container)
    yield sessions.repeated("dishka scope with one finalizer", scope)


def _fill_dict(values: Sequence[object]) -> object:
    return {str(uuid4()): value for value in values}


def _fill_weak_dict(values: Sequence[object]) -> object:
    return WeakValueDictionary({str(uuid4()): value for value in values})


def _fill_app(values: Sequence[object]) -> object:
    app = web.Application()
    for value in values:
        app[web.AppKey("store", object)] = value
    return app


def _fill_stash(values: Sequence[object]) -> object:
    stash = pytest.Stash()
    for value in values:
        stash[pytest.StashKey[object]()] = value
    return stash


FILLS: Final[Mapping[str, Callable[[Sequence[object]], object]]] = {
    "dict, under str(uuid4())": _fill_dict,
    "WeakValueDictionary, under str(uuid4())": _fill_weak_dict,
    "aiohttp Application, an AppKey each": _fill_app,
    "pytest Stash, a StashKey each": _fill_stash,
}
"""What can hold a million objects, each under a key of its own; the rest holds one of a class."""
