"""What `encode` costs: ``python benchmarks/payloads.py [--json FILE]``.

The unit is ``json.dumps(payload, default=hook)``, the shortest way to write keys as JSON, which neither
finds a path nor refuses a tuple. Against it stands ``json.dumps(encode(payload))``, over payloads of
10,000 plain nodes with 10 keys, in several shapes. In each round both run, one after the other, in CPU
time, and one is divided by the other; what is told is the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from liveref import RegistryKey
from liveref.jsonable import encode

ROUNDS: Final = 41
NODES: Final = 10_000
KEYS: Final = 10
TARGET: Final = 3.0


class Figure(NamedTuple):
    """One row of the result: the median ratio, and the quartiles around it."""

    shape: str
    low: float
    reached: float
    high: float


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


def rows() -> list[object]:
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


SHAPES: Final[tuple[Callable[[], object], ...]] = (rows, tree, singles, pairs, numbers, texts, fields)


def seconds(call: Callable[[], object]) -> float:
    """The CPU time of a call."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def ratios(payload: object) -> Iterable[float]:
    """For each round, what a payload costs with `encode` in units of what it costs with a hook."""
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        plain = seconds(lambda: json.dumps(payload, default=hook))
        yield seconds(lambda: json.dumps(encode(payload))) / plain
        gc.enable()


def measure(shape: Callable[[], object]) -> Figure:
    """The figure of one shape, with ten keys beside it."""
    payload = {"keys": [RegistryKey.new(int) for _ in range(KEYS)], "plain": shape()}
    low, median, high = statistics.quantiles(ratios(payload), n=4, method="inclusive")
    return Figure(shape.__name__, low, median, high)


def show(figures: Iterable[Figure]) -> Table:
    """The result as a table."""
    table = Table("shape", title=f"encode + json.dumps of {NODES:,} nodes and {KEYS} keys")
    for heading in ("target", "reached", "quartiles"):
        table.add_column(heading, justify="right")
    for shape, low, reached, high in figures:
        style = "bold red" if reached > TARGET else None
        table.add_row(shape, f"{TARGET:g}", f"{reached:.2f}", f"{low:.2f} to {high:.2f}", style=style)
    table.caption = f"Unit: json.dumps(payload, default=hook). Medians of {ROUNDS} interleaved rounds of CPU time."
    return table


def main() -> None:
    """Measure, show, write. A slow figure is no error."""
    parser = argparse.ArgumentParser(description="Measure what encode costs beside json.dumps with a hook.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    figures = [measure(shape) for shape in track(SHAPES, "measuring", console=console, transient=True)]
    console.print(show(figures))
    if options.json is not None:
        result = {"python": sys.version, "figures": [figure._asdict() for figure in figures]}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
