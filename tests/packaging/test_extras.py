"""The extras: their lower bounds are those of the tests, and the core imports none of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
ENGINES = {name: requirements for name, requirements in EXTRAS.items() if name != "mypy"}
NO_EXTRA = {"__init__", "pickle", "pytest_plugin"}
"""What needs no package but the standard library and pytest."""


@pytest.mark.parametrize("extra", ENGINES)
def test_the_lower_bounds_of_an_extra_are_those_that_make_test_lowest_installs(extra: str) -> None:
    assert set(ENGINES[extra]) <= set(PROJECT["dependency-groups"]["engines"])
    assert all(">=" in requirement for requirement in ENGINES[extra])


def test_all_is_what_the_others_are_together() -> None:
    others = {requirement for name, group in ENGINES.items() if name != "all" for requirement in group}
    assert set(EXTRAS["all"]) == others


def test_every_integration_has_its_extra() -> None:
    modules = {path.stem for path in (ROOT / "src" / "liveref" / "integrations").glob("[!_]*.py")}
    assert {module.replace("_", "-") for module in modules - NO_EXTRA} <= set(ENGINES)


def test_the_core_imports_no_engine_and_no_integration() -> None:
    program = "import json, sys, liveref, liveref.jsonable; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(done.stdout)
    names = {requirement.partition(">=")[0].replace("-", "_") for group in EXTRAS.values() for requirement in group}
    names |= {"workflows", "dask", "celery"}  # the import names that differ
    assert not names & {module.partition(".")[0] for module in loaded}
    assert "liveref.integrations" not in loaded
    assert "asyncio" not in loaded, "it takes as long to import as liveref"
