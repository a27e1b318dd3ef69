"""Which common subclasses of two classes a lookup knows of: those of its module and of what that imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness import difference, expected, run, run_apart, write_config

BASES = """\
class Left: ...
class Right: ...
class Other: ...
"""
HEIR = """\
from bases import Left, Right

class Both(Left, Right): ...
"""
LOOKUP = """\
from bases import Left, Other, Right
from liveref import RegistryKey, SessionRefRegistry
{imports}

def use(refs: SessionRefRegistry, key: RegistryKey[Left]) -> None:
    refs.get(key, Other)  # E: liveref-overlap
    refs.get(key, Right){marker}
"""
MODULES = {
    "bases.py": BASES,
    "heir.py": HEIR,
    "step.py": "import heir as hidden\n",
    "family/__init__.py": "",
    "family/heir.py": HEIR,
    "family/step.py": "from . import heir as heir\n",
    "family/relative.py": LOOKUP.format(imports="from .step import heir", marker=""),
    "family/sibling.py": LOOKUP.format(imports="from . import step", marker=""),
    "direct.py": LOOKUP.format(imports="import heir", marker=""),
    "by_name.py": LOOKUP.format(imports="from heir import Both", marker=""),
    "by_star.py": LOOKUP.format(imports="from heir import *", marker=""),
    "in_package.py": LOOKUP.format(imports="import family.heir", marker=""),
    "indirect.py": LOOKUP.format(imports="import step", marker=""),
    "inner.py": LOOKUP.format(imports="def later() -> None:\n    import heir", marker=""),
    "alone.py": LOOKUP.format(imports="", marker="  # E: liveref-overlap"),
    "importer.py": "import alone\nimport heir\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    for name, text in MODULES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(folder)
    return folder


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in MODULES]


def test_same_cold_and_warm_and_after_an_edit(folder: Path, tmp_path: Path) -> None:
    config, cache = write_config(tmp_path), tmp_path / "cache"
    for name in ("", "alone.py", "indirect.py", "family/relative.py", "in_package.py"):
        if name:
            (folder / name).write_text("# edited\n" + (folder / name).read_text("utf-8"))
        for _ in ("once", "again"):
            assert not difference(expected(_files(folder)), run(_files(folder), config, cache).findings)


def test_same_with_two_workers(folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for _ in ("cold", "warm"):
        found = run_apart([Path()], config, tmp_path / "cache", "-n", "2").findings
        assert not difference(expected(_files(folder)), found)


@pytest.mark.parametrize("name", ["direct.py", "indirect.py", "alone.py", "in_package.py"])
def test_same_for_a_module_alone(name: str, folder: Path, tmp_path: Path) -> None:
    found = run([folder / name], write_config(tmp_path), tmp_path / "cache").findings
    assert not difference(expected([folder / name]), found)
