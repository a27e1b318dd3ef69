"""Running the examples as a user does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run_example(tmp_path: Path) -> Callable[..., str]:
    """Runs an example in an empty folder and gives what it prints; nothing may go wrong or be left there."""

    def run(name: str, *options: str, arguments: Sequence[str] = ()) -> str:
        command = [sys.executable, *options, str(EXAMPLES / name), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert not list(tmp_path.iterdir())
        return done.stdout

    return run
