"""One interpreter with one build of liveref, which measures a round whenever it is asked.

It reads one JSON list a line from its standard input, the name and the size of a group, and answers with one line:
a `Round`. So two builds take turns, round by round.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from importlib.metadata import version
from typing import Final

from benchmarks.groups import make
from benchmarks.rows import Group, Round


def build() -> str:
    """``"compiled"`` where a module of liveref is an extension, else ``"pure"``."""
    modules = [module for name, module in sys.modules.items() if name.startswith("liveref.")]
    return "pure" if all((module.__file__ or ".py").endswith(".py") for module in modules) else "compiled"


class Worker:
    """What answers; it keeps the last group, for the next round is often of the same one."""

    def __init__(self, *, peers: bool) -> None:
        self._peers: Final = peers
        self._asked: tuple[str, int] | None = None
        self._group: Group | None = None

    def answer(self, name: str, size: int) -> Round:
        """One round."""
        if self._group is None or self._asked != (name, size):
            self._group = None  # a million refs of the last one go before more come
            self._asked, self._group = (name, size), make(name, size, peers=self._peers)
        targets = {each: limits.get(build()) for each, limits in self._group.targets.items()}
        return Round(self._group.name, self._group.reference, targets, self._group.measure())


def main() -> None:
    """Say what this is, then answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    worker = Worker(peers=parser.parse_args().peers)
    print(json.dumps({"build": build(), "version": version("liveref")}), flush=True)
    for line in sys.stdin:
        print(json.dumps(dataclasses.asdict(worker.answer(*json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
