import abc
from _typeshed import Incomplete
from abc import ABC, abstractmethod
from collections.abc import Callable
from liveref._typing import T_co
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar

__all__ = ['Pinned', 'tag_of_value']

P = ParamSpec('P')
R = TypeVar('R')

class Pinned(ABC, Generic[T_co], metaclass=abc.ABCMeta):
    def __init_subclass__(cls) -> None: ...
    @abstractmethod
    def run(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R: ...
    @abstractmethod
    async def arun(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R: ...
    def call(self, method: Callable[Concatenate[T_co, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    def __reduce__(self) -> NoReturn: ...

class _Call:
    method: Incomplete
    args: Incomplete
    kwargs: Incomplete
    def __init__(self, method: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object]) -> None: ...
    def __call__(self, it: object, /) -> Any: ...

def tag_of_value(value: object) -> str: ...
