"""What the core costs, beside its peers: ``python benchmarks/core.py [--json FILE]``.

The unit is one ``d[k]``: a lookup in a dict of 100 texts, both names local to the function that
loops. So figures of different machines compare, and none is a claim in seconds. In each round every
contender runs once, one after the other, the empty loop is subtracted, and the time is divided by
that of ``d[k]`` in the same round; what is told is the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from timeit import Timer
from typing import Final, Protocol, runtime_checkable

import pytest
import svcs
from aiohttp import web
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from liveref import RegistryKey, SessionRefRegistry

ROUNDS: Final = 41
LOOPS: Final = 20_000
MANY: Final = 1_000_000
FEW: Final = 100
VISITS: Final = 100_000
UNIT: Final = "d[k]"
PACKAGES: Final = ("liveref", "aiohttp", "beartype", "pytest", "svcs", "typing-extensions")

Tick = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Contender:
    """A statement to be timed, with the names that are local to its loop."""

    name: str
    statement: str
    names: Mapping[str, object]
    target: float | None = None

    def timer(self) -> Timer:
        """The timer of `timeit`: it loops in a function, with the garbage collector off."""
        setup = "; ".join(f"{name} = names[{name!r}]" for name in self.names) or "pass"
        return Timer(self.statement, setup, globals={"names": self.names})


@dataclasses.dataclass(frozen=True)
class Figure:
    """One row of the result: the median, the quartiles around it, and what it should be at most."""

    name: str
    unit: str
    reached: float
    low: float
    high: float
    target: float | None = None

    @classmethod
    def of(cls, name: str, unit: str, samples: Sequence[float], target: float | None = None) -> Figure:
        """The figure of two samples or more."""
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(name, unit, median, low, high, target)


class Store:
    """What is looked up."""

    def read(self) -> bytes:
        """Make it a `Readable`."""
        return b""


@runtime_checkable
class Readable(Protocol):
    """A Protocol of methods only."""

    def read(self) -> bytes:
        """Give bytes."""
        ...


def peers() -> list[Contender]:
    """The lookups of others. None of them checks what it gives."""
    store = Store()
    texts = {f"{number:032x}": store for number in range(FEW)}
    variable: ContextVar[Store] = ContextVar("variable")
    variable.set(store)
    app, app_key = web.Application(), web.AppKey("store", Store)
    app[app_key] = store
    stash, stash_key = pytest.Stash(), pytest.StashKey[Store]()
    stash[stash_key] = store
    services = svcs.Registry()
    services.register_value(Store, store)  # pyright: ignore[reportUnknownMemberType]  its callbacks take any arguments
    return [
        Contender("dict d[k]", "d[k]", {"d": texts, "k": next(iter(texts))}),
        Contender("ContextVar.get()", "variable.get()", {"variable": variable}),
        Contender("aiohttp app[AppKey]", "app[key]", {"app": app, "key": app_key}),
        Contender("pytest stash[StashKey]", "stash[key]", {"stash": stash, "key": stash_key}),
        Contender("svcs container.get(Store)", "c.get(Store)", {"c": svcs.Container(services), "Store": Store}),
    ]


def lookups() -> list[Contender]:
    """The lookups of liveref, each of which checks the value; the registry holds 100 refs and some."""
    registry = SessionRefRegistry()
    for _ in range(FEW):
        registry.insert(Store())
    store, ints = Store(), [1, 2, 3]
    by_class = {"r": registry, "key": registry.insert(store)}
    untyped_store = {"r": registry, "key": RegistryKey.parse(str(registry.insert(store))), "Store": Store}
    untyped_ints = {"r": registry, "key": RegistryKey.parse(str(registry.insert(ints)))}
    union = registry.insert(store, Store | None)
    protocol = registry.insert(store, Readable)  # type: ignore[liveref-shallow]  # its outside is timed
    return [
        Contender("get(key): class", "r.get(key)", by_class, 6),
        Contender("registry[key]: class", "r[key]", by_class, 6),
        Contender("get(key): Store | None", "r.get(key)", {"r": registry, "key": union}, 8),
        Contender("get(key): list[int]", "r.get(key)", {"r": registry, "key": registry.insert(ints, list[int])}, 30),
        Contender("get(key): Protocol", "r.get(key)", {"r": registry, "key": protocol}, 15),
        Contender("get(key, Store): downcast", "r.get(key, Store)", untyped_store),
        Contender("get(key, list[int]): downcast", "r.get(key, list[int])", untyped_ints),
    ]


def changes() -> list[Contender]:
    """To put something in and take it out again, where 100 others stay."""
    registry, store = SessionRefRegistry(), Store()
    for _ in range(FEW):
        registry.insert(Store())
    texts = {f"{number:032x}": store for number in range(FEW)}
    names = {"r": registry, "store": store, "close": Store.read}
    return [
        Contender("dict d[k] = v; del d[k]", "d[k] = v; del d[k]", {"d": texts, "k": "k", "v": store}),
        Contender("release(insert(value))", "r.release(r.insert(store))", names, 30),
        Contender("the same with a finalizer", "r.release(r.insert(store, finalizer=close))", names),
    ]


def measure(contenders: Sequence[Contender], tick: Tick) -> list[Figure]:
    """The figures of all contenders in units of the first, which is ``d[k]``."""
    timers = [Timer("pass"), *(contender.timer() for contender in contenders)]
    samples: list[list[float]] = [[] for _ in contenders]
    for _ in range(ROUNDS):
        empty, unit, *others = (timer.timeit(LOOPS) for timer in timers)
        for each, seconds in zip(samples, (unit, *others), strict=True):
            each.append((seconds - empty) / (unit - empty))
        tick()
    pairs = zip(contenders, samples, strict=True)
    return [Figure.of(contender.name, UNIT, each, contender.target) for contender, each in pairs]


def memory(registry: SessionRefRegistry, tick: Tick) -> tuple[list[RegistryKey[object]], Figure]:
    """Fill a registry; its keys and the bytes a ref. The values, and the list of keys, are there before."""
    values: list[object] = [object() for _ in range(MANY)]
    keys: list[RegistryKey[object]] = [RegistryKey.new()] * MANY
    tracemalloc.start()
    for index, value in enumerate(values):
        keys[index] = registry.insert(value)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    tick()
    name = f"a ref and its key, at {MANY:,} refs"
    return keys, Figure.of(name, "bytes", [held / MANY] * 2, 170)


def visit(statement: str, target: object, keys: Iterable[object]) -> float:
    """Seconds of a statement over many keys, without the loop."""
    names = {"target": target, "keys": keys}
    setup = "target, keys = names['target'], names['keys']"
    loop, empty = (
        Timer(f"for k in keys: {body}", setup, globals={"names": names}).timeit(1) for body in (statement, "pass")
    )
    return loop - empty


def against_dict(registry: SessionRefRegistry, keys: Sequence[RegistryKey[object]]) -> Callable[[], float]:
    """What times ``get`` in units of a dict of the same size, over the same random order of keys."""
    texts = [f"{number:032x}" for number in range(len(keys))]
    values = dict(zip(texts, (object() for _ in keys), strict=True))
    order = random.Random(7).choices(range(len(keys)), k=VISITS)  # noqa: S311  no secret
    some_texts, some_keys = [texts[index] for index in order], [keys[index] for index in order]
    return lambda: visit("target.get(k)", registry, some_keys) / visit("target[k]", values, some_texts)


def size(tick: Tick) -> list[Figure]:
    """What a million refs take, and how the time of a lookup grows beside a dict that grows as much."""
    large, small = SessionRefRegistry(capacity=MANY), SessionRefRegistry()
    keys, bytes_a_ref = memory(large, tick)
    with_many = against_dict(large, keys)
    with_few = against_dict(small, [small.insert(object()) for _ in range(FEW)])
    pairs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        pairs.append((with_many(), with_few()))
        tick()
    return [
        bytes_a_ref,
        Figure.of(f"get(key) at {FEW} refs, random order", "d[k] of that size", [few for _, few in pairs]),
        Figure.of(f"get(key) at {MANY:,} refs, random order", "d[k] of that size", [many for many, _ in pairs]),
        Figure.of("growth: the last of these two by the first", "ratio", [many / few for many, few in pairs], 1.3),
    ]


def run_import(code: str) -> str:
    """What a new interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  own code


