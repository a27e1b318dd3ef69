"""The plugin never crashes mypy and never changes what mypy itself says."""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

import pytest

from liveref_mypy import _hooks, _plugin
from liveref_mypy._plugin import LiverefPlugin

from .harness import CASES, difference, expected, light_files, run, write_config

PLUGIN = Path(_plugin.__file__).parent
HOOKED = ("bind_union", "call_of", "takes", "is_bare_annotation", "is_bare_key")
TABLES = (_hooks._REGISTRY_RULES, _hooks._KEY_RULES)
RULES = {rule.__name__ for table in TABLES for kinds in table.values() for rules in kinds for rule in rules}


def _broken(*_args: object) -> object:
    raise RuntimeError("a rule that fails")


def _break(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one rule fail wherever it stands."""
    for table in TABLES:
        for method, kinds in table.items():
            broken = [[_broken if rule.__name__ == name else rule for rule in rules] for rules in kinds]
            monkeypatch.setitem(table, method, _hooks.Rules(*broken))


@pytest.fixture
def everything_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RULES:
        _break(name, monkeypatch)
    for name in HOOKED:
        monkeypatch.setattr(_hooks, name, _broken)
    monkeypatch.setattr("liveref_mypy._flow.flows.findings_of", _broken)


@pytest.mark.usefixtures("everything_fails")
def test_failing_rules_leave_mypy_as_it_is_without_the_plugin(tmp_path: Path) -> None:
    with_plugin = run(light_files(), write_config(tmp_path, options="flow = true"), tmp_path / "cache")
    without = run(light_files(), write_config(tmp_path, plugin=""), tmp_path / "other")
    assert with_plugin.findings == without.findings
    assert set(with_plugin.messages) == set(without.messages)


@pytest.mark.parametrize("rule", ["check_overlap", "check_widened"])
def test_failing_rule_does_not_silence_the_others(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(rule, monkeypatch)
    code = f"liveref-{rule.removeprefix('check_')}"
    found = run([CASES / "wrong"], write_config(tmp_path, options="flow = true"), tmp_path / "cache").findings
    files = (CASES / "wrong").glob("*.py")
    wanted = {each for each in expected(files) if each.code != code}
    assert not difference(wanted, found)


def test_failure_is_told_with_show_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break("check_overlap", monkeypatch)
    run([CASES / "wrong" / "lookups.py"], write_config(tmp_path), tmp_path / "cache", "--show-traceback")
    assert "a rule that fails" in capsys.readouterr().err


def test_no_case_makes_a_rule_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(light_files(), write_config(tmp_path, options="flow = true"), tmp_path / "cache", "--show-traceback")
    assert capsys.readouterr().err == ""


def test_plugin_imports_neither_liveref_nor_what_is_checked() -> None:
    imported: set[str] = set()
    for path in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported - sys.stdlib_module_names == {"mypy", "liveref_mypy"}


def test_unknown_class_is_no_registry() -> None:
    from mypy.options import Options

    plugin = LiverefPlugin(Options())
    plugin.set_modules({})
    assert plugin.get_method_signature_hook("nowhere.Missing.get") is None
    assert plugin.get_method_signature_hook("builtins.dict.get") is None
    assert plugin.get_type_analyze_hook("nowhere.Missing") is None


def test_odd_code_does_not_break_the_plugin(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    result = run([path], write_config(tmp_path, options="flow = true"), tmp_path / "cache", "--show-traceback")
    assert result.status == 1
    assert "INTERNAL ERROR" not in result.text
    assert io.StringIO(result.text).readline()


def test_finding_that_is_taken_back_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "loop.py"
    path.write_text(LOOP)
    assert run([path], write_config(tmp_path), tmp_path / "cache").status == 0


LOOP = """\
from liveref import RegistryKey, SessionRefRegistry

def use(refs: SessionRefRegistry, text: str) -> None:
    key: RegistryKey[int] | RegistryKey[str] = refs.insert(1)
    while text:
        refs.get(key, str)
        key = refs.insert("a")
"""


def test_same_where_mypy_keeps_what_the_daemon_keeps(tmp_path: Path) -> None:
    config = write_config(tmp_path, options="flow = true", mypy="strict = true\nfine_grained_incremental = true")
    files = [CASES / "wrong" / name for name in ("lookups.py", "strangers.py", "unresolved.py")]
    assert not difference(expected(files), run(files, config, tmp_path / "cache").findings)


ODD = """\
from liveref import *
from nowhere import Missing, Registry  # type: ignore

class Mine(Missing, SessionRefRegistry): ...  # type: ignore
class Broken(SessionRefRegistry[int]): ...
class Key(RegistryKey[int]): ...

def untyped(refs, key):
    refs.get(key, str)
    return refs[key]

def wrong(refs: SessionRefRegistry, key: RegistryKey[int, str], other: RegistryKey[Missing], mine: Mine) -> None:
    refs.get()
    refs.get(key)
    refs.get(key, nope)
    refs.get(key, lambda: 1)
    refs.get(key, ...)
    refs.get(key, 1 + 1)
    refs.get(key, list[1])
    refs.get(key, *[str])
    refs.get(key, int, 1, 2)
    refs.get(other)
    refs.get(other, str)
    refs[key, key]
    refs[:]
    refs.insert()
    refs.insert(1, "no such type!")
    refs.insert(1, hint=undefined)
    refs.insert(hint=int)
    refs.insert(**{})
    refs.insert(refs, refs, refs)
    mine.get(key, str)
    RegistryKey.parse()
    RegistryKey.parse(1, 2, 3)
    RegistryKey[int, str].new()
    RegistryKey[undefined].new()
    RegistryKey().get
    refs.remove(refs.remove(refs.remove(key)))
    refs.drain().x
    refs.close = None
    refs.typed
    (yield refs.get(key))
    refs.get(await key, str)

def deleted(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    del key, refs
    refs.get(key, str)

refs = SessionRefRegistry()
refs.get(late, str)
late = refs.insert(1)
for refs.x in [1]: ...
with refs as [a, *b]: ...
match refs:
    case SessionRefRegistry(x=1, y=[*c]) | {"a": d, **e}: ...
"""
