"""The command line: ``python -m liveref lint PATH…`` and ``python -m liveref inspect FILE``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from liveref._snapshot import inspect

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m liveref", description="Live objects behind typed keys.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "lint",
        help="find wrong lookups with mypy and the plugin, whatever your type checker is",
        description="Prints the liveref-* findings alone; exit code 0: none, 1: some, 2: mypy could not check.",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help="a file or folder")
    command.add_argument("--output", choices=("text", "json"), default="text", help="json: one object a line")
    command.set_defaults(run=_lint)
    inspect.add_parser(commands)
    chosen = parser.parse_args(args)
    return int(chosen.run(chosen))


def _lint(chosen: argparse.Namespace) -> int:
    """Hand over to the plugin, which knows mypy."""
    command = (sys.executable, "-m", "liveref_mypy", chosen.output, *chosen.paths)
    return subprocess.run(command, check=False).returncode  # noqa: S603  our own


if __name__ == "__main__":
    sys.exit(main())
