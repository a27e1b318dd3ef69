"""Run the tests of each framework that has an environment of its own: ``python tests/frameworks.py``.

They are too heavy for the group of engines, or ask for a pydantic that others do not take. A name chooses one:
``python tests/frameworks.py haystack``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from pythons import ROOT, environment_of

FRAMEWORKS: Final = {
    "agent_framework": "agent-framework-core>=1.23",
    "crewai": "crewai>=1.15",
    "haystack": "haystack-ai>=3.4",
}
TOOLS: Final = ("pytest>=9.2", "sybil>=10")
PACKAGES: Final = "tests/packaging/test_page_packages.py::test_a_page_names_every_package_that_its_blocks_import"
QUIET: Final = {"CREWAI_DISABLE_TELEMETRY": "true", "HAYSTACK_TELEMETRY_ENABLED": "false"}
"""So that no test speaks to the net."""


def main() -> int:
    """The number of frameworks of which a test failed."""
    failed = 0
    for name in sys.argv[1:] or FRAMEWORKS:
        python = environment(name)
        print(f"{name}: {python}", flush=True)
        tests = [f"tests/frameworks/test_{name}.py", f"docs/engines/{name}.md", f"{PACKAGES}[{name}]"]
        command: list[str | Path] = [python, "-m", "pytest", "-q", *tests]
        failed += subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, check=False).returncode != 0  # noqa: S603
    return failed


def environment(name: str) -> Path:
    """The Python of a virtual environment with a framework."""
    return environment_of(ROOT / f".venv-{name.replace('_', '-')}", Path(sys.executable), FRAMEWORKS[name], *TOOLS)


if __name__ == "__main__":
    sys.exit(main())
