"""What `encode` costs: ``python -m benchmarks payloads``.

The unit is ``json.dumps(payload, default=hook)``, the shortest way to write keys as JSON, which neither
finds a path nor refuses a tuple. Against it stands ``json.dumps(encode(payload))``, over payloads of
10,000 plain nodes with 10 keys, in several shapes. In each round both run, one after the other.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.rows import Row
from benchmarks.timing import CPU
from liveref import RegistryKey
from liveref.jsonable import encode

ROUNDS: Final = 41
QUICK: Final = 7
NODES: Final = 10_000
KEYS: Final = 10
TARGET: Final = 3.0


def hook(found: object) -> object:
    """What a program without liveref passes as ``default=``."""
    if isinstance(found, RegistryKey):
        return found.to_marker()
    raise TypeError


def numbers() -> list[object]:
    """One long list."""
    return list(range(NODES))


def texts() -> list[object]:
    """One long list of short texts."""
    return [f"text {number}" for number in range(NODES)]


def fields() -> dict[str, object]:
    """One large dict."""
    return {f"field {number}": number for number in range(NODES)}


def pairs() -> list[object]:
    """Many small lists."""
    return [[number, number + 1] for number in range(NODES // 3)]


def records() -> list[object]:
    """Rows of a table: a dict with four scalars each."""
    return [
        {"id": number, "name": f"item {number}", "price": number * 1.5, "sold": number % 2 == 0}
        for number in range(NODES // 5)
    ]


def singles() -> list[object]:
    """Many dicts with one scalar each: the most containers."""
    return [{"value": number} for number in range(NODES // 2)]


def tree(depth: int = 7) -> dict[str, object]:
    """A tree with three branches at each node."""
    children = [tree(depth - 1) for _ in range(3)] if depth else []
    return {"label": f"at depth {depth}", "children": children}


SHAPES: Final[tuple[Callable[[], object], ...]] = (records, tree, singles, pairs, numbers, texts, fields)


def rows(*, quick: bool) -> Iterator[Row]:
    """One row a shape."""
    for shape in SHAPES:
        payload = {"keys": [RegistryKey.new(int) for _ in range(KEYS)], "plain": shape()}
        ratios = [ratio(payload) for _ in range(QUICK if quick else ROUNDS)]
        name = f"encode + json.dumps, {NODES:,} nodes as {shape.__name__}"
        yield Row.of("payloads", name, ratios, "json.dumps with a default= hook", target=TARGET)


def ratio(payload: object) -> float:
    """What a payload costs with `encode`, in units of what it costs with a hook."""
    gc.collect()
    gc.disable()
    try:
        plain = seconds(lambda: json.dumps(payload, default=hook))
        return seconds(lambda: json.dumps(encode(payload))) / plain
    finally:
        gc.enable()


def seconds(call: Callable[[], object]) -> float:
    """The time of a call."""
    start = CPU()
    call()
    return CPU() - start
