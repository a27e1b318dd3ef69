"""What the check of a whole value costs: ``python -m benchmarks checks``.

The unit is a strict `TypeAdapter` of pydantic, whose core is compiled, on the same value: both look at every item.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from benchmarks.rows import Row
from benchmarks.timing import Contender, Duel
from liveref import RegistryKey, SessionRefRegistry

ROUNDS: Final = 25
QUICK: Final = 7
ITEMS: Final = 2_000
CLASSES: Final = 2.5
"""At most, where all items are of classes or unions of classes."""
NESTED: Final = 3.0
"""At most, in nested containers, Literal, tuples and TypedDicts."""


class Movie(TypedDict):
    """A record of two fields."""

    title: str
    year: int


def values() -> Iterator[tuple[Any, object, float]]:  # Any: hints of several forms
    """Hints, a large value of each, and how many times as long as pydantic it may take."""
    numbers = range(ITEMS)
    texts = [str(number) for number in numbers]
    yield list[int], list(numbers), CLASSES
    yield list[float], [float(number) for number in numbers], CLASSES
    yield set[int], set(numbers), CLASSES
    yield dict[str, int], dict(zip(texts, numbers, strict=True)), CLASSES
    yield list[int | str], [*numbers[::2], *texts[::2]], CLASSES
    yield list[int | None], [number if number % 2 else None for number in numbers], CLASSES
    yield list[list[int]], [[number] * 3 for number in numbers], NESTED
    yield dict[str, list[int]], {text: [1] for text in texts}, NESTED
    yield list[Literal["a", "b", "c"]], ["a", "b"] * (ITEMS // 2), NESTED
    yield list[Literal[1, 2, 3]], [1, 2] * (ITEMS // 2), NESTED
    yield tuple[int, ...], tuple(numbers), NESTED
    yield list[tuple[int, str]], list(zip(numbers, texts, strict=True)), NESTED
    yield list[Movie], [{"title": text, "year": 1} for text in texts], NESTED


def rows(*, quick: bool) -> Iterator[Row]:
    """One row a hint."""
    registry = SessionRefRegistry()
    for hint, value, target in values():
        key: RegistryKey[object] = registry.insert(value, hint)
        name = str(hint).replace("typing.", "").replace(f"{__name__}.", "")
        adapter: TypeAdapter[object] = TypeAdapter(hint)
        strict = {"check": adapter.validate_python, "value": value}
        unit = Contender("whole check", "pydantic", "check(value, strict=True)", strict)
        ours = Contender("whole check", name, "verify(key)", {"verify": registry.verify, "key": key})
        duel = Duel(unit, [ours])
        ratios = [duel.round()[name] for _ in range(QUICK if quick else ROUNDS)]
        yield Row.of("whole check", f"liveref {name}", ratios, "a strict pydantic TypeAdapter", target=target)
