"""Microsoft agent-framework: keys in messages and in the state, in checkpoints that are files."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from liveref import RefNotFoundError, RegistryKey, Session, SessionSnapshot, current_session_registry, reopener

pytest.importorskip("agent_framework", reason="has an environment of its own: make frameworks")

from agent_framework import (  # noqa: E402
    Executor,
    FileCheckpointStorage,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    handler,
)

MINE = [f"{__name__}:Task", "sqlite3:Connection"]
KEY = "liveref._persisted:key"


@reopener("tests.agent_framework.db", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


@dataclass
class Task:
    db: RegistryKey[sqlite3.Connection]


class Open(Executor):
    @handler
    async def run(self, path: str, ctx: WorkflowContext[Task]) -> None:
        key = current_session_registry().open(connect.recipe(path))
        ctx.set_state("db", key)
        ctx.set_state("marker", key.to_marker(typed=True))
        await ctx.send_message(Task(key))


class Query(Executor):
    @handler
    async def run(self, task: Task, ctx: WorkflowContext[None, Any]) -> None:
        assert ctx.get_state("db") == task.db == RegistryKey.read(ctx.get_state("marker"), sqlite3.Connection)
        await ctx.yield_output(current_session_registry().get(task.db).execute("select 6 * 7").fetchone()[0])


def workflow(storage: FileCheckpointStorage) -> Workflow:
    open_, query = Open(id="open"), Query(id="query")
    return WorkflowBuilder(name="shop", start_executor=open_, checkpoint_storage=storage).add_edge(open_, query).build()


def run(storage: FileCheckpointStorage, message: str | None = None, checkpoint: str | None = None) -> list[Any]:
    work = workflow(storage).run(message, checkpoint_id=checkpoint)
    return asyncio.run(work).get_outputs()


def between(storage: FileCheckpointStorage) -> list[str]:
    """The checkpoints in which the message with the key is under way."""
    found = asyncio.run(storage.list_checkpoints(workflow_name="shop"))
    return [each.checkpoint_id for each in found if "open" in each.messages]


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


def test_a_key_in_a_message_and_in_the_state_comes_back_from_a_file(session: Session, tmp_path: Path) -> None:
    storage = FileCheckpointStorage(tmp_path, allowed_checkpoint_types=[*MINE, KEY])
    assert run(storage, ":memory:") == [42]
    (checkpoint,) = between(storage)
    assert run(storage, checkpoint=checkpoint) == [42]
    assert len(session.refs) == 1


@pytest.mark.parametrize("names", [MINE, [*MINE, "liveref:RegistryKey"]], ids=["none", "the class"])
def test_without_the_name_no_checkpoint_is_written(
    session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture, names: list[str]
) -> None:
    storage = FileCheckpointStorage(tmp_path, allowed_checkpoint_types=names)
    with caplog.at_level(logging.WARNING, "agent_framework"):
        assert run(storage, ":memory:") == [42]
    assert between(storage) == []
    assert KEY in caplog.text


def test_a_key_opens_what_was_resumed_and_nothing_else(session: Session, tmp_path: Path) -> None:
    storage = FileCheckpointStorage(tmp_path, allowed_checkpoint_types=[*MINE, KEY])
    run(storage, ":memory:")
    saved, (checkpoint,) = session.snapshot().to_bytes(), between(storage)
    with Session.resume(SessionSnapshot.from_bytes(saved, trusted=True)):
        assert run(storage, checkpoint=checkpoint) == [42]
    with Session(), pytest.raises(RefNotFoundError):
        run(storage, checkpoint=checkpoint)
