"""The agent of the examples, run as a user would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("langgraph.checkpoint.sqlite", reason="LangGraph is not installed: make .venv/engines")


def test_the_agent_pauses_resumes_and_changes_what_was_approved(run_example: Callable[..., str]) -> None:
    told = dict(line.split(":", 1) for line in run_example("langgraph_agent.py", "-W", "error").splitlines())
    assert told["before"].strip() == "nails 7, screws 250, tacks 0"
    assert "db is RegistryKey[sqlite3.Connection](" in told["state"]
    assert told["snapshot"].strip() == "['sqlite3:Connection by recipe']"
    assert told["resumed"].strip() == "2 articles changed"
    assert told["after"].strip() == "nails 100, screws 250, tacks 100"
