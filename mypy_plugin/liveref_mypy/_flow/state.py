"""What is known at one point of a function, with an undo log: a branch costs what it changes, not what is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from mypy.nodes import SymbolNode, TypeInfo

__all__ = ["UNSURE", "End", "Gone", "Key", "Scope", "Slot", "State", "Store", "View"]


class Store(NamedTuple):
    """One registry."""

    number: int
    is_fresh: bool
    """Made in this function and without a parent: it holds what is inserted here and nothing else."""
    is_own: bool
    """Made in this function: fresh, or that of an isolated child."""
    info: TypeInfo | None = None
    """Its class, if that is a subclass, whose methods may be its own."""


class Scope(NamedTuple):
    """One session."""

    store: Store
    purges: bool
    """Whether leaving its ``with`` ends the keys inserted through it."""


class View(NamedTuple):
    """A registry seen as one of one type."""

    store: Store


class Key(NamedTuple):
    """One key."""

    number: int
    """The moment of its birth; below zero, if it was there before."""
    owner: Store | None
    """The registry that it was inserted into here; None where that is not known."""
    outlives: bool
    """Whether its lifetime is, or may be, longer than its session."""


class End(NamedTuple):
    """The moment from which on keys are gone."""

    moment: int
    line: int
    how: str
    by_session: bool = False


class Gone(NamedTuple):
    """The end of one key, in one registry."""

    store: Store
    end: End


class _Unsure(NamedTuple):
    """A property that holds on some paths only."""


UNSURE: Final = _Unsure()

Slot: TypeAlias = SymbolNode | tuple[str, object]
"""A variable, or a property of something: ``("gone", key)``, ``(".refs", variable)``."""


class State:
    """The values of variables and the properties of stores and keys; None where nothing is known."""

    def __init__(self) -> None:
        self._known: dict[Slot, object] = {}
        self._log: list[tuple[Slot, object]] = []

    def get(self, slot: Slot) -> object:
        """What is known of a slot."""
        return self._known.get(slot)

    def has(self, slot: Slot) -> bool:
        """Whether a slot has been seen."""
        return slot in self._known

    def put(self, slot: Slot, value: object) -> None:
        """Know something else of a slot."""
        self._log.append((slot, self._known.get(slot)))
        self._known[slot] = value

    def forget(self, slots: Iterable[Slot]) -> None:
        """Know of some slots only that they are not what they were."""
        for slot in slots:
            self.put(slot, UNSURE if isinstance(slot, tuple) else None)

    def mark(self) -> int:
        """The place in the log to which `undo` goes back."""
        return len(self._log)

    def undo(self, mark: int) -> set[Slot]:
        """Take back what has changed since a mark; the slots that had."""
        changed: set[Slot] = set()
        while len(self._log) > mark:
            slot, old = self._log.pop()
            self._known[slot] = old
            changed.add(slot)
        return changed
