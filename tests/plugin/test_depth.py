"""The plugin and the running library agree on how much of a hint is checked."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

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


@pytest.mark.parametrize(
    ("mypy", "args"),
    [
        pytest.param("", (), id="not-strict"),
        pytest.param("strict = true", (), id="strict"),
        pytest.param("", ("--python-version", "3.14"), id="3.14"),
    ],
)
def test_plugin_agrees_with_check_depth(
    mypy: str, args: tuple[str, ...], tmp_path: Path, namespace: dict[str, object]
) -> None:
    result = run([TABLE], write_config(tmp_path, mypy=mypy), tmp_path / "cache", *args)
    found = {finding.line: _CODES[finding.code] for finding in result.findings if finding.code in _CODES}
    wanted = {line: _at_run_time(eval(text, dict(namespace))) for line, text in _hints()}
    wrong = [
        f"{TABLE.name}:{line} {text}: {wanted[line]} at run time, {found.get(line, 'silent')} in the plugin"
        for line, text in _hints()
        if wanted[line] != found.get(line, "silent")
    ]
    assert not wrong, "\n".join(wrong)
    others = {finding for finding in result.findings if finding.code not in _CODES}
    own = {"misc"}
    if mypy:
        own |= {"type-arg", "arg-type", "type-abstract", "unused-ignore", "no-untyped-call", "call-overload"}
    assert {finding.code for finding in others} <= own, others  # misc: a type variable that stands alone


def test_there_are_many_hints_of_each_kind(namespace: dict[str, object]) -> None:
    kinds = [_at_run_time(eval(text, dict(namespace))) for _, text in _hints()]
    assert len(kinds) >= 180
    assert min(kinds.count(kind) for kind in ("silent", "shallow", "unsupported")) >= 20


MODULES: Final = (
    *("typing", "collections.abc", "collections", "contextlib", "os", "io", "numbers", "types", "importlib.abc"),
    *("asyncio", "concurrent.futures", "queue", "re", "subprocess", "pathlib", "datetime", "enum", "abc", "weakref"),
    *("functools", "itertools", "contextvars", "sqlite3", "socket", "ssl", "uuid", "tempfile", "unittest.mock"),
)
BRACKETS: Final = ("", "[int]", "[int, int]", "[int, int, int]", "[Any]", "[Any, Any]", "[Any, Any, Any]")
UNLIKE: Final = {
    "typing.TypeAlias": "mypy takes it for a value",
}
"""Where the plugin may be silent though a hint is refused."""


def _of_the_standard_library() -> dict[str, str]:
    """Every public class and form of some modules, with and without brackets, and its verdict at run time."""
    namespace: dict[str, object] = {"Any": Any, "int": int}
    found: dict[str, str] = {}
    for name in MODULES:
        exec(f"import {name}", namespace)
        module = sys.modules[name]
        for member in sorted(vars(module)):
            if member.startswith("_") or not (name == "typing" or inspect.isclass(getattr(module, member))):
                continue
            for brackets in BRACKETS:
                text = f"{name}.{member}{brackets}"
                with contextlib.suppress(Exception):  # not generic, or of another number of parameters
                    found[text] = _at_run_time(eval(text, namespace))
    return found


def test_plugin_agrees_on_the_classes_of_the_standard_library(tmp_path: Path) -> None:
    hints = _of_the_standard_library()
    path = tmp_path / "library.py"
    head = [*(f"import {name}" for name in MODULES), "from typing import Any", "from liveref import RegistryKey"]
    path.write_text("\n".join([*head, *(f"RegistryKey.new({text})" for text in hints)]))
    result = run([path], write_config(tmp_path, mypy=""), tmp_path / "cache")
    told = {finding.line - len(head) - 1: finding.code for finding in sorted(result.findings)}
    wrong = [
        f"{text}: {wanted} at run time, {told.get(number, 'silent')} in the plugin"
        for number, (text, wanted) in enumerate(hints.items())
        if text not in UNLIKE and _CODES.get(told.get(number, ""), told.get(number, "silent")) != wanted
        if told.get(number, "liveref").startswith("liveref")  # else mypy does not take it for a hint
    ]
    assert not wrong, "\n".join(wrong)
    assert len(hints) >= 900
