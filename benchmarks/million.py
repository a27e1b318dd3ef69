"""What very many refs take: time and memory of each, everything included but the objects themselves."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from benchmarks.rows import Group
from benchmarks.timing import CPU
from liveref import SessionRefRegistry

Fill = Callable[[Sequence[object]], object]


class Value:
    """The smallest object that can be weakly referenced."""

    __slots__ = ("__weakref__",)


def fill_registry(values: Sequence[object]) -> SessionRefRegistry:
    """A registry of all of them, which holds the keys too."""
    registry = SessionRefRegistry(capacity=len(values))
    for value in values:
        registry.insert(value)
    return registry


def _fill_with_markers(values: Sequence[object]) -> SessionRefRegistry:
    registry = fill_registry(values)
    for key in registry:
        key.to_marker()
    return registry


OURS: Final[Mapping[str, Fill]] = {
    "liveref registry.insert(value)": fill_registry,
    "liveref the same, each key written as a marker": _fill_with_markers,
}


def time(fills: Mapping[str, Fill], size: int) -> Group:
    """The time to fill one with many, by that to fill a dict under texts that are there already."""
    values = [Value() for _ in range(size)]
    texts = [f"{number:032x}" for number in range(size)]

    def measure() -> dict[str, float]:
        unit = seconds(partial(fill_dict, texts, values))
        return {name: seconds(partial(fill, values)) / unit for name, fill in fills.items()}

    return Group(f"{size:,} refs: time of each", "d[k] = v", measure)


def fill_dict(texts: Sequence[str], values: Sequence[object]) -> dict[str, object]:
    """A dict of all of them, in a loop as it is written for a registry."""
    d: dict[str, object] = {}
    for text, value in zip(texts, values, strict=True):
        d[text] = value  # noqa: PERF403
    return d


def memory(fills: Mapping[str, Fill], size: int) -> Group:
    """The bytes of each ref and its key, as the interpreter's allocator counts them."""
    values = [Value() for _ in range(size)]
    targets = {"liveref registry.insert(value)": {"pure": 120, "compiled": 120}}
    measure = lambda: {name: _bytes(fill, values) / size for name, fill in fills.items()}  # noqa: E731
    return Group(f"{size:,} refs: memory of each", "byte", measure, targets)


def _bytes(fill: Fill, values: Sequence[object]) -> int:
    tracemalloc.start()
    held = fill(values)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del held
    return taken


def seconds(work: Callable[[], object]) -> float:
    """Seconds of one call, with the garbage collector off; what it returns is let go outside of the time."""
    gc.collect()
    gc.disable()
    try:
        start = CPU()
        held = work()
        spent = CPU() - start
    finally:
        gc.enable()
    del held
    return spent
