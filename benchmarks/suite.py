"""A whole run: the groups in their interpreters, then the programs, with a progress bar while it lasts."""

from __future__ import annotations

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

from benchmarks.result import Result
from benchmarks.rows import Row
from benchmarks.runner import plan, run
from benchmarks.worker import build

PROGRAMS: Final = ("plugin", "engines", "clusters", "handles", "soak", "payloads", "pauses", "checks")
"""Modules here with a function ``rows``."""


def measure(console: Console, pythons: Sequence[Path], *, quick: bool, programs: Sequence[str] = PROGRAMS) -> Result:
    """The result of a run.

    Args:
        console: where the bar is drawn.
        pythons: an interpreter for each build of liveref.
        quick: fewer rounds, smaller sizes.
        programs: which of them run.
    """
    start = time.monotonic()
    tasks = plan(quick=quick)
    columns = (TextColumn("{task.description:>24}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=sum(task.total for task in tasks) + len(programs))
        tick = partial(_advance, progress, bar)
        rows = run(tasks, pythons, tick)
        others, skipped = _run_programs(programs, tick, quick=quick)
    return Result([*rows, *others], time.monotonic() - start, quick=quick, skipped=skipped)


def run_program(name: str, *, quick: bool) -> Result:
    """The result of one program alone."""
    start = time.monotonic()
    rows = list(_rows_of(name, quick=quick))
    return Result(rows, time.monotonic() - start, quick=quick, skipped={})


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
        yield dataclasses.replace(row, build=build())


def console() -> Console:
    """Wide enough for the tables where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 130)
