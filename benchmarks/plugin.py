"""What the mypy plugin costs: a generated project checked with and without it, and one very long function.

Run it alone with ``python -m benchmarks plugin``. The two runs of a pair go at the same time, so that a slow moment of
the machine is one of both: it wants two idle cores.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.rows import Row

ROUNDS: Final = 5
LINES: Final = 60_000
LOOKUPS: Final = 4_500
MODULES: Final = 150
COLD_LIMIT: Final = 1.08
FLOW_LIMIT: Final = 1.12
SIZES: Final = (5_000, 20_000)
"""Statements of one function."""
LINEAR_LIMIT: Final = 6.0
"""What four times as many statements may cost, as a factor of the plugin's own cost."""
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
        rounds = 1 if quick else ROUNDS
        cold, warm = _paired(folder / "project", LINES // 20 if quick else LINES, rounds)
        pairs = [_pair(folder / "project", None, options="flow = true") for _ in range(rounds)]
        growth = _growth(folder / "long", rounds)
        edits = _edits(folder / "daemon", LINES // 60 if quick else LINES // 6, rounds)
    flow = [pair.with_plugin / pair.without for pair in pairs]
    yield Row.of("plugin", "mypy of 60,000 lines, cold", cold, "without the plugin", target=COLD_LIMIT)
    yield Row.of("plugin", "mypy of 60,000 lines, cold, with flow", flow, "without the plugin", target=FLOW_LIMIT)
    yield Row.of("plugin", "mypy of 60,000 lines, warm", warm, "without the plugin")
    if edits:
        yield Row.of("plugin", "edit in the daemon, 10,000 lines", edits, "half a second of CPU", target=1.0)
    yield Row.of("plugin", "own cost of 20,000 statements", [growth], "5,000 statements", target=LINEAR_LIMIT)


def _paired(folder: Path, lines: int, rounds: int) -> tuple[list[float], list[float]]:
    """The ratios of paired runs, cold and warm."""
    _write_project(folder, lines)
    cold: list[float] = []
    warm: list[float] = []
    for number in range(rounds):
        for ratios in (cold, warm):
            pair = _pair(folder, f"cache-{number}")
            ratios.append(pair.with_plugin / pair.without)
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
    """How the plugin's cost of one function grows with it; with the flow rules, which walk through it."""
    folder.mkdir()
    small, large = (_cost_of_long_function(folder, size, rounds) for size in SIZES)
    return large / max(small, 0.01)


def _cost_of_long_function(folder: Path, statements: int, rounds: int) -> float:
    """CPU seconds of the plugin alone."""
    source = folder / "src"
    source.mkdir(exist_ok=True)
    (source / "long.py").write_text("".join(_long_function(statements)))
    pairs = [_pair(folder, None, options="flow = true") for _ in range(rounds)]
    return statistics.median(pair.with_plugin - pair.without for pair in pairs)


def _long_function(statements: int) -> Iterator[str]:
    yield "from liveref import RegistryKey, SessionRefRegistry\n\n\n"
    yield "def long(refs: SessionRefRegistry, key: RegistryKey[int]) -> int:\n    total = 0\n"
    for number in range(0, statements, 5):
        yield f"    key_{number} = refs.insert({number})\n    total += refs.get(key_{number})\n"
        yield f"    total += refs[key]\n    text_{number} = str(total)\n    total += len(text_{number})\n"
    yield "    return total\n"


def _edits(folder: Path, lines: int, rounds: int) -> list[float]:
    """CPU of the daemon for an edit, in half seconds; none where the system does not tell."""
    if not Path("/proc/self/schedstat").exists():
        return []
    _write_project(folder, lines)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\nplugins = liveref_mypy\n[liveref-mypy]\nflow = true\n")
    _daemon(folder, "start", "--", "--config-file", "mypy.ini")
    _daemon(folder, "check", "src")
    process = json.loads((folder / "status.json").read_text())["pid"]
    seconds = [_edit(folder, process, number) for number in range(rounds)]
    _daemon(folder, "kill")
    return [each / 0.5 for each in seconds]


def _edit(folder: Path, process: int, number: int) -> float:
    path = folder / "src" / "module_3.py"
    path.write_text(path.read_text().replace("words = ", f"more_{number} = refs.get(key, str)\n    words = ", 1))
    before = _cpu(process)
    _daemon(folder, "check", "src")
    return _cpu(process) - before


def _cpu(process: int) -> float:
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def _daemon(folder: Path, *args: str) -> None:
    command = (sys.executable, "-m", "mypy.dmypy", "--status-file", "status.json", *args)
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, check=False)  # noqa: S603  our own


class Pair(NamedTuple):
    """CPU seconds of two runs."""

    with_plugin: float
    without: float


def _pair(folder: Path, cache: str | None, *, options: str = "") -> Pair:
    """Check a folder with and without the plugin, at the same time; with a cache, each has its own."""
    started = [_start(folder, cache, plugin=plugin, options=options) for plugin in (True, False)]
    return Pair(*map(_seconds, started))


def _start(folder: Path, cache: str | None, *, plugin: bool, options: str) -> int:
    """Start mypy; its process id."""
    config = folder / f"mypy-{plugin}.ini"
    plugins = "plugins = liveref_mypy\n" if plugin else ""
    config.write_text(f"[mypy]\nstrict = true\n{plugins}[liveref-mypy]\n{options}\n")
    kept = os.devnull if cache is None else str(folder / f"{cache}-{plugin}")
    command = (sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", kept, str(folder / "src"))
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0o600)]
    return os.posix_spawn(sys.executable, command, ENVIRONMENT, file_actions=quiet)


def _seconds(process: int) -> float:
    """CPU seconds of a run that found nothing, once it has ended."""
    _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"mypy ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime
