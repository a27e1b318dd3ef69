"""``python -m liveref lint``."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from liveref.__main__ import main as liveref_main
from liveref_mypy import _project
from liveref_mypy.__main__ import main as program
from liveref_mypy._lint import lint

WRONG = """\
from liveref import RegistryKey, SessionRefRegistry

def use(refs: SessionRefRegistry, key: RegistryKey[int]) -> int:
    refs.get(key, str)
    refs.release(key)
    refs.get(key)
    return "not ours"
"""


def main(args: list[str]) -> int:
    """The linter in this process, so that coverage sees it."""
    command, *rest = args
    assert command == "lint"
    return lint(rest[2:], output=rest[1]) if rest[0] == "--output" else lint(rest, output="text")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lint-cache")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """A folder with one wrong module, in which the command runs."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "right.py").write_text(WRONG.replace("    refs.get(key, str)\n", "").replace('"not ours"', "1"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MYPY_CACHE_DIR", str(cache))
    return folder


def _lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[int, str]]:
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [(row["line"], row["code"]) for row in rows]


def test_only_findings_of_liveref_are_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "wrong.py"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('wrong.py:4: "key" is a key of "int"')
    assert line.endswith("[liveref-overlap]")


def test_right_code_gives_zero(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "right.py"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_has_one_object_a_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--output", "json", "."]) == 1
    assert _lines(capsys) == [(4, "liveref-overlap")]


def test_code_that_is_no_python_gives_two(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.py").write_text("def (\n")
    assert main(["lint", "broken.py"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "broken.py:1" in captured.err


def test_path_that_is_missing_gives_two(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere.py"]) == 2
    assert "nowhere.py" in capsys.readouterr().err


def test_configuration_of_the_project_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.mypy]\nplugins = "liveref_mypy"\nexclude = ["right", "nothing"]\n'
        '[[tool.mypy.overrides]]\nmodule = ["elsewhere.*", "other"]\nignore_errors = true\n'
        "[tool.liveref-mypy]\nflow = true\n"
    )
    assert main(["lint", "--output", "json", "."]) == 1
    assert _lines(capsys) == [(4, "liveref-overlap"), (6, "liveref-removed")]


def test_arguments_of_insert_are_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "inserts.py").write_text(INSERTS)
    assert main(["lint", "--output", "json", "inserts.py"]) == 1
    assert _lines(capsys) == [(line, "liveref-argument") for line in (5, 6, 7, 8)]


INSERTS = """\
from liveref import Recipe, SessionRefRegistry

def keep(refs: SessionRefRegistry, recipe: Recipe[int]) -> None:
    refs.insert(1, float)
    refs.insert(1, str)
    refs.insert([1, "a"], list[int])
    refs.insert("a", reopen=recipe)
    refs.insert("a", str, reopen=recipe)
    refs.insert(1, str)  # type: ignore[arg-type]
    refs.insert([nope], list[int])
    len(1)
"""


def test_plugin_that_is_there_is_not_loaded_twice(project: Path) -> None:
    (project / "mypy.ini").write_text("[mypy]\nplugins = liveref_mypy, a.b, liveref_mypy:plugin\n")
    assert _configured(project)["mypy"]["plugins"] == "a.b,liveref_mypy:lint"


def test_project_without_a_cache_keeps_none(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYPY_CACHE_DIR")
    (project / "mypy.ini").write_text("[mypy]\ncache_dir = /dev/null\nnum_workers = 2\n")
    assert main(["lint", "wrong.py"]) == 2
    assert "Cache must be enabled" in capsys.readouterr().err  # mypy's own word
    (project / "mypy.ini").write_text("[mypy]\ncache_dir = /dev/null\n")
    assert main(["lint", "wrong.py"]) == 1


def test_mistake_in_the_options_gives_two(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mypy.ini").write_text("[mypy]\n[liveref-mypy]\nflwo = true\n")
    assert main(["lint", "wrong.py"]) == 2
    assert "flwo" in capsys.readouterr().err


def _configured(folder: Path) -> dict[str, dict[str, str]]:
    parser = _project.configuration(folder)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_plugin_is_added_to_an_ini_file(project: Path) -> None:
    (project / "setup.cfg").write_text(
        "[tool:pytest]\nx = 1\n[mypy]\nmypy_path = $MYPY_CONFIG_FILE_DIR/src\nplugins = own.py, a.b\n"
        "[mypy-x.*]\nignore_errors = True\n"
    )
    (project / "pyproject.toml").write_text("[tool.liveref-mypy]\nshallow = false\n")
    assert _configured(project) == {
        "mypy": {"mypy_path": f"{project}/src", "plugins": f"{project / 'own.py'},a.b,liveref_mypy:lint"},
        "mypy-x.*": {"ignore_errors": "True"},
        "liveref-mypy": {"shallow": "False"},
    }


def test_nearest_configuration_up_to_version_control_counts(project: Path) -> None:
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    (project / "a" / "setup.cfg").write_text("[flake8]\n")
    (project / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    assert _configured(inner)["mypy"] == {"strict": "true", "plugins": "liveref_mypy:lint"}


def test_project_without_configuration_gets_one_that_checks_much(project: Path) -> None:
    (project.parent / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    (project / "pyproject.toml").write_text("[project]\n")
    expected = {"check_untyped_defs": "true", "ignore_missing_imports": "true", "plugins": "liveref_mypy:lint"}
    assert _configured(project) == {"mypy": expected}


def test_folders_up_to_the_root_are_looked_at() -> None:
    assert list(_project.candidates(Path("/")))[-1] == Path("/setup.cfg")


def test_missing_mypy_gives_two(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mypy.api", None)
    monkeypatch.delitem(sys.modules, "liveref_mypy._lint", raising=False)
    assert program("text", "x.py") == 2
    assert "liveref[mypy]" in capsys.readouterr().err


def test_crash_of_mypy_is_shown(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mypy.api.run", lambda args: ("", "it crashed\n", 2))
    assert main(["lint", "wrong.py"]) == 2
    assert capsys.readouterr().err == "it crashed\n"


def test_command_hands_over(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert liveref_main(["lint", "--output", "json", "wrong.py"]) == 1
    assert '"code": "liveref-overlap"' in capfd.readouterr().out
    assert program("text", "right.py") == 0


def test_wrong_usage_gives_two(capsys: pytest.CaptureFixture[str]) -> None:
    for args in ([], ["lint"], ["lint", "--output", "xml", "."]):
        with pytest.raises(SystemExit) as stopped:
            liveref_main(args)
        assert stopped.value.code == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param("pyproject.toml", b"[tool.mypy\n", "pyproject.toml: ", id="broken-toml"),
        pytest.param("pyproject.toml", b"tool = 1\n", "[tool] is no table", id="tool-is-no-table"),
        pytest.param("pyproject.toml", b"[tool]\nmypy = 1\n", "[tool.mypy] is no table", id="mypy-is-no-table"),
        pytest.param("pyproject.toml", b"[tool.mypy]\nx = '\xff'\n", "pyproject.toml: ", id="toml-is-no-utf-8"),
        pytest.param("mypy.ini", b"[mypy]\n# \xff\n", "mypy.ini: ", id="ini-is-no-utf-8"),
        pytest.param("mypy.ini", b"[mypy]\nstrict = 1\nstrict = 0\n", "'strict'", id="option-twice"),
        pytest.param("mypy.ini", b"[mypy]\n[mypy]\n", "'mypy'", id="section-twice"),
        pytest.param("setup.cfg", b"nonsense\n", "setup.cfg: ", id="no-section"),
    ],
)
def test_broken_configuration_is_told_in_a_line(
    name: str, content: bytes, told: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / name).write_bytes(content)
    assert main(["lint", "wrong.py"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert told in captured.err


def test_broken_file_beside_a_mypy_ini_is_told_in_a_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mypy.ini").write_text("[mypy]\nplugins = liveref_mypy\n")
    (project / "pyproject.toml").write_text("[tool.mypy\n")
    assert main(["lint", "wrong.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    options = ("--config-file", "mypy.ini", "--cache-dir", "cache", "wrong.py")
    done = subprocess.run([sys.executable, "-m", "mypy", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pyproject.toml" in done.stdout + done.stderr
    assert "INTERNAL ERROR" not in done.stdout + done.stderr


def test_plugin_that_is_missing_is_told_in_words(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mypy.ini").write_text("[mypy]\nplugins = nowhere.plugin\n")
    assert main(["lint", "wrong.py"]) == 2
    assert capsys.readouterr().err == "Error importing plugin \"nowhere.plugin\": No module named 'nowhere'\n"


def test_syntax_error_hides_no_findings_of_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.py").write_text("def (\n")
    (project / "inner").mkdir()
    (project / "inner" / "worse.py").write_text("class\n")  # imported as inner.worse, and found as worse
    (project / "user.py").write_text("import inner.worse\n" + WRONG)
    for _ in ("first", "again"):
        assert main(["lint", "--output", "json", "."]) == 2
        captured = capsys.readouterr()
        assert [json.loads(line)["file"] for line in sorted(captured.out.splitlines())] == ["user.py", "wrong.py"]
        assert {line.split(":")[0] for line in captured.err.splitlines()} == {"broken.py", "inner/worse.py"}
    (project / "broken.py").write_text(WRONG)
    (project / "inner" / "worse.py").write_text("")
    assert main(["lint", "--output", "json", "."]) == 1
    assert len(_lines(capsys)) == 3


def test_scripts_of_one_name_do_not_hide_findings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("one", "two", "three"):
        (project / folder).mkdir()
        (project / folder / "script.py").write_text("import wrong\n" + WRONG)
    assert main(["lint", "--output", "json", "."]) == 1
    assert len(_lines(capsys)) == 4
    scripts = [f"{folder}/script.py" for folder in ("one", "two", "three")]
    assert main(["lint", "--output", "json", *scripts]) == 1
    assert len(_lines(capsys)) == 4
    (project / "mypy.ini").write_text("[mypy]\nexclude = three\n")
    assert main(["lint", "--output", "json", "."]) == 1
    assert len(_lines(capsys)) == 3


def test_what_is_no_python_file_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "notes.txt").write_text("x")
    (project / "notebook.ipynb").write_text("{}")
    (project / "script").write_text(WRONG)
    assert main(["lint", "--output", "json", "notes.txt", "notebook.ipynb", "nowhere.py", "script"]) == 2
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err.splitlines() == [
        "notes.txt: is no Python file",
        "notebook.ipynb: is no Python file",
        "nowhere.py: there is no such file or folder",
    ]
    assert main(["lint", "notes.txt"]) == 2


def test_module_runs_as_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["liveref", "--help"])
    monkeypatch.delitem(sys.modules, "liveref.__main__")
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("liveref", run_name="__main__")
    assert stopped.value.code == 0
    assert "lint" in capsys.readouterr().out


def test_library_does_not_import_the_command_line() -> None:
    code = "import sys, liveref; sys.exit('liveref.__main__' in sys.modules or 'argparse' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
