"""The command line of the benchmarks: ``python -m benchmarks run``, ``check``, ``count``, ``write`` or a program."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.checkers import comparison, replace_comparison
from benchmarks.guard import BASELINE
from benchmarks.report import replace_figures, show
from benchmarks.result import Result
from benchmarks.rows import Row
from benchmarks.runner import ROOT
from benchmarks.suite import PROGRAMS, console, measure, run_program
from benchmarks.verdict import instructions, judge, times

RESULT: Final = ROOT / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"
CHECKS: Final = ROOT / "docs" / "checks.md"
COMPILED: Final = ROOT / ".venv-compiled"
"""Made by ``make compiled``, where that is possible; ``ready`` is the last file of it."""


def main() -> int:
    """What the shell is told: 1 where a check failed."""
    options = _parser().parse_args()
    return options.command(options) or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure liveref beside its peers.")
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("run", help="measure and show")
    runner.set_defaults(command=_run)
    runner.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes: about a minute")
    runner.add_argument("--no-programs", action="store_true", help=f"without {', '.join(PROGRAMS)}")
    runner.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    runner.add_argument("--docs", action="store_true", help=f"write {RESULT.name} and docs/{PAGE.name}")
    checker = commands.add_parser("check", help="the quick run, held against baseline.json")
    checker.set_defaults(command=_check)
    counter = commands.add_parser("count", help="instructions, or times where they can't be counted, held against it")
    counter.set_defaults(command=_count)
    counter.add_argument("--times", action="store_true", help="times in any case")
    for guarding in (checker, counter):
        guarding.add_argument("--record", action="store_true", help="write the baseline instead")
        guarding.add_argument("--baseline", type=Path, default=BASELINE, metavar="FILE", help="another one")
    for measuring in (runner, checker, counter):
        help_text = "the interpreter that has the compiled build"
        measuring.add_argument("--compiled", type=Path, default=_compiled(), metavar="PYTHON", help=help_text)
    writer = commands.add_parser("write", help=f"write docs/{PAGE.name} and its charts from {RESULT.name}")
    writer.set_defaults(command=_write)
    comparer = commands.add_parser("checkers", help="what is right and what is wrong to liveref and to others")
    comparer.set_defaults(command=_compare)
    comparer.add_argument("--docs", action="store_true", help=f"write it into docs/{CHECKS.name}")
    for name in PROGRAMS:
        program = commands.add_parser(name, help=f"run {name}.py alone")
        program.set_defaults(command=_run_program, name=name)
        program.add_argument("--quick", action="store_true")
    return parser


def _compiled() -> Path | None:
    return COMPILED / "bin" / "python" if (COMPILED / "ready").exists() else None


def _pythons(options: argparse.Namespace) -> Sequence[Path]:
    """One for each build: this one, and the other where it is there."""
    return [Path(sys.executable), *([options.compiled] if options.compiled else [])]


def _run(options: argparse.Namespace) -> None:
    programs = () if options.no_programs else PROGRAMS
    result = measure(console(), _pythons(options), quick=options.quick, programs=programs)
    show(result, console())
    if options.json:
        options.json.write_text(result.to_json(), "utf-8")
    if options.docs:
        RESULT.write_text(result.to_json(), "utf-8")
        _write(options)
        _compare(options)


def _check(options: argparse.Namespace) -> int:
    def measured() -> Sequence[Row]:
        return measure(console(), _pythons(options), quick=True).rows

    return judge(measured, console(), path=options.baseline, recording=options.record)


def _count(options: argparse.Namespace) -> int:
    measured = partial(times if options.times else instructions, _pythons(options))
    return judge(measured, console(), path=options.baseline, recording=options.record)


def _write(_: argparse.Namespace) -> None:
    result = Result.from_json(RESULT.read_text("utf-8"))
    charts = importlib.import_module("benchmarks.charts")  # matplotlib takes a second to import
    charts.draw(result, PAGE.parent / "charts")
    PAGE.write_text(replace_figures(PAGE.read_text("utf-8"), result), "utf-8")


def _compare(options: argparse.Namespace) -> None:
    if options.docs:
        CHECKS.write_text(replace_comparison(CHECKS.read_text("utf-8")), "utf-8")
    else:
        print(comparison())


def _run_program(options: argparse.Namespace) -> None:
    show(run_program(options.name, quick=options.quick), console())


if __name__ == "__main__":
    sys.exit(main())
