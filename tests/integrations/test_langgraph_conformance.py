"""LangGraph's own conformance suite for savers, in full, with our serializer in them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

pytest.importorskip("langgraph.checkpoint.conformance", reason="LangGraph's suite is not installed: make .venv/engines")

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import CapabilityReport
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from liveref.integrations.langgraph import LiveRefSerializer

LIVE = {"explicit": (), "transparent": (sqlite3.Connection,)}


def assert_full(report: CapabilityReport, capabilities: int) -> None:
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert failures == []
    passed = [name for name, result in report.results.items() if result.passed]
    assert (report.conformance_level(), len(passed)) == ("FULL", capabilities)


@pytest.mark.parametrize("live", LIVE.values(), ids=LIVE)
def test_the_saver_in_memory_conforms(live: tuple[type, ...]) -> None:
    @checkpointer_test(name="InMemorySaver")
    async def saver() -> AsyncGenerator[BaseCheckpointSaver]:
        yield InMemorySaver(serde=LiveRefSerializer(live=live))

    assert_full(asyncio.run(validate(saver)), 5)


@pytest.mark.parametrize("live", LIVE.values(), ids=LIVE)
def test_the_saver_on_a_file_conforms(live: tuple[type, ...], tmp_path: Path) -> None:
    @checkpointer_test(name="AsyncSqliteSaver")
    async def saver() -> AsyncGenerator[BaseCheckpointSaver]:
        (tmp_path / "checkpoints.db").unlink(missing_ok=True)
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "checkpoints.db")) as saver:
            saver.serde = LiveRefSerializer(live=live)
            yield saver

    assert_full(asyncio.run(validate(saver)), 5)
