"""``python -m liveref_mypy text|json PATH…``, which ``python -m liveref lint`` hands over to."""

from __future__ import annotations

import importlib
import sys

__all__ = ["main"]


def main(output: str, *paths: str) -> int:
    """Check files and folders; 0 if there are no findings, 1 if there are some, 2 if that could not be told."""
    try:
        from liveref_mypy._lint import lint  # noqa: PLC0415  mypy may be missing

        importlib.import_module("liveref_mypy._plugin")  # or another one than the plugin knows
    except ImportError as error:
        sys.stderr.write(f"python -m liveref lint needs mypy: pip install 'liveref[mypy]' ({error})\n")
        return 2
    return lint(paths, output=output)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
