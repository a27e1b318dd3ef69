"""Build a wheel for each Python that is found, and try each from outside: ``python tests/wheels.py``.

The wheels are left in ``dist/``, each tagged for what it is; one without the fast lanes is for any Python.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from pythons import MINORS, find

ROOT = Path(__file__).parent.parent
CONSUMER = ROOT / "tests" / "packaging" / "consumer.py"
BUILD = "from liveref._lanes import build; print(build())"


def main() -> int:
    """0; a wheel that does not build, install or run ends this with its error."""
    for minor in MINORS:
        interpreter = find(minor)
        if interpreter is None:
            print(f"Python 3.{minor}: skipped, for it is not installed here", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            made, build = make_and_try(interpreter, Path(folder))
            print(f"Python 3.{minor}: {made.name}, {build}", flush=True)
            made.replace(ROOT / "dist" / made.name)
    return 0


def make_and_try(interpreter: Path, folder: Path) -> tuple[Path, str]:
    """The wheel, and which build says to be in it; built and run in a new environment."""
    python = folder / "environment" / "bin" / "python"
    run(interpreter, "-m", "venv", folder / "environment", cwd=folder)
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "made", ROOT, cwd=folder)
    (made,) = (folder / "made").glob("*.whl")
    run(python, "-m", "pip", "install", "--quiet", made, cwd=folder)
    run(python, "-I", CONSUMER, cwd=folder)
    build = run(python, "-I", "-c", BUILD, cwd=folder)
    if (build == "pure") != made.name.endswith("-none-any.whl"):
        sys.exit(f"{made.name} is tagged for what it is not: it is {build}")
    return made, build


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    (ROOT / "dist").mkdir(exist_ok=True)
    sys.exit(main())
