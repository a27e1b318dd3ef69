"""The findings are the same however mypy is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveref_mypy import _plugin

from .harness import (
    VERSIONS,
    Finding,
    difference,
    expected,
    light_files,
    plain_environment,
    run,
    run_apart,
    write_config,
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, options="flow = true")


def test_cold_and_warm_are_the_same(config: Path, tmp_path: Path) -> None:
    cold = run(light_files(), config, tmp_path / "cache")
    warm = run(light_files(), config, tmp_path / "cache")
    assert cold.findings == warm.findings == expected(light_files())
    assert sorted(cold.messages) == sorted(warm.messages)


def test_warm_after_an_edit_is_the_same(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "edited"
    folder.mkdir()
    library, user = folder / "edited_library.py", folder / "edited_user.py"
    library.write_text(LIBRARY)
    user.write_text(USER)
    assert _lines(run([folder], config, tmp_path / "cache").findings) == {("edited_user.py", 6)}
    library.write_text(LIBRARY.replace("[int]", "[str ]"))  # mypy's cache tells files by size and second
    assert _lines(run([folder], config, tmp_path / "cache").findings) == {("edited_user.py", 5)}


LIBRARY = """\
from liveref import RegistryKey, SessionRefRegistry
refs = SessionRefRegistry()
KEY: RegistryKey[int]
"""
USER = """\
from edited_library import KEY, refs

def use() -> None:
    refs.get(KEY, int | str)
    refs.get(KEY, int)
    refs.get(KEY, str)
