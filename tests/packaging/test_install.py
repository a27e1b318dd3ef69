"""The package as its users get it: a wheel or an editable install, seen from outside of the project."""

from __future__ import annotations

import json
import shutil
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from .harness import ROOT, run

CONSUMER = Path(__file__).with_name("consumer.py")
WRONG = [number for number, line in enumerate(CONSUMER.read_text().splitlines(), 1) if line.endswith("# wrong")]


@pytest.fixture(scope="module", params=["wheel", "editable"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment in which liveref is installed."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    what: Sequence[str | Path] = (
        ["--editable", ROOT] if request.param == "editable" else [request.getfixturevalue("wheel")]
    )
    run(interpreter, "-m", "pip", "install", "--quiet", *what, cwd=folder)
    return interpreter


def test_the_wheel_holds_the_library_and_the_plugin_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    shipped = {
        str(path.relative_to(parent))
        for parent in (ROOT / "src", ROOT / "mypy_plugin")
        for path in parent.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == shipped
    assert {"liveref/py.typed", "liveref_mypy/__init__.py"} <= names


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_wheel_holds_the_fast_lanes_besides_where_there_is_a_compiler(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (made,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        names = [name for name in archive.namelist() if name.startswith("liveref/_clanes.")]
    assert len(names) == 1
    assert not made.name.endswith("-any.whl")


BROKEN = {
    "a compiler that fails": {"CC": "false"},
    "a compiler that writes nothing": {"CC": "true", "LDSHARED": "true"},
    "no compiler": {"CC": "no-such-compiler", "LDSHARED": "no-such-compiler"},
    "a missing header": {"CFLAGS": "-include no-such-header.h"},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_can_not_be_compiled_leaves_the_wheel_pure_and_says_so_once(
    broken: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in broken.items():
        monkeypatch.setenv(name, value)
    assert build_by_pip(tmp_path).count("built without the fast lanes") == 1


def test_a_wheel_is_pure_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEREF_PURE", "1")
    assert "built without the fast lanes" not in build_by_pip(tmp_path)


def build_by_pip(folder: Path) -> str:
    """What pip logs while it builds a wheel, which must come out pure."""
    command = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--log", "log", "--wheel-dir", "dist", ROOT)
    run(*command, cwd=folder)
    (made,) = (folder / "dist").glob("*.whl")
    assert made.name.endswith("-none-any.whl")
    return (folder / "log").read_text("utf-8")


def test_the_top_level_marker_is_the_one_that_ships() -> None:
    assert (ROOT / "py.typed").resolve() == ROOT / "src" / "liveref" / "py.typed"


def test_a_consumer_runs(python: Path, tmp_path: Path) -> None:
    assert run(python, CONSUMER, cwd=tmp_path).split() == ["(42,)", "ok"]


def test_only_the_two_dependencies_come_along(python: Path, tmp_path: Path) -> None:
    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json", cwd=tmp_path))
    names = {entry["name"].replace("_", "-") for entry in listed} - {"pip", "setuptools"}
    assert names == {"liveref", "beartype", "typing-extensions"}


def test_mypy_sees_the_types(python: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER.read_text())
    command = (
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--output",
        "json",
        "--python-executable",
        python,
        "consumer.py",
    )
    lines = run(*command, cwd=tmp_path, code=1).splitlines()
    assert [json.loads(line)["line"] for line in lines] == WRONG


def test_pyright_sees_the_types(python: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER.read_text())
    command = (sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", python, "consumer.py")
    report = json.loads(run(*command, cwd=tmp_path, code=1))
    assert report["summary"]["filesAnalyzed"] == 1
    assert [each["range"]["start"]["line"] + 1 for each in report["generalDiagnostics"]] == WRONG
