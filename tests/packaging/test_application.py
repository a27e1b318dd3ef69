"""The CI recipe of docs/plugin.md, run as it stands there, on a small application and from a wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .harness import ROOT

APPLICATION = Path(__file__).with_name("application")
MISTAKES = APPLICATION / "mistakes.py"
INSTALL, *CHECKS = re.findall(r"^ +- run: (.+)$", (ROOT / "docs" / "plugin.md").read_text("utf-8"), re.M)
LINT = "python -m liveref lint src"


class Done(NamedTuple):
    code: int
    output: str


class Application:
    """A copy of the application, and the fresh environment that its CI would have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "application"
        self._environment = folder / "environment"
        shutil.copytree(APPLICATION, self.folder, ignore=shutil.ignore_patterns("mistakes.py", "__pycache__"))
        venv.create(self._environment, with_pip=True)

    def run(self, line: str) -> Done:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON", "MYPY"))}
        path = os.pathsep.join([str(self._environment / "bin"), kept["PATH"]])
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env={**kept, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout)


@pytest.fixture(scope="module")
def application(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Application:
    made = Application(tmp_path_factory.mktemp("application"))
    done = made.run(INSTALL.replace('"liveref[mypy]"', f'"{wheel}[mypy]"'))
    assert done.code == 0, done.output
    return made


@pytest.fixture
def mistakes(application: Application) -> Iterator[Path]:
    """The application with a module full of mistakes."""
    path = application.folder / "src" / "shop" / "mistakes.py"
    path.write_text(MISTAKES.read_text())
    yield path
    path.unlink()


def marked(name: str) -> list[int]:
    lines = enumerate(MISTAKES.read_text().splitlines(), 1)
    return [number for number, line in lines if name in line.partition("  # ")[2].split()]


def test_recipe_installs_and_runs_two_checkers() -> None:
    assert '"liveref[mypy]"' in INSTALL
    assert CHECKS == ["mypy src", "pyright src"]
    assert LINT in (ROOT / "docs" / "plugin.md").read_text("utf-8")


def test_application_runs(application: Application) -> None:
    assert application.run('python -c "import shop.orders; print(shop.orders.main())"') == (0, "42\n")


@pytest.mark.parametrize("line", [*CHECKS, LINT])
def test_right_application_passes(line: str, application: Application) -> None:
    done = application.run(line)
    assert done.code == 0, done.output


def test_mypy_finds_the_mistakes(application: Application, mistakes: Path) -> None:
    done = application.run("mypy src")
    assert (done.code, found(done.output)) == (1, marked("mypy"))


def test_pyright_finds_what_types_can_say(application: Application, mistakes: Path) -> None:
    done = application.run("pyright src")
    assert (done.code, found(done.output)) == (1, marked("pyright"))


def test_lint_finds_what_pyright_can_not(application: Application, mistakes: Path) -> None:
    done = application.run(f"{LINT} --output json")
    assert (done.code, [json.loads(line)["line"] for line in done.output.splitlines()]) == (1, marked("lint"))


def found(output: str) -> list[int]:
    """The lines that errors stand in, of what mypy or pyright prints."""
    return [int(line) for line in re.findall(r"mistakes\.py:(\d+):.*error", output)]
