"""``liveref doctor`` and ``liveref --version``: what is installed, and what of it does not fit."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from liveref._command import doctor
from liveref._lanes import build
from liveref.__main__ import main

VERSION = importlib.metadata.version("liveref")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a configuration of mypy."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these packages be the ones that are found."""

    def install(**versions: str) -> None:
        def version(name: str) -> str:
            if name not in versions:
                raise PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(doctor, "version", version)

    return install


def asked(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_json_tells_what_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--output", "json"])
    found = asked(capsys)
    assert found["liveref"] == VERSION
    assert found["build"] in {"pure", "compiled"}
    assert found["python"] == f"CPython {platform.python_version()}"
    assert set(found["packages"]) == {"beartype", "typing-extensions"}
    there = [each.version for each in importlib.metadata.distributions(name="mypy")]  # none on the other Pythons
    assert found["checkers"]["mypy"] == next(iter(there), None)
    assert {"langgraph", "pydantic", "temporalio"} <= set(found["engines"])
    assert not {"mypy", "liveref"} & set(found["engines"])
    assert found["plugin"] == {"file": None, "configured": False}


@pytest.mark.parametrize(("lanes", "told"), [(None, "pure: without the"), (sys, "compiled: with the")])
def test_text_tells_the_build(
    lanes: object, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LANES", lanes)
    main(["doctor"])
    assert f"liveref    {VERSION}, {told} fast lanes in C\n" in capsys.readouterr().out


def test_version_tells_build_python_and_engines(
    installed: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LANES", None)
    installed(liveref="0.1.0", pydantic="2.14.1", kombu="5.7.0")
    assert main(["--version"]) == 0
    python = f"CPython {platform.python_version()}"
    assert capsys.readouterr().out == f"liveref 0.1.0 (pure), {python}; engines: kombu 5.7.0, pydantic 2.14.1\n"
    installed(liveref="0.1.0")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.endswith("; engines: none\n")


def test_version_tells_the_build_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.match(rf"liveref \S+ \({build()}\), ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("package", "found", "code"),
    [
        ("mypy", "2.2.0", 0),
        ("mypy", "2.4.1", 0),
        ("mypy", "2.1.9", 1),
        ("mypy", "2.5", 1),
        ("pydantic", "2.14", 0),
        ("pydantic", "2.14.0rc1", 0),
        ("pydantic", "2.9.2", 1),
        ("pydantic", "3", 0),
        ("pydantic", "unknown", 1),
        ("zuban", "0.0.1", 0),
    ],
)
def test_a_version_that_the_extra_does_not_allow_is_to_be_mended(
    package: str,
    found: str,
    code: int,
    folder: Path,
    installed: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed(**{package: found})
    assert main(["doctor"]) == code
    told = capsys.readouterr().out
    assert (f"to mend    {package} {found} is installed, and liveref is made for " in told) is bool(code)


@pytest.mark.parametrize(
    ("name", "text", "configured"),
    [
        ("mypy.ini", "[mypy]\nplugins = other, liveref_mypy\n", True),
        ("mypy.ini", "[mypy]\nplugins = other\n", False),
        ("pyproject.toml", '[tool.mypy]\nplugins = ["liveref_mypy:plugin"]\n', True),
        ("pyproject.toml", "[tool.mypy]\nstrict = true\n", False),
    ],
)
def test_the_plugin_is_looked_for_where_mypy_looks(
    name: str,
    text: str,
    configured: bool,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / name).write_text(text)
    (folder / "src").mkdir()
    monkeypatch.chdir(folder / "src")
    main(["doctor"])
    assert f"plugin     {'' if configured else 'not '}configured in ../{name}\n" in capsys.readouterr().out


def test_a_broken_configuration_is_to_be_mended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text("[tool.mypy\n")
    assert main(["doctor", "--output", "json"]) == 1
    found = asked(capsys)
    assert found["plugin"] == {"file": None, "configured": False}
    assert "pyproject.toml: " in str(found["problems"])


@pytest.mark.skipif(os.name == "nt", reason="a folder that is in use stays there")
def test_a_folder_that_is_gone_is_to_be_mended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    assert main(["doctor"]) == 1
    assert "to mend    [Errno 2] No such file or directory\n" in capsys.readouterr().out


def test_it_runs_from_a_source_that_is_not_installed(
    folder: Path,
    installed: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    installed()
    monkeypatch.setattr(doctor, "requires", nothing)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "liveref    unknown, " in told
    assert "engines    none\n" in told
    assert "plugin     no configuration of mypy" in told


@pytest.mark.parametrize("command", [[], ["doctor"], ["inspect"], ["lint"]])
def test_help_has_an_example_that_fits_a_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    shown = capsys.readouterr().out
    assert stopped.value.code == 0
    assert f"Example: liveref {' '.join(command)}" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("command", [[], ["nothing"], ["doctor", "--output", "xml"], ["doctor", "more"]])
def test_wrong_usage_ends_with_two(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/liveref"])
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: liveref ")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        pytest.param([sys.executable, "-m", "liveref"], "python -m liveref", id="module"),
        pytest.param([str(Path(sys.executable).with_name("liveref"))], "liveref", id="script"),
    ],
)
def test_each_way_to_start_it_names_itself(start: list[str], name: str) -> None:
    done = subprocess.run([*start, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: {name} ")
