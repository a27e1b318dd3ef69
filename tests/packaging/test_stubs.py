"""The committed stubs are what the generator writes: a change of the API shows as a diff in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_committed_stubs_are_those_of_the_code(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "stubs" / "generate.py", tmp_path], check=True)
    made, kept = (
        {path.name: path.read_text() for path in (folder / "liveref").iterdir()}
        for folder in (tmp_path, ROOT / "stubs")
    )
    assert made == kept, "run `make stubs` and commit what it changes"