"""


def _lines(findings: frozenset[Finding]) -> set[tuple[str, int]]:
    return {(finding.file, finding.line) for finding in findings}


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("-n", "2"), id="two-workers"),
        pytest.param(("--no-sqlite-cache",), id="files-cache"),
        pytest.param(("--no-fixed-format-cache",), id="json-cache"),
        pytest.param(("--no-native-parser",), id="python-parser"),
        pytest.param(("--no-incremental",), id="no-cache"),
    ],
)
def test_way_of_running_makes_no_difference(args: tuple[str, ...], config: Path, tmp_path: Path) -> None:
    apart = run_apart if "-n" in args else run
    for _ in ("cold", "warm"):
        found = apart(light_files(), config, tmp_path / "cache", *args).findings
        assert not difference(expected(light_files()), found)


class _Daemon:
    """A mypy daemon in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def call(self, *args: str) -> str:
        command = [sys.executable, "-m", "mypy.dmypy", "--status-file", "status.json", *args]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, env=plain_environment()
        )
        return done.stdout + done.stderr

    def check(self, *paths: str) -> set[tuple[str, int, str]]:
        rows = [json.loads(line) for line in self.call("check", *paths).splitlines() if line.startswith("{")]
        return {(Path(row["file"]).name, row["line"], row["code"]) for row in rows if row["severity"] == "error"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[_Daemon]:
    folder = tmp_path / "daemon"
    folder.mkdir()
    config = write_config(folder, options="flow = true")
    daemon = _Daemon(folder)
    daemon.call("start", "--", "--config-file", str(config), "--output", "json", "--follow-imports", "normal")
    yield daemon
    daemon.call("kill")


def test_daemon_finds_the_same_before_and_after_edits(daemon: _Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    library, user = folder / "edited_library.py", folder / "edited_user.py"
    library.write_text(LIBRARY)
    user.write_text(USER + GONE)
    first = {("edited_user.py", 6, "liveref-overlap"), ("edited_user.py", 10, "liveref-removed")}
    assert daemon.check("edited_library.py", "edited_user.py") == first
    library.write_text(LIBRARY.replace("[int]", "[str ]"))  # mypy's daemon too
    second = {("edited_user.py", 5, "liveref-overlap"), ("edited_user.py", 10, "liveref-removed")}
    assert daemon.check("edited_library.py", "edited_user.py") == second
    user.write_text("\n\n" + USER + GONE.replace("release(key)", "get(key)"))
    assert daemon.check("edited_library.py", "edited_user.py") == {("edited_user.py", 7, "liveref-overlap")}
    user.write_text(USER + GONE)
    assert daemon.check("edited_library.py", "edited_user.py") == second


def test_daemon_sees_what_a_name_has_become(daemon: _Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    names, user = folder / "names.py", folder / "names_user.py"
    names.write_text(NAMES)
    user.write_text(NAMES_USER)
    assert daemon.check("names.py", "names_user.py") == set()
    names.write_text(BECOME)
    wanted = {(4, "liveref-untyped"), (4, "type-arg"), (5, "liveref-overlap")}
    assert daemon.check("names.py", "names_user.py") == {("names_user.py", *each) for each in wanted}
    names.write_text(NAMES)
    assert daemon.check("names.py", "names_user.py") == set()


def test_daemon_finds_the_same_after_an_edit_of_a_generic_class(daemon: _Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    library, user = folder / "boxes.py", folder / "boxes_user.py"
    library.write_text(BOXES)
    user.write_text(BOXES_USER)
    wanted = {(line, "liveref-overlap") for line in (6, 7, 8, 9)} | {(10, "liveref-unsupported")}
    assert daemon.check("boxes.py", "boxes_user.py") == {("boxes_user.py", *each) for each in wanted}
    for edit in (BOXES + "\nmore = 1\n", BOXES.replace("item: T", "item: T\n    more: int"), BOXES):
        library.write_text(edit)
        assert daemon.check("boxes.py", "boxes_user.py") == {("boxes_user.py", *each) for each in wanted}
    library.write_text(BOXES.replace("Loads(Protocol)", "Loads").replace("class Other:", "class Other(Plain):"))
    wanted -= {(9, "liveref-overlap"), (10, "liveref-unsupported")}
    assert daemon.check("boxes.py", "boxes_user.py") == {("boxes_user.py", *each) for each in wanted}


def test_daemon_finds_the_same_after_an_edit_of_the_module_of_a_generic_class(daemon: _Daemon, tmp_path: Path) -> None:
    path = tmp_path / "daemon" / "whole.py"
    whole = BOXES + BOXES_USER.replace("from boxes import Box, Loads, Other, Plain", "")
    lines = {whole[: whole.index(text)].count("\n") + 1: code for text, code in WHOLE.items()}
    for added in range(4):
        path.write_text(whole + "".join(f"more_{number}: Box[int]\n" for number in range(added)))
        assert daemon.check("whole.py") == {("whole.py", *each) for each in lines.items()}


WHOLE = {
    "    refs.get(key, Box[str])": "liveref-overlap",
    "    refs.get(RegistryKey.parse(": "liveref-overlap",
    "    refs.get(refs.insert(": "liveref-overlap",
    "    refs.get(plain, list[Other])": "liveref-overlap",
    "    refs.get(plain, list[Loads]": "liveref-unsupported",
}
BOXES = """\
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

class Box(Generic[T]):
    item: T

class Plain: ...
class Other: ...
class Loads(Protocol):
    item: bytes
"""
BOXES_USER = """\
from boxes import Box, Loads, Other, Plain
from liveref import RegistryKey, SessionRefRegistry

def use(refs: SessionRefRegistry, key: RegistryKey[Box[int]], plain: RegistryKey[list[Plain]], text: str) -> None:
    refs.get(key, Box[bool] | None)  # type: ignore[liveref-shallow]
    refs.get(key, Box[str])  # type: ignore[liveref-shallow]
    refs.get(RegistryKey.parse(text, list[Box[int]]), list[Box[str]])  # type: ignore[liveref-shallow]
    refs.get(refs.insert([Box[int]()], list[Box[int]]), Plain)  # type: ignore[liveref-shallow]
    refs.get(plain, list[Other])
    refs.get(plain, list[Loads] | list[Plain])
"""
NAMES = """\
from liveref import RegistryKey

class Bare: ...

class Store:
    def get(self, key: object, hint: object) -> object: ...
"""
BECOME = """\
from liveref import RegistryKey, SessionRefRegistry

Bare = RegistryKey

class Store(SessionRefRegistry): ...
"""
NAMES_USER = """\
from liveref import RegistryKey
from names import Bare, Store

def use(store: Store, key: RegistryKey[int], bare: Bare) -> None:
    store.get(key, str)
"""
GONE = """\
def gone() -> None:
    key = refs.insert(1)
    refs.release(key)
    refs.get(key)
"""


def test_fingerprint_covers_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"
    (copy / "_rules").mkdir(parents=True)
    (copy / "_plugin.py").write_text("1")
    (copy / "_rules" / "one.py").write_text("1")
    monkeypatch.setattr(_plugin, "__file__", str(copy / "_plugin.py"))
    first = _plugin.fingerprint.__wrapped__()
    (copy / "_rules" / "one.py").write_text("2")
    assert _plugin.fingerprint.__wrapped__() != first


@pytest.mark.parametrize("version", VERSIONS)
def test_supported_mypy_finds_the_same(version: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    python = _python_with(version, pytestconfig)
    config = write_config(tmp_path, options="flow = true", mypy=f"strict = true\nmypy_path = {_paths()}")
    files = light_files()
    found = run_apart(files, config, tmp_path / "cache", "--python-executable", sys.executable, python=python)
    assert not difference(expected(files), found.findings)


def _paths() -> str:
    """The folders of liveref and of the plugin."""
    import liveref

    return str(Path(liveref.__file__).parents[1])


def _python_with(version: str, pytestconfig: pytest.Config) -> Path:
    """An interpreter with one version of mypy: of a folder that the environment names, else made once and kept."""
    named = os.environ.get("LIVEREF_MYPY_VERSIONS")
    kept = Path(named) if named else _kept(pytestconfig)
    folder = kept / f"mypy-{version}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        if named:
            pytest.skip(f"{named} holds no mypy {version}")
        _install(version, folder, python)
    (folder / "lib" / "liveref_mypy.pth").parent.mkdir(exist_ok=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "liveref_mypy_under_test.pth").write_text(str(Path(_plugin.__file__).parents[1]))
    return python


def _kept(pytestconfig: pytest.Config) -> Path:
    if not pytestconfig.pluginmanager.hasplugin("cacheprovider"):
        pytest.skip("pytest keeps nothing between runs here; LIVEREF_MYPY_VERSIONS may name a folder of environments")
    return pytestconfig.cache.mkdir("mypy-versions")


def _install(version: str, folder: Path, python: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
    wanted = (f"mypy=={version}.*", "typing_extensions")
    done = subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mypy {version} can't be installed here, perhaps there is no network")
    (folder / "ready").touch()