IMPORT: Final = """
import sys, time
start = time.perf_counter()
import typing_extensions, uuid
middle = time.perf_counter()
import liveref
end = time.perf_counter()
print((end - middle) / (middle - start), "beartype" in sys.modules)
"""


def imports(tick: Tick) -> list[Figure]:
    """What ``import liveref`` costs beyond the two modules that any such library imports."""
    ratios: list[float] = []
    loaded: list[float] = []
    for _ in range(11):
        ratio, beartype = run_import(IMPORT).split()
        ratios.append(float(ratio))
        loaded.append(float(beartype == "True"))
        tick()
    return [
        Figure.of("import liveref, once those are imported", "import typing_extensions, uuid", ratios),
        Figure.of("import liveref loads beartype", "times", loaded, 0),
    ]


def show(figures: Iterable[Figure]) -> Table:
    """The result as a table."""
    table = Table("figure", "unit", title="What the core costs")
    for heading in ("target", "reached", "quartiles"):
        table.add_column(heading, justify="right")
    for figure in figures:
        digits = 0 if figure.unit in {"bytes", "times"} else 2
        reached, low, high = (f"{each:.{digits}f}" for each in (figure.reached, figure.low, figure.high))
        style = "bold red" if figure.target is not None and figure.reached > figure.target else None
        target = "" if figure.target is None else f"{figure.target:g}"
        table.add_row(
            escape(figure.name),
            escape(figure.unit),
            target,
            reached,
            f"{low} to {high}",
            style=style,
        )
    table.caption = (
        f"{escape(UNIT)}: d is a dict of {FEW} texts and k one of its keys, both local to the function that loops; the "
        "empty loop is subtracted, the garbage collector is off. Medians of interleaved rounds; red is above its "
        "target. At a million keys in random order the caches of the processor miss, for the dict as well."
    )
    return table


def as_json(figures: Iterable[Figure]) -> str:
    """The result with what it depends on."""
    result = {
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "python": sys.version,
        "packages": {name: version(name) for name in PACKAGES},
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }
    return json.dumps(result, indent=2) + "\n"


def main() -> None:
    """Measure, show, write. A slow figure is no error."""
    parser = argparse.ArgumentParser(description="Measure the core of liveref beside its peers.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 130)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=2 * ROUNDS + 12)
        figures = measure([*peers(), *lookups(), *changes()], lambda: progress.advance(task))
        figures += imports(lambda: progress.advance(task))
        figures += size(lambda: progress.advance(task))
    console.print(show(figures))
    if options.json is not None:
        options.json.write_text(as_json(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
