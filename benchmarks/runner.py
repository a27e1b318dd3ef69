"""Runs the groups in fresh interpreters, one for each build of liveref, which take turns round by round."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final, Self, cast

from benchmarks.groups import DUELS
from benchmarks.growth import OPERATIONS, SESSIONS, SIZES
from benchmarks.rows import Round, Row

ROOT: Final = Path(__file__).parents[1]
Tick = Callable[[str], object]


@dataclasses.dataclass(frozen=True)
class Task:
    """A group at a size, and how often: so many rounds in each of the first so many generations of interpreters."""

    name: str
    rounds: int
    size: int = 0
    generations: int = 5

    @property
    def total(self) -> int:
        """All its rounds."""
        return self.rounds * self.generations


def plan(*, quick: bool) -> Sequence[Task]:
    """What is measured. Fresh interpreters differ, by the seed of their hashes and where memory lies: hence several."""
    sizes, rounds, generations = (SIZES[:3], 8, 2) if quick else (SIZES, 30, 5)
    return [
        *(Task(name, min(rounds, 10) if "session" in name else rounds, generations=generations) for name in DUELS),
        Task("time of many", 1, sizes[-1], 2),
        Task("memory of many", 1, sizes[-1], 1),
        Task("throughput", 3, generations=generations),
        Task("throughput of sessions", 3, generations=generations),
        Task("cap", 3, generations=generations),
        Task("locks", 1, generations=1),
        *(Task(name, 5, generations=generations) for name in ("import", "import time")),
        Task("packages", 1, generations=1),
        *(Task(name, 8, sizes[2], generations) for name in ("snapshot", "resume")),
        *(_growth(name, size) for name in OPERATIONS for size in (SESSIONS if name == "session" else sizes)),
    ]


def _growth(operation: str, size: int) -> Task:
    generations = 1 if size == SIZES[-1] else 2  # it takes longer to set up than to measure
    return Task(f"growth: {operation}", max(3, min(5, 200_000 // size)), size, generations)


class Interpreter:
    """A worker process, for as long as the ``with`` lasts."""

    def __init__(self, python: Path, *, peers: bool) -> None:
        command = [str(python), "-m", "benchmarks.worker", *(["--peers"] if peers else [])]
        self._process: Final = subprocess.Popen(  # noqa: S603  our own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._requests: Final = cast("IO[str]", self._process.stdin)  # it is a pipe
        self._answers: Final = cast("IO[str]", self._process.stdout)
        self.peers: Final = peers
        self.build: Final = str(json.loads(self._read())["build"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._requests.close()  # which ends it
        self._process.wait()
        self._answers.close()

    def round(self, task: Task) -> Round:
        """One round of a task."""
        print(json.dumps([task.name, task.size]), file=self._requests, flush=True)
        return Round(**json.loads(self._read()))

    def _read(self) -> str:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self._process.wait()}: what it printed stands above")
        return line


class Samples:
    """The ratios of all rounds, by row."""

    def __init__(self) -> None:
        self._ratios: Final[dict[Row, list[float]]] = {}

    def add(self, measured: Round, build: str) -> None:
        """One round; a row that is not of liveref is of no build."""
        for name, ratio in measured.ratios.items():
            ours = name.startswith("liveref") or measured.group.startswith("growth")
            blank = Row(
                *(measured.group, name, 0, 0, 0, measured.reference),
                measured.targets.get(name),
                build if ours else None,
            )
            self._ratios.setdefault(blank, []).append(ratio)

    def rows(self) -> list[Row]:
        """The rows, in the order in which they came."""
        return [blank.filled(ratios) for blank, ratios in self._ratios.items()]


def run(tasks: Sequence[Task], pythons: Sequence[Path], tick: Tick, *, peers: bool = True) -> list[Row]:
    """The rows of all tasks.

    Args:
        tasks: what to measure.
        pythons: an interpreter for each build of liveref.
        tick: called after each round, with what was measured.
        peers: whether they take part, in the first interpreter.
    """
    samples = Samples()
    for generation in range(max(task.generations for task in tasks)):
        some = [task for task in tasks if generation < task.generations]
        with contextlib.ExitStack() as stack:
            workers = [Interpreter(python, peers=peers and python is pythons[0]) for python in pythons]
            for worker in workers:
                stack.enter_context(worker)
            _require_different(workers)
            _run_once(some, workers, samples, tick)
    return samples.rows()


def _require_different(workers: Sequence[Interpreter]) -> None:
    builds = [worker.build for worker in workers]
    if len(set(builds)) < len(builds):
        raise RuntimeError(f"the interpreters have the same build of liveref: {', '.join(builds)}")


def _run_once(tasks: Sequence[Task], workers: Sequence[Interpreter], samples: Samples, tick: Tick) -> None:
    for task in tasks:
        for _ in range(task.rounds):
            for worker in workers:
                samples.add(worker.round(task), worker.build)
            tick(task.name)
