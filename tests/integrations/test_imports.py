"""Each integration stands alone, and nothing imports one or its engine unasked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import liveref.integrations

MODULES = sorted(path.stem for path in Path(liveref.integrations.__path__[0]).glob("[!_]*.py"))


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


ALONE = """
import importlib, sys
importlib.import_module("liveref.integrations.{module}")
loaded = {{name for name in sys.modules if name.startswith("liveref.integrations.")}}
assert loaded == {{"liveref.integrations.{module}"}}, loaded
"""

LOGGING = """
import importlib, logging
engine = {{"langgraph": "langgraph.checkpoint.serde.jsonplus", "prefect": "prefect.serializers"}}["{module}"]
importlib.import_module(engine)
def state():
    return {{
        name: (log.level, log.disabled, log.propagate, list(log.filters), list(log.handlers))
        for name, log in logging.root.manager.loggerDict.items()
        if isinstance(log, logging.Logger) and name.partition(".")[0] in ("langgraph", "prefect")
    }}
before = state()
importlib.import_module("liveref.integrations.{module}")
after = state()
assert before == {{name: after[name] for name in before}}
"""

BARE = """
import sys
before = set(sys.modules)
import liveref, liveref.jsonable, liveref.integrations
for name in set(sys.modules) - before:
    top = name.partition(".")[0]
    assert top in sys.stdlib_module_names or top in {"liveref", "typing_extensions", "beartype"}, name
assert not [name for name in sys.modules if name.startswith("liveref.integrations.")]
"""


@pytest.mark.parametrize("module", MODULES)
def test_an_integration_imports_alone(module: str) -> None:
    done = run(ALONE.format(module=module))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["langgraph", "prefect"])
def test_an_integration_leaves_the_logs_of_its_engine_alone(module: str) -> None:
    done = run(LOGGING.format(module=module))
    assert (done.returncode, done.stderr) == (0, "")


def test_liveref_imports_no_integration_and_no_engine() -> None:
    done = run(BARE)
    assert (done.returncode, done.stderr) == (0, "")
