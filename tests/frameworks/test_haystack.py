"""Haystack: keys between the components of a pipeline, and in the file that a breakpoint writes."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liveref import RefNotFoundError, RegistryKey, Session, SessionSnapshot, current_session_registry, reopener

pytest.importorskip("haystack", reason="has an environment of its own: make frameworks")

from haystack import Pipeline, component  # noqa: E402
from haystack.core.errors import (  # noqa: E402
    BreakpointException,
    PipelineComponentsBlockedError,
    PipelineError,
    PipelineRuntimeError,
)
from haystack.core.pipeline.breakpoint import load_pipeline_snapshot  # noqa: E402
from haystack.dataclasses.breakpoints import Breakpoint  # noqa: E402
from haystack.tools import create_tool_from_function  # noqa: E402


@reopener("tests.haystack.db", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


@component
class Open:
    @component.output_types(key=RegistryKey[sqlite3.Connection], marker=dict[str, str])
    def run(self, path: str) -> dict[str, Any]:
        key = current_session_registry().open(connect.recipe(path))
        return {"key": key, "marker": key.to_marker(typed=True)}


@component
class ByKey:
    @component.output_types(answer=int)
    def run(self, key: RegistryKey[sqlite3.Connection]) -> dict[str, int]:
        return {"answer": current_session_registry().get(key).execute("select 6 * 7").fetchone()[0]}


@component
class ByMarker:
    @component.output_types(answer=int)
    def run(self, marker: dict[str, str]) -> dict[str, int]:
        return ByKey().run(RegistryKey.read(marker, sqlite3.Connection))


@component
class Another:
    @component.output_types(answer=int)
    def run(self, key: RegistryKey[str]) -> dict[str, int]:
        return {"answer": len(current_session_registry().get(key))}


def pipeline(query: Any, socket: str) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("open", Open())
    pipeline.add_component("query", query)
    pipeline.connect(f"open.{socket}", f"query.{socket}")
    return pipeline


def answer(query: Any, socket: str, **given: Any) -> int:
    return pipeline(query, socket).run(**given)["query"]["answer"]


REQUEST = {"open": {"path": ":memory:"}}


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HAYSTACK_PIPELINE_SNAPSHOT_SAVE_ENABLED", "true")
    return tmp_path


def stopped(query: Any, socket: str, folder: Path) -> Any:
    """What a breakpoint before the query wrote to a file."""
    with pytest.raises(BreakpointException):
        pipeline(query, socket).run(REQUEST, break_point=Breakpoint("query", snapshot_file_path=str(folder)))
    (file,) = folder.iterdir()
    return load_pipeline_snapshot(file)


@pytest.mark.parametrize(("query", "socket"), [(ByKey, "key"), (ByMarker, "marker")])
def test_a_component_hands_a_key_to_the_next(session: Session, query: Any, socket: str) -> None:
    assert answer(query(), socket, data=REQUEST) == 42


def test_haystack_holds_both_ends_to_the_type_of_a_key() -> None:
    with pytest.raises(PipelineError, match="RegistryKey"):
        pipeline(Another(), "key")


def test_a_marker_stands_in_the_file_of_a_breakpoint_and_is_resumed(session: Session, folder: Path) -> None:
    snapshot = stopped(ByMarker(), "marker", folder)
    assert answer(ByMarker(), "marker", data={}, pipeline_snapshot=snapshot) == 42
    assert len(session.refs) == 1


def test_a_marker_opens_what_was_resumed_and_nothing_else(session: Session, folder: Path) -> None:
    snapshot, saved = stopped(ByMarker(), "marker", folder), session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(saved, trusted=True)):
        assert answer(ByMarker(), "marker", data={}, pipeline_snapshot=snapshot) == 42
    with Session(), pytest.raises(PipelineRuntimeError) as caught:
        answer(ByMarker(), "marker", data={}, pipeline_snapshot=snapshot)
    assert isinstance(caught.value.__cause__, RefNotFoundError)


def test_a_breakpoint_loses_a_key_as_it_does_each_object_that_it_does_not_know(
    session: Session, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "haystack"):
        snapshot = stopped(ByKey(), "key", folder)
    assert "will be omitted from the snapshot" in caplog.text
    with pytest.raises(PipelineComponentsBlockedError):
        answer(ByKey(), "key", data={}, pipeline_snapshot=snapshot)


def test_a_tool_takes_a_key(session: Session) -> None:
    def query(db: RegistryKey[sqlite3.Connection]) -> str:
        """Ask."""
        return str(session.refs.get(RegistryKey.read(db, sqlite3.Connection)).execute("select 6 * 7").fetchall())

    tool = create_tool_from_function(query)
    key = session.refs.open(connect.recipe(":memory:"))
    assert "sqlite3:Connection" in str(tool.parameters)
    assert tool.invoke(db=str(key)) == "[(42,)]"
