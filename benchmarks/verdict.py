"""Measures, holds the rows against the baseline, and says what has become worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from benchmarks import counting
from benchmarks.groups import DUELS
from benchmarks.guard import BASELINE, Baseline, key, load, record
from benchmarks.result import processor
from benchmarks.rows import Row
from benchmarks.runner import Task, run

Measure = Callable[[], Sequence[Row]]
ROUNDS: Final = 40


def judge(measure: Measure, console: Console, *, path: Path = BASELINE, recording: bool = False) -> int:
    """What the shell is told: 1 where something has become worse, twice in a row."""
    if recording:
        record(measure(), path)
        console.print(f"Recorded in {path.name} for {escape(key())}.")
        return 0
    baseline = load(path)
    if baseline is None:
        console.print(f"Nothing to compare: {path.name} has no {escape(key())}; `make bench-baseline` records it.")
        return 0
    return _compare(measure, baseline, console)


def _compare(measure: Measure, baseline: Baseline, console: Console) -> int:
    rows = measure()
    worse = baseline.regressions(rows)
    if worse:
        console.print(f"{len(worse)} ratios look worse: measured again, for a noisy minute is no slower program.")
        before = {each.label for each in worse}
        worse = [each for each in baseline.regressions(measure()) if each.label in before]
    for regression in worse:
        console.print(f"[bold red]worse[/]: {escape(str(regression))}", soft_wrap=True)
    for label in baseline.unknown(rows):
        console.print(f"not in the baseline: {escape(label)}", soft_wrap=True)
    if worse and baseline.processor != processor():
        console.print(f"The baseline is of another processor, {baseline.processor}; this one is {processor()}.")
    console.print(f"{len(baseline.known(rows)) - len(worse)} passed, {len(worse)} failed")
    return int(bool(worse))


def instructions(pythons: Sequence[Path]) -> Sequence[Row]:
    """The rows of the short form: instructions where they can be counted, else ratios of times."""
    if counting.possible():
        return [row for python in pythons for row in counting.count(python)]
    return times(pythons)


def times(pythons: Sequence[Path]) -> Sequence[Row]:
    """The same operations by the clock, without the peers."""
    tasks = [Task(name, ROUNDS, generations=2) for name in DUELS]
    return run(tasks, pythons, lambda _: None, peers=False)
