"""Runs mypy with the plugin over the case files, whose markers say what it should find.

A wrong line ends with a marker of the codes found there, ``# E: liveref-overlap``; a right line that a rule looks at
ends with ``# ok``. What mypy finds must be exactly what the markers say.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import mypy.api

CASES: Final = Path(__file__).parent / "cases"
VERSIONS: Final = ("2.2", "2.3", "2.4")
"""The versions of mypy that the plugin is tested with."""
_MARKER: Final = re.compile(r"  # E: ([\w, :-]+)$")
_STRICT: Final = "strict:"
"""Before the code of what mypy itself says under ``strict`` alone."""


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One error."""

    file: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.code}]"


@dataclasses.dataclass(frozen=True)
class Result:
    """What one run of mypy gave."""

    findings: frozenset[Finding]
    messages: tuple[str, ...]
    status: int
    text: str


def case_files() -> list[Path]:
    return sorted(CASES.rglob("*.py"))


def light_files() -> list[Path]:
    """The case files that import nothing large: a cold run over them takes half the time."""
    heavy = ("import pydantic", "import pytest")
    return [path for path in case_files() if not any(name in path.read_text("utf-8") for name in heavy)]


def expected(files: Iterable[Path], *, strict: bool = True) -> set[Finding]:
    """What the markers of some files say."""
    marked = [(path.name, line, code) for path in files for line, code in _marked(path)]
    told = [each for each in marked if strict or not each[2].startswith(_STRICT)]
    return {Finding(name, line, code.removeprefix(_STRICT)) for name, line, code in told}


def _marked(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        found = _MARKER.search(line)
        for code in found[1].split(",") if found else ():
            yield number, code.strip()


def right_lines(files: Iterable[Path]) -> int:
    """How many lines are marked as right."""
    return sum(line.endswith("  # ok") for path in files for line in path.read_text("utf-8").splitlines())


def write_config(folder: Path, *, options: str = "", plugin: str = "liveref_mypy", mypy: str = "strict = true") -> Path:
    """A mypy.ini with the plugin and its options; returns its path."""
    path = folder / "mypy.ini"
    plugins = f"plugins = {plugin}\n" if plugin else ""
    path.write_text(f"[mypy]\n{plugins}{mypy}\n[liveref-mypy]\n{options}\n")
    return path


def run(paths: Sequence[Path], config: Path, cache: Path, *args: str) -> Result:
    """Run mypy in this process, so that coverage sees the plugin."""
    fixed = ("--config-file", str(config), "--cache-dir", str(cache), "--output", "json")
    limit = sys.getrecursionlimit()
    out, err, status = mypy.api.run([*fixed, *args, *map(str, paths)])
    sys.setrecursionlimit(limit)  # mypy raises it, and other tests rely on it
    return read(out, err, status)


def run_apart(paths: Sequence[Path], config: Path, cache: Path, *args: str, python: Path | None = None) -> Result:
    """Run mypy in a process of its own."""
    fixed = ("--config-file", str(config), "--cache-dir", str(cache), "--output", "json")
    command = [str(python or sys.executable), "-m", "mypy", *fixed, *args, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain_environment())
    return read(done.stdout, done.stderr, done.returncode)


def plain_environment(**more: str) -> dict[str, str]:
    """The environment without what would trace mypy."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")} | more


def read(out: str, err: str, status: int) -> Result:
    """What mypy's JSON lines say."""
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    errors = [row for row in rows if row["severity"] == "error"]
    findings = frozenset(Finding(Path(row["file"]).name, row["line"], row["code"] or "") for row in errors)
    return Result(findings, tuple(row["message"] for row in errors), status, out + err)


def difference(wanted: Iterable[Finding], found: Iterable[Finding]) -> str:
    """What is missing and what is too much, as text; empty if nothing is."""
    wanted, found = set(wanted), set(found)
    lines = [f"missing     {finding}" for finding in sorted(wanted - found)]
    return "\n".join(lines + [f"unexpected  {finding}" for finding in sorted(found - wanted)])
