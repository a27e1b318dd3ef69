"""Recipes: how to open a live object again, as a registered tag and JSON arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Never,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    cast,
    final,
    overload,
)

from liveref._text.blame import raised_at
from liveref._text.json import JSON, json_copy, json_name, path_step
from liveref._text.tag import printable, readable
from liveref._typing import MISSING, UNRESOLVED, Missing, T, T_co, persisted
from liveref.exceptions import InvalidArgumentError, RefLoadError, ReopenError, UnknownTypeTagError

__all__ = [
    "AnyRecipe", "AsyncRecipe", "AsyncReopener", "Recipe", "Registered", "Reopener", "is_coroutine_function",
    "origin_of", "recipe", "reopener",
]  # fmt: skip

P = ParamSpec("P")
_OF_C: Final = frozenset({BuiltinFunctionType, MethodDescriptorType})
_OURS: Final = ("liveref", "contextlib")
"""The packages whose frames are not the recipe's, where it looks up what another recipe opens."""


class _Call(Generic[T_co]):
    """A call of a registered function: its tag and JSON arguments."""

    __slots__ = ("_args", "_kwargs", "_reopener")

    if TYPE_CHECKING:
        _reopener: Registered[T_co]
        _args: list[JSON]
        _kwargs: dict[str, JSON]

    def __new__(cls, *_args: Never, **_kwargs: Never) -> Self:
        made = "get one from the recipe() of a function that @reopener registered"
        raise TypeError(f"{cls.__name__} has no public constructor: {made}")

    def __init__(self, never: Never, /) -> None:  # pyright: ignore[reportInconsistentConstructor]
        """Never runs: it makes every call an error for a checker."""

    @property
    def tag(self) -> str:
        """The tag of the reopener."""
        return self._reopener.tag

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.tag!r} ({', '.join(self._argument_names())})>"

    def _argument_names(self) -> tuple[str, ...]:
        return tuple(self._reopener.signature.bind(*self._args, **self._kwargs).arguments)

    def _raised(self, error: Exception) -> ReopenError:
        """The error of what the function raised."""
        raised = f"{readable(type(error))} at {raised_at(error, but=_OURS) or 'its call'}"
        return ReopenError(self.tag, self._argument_names(), raised)

    def __reduce__(self) -> tuple[Callable[..., AnyRecipe[Any]], tuple[object, ...]]:  # Any: see recipe()
        return recipe, (self.tag, self._args, self._kwargs)


@final
class Recipe(_Call[T_co], Generic[T_co]):
    """A way to open an object of type ``T`` again: the tag of a `reopener` and its arguments.

    Recipes come from `Reopener.recipe`; the class itself can't be called.
    """

    __slots__ = ()

    def _open(self) -> T_co:
        args, kwargs = _copies(self._args, self._kwargs)  # what the function does to them changes no later call
        try:
            return cast("T_co", self._reopener._function(*args, **kwargs))
        except Exception as error:  # any code of the user's
            raise self._raised(error) from error


@final
class AsyncRecipe(_Call[T_co], Generic[T_co]):
    """A way to open an object of type ``T`` again by a coroutine function: `SessionRefRegistry.aget` awaits it.

    They come from `AsyncReopener.recipe`; the class itself can't be called.
    """

    __slots__ = ()

    async def _open(self) -> T_co:
        args, kwargs = _copies(self._args, self._kwargs)
        try:
            return cast("T_co", await self._reopener._function(*args, **kwargs))
        except Exception as error:  # any code of the user's
            raise self._raised(error) from error


AnyRecipe: TypeAlias = Recipe[T] | AsyncRecipe[T]


class Registered(Generic[T]):
    """A function that opens an object, registered under a tag."""

    __slots__ = ("_function", "finalizer", "origin", "signature", "tag")

    if TYPE_CHECKING:
        tag: Final[str]
        """The name under which a snapshot refers to the function."""
        finalizer: Callable[[T], object] | None
        """Closes what the function opened."""
        signature: Final[inspect.Signature]
        origin: Final[str]
        """The function's module and name."""

    def __init__(self, tag: str, function: Callable[..., Any], finalizer: Callable[[T], object] | None) -> None:
        self.tag = tag
        self.finalizer = finalizer
        self.signature = _signature(function)
        self.origin = origin_of(function)
        self._function: Final = function  # Any: it gives a T, or what is awaited for one

    def _call(self, args: list[JSON], kwargs: dict[str, JSON]) -> AnyRecipe[T]:
        """The recipe that calls the function with these arguments, which are the recipe's own from now on.

        Raises:
            InvalidArgumentError: the function does not take these arguments.
        """
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            expected = f"those of ({', '.join(self.signature.parameters)})"
            raise InvalidArgumentError(f"arguments of recipe {self.tag!r}", expected, str(error)) from None
        kind: type[AnyRecipe[T]] = AsyncRecipe if isinstance(self, AsyncReopener) else Recipe
        made: AnyRecipe[T] = object.__new__(kind)
        made._reopener = self
        made._args, made._kwargs = args, kwargs
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.tag!r}>"


class Reopener(Registered[T], Generic[P, T]):
    """A function that opens an object, registered under a tag. Calling it calls the function."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return cast("T", self._function(*args, **kwargs))

    def recipe(self, /, *args: P.args, **kwargs: P.kwargs) -> Recipe[T]:
        """The recipe that calls the function with these arguments.

        Args:
            args: JSON values, copied now.
            kwargs: JSON values, copied now.

        Raises:
            NotJSONableError: an argument is no JSON value.
            InvalidArgumentError: the function does not take these arguments.
        """
        return cast("Recipe[T]", self._call(*_copies(args, kwargs)))


class AsyncReopener(Registered[T], Generic[P, T]):
    """A coroutine function that opens an object, registered under a tag. Calling it calls the function."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:  # Any: what its loop is sent
        return cast("Coroutine[Any, Any, T]", self._function(*args, **kwargs))

    def recipe(self, /, *args: P.args, **kwargs: P.kwargs) -> AsyncRecipe[T]:
        """As `Reopener.recipe`; `SessionRefRegistry.aget` awaits it."""
        return cast("AsyncRecipe[T]", self._call(*_copies(args, kwargs)))


