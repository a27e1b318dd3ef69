"""Each integration stands alone, and nothing imports one or its engine unasked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .engines import ENGINES, MODULES


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


ALONE = """
import importlib, logging, sys
def loggers():
    found = {{"": logging.root}} | logging.root.manager.loggerDict
    return {{
        name: (log.level, log.disabled, log.propagate, list(log.filters), list(log.handlers))
        for name, log in found.items()
        if isinstance(log, logging.Logger)
    }}
importlib.import_module("{engine}")
before = loggers()
importlib.import_module("liveref.integrations.{module}")
after = loggers()
assert before == {{name: after[name] for name in before}}
loaded = {{name for name in sys.modules if name.startswith("liveref.integrations.") and "._" not in name}}
assert loaded == {{"liveref.integrations.{module}"}}, loaded
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
def test_an_integration_imports_alone_and_leaves_the_logs_as_they_are(module: str) -> None:
    engine = ENGINES[module].imported if module in ENGINES else "liveref"
    done = run(ALONE.format(module=module, engine=engine))
    assert (done.returncode, done.stderr) == (0, "")


def test_liveref_imports_no_integration_and_no_engine() -> None:
    done = run(BARE)
    assert (done.returncode, done.stderr) == (0, "")
