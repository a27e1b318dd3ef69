"""What the mypy plugin costs: a generated project checked with and without it, and one very long function.

Run it alone with ``python -m benchmarks plugin``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.rows import Row

ROUNDS: Final = 5
LINES: Final = 60_000
LOOKUPS: Final = 4_500
MODULES: Final = 150
COLD_LIMIT: Final = 1.05
LINEAR_LIMIT: Final = 2.6
"""What twice as many statements may cost, as a factor of the cost of the plugin."""
ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Bytecode is kept, as of an installed plugin: else each run would compile it."""

_HEAD: Final = """\
from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from liveref import RegistryKey, SessionRefRegistry


@dataclasses.dataclass
class Record{module}:
    number: int
    name: str
    parts: list[str]
    key: RegistryKey[list[int]]
"""
_FUNCTION: Final = """\


def step_{number}(refs: SessionRefRegistry, record: Record{module}, items: Iterable[int]) -> dict[str, int]:
    totals: dict[str, int] = {{}}
    for item in items:
        if item % 2 == 0:
            totals[record.name] = totals.get(record.name, 0) + item
        elif item > record.number:
            totals[str(item)] = item * 2
        else:
            totals["rest"] = totals.get("rest", 0) + len(record.parts)
    numbers = refs.get(record.key)
    numbers.append(sum(totals.values()))
    key = refs.insert(record.name)
    name = refs[key].upper() + refs.get(key, str).lower()
    words = [word.strip() for word in name.split(",") if word]
    totals[name] = len(words)
    return totals
"""


def rows(*, quick: bool) -> Iterator[Row]:
    """The plugin's cost of a whole project, cold and warm, and how that of one function grows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold, warm = _paired(folder / "project", LINES // 20 if quick else LINES, 1 if quick else ROUNDS)
        growth = _growth(folder / "long", 1 if quick else ROUNDS)
    yield Row.of("plugin", "mypy of 60,000 lines, cold", cold, "without the plugin", target=COLD_LIMIT)
    yield Row.of("plugin", "mypy of 60,000 lines, warm", warm, "without the plugin")
    yield Row.of("plugin", "own cost of 5,000 statements", [growth], "of 2,500", target=LINEAR_LIMIT)


def _paired(folder: Path, lines: int, rounds: int) -> tuple[list[float], list[float]]:
    """The ratios of paired runs, cold and warm."""
    _write_project(folder, lines)
    cold: list[float] = []
    warm: list[float] = []
    for number in range(rounds):
        order = (True, False) if number % 2 else (False, True)
        first = {plugin: _check(folder, folder / f"cache-{number}-{plugin}", plugin=plugin) for plugin in order}
        second = {plugin: _check(folder, folder / f"cache-{number}-{plugin}", plugin=plugin) for plugin in order}
        cold.append(first[True] / first[False])
        warm.append(second[True] / second[False])
    return cold, warm


def _write_project(folder: Path, lines: int) -> None:
    source = folder / "src"
    source.mkdir(parents=True)
    each = lines // MODULES
    for module in range(MODULES):
        text = "".join(_module(module, each, lookups_left=LOOKUPS // MODULES * lines // LINES))
        (source / f"module_{module}.py").write_text(text)


def _module(module: int, lines: int, *, lookups_left: int) -> Iterator[str]:
    head = _HEAD.format(module=module)
    yield head
    written, number = head.count("\n"), 0
    while written < lines:
        text = _FUNCTION.format(module=module, number=number)
        if lookups_left < text.count("refs.get(") + text.count("refs["):
            text = _without_lookups(text)
        lookups_left -= text.count("refs.get(") + text.count("refs[")
        written += text.count("\n")
        number += 1
        yield text


def _without_lookups(text: str) -> str:
    text = text.replace("refs.get(record.key)", "list(items)").replace("refs.insert(record.name)", "record.name")
    return text.replace("refs[key]", "key").replace("refs.get(key, str)", "key")


def _growth(folder: Path, rounds: int) -> float:
    """How the plugin's cost of one function grows when it doubles; with the flow rules, which walk through it."""
    folder.mkdir()
    costs = [statistics.median(_cost_of_long_function(folder, size) for _ in range(rounds)) for size in (2_500, 5_000)]
    return costs[1] / max(costs[0], 0.01)


def _cost_of_long_function(folder: Path, statements: int) -> float:
    source = folder / "src"
    source.mkdir(exist_ok=True)
    (source / "long.py").write_text("".join(_long_function(statements)))
    times = [_check(folder, Path(os.devnull), plugin=plugin, options="flow = true") for plugin in (True, False)]
    return max(times[0] - times[1], 0.0)


def _long_function(statements: int) -> Iterator[str]:
    yield "from liveref import RegistryKey, SessionRefRegistry\n\n\n"
    yield "def long(refs: SessionRefRegistry, key: RegistryKey[int]) -> int:\n    total = 0\n"
    for number in range(0, statements, 5):
        yield f"    key_{number} = refs.insert({number})\n    total += refs.get(key_{number})\n"
        yield f"    total += refs[key]\n    text_{number} = str(total)\n    total += len(text_{number})\n"
    yield "    return total\n"


def _check(folder: Path, cache: Path, *, plugin: bool, options: str = "") -> float:
    """CPU seconds of one run of mypy."""
    config = folder / "mypy.ini"
    plugins = "plugins = liveref_mypy\n" if plugin else ""
    config.write_text(f"[mypy]\nstrict = true\n{plugins}[liveref-mypy]\n{options}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(cache), "src"]
    before = os.times()
    done = subprocess.run(  # noqa: S603  our own
        command, cwd=folder, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    after = os.times()
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return after.children_user + after.children_system - before.children_user - before.children_system
