"""The plugin and the running library agree on how much of a hint is checked."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from liveref import CheckDepth, HintError, check_depth

from .harness import run, write_config

TABLE: Final = Path(__file__).parent / "hint_table.py"
_CODES: Final = {"liveref-shallow": "shallow", "liveref-unsupported": "unsupported"}


def _hints() -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(TABLE.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "RegistryKey.new":
            yield node.lineno, ast.unparse(node.args[0])


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location("liveref_hint_table", TABLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec.loader.exec_module(module)
    return vars(module)


def _at_run_time(hint: object) -> str:
    try:
        depth = check_depth(hint)
    except HintError:
        return "unsupported"
    return "shallow" if depth is CheckDepth.SHALLOW else "silent"


def test_plugin_agrees_with_check_depth(tmp_path: Path, namespace: dict[str, object]) -> None:
    result = run([TABLE], write_config(tmp_path, mypy=""), tmp_path / "cache")
    found = {finding.line: _CODES[finding.code] for finding in result.findings if finding.code in _CODES}
    wanted = {line: _at_run_time(eval(text, dict(namespace))) for line, text in _hints()}
    wrong = [
        f"{TABLE.name}:{line} {text}: {wanted[line]} at run time, {found.get(line, 'silent')} in the plugin"
        for line, text in _hints()
        if wanted[line] != found.get(line, "silent")
    ]
    assert not wrong, "\n".join(wrong)
    others = {finding for finding in result.findings if finding.code not in _CODES}
    assert {finding.code for finding in others} <= {"misc"}, others  # a type variable that stands alone


def test_there_are_many_hints_of_each_kind(namespace: dict[str, object]) -> None:
    kinds = [_at_run_time(eval(text, dict(namespace))) for _, text in _hints()]
    assert len(kinds) >= 180
    assert min(kinds.count(kind) for kind in ("silent", "shallow", "unsupported")) >= 20