_REOPENERS: Final[dict[str, Registered[Any]]] = {}  # Any: each has a type of its own


class _Register(Protocol):
    """Registers any function; a coroutine is an object that one may give too, so that the overloads overlap."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, call: Callable[P, Coroutine[Any, Any, T]], /
    ) -> AsyncReopener[P, T]: ...  # Any: what an event loop sends and is sent
    @overload
    def __call__(self, call: Callable[P, T], /) -> Reopener[P, T]: ...


class _RegisterOf(Protocol[T]):
    """Registers functions that open what a finalizer takes."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, call: Callable[P, Coroutine[Any, Any, T]], /
    ) -> AsyncReopener[P, T]: ...  # Any: what an event loop sends and is sent
    @overload
    def __call__(self, call: Callable[P, T], /) -> Reopener[P, T]: ...


@overload
def reopener(tag: str, *, finalizer: Missing = ...) -> _Register: ...
@overload
def reopener(tag: str, *, finalizer: Callable[[T], object]) -> _RegisterOf[T]: ...
def reopener(tag: str, *, finalizer: Callable[..., object] | Missing = MISSING) -> Callable[[Callable[..., Any]], Any]:
    """Register a function that opens an object, so that a recipe can name it.

    Args:
        tag: the name that stands in a snapshot, such as ``"myapp.db"``; choose it once, for ever.
        finalizer: closes what the function opened, when its ref goes.

    Returns:
        A decorator; what it makes of the function can be called as before, and has ``recipe()``,
        which takes the function's arguments and is typed by them. Of an ``async def`` it makes an
        `AsyncReopener`, whose recipes `SessionRefRegistry.aget` and ``aopen`` await.

    Raises:
        InvalidArgumentError: the tag is taken by another function, or is no text.

    Example:
        >>> import sqlite3
        >>> @reopener("example.db", finalizer=sqlite3.Connection.close)
        ... def connect(path: str) -> sqlite3.Connection:
        ...     return sqlite3.connect(path)
        >>> connect.recipe(":memory:")
        <Recipe 'example.db' (path)>
    """
    if type(tag) is not str or not tag:
        raise InvalidArgumentError("tag", "a text", readable(type(tag)))
    if finalizer is not MISSING and not callable(finalizer):
        raise InvalidArgumentError("finalizer", "callable", readable(type(finalizer)))

    def register(function: Callable[..., Any]) -> Registered[Any]:  # Any: the overloads say of what
        kind = cast("type[Registered[Any]]", AsyncReopener if is_coroutine_function(function) else Reopener)
        made = kind(tag, function, None if finalizer is MISSING else finalizer)
        known = _REOPENERS.setdefault(tag, made)
        if known is not made and known.origin != made.origin:
            raise InvalidArgumentError("tag", "one that no other function has", f"{tag!r} of {known.origin}")
        _REOPENERS[tag] = made
        return made

    return register


@persisted
def recipe(tag: str, args: list[JSON], kwargs: dict[str, JSON]) -> AnyRecipe[Any]:  # Any: see _REOPENERS
    """The recipe that a snapshot or a pickle names.

    Raises:
        UnknownTypeTagError: no reopener is registered under the tag.
        RefLoadError: it does not take the arguments any more.
    """
    found = _REOPENERS.get(tag)
    if found is None:
        advice = "Import the module that registers it before you resume."
        raise UnknownTypeTagError(f"the snapshot needs recipe {tag!r}, which is not registered", advice)
    try:
        return found._call(args, kwargs)
    except InvalidArgumentError:
        pass
    names = ", ".join(found.signature.parameters)
    what = f"recipe {tag!r} does not take the arguments that the snapshot holds; it takes ({names})"
    raise RefLoadError(what, "Let the function take its former arguments too.")


def origin_of(function: Callable[..., object]) -> str:
    """The module and name of a function, the same when its module is loaded again; of other objects their identity."""
    if hasattr(function, "__qualname__"):
        named: object = getattr(function, "__objclass__", function)  # a method written in C has no module of its own
        return printable(f"{named.__module__}.{function.__qualname__}")
    return f"{readable(type(function))} at {id(function):#x}"


def _signature(function: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(function, **UNRESOLVED)
    except (TypeError, ValueError):  # its text holds the repr of the object
        pass
    raise InvalidArgumentError("function", "a function with a signature", readable(type(function)))


def _copies(args: Iterable[object], kwargs: Mapping[str, object]) -> tuple[list[JSON], dict[str, JSON]]:
    copies = [json_copy(arg, f"$[{at}]") for at, arg in enumerate(args)]
    return copies, {json_name(name, "$"): json_copy(arg, f"${path_step(name)}") for name, arg in kwargs.items()}


def is_coroutine_function(call: object) -> bool:
    """Whether a call gives a coroutine: a function, a method, a partial of one, an object with such a ``__call__``."""
    while isinstance(call, partial):
        call = call.func
    if type(call) in _OF_C:  # here and in the next what most finalizers are: to ask inspect takes as long as a release
        return False
    if isinstance(call, FunctionType) and not call.__dict__:
        return bool(call.__code__.co_flags & inspect.CO_COROUTINE)
    own_call = getattr(type(call), "__call__", None)  # noqa: B004  not whether there is one, but what it is
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(own_call)
