"""Which registry is the current one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar, cast, overload

from liveref._registry.owners import Owner, acting_as, current_owner
from liveref._registry.registry import SessionRefRegistry
from liveref._text.tag import readable
from liveref._typing import MISSING, Default, Missing
from liveref.exceptions import InvalidArgumentError, NoCurrentRegistryError, RegistryClosedError

__all__ = ["Scope", "bind", "current_session_registry", "enter_scope", "leave_scope", "use_session_registry", "using"]

P = ParamSpec("P")
R = TypeVar("R")


class Scope:
    """One registry that is current, and what was current outside of it.

    Scopes are linked, not reset by token: a token can't be used where an event loop closes an
    asynchronous generator, and a task may outlive the session that it inherited.
    """

    __slots__ = ("ended", "outer", "registry")

    def __init__(self, registry: SessionRefRegistry, outer: Scope | None) -> None:
        self.registry = registry
        self.outer = outer
        self.ended = False


_current: Final[ContextVar[Scope | None]] = ContextVar("liveref_current_registry", default=None)


def _innermost(scope: Scope | None) -> Scope | None:
    """The first scope outwards that has not ended and whose registry is open."""
    while scope is not None and (scope.ended or scope.registry._closed):
        scope = scope.outer
    return scope


def enter_scope(registry: SessionRefRegistry) -> Scope:
    outer = _current.get()
    scope = Scope(registry, None if outer is None else _innermost(outer))
    _current.set(scope)
    return scope


def leave_scope(scope: Scope) -> None:
    scope.ended = True
    now = _current.get()
    _current.set(None if now is scope and scope.outer is None else _innermost(now))


@overload
def current_session_registry(*, default: Missing = ...) -> SessionRefRegistry: ...
@overload
def current_session_registry(*, default: Default) -> SessionRefRegistry | Default: ...
def current_session_registry(*, default: object = MISSING) -> object:
    """The registry of the innermost session that runs here.

    Tasks and ``asyncio.to_thread`` inherit it; ``run_in_executor`` and ``executor.submit`` do not,
    there `bind` carries it over. A ``with Session()`` in a synchronous generator is seen by the
    generator's caller between two steps: that is how context variables work.

    Args:
        default: what to give where there is none.

    Raises:
        NoCurrentRegistryError: there is none.

    Example:
        >>> from liveref import Session, current_session_registry
        >>> with Session() as session:
        ...     current_session_registry() is session.refs
        True
    """
    scope = _innermost(_current.get())
    if scope is not None:
        return scope.registry
    if default is MISSING:
        raise NoCurrentRegistryError
    return default


@contextmanager
def using(registry: SessionRefRegistry) -> Generator[SessionRefRegistry]:
    """As `use_session_registry`, of any registry."""
    scope = enter_scope(registry)
    try:
        yield registry
    finally:
        leave_scope(scope)


def use_session_registry(registry: SessionRefRegistry) -> AbstractContextManager[SessionRefRegistry]:
    """A context manager in which a registry is the current one; it closes nothing.

    Raises:
        RegistryClosedError: the registry is closed.
    """
    if not isinstance(registry, SessionRefRegistry):
        raise InvalidArgumentError("registry", "a SessionRefRegistry", readable(type(registry)))
    if registry._closed:
        raise RegistryClosedError("use_session_registry")
    return using(registry)


@contextmanager
def _as_then(registry: SessionRefRegistry | None, owner: Owner | None) -> Generator[None]:
    with nullcontext() if registry is None else using(registry), acting_as(owner):
        yield


def bind(fn: Callable[P, R]) -> Callable[P, R]:
    """A function that runs with the registry that is current now, and as who acts now, in whatever thread.

    Raises:
        NoCurrentRegistryError: there is none, and nobody acts.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from liveref import Session, bind, current_session_registry
        >>> with Session() as session, ThreadPoolExecutor() as pool:
        ...     pool.submit(bind(current_session_registry)).result() is session.refs
        True
    """
    registry, owner = current_session_registry(default=None), current_owner()
    if registry is None and owner is None:
        error = NoCurrentRegistryError()
        error._advice = "call bind where one is current, before its function goes to a thread"
        raise error
    if inspect.iscoroutinefunction(fn):

        @functools.wraps(fn)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> object:
            with _as_then(registry, owner):
                return await fn(*args, **kwargs)

        return cast("Callable[P, R]", run_async)

    @functools.wraps(fn)
    def run_bound(*args: P.args, **kwargs: P.kwargs) -> R:
        with _as_then(registry, owner):
            return fn(*args, **kwargs)

    return run_bound
