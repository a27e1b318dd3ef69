"""The agent of the examples, run as a user would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("langgraph.checkpoint.sqlite", reason="LangGraph is not installed: make .venv/engines")

AGENT = Path(__file__).parent.parent.parent / "examples" / "langgraph_agent.py"


def test_the_agent_pauses_resumes_and_changes_what_was_approved(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(AGENT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert told["before"].strip() == "nails 7, screws 250, tacks 0"
    assert "db is RegistryKey[sqlite3.Connection](" in told["state"]
    assert told["snapshot"].strip() == "['sqlite3:Connection by recipe']"
    assert told["resumed"].strip() == "2 articles changed"
    assert told["after"].strip() == "nails 100, screws 250, tacks 100"
    assert not list(tmp_path.iterdir())
