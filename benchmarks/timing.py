"""Timing that holds on a noisy machine: short chunks, the reference beside each subject, medians."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Mapping, Sequence
from timeit import Timer
from typing import Final

CHUNK: Final = 0.001
"""Seconds of one chunk: shorter than the slice that a busy machine gives a process, so that most pass undisturbed."""


def _cpu_clock() -> Callable[[], float]:
    """The clock of this thread's own work, where it is fine enough (it is not on Windows)."""
    fine = time.get_clock_info("thread_time").resolution < CHUNK / 100
    return time.thread_time if fine else time.perf_counter


CPU: Final = _cpu_clock()


@dataclasses.dataclass(frozen=True)
class Contender:
    """A statement to be timed.

    Args:
        group: the heading it stands under.
        name: who does what.
        statement: Python source.
        names: the names in it; they are local to the loop, as they would be in a hot function.
        targets: the ratio it should reach at most, for each build of liveref.
        operations: how many of what is measured the statement does.
        clock: `time.perf_counter` where another process does the work.
    """

    group: str
    name: str
    statement: str
    names: Mapping[str, object]
    targets: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])
    operations: int = 1
    clock: Callable[[], float] = CPU

    def timer(self) -> Timer:
        """The timer of `timeit`: it loops in a function, with the garbage collector off."""
        setup = "; ".join(f"{name} = names[{name!r}]" for name in self.names) or "pass"
        return Timer(self.statement, setup, timer=self.clock, globals={"names": self.names})


class Stopwatch:
    """A contender that is timed in chunks."""

    def __init__(self, contender: Contender) -> None:
        self.contender: Final = contender
        self._timer: Final = contender.timer()
        self._loops = 1
        self._timer.timeit(1)  # what only the first call does would leave it at one loop
        while self._timer.timeit(self._loops) < CHUNK:
            self._loops *= 2

    def seconds(self) -> float:
        """Seconds of one operation, with the loop around it."""
        return self._timer.timeit(self._loops) / self._loops / self.contender.operations


class Duel:
    """Contenders that are each timed right after the reference in every round.

    The empty loop is subtracted from both, so the unit is the bare operation: that makes every
    ratio larger than one with the loop in it.
    """

    def __init__(self, reference: Contender, contenders: Sequence[Contender]) -> None:
        self._empty: Final = Stopwatch(Contender(reference.group, "the loop", "pass", {}))
        self._unit: Final = Stopwatch(reference)
        self._subjects: Final = [Stopwatch(contender) for contender in contenders]

    def round(self) -> dict[str, float]:
        """The ratio of each contender; their order is drawn anew, so that none gains by its neighbour."""
        order = random.sample(self._subjects, len(self._subjects))
        ratios = {watch.contender.name: self._ratio(watch) for watch in order}
        return {watch.contender.name: ratios[watch.contender.name] for watch in self._subjects}

    def _ratio(self, watch: Stopwatch) -> float:
        empty, unit, subject = self._empty.seconds(), self._unit.seconds(), watch.seconds()
        return (subject - empty / watch.contender.operations) / (unit - empty / self._unit.contender.operations)
