"""Over real code that never heard of liveref, the plugin finds nothing, breaks nothing and changes nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from .harness import plain_environment, write_config

PACKAGES = ("mypy", "pydantic", "_pytest", "aiohttp", "langgraph")
TYPESHED = "/typeshed/"  # inside of mypy's own package: checked by name, it would be there twice


def installed() -> list[str]:
    return [name for name in PACKAGES if importlib.util.find_spec(name) is not None]


def lines_of(package: str) -> int:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    paths = [path for folder in folders or () for path in Path(folder).rglob("*.py") if TYPESHED not in str(path)]
    return sum(path.read_bytes().count(b"\n") for path in paths)


def start(folder: Path, *, plugin: bool) -> subprocess.Popen[str]:
    """Start a run without a cache: what mypy says first depends on what it knows already."""
    folder.mkdir()
    config = write_config(
        folder, options="flow = true", plugin="liveref_mypy" if plugin else "", mypy="check_untyped_defs = true"
    )
    packages = [argument for name in installed() for argument in ("--package", name)]
    fixed = ("--config-file", config, "--cache-dir", os.devnull, "--show-traceback", "--exclude", TYPESHED)
    return subprocess.Popen(
        [sys.executable, "-m", "mypy", *fixed, *packages],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=plain_environment(PYTHONHASHSEED="0"),
    )


def test_third_party_code_is_checked_as_without_the_plugin(tmp_path: Path) -> None:
    """Both runs at the same time, one on each core; what they say must be the same text."""
    runs = [start(tmp_path / name, plugin=name == "on") for name in ("on", "off")]
    on, off = [run.communicate() for run in runs]
    assert on == off
    assert [run.returncode for run in runs] == [1, 1]
    assert on[1] == ""
    assert "liveref-" not in on[0]
    assert "INTERNAL ERROR" not in on[0]


def test_there_is_much_of_it() -> None:
    assert {"mypy", "pydantic", "_pytest"} <= set(installed())
    assert sum(map(lines_of, installed())) >= 200_000
