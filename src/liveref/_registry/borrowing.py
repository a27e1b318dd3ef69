"""Lending the object of a ref: no finalizer runs while somebody has it.

A loan is a share of the ref's finalizer, as a clone is, but of no key: it stands among what is due from the moment that
it is given back.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Generic, Protocol

from liveref._key import RegistryKey
from liveref._registry.entry import Holder
from liveref._registry.outcome import Outcome
from liveref._typing import T
from liveref.exceptions import SessionStateError

__all__ = ["Borrow"]


class Lender(Protocol):
    """What lends: a registry."""

    def _lend(self, key: RegistryKey[Any]) -> tuple[Lender, Holder[Any], Holder[Any]]:
        """Who has the ref, the ref and the loan."""
        ...

    async def _aopen(self, key: RegistryKey[Any]) -> None: ...
    def _take_back(
        self, holder: Holder[Any], loan: Holder[Any], leaving: BaseException | None
    ) -> Sequence[BaseException]:
        """What the finalizer raised, if it ran."""
        ...

    async def _atake_back(
        self, holder: Holder[Any], loan: Holder[Any], leaving: BaseException | None
    ) -> Sequence[BaseException]: ...


class Borrow(Generic[T]):
    """The object of a ref for the length of a ``with``; `SessionRefRegistry.borrow` makes it.

    Example:
        >>> from liveref import SessionRefRegistry
        >>> registry = SessionRefRegistry()
        >>> key = registry.insert([1, 2], finalizer=lambda found: print("closed", found))
        >>> with registry.borrow(key) as numbers:
        ...     _ = registry.release(key)
        ...     print("still open", numbers)
        still open [1, 2]
        closed [1, 2]
    """

    __slots__ = ("_key", "_lender", "_lent", "_used")

    def __init__(self, lender: Lender, key: RegistryKey[T]) -> None:
        self._lender: Final = lender
        self._key: Final = key
        self._used = False
        self._lent: list[tuple[Lender, Holder[Any], Holder[Any]]] = []

    def __enter__(self) -> T:
        if self._used:
            raise SessionStateError("entered", "borrow")
        self._used = True
        self._lent.append(self._lender._lend(self._key))
        value: T = self._lent[0][2]._value
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lender, holder, loan = self._end()
        _tell(lender._take_back(holder, loan, error), error)

    async def __aenter__(self) -> T:
        await self._lender._aopen(self._key)
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lender, holder, loan = self._end()
        _tell(await lender._atake_back(holder, loan, error), error)

    def _end(self) -> tuple[Lender, Holder[Any], Holder[Any]]:
        try:
            return self._lent.pop()
        except IndexError:
            raise SessionStateError("closed", "borrow") from None


def _tell(errors: Sequence[BaseException], error: BaseException | None) -> None:
    """Raise what the finalizer raised, bare; where the block raises, that has a note of it instead."""
    if error is not None and all(isinstance(failed, Exception) for failed in errors):
        for failed in errors:
            error.add_note(f"The finalizer that ran as the object was given back raised {type(failed).__name__}.")
    elif errors:
        outcome = Outcome()
        outcome.errors += errors
        outcome.reraise(bare=True)
