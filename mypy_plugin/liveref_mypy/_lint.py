"""``python -m liveref lint``: runs mypy with the plugin, and prints what the plugin finds alone."""

from __future__ import annotations

import configparser
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import mypy.api

from liveref_mypy._config import ConfigError, Table
from liveref_mypy._project import cache_of, configuration

__all__ = ["lint"]

_PYTHON: Final = frozenset({".py", ".pyi", ""})
"""How the names of Python files end; a script's may end in nothing."""
_CONFIG_LINE: Final = re.compile(r"^.*mypy\.ini(:\d+)?: (error: )?")
_TWICE: Final = "Duplicate module named"
_TWO_NAMES: Final = "Source file found twice"
"""Under another name it is imported, so that it is checked without being asked for."""


class Run(NamedTuple):
    """What one run of mypy gave."""

    rows: Sequence[dict[str, object]]
    """The errors."""
    problem: str
    """Why it stopped, if it is none of these."""
    has_stopped: bool

    def files(self, message: str) -> set[str]:
        """The files about which it says something."""
        return {str(row["file"]) for row in self.rows if str(row["message"]).startswith(message)}


def lint(paths: Sequence[str], *, output: str) -> int:
    """Check files and folders.

    Args:
        paths: what to check.
        output: ``text``, or ``json`` for one object a line.

    Returns:
        0 if there are no findings, 1 if there are some, 2 if something could not be checked.
    """
    try:
        parser = configuration(Path.cwd())
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        linter = Linter(parser, Path(folder))
        linter.check([path for path in paths if linter.can_read(path)])
    for row in linter.findings:
        sys.stdout.write(f"{json.dumps(row) if output == 'json' else _line(row)}\n")
    sys.stderr.write("".join(f"{problem}\n" for problem in linter.problems))
    return 2 if linter.problems else int(bool(linter.findings))


class Linter:
    """Runs mypy until what can be checked has been: it stops at the first file that it can't read."""

    def __init__(self, parser: configparser.RawConfigParser, folder: Path) -> None:
        self.findings: list[dict[str, object]] = []
        self.problems: list[str] = []
        self._parser = parser
        self._exclude = parser.get("mypy", "exclude", fallback="")
        self._folder = folder
        self._empty = folder / "empty.py"
        self._empty.touch()
        self._broken: list[str] = []
        self._turn = 0

    def can_read(self, path: str) -> bool:
        """Whether a path is a folder or Python file; a problem if not."""
        found = Path(path)
        if not found.exists():
            self.problems.append(f"{path}: there is no such file or folder")
        elif found.is_file() and found.suffix not in _PYTHON:
            self.problems.append(f"{path}: is no Python file")
        else:
            return True
        return False

    def check(self, paths: Sequence[str]) -> None:
        """Check some paths; files whose module another one has already, afterwards."""
        self._turn += 1
        twice: list[str] = []
        imported: list[str] = []
        while paths:
            run = self._run(paths, excluding=(*twice, *imported))
            broken = {str(row["file"]): row for row in reversed(run.rows) if row["code"] == "syntax"}
            if run.has_stopped and broken.keys() - set(self._broken):
                self._broken += broken
                self.problems += map(_line, broken.values())
            elif run.has_stopped and (found := run.files(_TWICE) - set(twice)):
                twice += found
                paths = _without(paths, found)
            elif run.has_stopped and (found := run.files(_TWO_NAMES) - set(imported)):
                imported += found
                paths = _without(paths, found)
            else:
                self._keep(run)
                break
        if twice:
            self.check(twice)

    def _keep(self, run: Run) -> None:
        if run.has_stopped:
            self.problems += map(_problem, run.rows) if run.rows else [run.problem]
            return
        found = (row for row in run.rows if str(row["code"]).startswith("liveref-"))
        self.findings += [row for row in found if row not in self.findings]  # what two scripts import, is found twice

    def _run(self, paths: Iterable[str], *, excluding: Iterable[str]) -> Run:
        """Run mypy; what it can't read counts as empty.

        Each of several files that are one to mypy's cache, by name, size and second, needs a cache of its own.
        """
        patterns = [pattern for pattern in (self._exclude, *map(_exactly, excluding)) if pattern]
        if patterns:
            self._parser["mypy"]["exclude"] = "|".join(patterns)
        config = self._folder / "mypy.ini"
        with config.open("w", encoding="utf-8") as file:
            self._parser.write(file)
        name = "-".join(["liveref", *map(str, range(2, self._turn + 1)), *(["broken"] if self._broken else [])])
        cache = cache_of(self._parser, name)
        shadows = [word for path in self._broken for word in ("--shadow-file", path, str(self._empty))]
        options = ("--config-file", str(config), "--cache-dir", cache, "--output", "json", *shadows)
        out, err, status = mypy.api.run([*options, "--", *paths])
        lines = [line for line in [*out.splitlines(), *err.splitlines()] if not line.startswith("{")]
        problem = "\n".join(_CONFIG_LINE.sub("", line) for line in lines)
        return Run([*_rows(out), *_rows(err)], problem, status not in {0, 1})


def _without(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    gone = set(map(Path, others))
    return [path for path in paths if Path(path) not in gone]


def _exactly(path: str) -> str:
    """A pattern for a path and no other."""
    return f"(?:^{re.escape(Path(path).as_posix())}$)"


def _rows(output: str) -> Iterator[dict[str, object]]:
    """The errors among the lines that mypy wrote."""
    for line in output.splitlines():
        row: dict[str, object] = json.loads(line) if line.startswith("{") else {}
        if row.get("severity") == "error":
            yield row


def _problem(row: Table) -> str:
    """A line without its place, if that is in the configuration written here."""
    return _CONFIG_LINE.sub("", str(row["message"]) if str(row["file"]).endswith("mypy.ini") else _line(row))


def _line(row: Table) -> str:
    code = f"  [{row['code']}]" if row["code"] else ""
    return f"{row['file']}:{row['line']}: {row['message']}{code}"
