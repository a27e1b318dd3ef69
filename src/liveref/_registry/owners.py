"""Who acts, and whose a ref is."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias, cast

from liveref._text.ids import spend_reserve
from liveref._text.json import encodable
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError

__all__ = ["ACTING", "Owner", "acting_as", "check_owner", "current_owner"]

Owner: TypeAlias = str | tuple[str, ...]
"""Whose a ref is: a text, or a tuple of them, not empty and with no empty part."""

ACTING: Final[ContextVar[Owner | None]] = ContextVar("liveref_owner", default=None)


def current_owner() -> Owner | None:
    """Who acts here; None where nobody does.

    Example:
        >>> from liveref import acting_as, current_owner
        >>> with acting_as(("iss=https://issuer", "sub=user-7")):
        ...     current_owner()
        ('iss=https://issuer', 'sub=user-7')
    """
    return ACTING.get()


def acting_as(owner: Owner | None) -> AbstractContextManager[None]:
    """A context manager in which an owner acts: inserts are theirs, and they alone find them.

    It is a context variable: tasks and ``asyncio.to_thread`` inherit it, `bind` carries it to other threads.

    Args:
        owner: who; None for nobody, the run's own code.

    Raises:
        InvalidArgumentError: it is no owner.

    Example:
        >>> from liveref import SessionRefRegistry, acting_as
        >>> registry = SessionRefRegistry()
        >>> with acting_as("user-7"):
        ...     key = registry.insert([1, 2])
        >>> with acting_as("user-8"):
        ...     registry.get(key, default=None) is None
        True
    """
    if owner is not None:
        check_owner(owner)
        spend_reserve()  # from now on every insert asks who acts
    return _act(owner)


@contextmanager
def _act(owner: Owner | None) -> Generator[None]:
    token = ACTING.set(owner)
    try:
        yield
    finally:
        ACTING.reset(token)


def check_owner(owner: object) -> None:
    """Raise InvalidArgumentError unless it is one."""
    kind = type(owner)
    parts = cast("tuple[object, ...]", owner) if kind is tuple else (owner,)
    if not all(type(part) is str for part in parts):
        raise InvalidArgumentError("owner", "a text or a tuple of texts", readable(kind))
    if not parts or not all(parts):
        raise InvalidArgumentError("owner", "an owner without empty parts", "an empty one")
    if not all(encodable(part) for part in parts if isinstance(part, str)):  # no snapshot could hold it
        raise InvalidArgumentError("owner", "an owner that can be written as UTF-8", "a text with a lone surrogate")
