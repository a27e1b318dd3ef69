"""The instructions of each operation, which no noise changes: callgrind counts them.

A program under callgrind does each operation some times, and then twice as many times; the difference is that of the
operations alone. Where one part ends it asks for its parent's process id, which is the word for callgrind to write down
what it has counted. So all operations share one start of the interpreter.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import ours
from benchmarks.rows import Row
from benchmarks.runner import ROOT
from benchmarks.timing import Contender
from benchmarks.worker import build

TIMES: Final = 256
VALGRIND: Final = "valgrind"


def possible() -> bool:
    """Whether this machine can count."""
    return sys.platform == "linux" and shutil.which(VALGRIND) is not None


def count(python: Path) -> list[Row]:
    """A row for each operation of liveref, of the build that an interpreter has.

    Raises:
        RuntimeError: callgrind failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "counted"
        options = ["--tool=callgrind", f"--callgrind-out-file={output}", "--dump-before=getppid"]
        command = [VALGRIND, *options, str(python), "-m", "benchmarks.counting"]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(  # noqa: S603  our own
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        parts = counts(output)
    expected = len(_contenders()) * 3
    if done.returncode or len(parts) != expected:
        raise RuntimeError(f"callgrind counted {len(parts)} parts of {expected}: {done.stderr[-2000:]}")
    return rows_of(parts, json.loads(done.stdout))


def counts(output: Path) -> list[int]:
    """What was counted up to each dump, in their order; the last part, up to the end, is of no interest."""
    dumps = sorted(output.parent.glob(f"{output.name}.*"), key=lambda path: int(path.suffix[1:]))
    totals = [re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE) for dump in dumps]
    return [int(total[1]) for total in totals if total]


def rows_of(counts: Sequence[int], kind: str) -> list[Row]:
    """The ratios, without the loop around each operation."""
    parts = zip(counts[1::3], counts[2::3], strict=True)
    loop, *bare = ((twice - once) / TIMES for once, twice in parts)
    references = ours.references()
    units = {group: spent - loop for group, spent in zip(references, bare, strict=False)}
    subjects = zip(ours.contenders(), bare[len(references) :], strict=True)
    return [
        _row(each, (spent - loop) / each.operations / units[each.group], references, kind) for each, spent in subjects
    ]


def _row(contender: Contender, ratio: float, references: Mapping[str, Contender], kind: str) -> Row:
    group = f"instructions: {contender.group}"
    return Row.of(group, contender.name, [ratio], references[contender.group].name, build=kind)


def _contenders() -> Sequence[Contender]:
    return [Contender("", "the loop", "pass", {}), *ours.references().values(), *ours.contenders()]


def main() -> None:
    """What runs under callgrind; it prints the build that was measured."""
    for contender in _contenders():
        timer = contender.timer()
        timer.timeit(TIMES)  # the interpreter adapts itself to the code, caches fill
        for times in (TIMES, 2 * TIMES):
            os.getppid()
            timer.timeit(times)
        os.getppid()
    print(json.dumps(build()))


if __name__ == "__main__":
    main()
