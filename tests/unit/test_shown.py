"""How a session and the refs of a registry show: in a repr, in rich, in IPython."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys

import orjson
import pytest
from rich.console import Console
from rich.pretty import pretty_repr

from liveref import RefInfo, RefLifetime, Session, SessionRefRegistry

EVIL = type("Evil\x1b[2J<b>", (), {"__module__": "m"})


def shown(found: object, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def registry() -> SessionRefRegistry:
    registry = SessionRefRegistry()
    registry.insert([1], list[int], lifetime=RefLifetime.UNTIL_SNAPSHOT)
    registry.insert("secret text")
    return registry


def test_rich_shows_a_table(registry: SessionRefRegistry) -> None:
    lines = shown(registry.describe(), 200).splitlines()
    assert [word in lines[1] for word in ("key", "type", "lifetime", "age", "inserted at")] == [True] * 5
    assert "builtins:list[builtins:int]" in lines[3]
    assert "until_snapshot" in lines[3]
    assert "test_shown.py:" in lines[4]
    assert len(lines) == 6
    assert "secret" not in "".join(lines)


def test_ipython_shows_a_table(registry: SessionRefRegistry) -> None:
    html = registry.describe()._repr_html_()
    assert html.count("<tr>") == 3
    assert html.count("<th>") == 7
    assert html.count("<td>") == 14
    assert "secret" not in html
    assert shown({"refs": registry.describe()}).count("RefInfo(") == 2


def test_names_from_outside_are_only_text() -> None:
    registry = SessionRefRegistry()
    registry.insert(EVIL())
    told = registry.describe()
    html = told._repr_html_()
    assert "&lt;b&gt;" in html
    for text in (html, shown(told, 200), repr(Session()) + repr(told)):
        assert "\x1b" not in text
        assert "<b>" not in html


def test_it_is_a_list_in_all_else(registry: SessionRefRegistry) -> None:
    told = registry.describe()
    assert isinstance(told, list)
    assert type(pickle.loads(pickle.dumps(told))) is type(copy.copy(told)) is list
    assert pickle.loads(pickle.dumps(told)) == told
    assert [row["lifetime"] for row in orjson.loads(orjson.dumps(told))] == [ref.lifetime for ref in told]
    assert pretty_repr(told).startswith("RefTable(")
    assert json.dumps([ref.key for ref in told])
    assert all(type(ref) is RefInfo for ref in told)


def test_rich_is_not_imported_unasked() -> None:
    code = """
import sys
from liveref import Session
with Session() as session:
    session.refs.insert(1)
    session.refs.describe()._repr_html_()
    assert "rich" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_session_says_what_it_holds() -> None:
    session = Session(capacity=9)
    assert repr(session) == "<Session: not entered, 0 of 9 refs>"
    with session:
        for value in (1, 2, "text", [], {}, 3.0):
            session.refs.insert(value)
        held = "2 builtins:int, 1 builtins:str, 1 builtins:list, 2 more types"
        assert repr(session) == f"<Session: entered, 6 of 9 refs ({held})>"
        with session.child() as child:
            assert repr(child) == f"<Session: entered, 6 of 9 refs, borrowed ({held})>"
    assert repr(session) == "<Session: closed, 0 of 9 refs>"


def test_a_session_whose_registry_was_closed_is_closed() -> None:
    session = Session(capacity=9)
    session.refs.close()
    assert repr(session) == "<Session: closed, 0 of 9 refs>"


def test_the_repr_of_a_session_of_a_subclass_has_its_name_and_no_escapes() -> None:
    class Run(Session):
        pass

    with Run() as run:
        run.refs.insert(EVIL())
        assert repr(run).startswith("<Run: entered, 1 of 10000 refs (1 ")
        assert "\x1b" not in repr(run)
