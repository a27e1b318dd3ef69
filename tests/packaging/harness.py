"""Commands that are run as a user of the package would, outside of the project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints; its exit code must be the one that is waited for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout
