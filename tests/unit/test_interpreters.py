"""Several interpreters in one process: each has its own liveref, and a marker goes from one to the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from liveref import Session

interpreters: Any = pytest.importorskip("concurrent.interpreters", reason="they came with Python 3.14")


@pytest.fixture
def other() -> Iterator[Any]:
    made = interpreters.create()
    made.prepare_main(path=json.dumps(sys.path))
    made.exec("import json, sys; sys.path[:] = json.loads(path)")
    yield made
    made.close()


def test_sessions_work_in_another_interpreter(other: Any) -> None:
    other.exec("""if True:
        from liveref import Session
        ended = []
        with Session() as session:
            key = session.refs.insert([1], list[int], finalizer=ended.append)
            snapshot = session.snapshot()
        assert ended == [[1]]
        with Session.resume(snapshot) as session:
            assert session.refs[key] == [1]
    """)


def test_a_marker_passes_to_another_interpreter_where_its_ref_is_not(other: Any) -> None:
    with Session() as session:
        key = session.refs.insert([1])
        other.prepare_main(marker=json.dumps(key.to_marker()))
        other.exec("""if True:
            from liveref import RefNotFoundError, RegistryKey, Session
            key = RegistryKey.from_marker(json.loads(marker))
            with Session() as session:
                try:
                    session.refs.get(key)
                except RefNotFoundError as error:
                    assert "the key is of another registry" in str(error)
                else:
                    raise AssertionError("it was found")
            assert json.dumps(key.to_marker()) == marker
        """)
        assert session.refs[key] == [1]


def test_a_key_comes_back_from_a_queue_between_interpreters_and_finds_its_ref(other: Any) -> None:
    queue = interpreters.create_queue()
    other.prepare_main(queue=queue)
    with Session() as session:
        key = session.refs.insert([1])
        queue.put(key)
        other.exec("queue.put(queue.get())")
        again = queue.get()
        assert again is not key
        assert session.refs[again] == [1]
