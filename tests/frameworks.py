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

ROOT: Final = Path(__file__).parent.parent
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
    """The Python of a virtual environment with a framework, made once for a pyproject.toml."""
    folder = ROOT / f".venv-{name.replace('_', '-')}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print(f"{name}: making {folder.name} with {FRAMEWORKS[name]}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603
        for arguments in (["--upgrade", "pip>=25.1"], ["--editable", ".", FRAMEWORKS[name], *TOOLS]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], cwd=ROOT, check=True)  # noqa: S603
        ready.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
