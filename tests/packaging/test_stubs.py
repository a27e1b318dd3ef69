"""The committed stubs are what the generator writes: a change of the API shows as a diff in them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def generate(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "stubs" / "generate.py", folder], capture_output=True, text=True, check=False
    )


def stubs_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.pyi")}


def test_the_committed_stubs_are_those_of_the_code(tmp_path: Path) -> None:
    assert generate(ROOT, tmp_path).returncode == 0
    assert stubs_in(tmp_path) == stubs_in(ROOT / "stubs"), "run `make stubs` and commit what it changes"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the source and the generator, to be changed."""
    for folder in ("src", "stubs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return tmp_path


def test_a_new_public_module_gets_a_stub_in_whatever_folder_it_is(project: Path) -> None:
    source = project / "src" / "liveref"
    (source / "added").mkdir()
    (source / "added" / "__init__.py").write_text('"""A public package."""\n')
    (source / "added" / "inner.py").write_text("from liveref._text.ids import fresh_id\n\ndef added() -> int: ...\n")
    assert generate(project, project / "out").returncode == 0
    assert {"liveref/added/__init__.pyi", "liveref/added/inner.pyi"} <= set(stubs_in(project / "out"))


def test_a_public_module_without_a_stub_fails(project: Path) -> None:
    stubgen = project / "stubgen.py"
    stubgen.write_text("import sys, pathlib; pathlib.Path(sys.argv[-1], 'liveref').mkdir()")
    generator = project / "stubs" / "generate.py"
    source = generator.read_text()
    assert "[str(stubgen), *options]" in source
    generator.write_text(source.replace("[str(stubgen),", f"[sys.executable, {str(stubgen)!r},"))
    failed = generate(project, project / "out")
    assert failed.returncode == 1
    assert "stubgen wrote no jsonable.pyi" in failed.stderr
