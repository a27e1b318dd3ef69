"""``python -m liveref_mypy text|json PATH…``, which ``python -m liveref lint`` hands over to."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(output: str, *paths: str) -> int:
    """Check files and folders; 0 if there are no findings, 1 if there are some, 2 if that could not be told."""
    try:
        from liveref_mypy._lint import lint  # noqa: PLC0415  mypy may be missing, or another one
        from liveref_mypy._plugin import LintPlugin  # noqa: F401, PLC0415
    except ImportError as error:
        sys.stderr.write(f"python -m liveref lint needs mypy: pip install 'liveref[mypy]' ({error})\n")
        return 2
    return lint(paths, output=output)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
