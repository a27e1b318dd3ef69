"""The command line: ``liveref``, or ``python -m liveref`` where scripts are not on the path."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from liveref._command import doctor, inspect
from liveref._command.output import write

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    parser = _parser()
    chosen = parser.parse_args(args)
    if chosen.version:
        write(sys.stdout, doctor.version_line())
        return 0
    if "run" not in chosen:
        parser.error("which command? doctor, inspect or lint")
    return int(chosen.run(chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m liveref" if sys.argv[0].endswith("__main__.py") else "liveref",
        description="Live objects behind typed keys: what a command line can tell of them.",
        epilog="Example: liveref doctor",
    )
    parser.add_argument("--version", action="store_true", help="tell what runs: version, build, Python, engines")
    commands = parser.add_subparsers(metavar="COMMAND")
    command = commands.add_parser(
        "lint",
        help="find wrong lookups with mypy and the plugin, whatever your type checker is",
        description="Prints the liveref-* findings alone; exit code 0: none, 1: some, 2: mypy could not check.",
        epilog="Example: liveref lint src tests",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help="a file or folder")
    command.add_argument("--output", choices=("text", "json"), default="text", help="json: one object a line")
    command.set_defaults(run=_lint)
    inspect.add_parser(commands)
    doctor.add_parser(commands)
    return parser


def _lint(chosen: argparse.Namespace) -> int:
    """Hand over to the plugin, which knows mypy."""
    command = (sys.executable, "-m", "liveref_mypy", chosen.output, *chosen.paths)
    return subprocess.run(command, check=False).returncode  # noqa: S603  our own


if __name__ == "__main__":
    sys.exit(main())
