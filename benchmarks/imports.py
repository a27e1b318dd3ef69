"""What ``import liveref`` takes, beyond the two modules that any library of its kind imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import Final

from benchmarks.rows import Group

_PROGRAM: Final = """
import json, sys, time
there = set(sys.modules)
start = time.perf_counter()
import typing_extensions, uuid
middle = time.perf_counter()
import liveref
end = time.perf_counter()
others = {name.partition(".")[0] for name in sys.modules.keys() - there} - sys.stdlib_module_names
print(json.dumps([end - middle, middle - start, len(others - {"liveref", "typing_extensions"})]))
"""


def _measure() -> tuple[float, float, int]:
    """Seconds of liveref, seconds of the two others, and how many foreign packages came along."""
    command = [sys.executable, "-c", _PROGRAM]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = partial(subprocess.check_output, command, env=environment, text=True, timeout=60)
    run()  # which compiles what it imports
    ours, others, foreign = json.loads(run())
    return ours, others, foreign


def ratio() -> Group:
    """Beside those two."""

    def measure() -> dict[str, float]:
        ours, others, _ = _measure()
        return {"liveref": ours / others}

    return Group("import", "import typing_extensions, uuid", measure)


def milliseconds() -> Group:
    """The one figure that is no ratio, for it is what a user waits for."""
    targets = {"liveref": {"pure": 25, "compiled": 25}}
    return Group("import: milliseconds", "ms", lambda: {"liveref": _measure()[0] * 1000}, targets)


def packages() -> Group:
    """How many packages come along: beartype and the engines should come when they are needed."""
    targets = {"liveref": {"pure": 0, "compiled": 0}}
    return Group("import: packages that come along", "packages", lambda: {"liveref": float(_measure()[2])}, targets)
