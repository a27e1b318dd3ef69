"""The command line of the benchmarks: ``python -m benchmarks run``, ``check``, ``count``, ``write`` or a program."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.guard import BASELINE
from benchmarks.report import replace_figures, show
from benchmarks.result import Result
from benchmarks.rows import Row
from benchmarks.runner import ROOT, plan, run
from benchmarks.verdict import instructions, judge, times

PROGRAMS: Final = ("plugin", "engines", "payloads")
"""Modules here with a function ``rows``."""
RESULT: Final = ROOT / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"
COMPILED: Final = ROOT / ".venv-compiled" / "bin" / "python"


def main() -> int:
    """What the shell is told: 1 where a check failed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure liveref beside its peers.")
    commands = parser.add_subparsers(required=True)
    _add_run(commands.add_parser("run", help="measure and show"))
    writer = commands.add_parser("write", help="write docs/performance.md and its charts from results.json")
    writer.set_defaults(command=_write)
    checker = commands.add_parser("check", help="the quick run, held against baseline.json")
    checker.set_defaults(command=_check)
    counter = commands.add_parser("count", help="instructions, or times where they can't be counted, held against it")
    counter.add_argument("--times", action="store_true", help="times in any case")
    counter.set_defaults(command=_count)
    for parser_of_guard in (checker, counter):
        parser_of_guard.add_argument("--record", action="store_true", help="write the baseline instead")
        parser_of_guard.add_argument("--baseline", type=Path, default=BASELINE, help="another file")
        _add_compiled(parser_of_guard)
    for name in PROGRAMS:
        program = commands.add_parser(name, help=f"run {name}.py alone")
        program.add_argument("--quick", action="store_true")
        program.set_defaults(command=_run_program, name=name)
    options = parser.parse_args()
    return options.command(options) or 0


def _write(_: argparse.Namespace) -> None:
    write(Result.from_json(RESULT.read_text("utf-8")))


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes: under a minute")
    parser.add_argument("--no-programs", action="store_true", help=f"without {', '.join(PROGRAMS)}")
    _add_compiled(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--docs", action="store_true", help=f"write {RESULT.name} and docs/{PAGE.name}")
    parser.set_defaults(command=_run)


def _add_compiled(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compiled", type=Path, default=COMPILED, help="a Python with liveref's compiled build")


def _check(options: argparse.Namespace) -> int:
    def measured() -> Sequence[Row]:
        return measure(quick=True, compiled=options.compiled).rows

    return judge(measured, console(), path=options.baseline, recording=options.record)


def _count(options: argparse.Namespace) -> int:
    short = times if options.times else instructions
    measured = partial(short, _pythons(options.compiled))
    return judge(measured, console(), path=options.baseline, recording=options.record)


def _pythons(compiled: Path) -> Sequence[Path]:
    """One for each build: this one, and the other where it is there."""
    return [Path(sys.executable), *([compiled] if compiled.exists() else [])]


def _run(options: argparse.Namespace) -> None:
    programs = () if options.no_programs else PROGRAMS
    result = measure(quick=options.quick, compiled=options.compiled, programs=programs)
    show(result, console())
    if options.json:
        options.json.write_text(result.to_json(), "utf-8")
    if options.docs:
        RESULT.write_text(result.to_json(), "utf-8")
        write(result)


def _run_program(options: argparse.Namespace) -> None:
    start = time.monotonic()
    rows = list(_rows_of(options.name, quick=options.quick))
    show(Result(rows, time.monotonic() - start, quick=options.quick, skipped={}), console())


def console() -> Console:
    """Wide enough for the tables where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 130)


def measure(*, quick: bool, compiled: Path = COMPILED, programs: Sequence[str] = PROGRAMS) -> Result:
    """The result of a whole run, with a progress bar while it lasts."""
    start = time.monotonic()
    tasks = plan(quick=quick)
    columns = (TextColumn("{task.description:>24}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        bar = progress.add_task("", total=sum(task.total for task in tasks) + len(programs))
        tick = partial(_advance, progress, bar)
        rows = run(tasks, _pythons(compiled), tick)
        others, skipped = _run_programs(programs, tick, quick=quick)
    return Result([*rows, *others], time.monotonic() - start, quick=quick, skipped=skipped)


def _advance(progress: Progress, bar: TaskID, name: str) -> None:
    progress.update(bar, advance=1, description=name)


def _run_programs(
    programs: Sequence[str], tick: Callable[[str], object], *, quick: bool
) -> tuple[list[Row], dict[str, str]]:
    """Their rows, and the programs that could not run."""
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    for name in programs:
        try:
            rows += _rows_of(name, quick=quick)
        except ImportError as error:
            skipped[name] = str(error)
        tick(name)
    return rows, skipped


def _rows_of(program: str, *, quick: bool) -> Iterator[Row]:
    """The rows of one, which measures the liveref of this interpreter."""
    rows = getattr(importlib.import_module(f"benchmarks.{program}"), "rows", None)
    if rows is None:
        raise ImportError(f"{program}.py has no function rows")
    for row in rows(quick=quick):
        yield dataclasses.replace(row, build="pure")


def write(result: Result) -> None:
    """Put a result into the documentation."""
    charts = importlib.import_module("benchmarks.charts")  # matplotlib takes a second to import
    charts.draw(result, PAGE.parent / "charts")
    PAGE.write_text(replace_figures(PAGE.read_text("utf-8"), result), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
