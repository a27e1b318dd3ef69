from typing import final
import inspect
from collections.abc import Callable
from liveref._json import JSON
from liveref._typing import Missing, T, T_co
from typing import Any, Final, Generic, Never, ParamSpec, Self, overload

__all__ = ['Recipe', 'Reopener', 'named_recipe', 'reopener']

P = ParamSpec('P')

@final
class Recipe(Generic[T_co]):
    def __new__(cls, *_args: Never, **_kwargs: Never) -> Self: ...
    def __init__(self, never: Never, /) -> None: ...
    @property
    def tag(self) -> str: ...

class Reopener(Generic[P, T]):
    tag: Final[str]
    finalizer: Callable[[T], object] | None
    signature: Final[inspect.Signature]
    origin: Final[str]
    def __init__(self, tag: str, function: Callable[P, T], finalizer: Callable[[T], object] | None) -> None: ...
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    def recipe(self, /, *args: P.args, **kwargs: P.kwargs) -> Recipe[T]: ...

@overload
def reopener(tag: str, *, finalizer: Missing = ...) -> Callable[[Callable[P, T]], Reopener[P, T]]: ...
@overload
def reopener(tag: str, *, finalizer: Callable[[T], object]) -> Callable[[Callable[P, T]], Reopener[P, T]]: ...
def named_recipe(tag: str, args: list[JSON], kwargs: dict[str, JSON]) -> Recipe[Any]: ...
