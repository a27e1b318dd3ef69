from _typeshed import Incomplete
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from liveref._registry.registry import SessionRefRegistry
from liveref._typing import Default, Missing
from typing import ParamSpec, TypeVar, overload

__all__ = ['Scope', 'bind', 'current_session_registry', 'enter_scope', 'leave_scope', 'use_session_registry', 'using']

P = ParamSpec('P')
R = TypeVar('R')

class Scope:
    registry: Incomplete
    outer: Incomplete
    ended: bool
    def __init__(self, registry: SessionRefRegistry, outer: Scope | None) -> None: ...

def enter_scope(registry: SessionRefRegistry) -> Scope: ...
def leave_scope(scope: Scope) -> None: ...
@overload
def current_session_registry(*, default: Missing = ...) -> SessionRefRegistry: ...
@overload
def current_session_registry(*, default: Default) -> SessionRefRegistry | Default: ...
@contextmanager
def using(registry: SessionRefRegistry) -> Generator[SessionRefRegistry]: ...
def use_session_registry(registry: SessionRefRegistry) -> AbstractContextManager[SessionRefRegistry]: ...
def bind(fn: Callable[P, R]) -> Callable[P, R]: ...
