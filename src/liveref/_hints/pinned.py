"""Objects that stay where they are, as a form of hint: `Pinned`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, cast

from liveref._hints.predicates import Part
from liveref._text.tag import type_tag
from liveref._typing import T_co

__all__ = ["Pinned", "tag_of_value"]

P = ParamSpec("P")
R = TypeVar("R")


class Pinned(ABC, Generic[T_co]):
    """An object of type ``T`` that stays where it was made: functions are brought to it.

    That of a key of another process is a handle, used in the same way. `pin` makes one; liveref alone has subclasses.

    Example:
        >>> import sqlite3
        >>> from liveref import Pinned, Session, pin
        >>> with Session() as session:
        ...     key = session.refs.insert(pin(lambda: sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close))
        ...     session.refs[key].run(lambda db: db.execute("select 6 * 7").fetchone())
        (42,)
    """

    __slots__ = ("__weakref__",)

    def __init_subclass__(cls) -> None:
        if not cls.__module__.startswith("liveref."):
            message = "Pinned is final: it can't be subclassed. pin(factory) makes one"
            raise TypeError(message)

    @abstractmethod
    def run(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R:
        """What a function gives for the object, where that is.

        Args:
            fn: gets the object. It runs in the object's thread where that has one, and in its process; it is
                pickled where that is another.
            timeout: seconds to wait; None for the engine's, and without an engine for as long as it takes.

        Raises:
            RefUnavailableError: it took longer; it may be done all the same.
                What the function raises is raised here.
        """

    @abstractmethod
    async def arun(self, fn: Callable[[T_co], R], /, *, timeout: float | None = None) -> R:
        """As `run`, without blocking the event loop, asyncio's or trio's.

        Args:
            fn: as for `run`, a plain function.
            timeout: as for `run`.
        """

    def call(self, method: Callable[Concatenate[T_co, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What a method of the object gives: ``pinned.call(sqlite3.Connection.execute, "select 1")``.

        Args:
            method: a function of the object and the rest; it is shipped by name.
            args: the arguments.
            kwargs: the arguments by name.

        Raises:
            RefUnavailableError: as `run`.
        """
        result: R = self.run(_Call(method, args, kwargs))
        return result

    @abstractmethod
    def _fits(self, part: Part, *, full: bool) -> bool:
        """Whether the object is of the type that a hint ``Pinned[X]`` promises."""

    @abstractmethod
    def _tag(self) -> str:
        """The type tag of the hint ``Pinned[X]`` of the object's type."""

    def __reduce__(self) -> NoReturn:
        message = "a Pinned stays where it is and can't be pickled or copied: pass the key"
        raise TypeError(message)


class _Call:
    """A method and its arguments but the first, as one function that can be shipped."""

    def __init__(self, method: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        self.method = method
        self.args = args
        self.kwargs = kwargs

    def __call__(self, it: object, /) -> Any:  # what the method gives
        return self.method(it, *self.args, **self.kwargs)


def tag_of_value(value: object) -> str:
    """The type tag of a value, or of the hint ``Pinned[X]`` of one that is pinned."""
    return cast("Pinned[object]", value)._tag() if isinstance(value, Pinned) else type_tag(type(value))
