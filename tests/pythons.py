"""Run the core's tests on each other supported Python that this machine has: ``python tests/pythons.py``.

Interpreters are looked for on PATH and among pyenv's; one that lies elsewhere joins by ``PATH=folder:$PATH``. One that is
not there is skipped and named.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MINORS = (11, 12, 13, 14)
TESTS = ("tests/unit", "tests/properties")


def main() -> int:
    """The number of Pythons on which a test failed."""
    failed = 0
    for minor in MINORS:
        if minor == sys.version_info.minor:
            continue
        interpreter = find(minor)
        if interpreter is None:
            print(f"Python 3.{minor}: skipped, for it is not installed here", flush=True)
            continue
        print(f"Python 3.{minor}: {interpreter}", flush=True)
        python = environment(minor, interpreter)
        failed += subprocess.run([python, "-m", "pytest", "-q", *TESTS], cwd=ROOT, check=False).returncode != 0  # noqa: S603
    return failed


def find(minor: int) -> Path | None:
    """The newest interpreter of a minor version that starts."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [Path(folder) / f"python3.{minor}" for folder in os.environ.get("PATH", "").split(os.pathsep)]
    candidates += sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"), reverse=True)
    return next((path for path in candidates if path.exists() and starts(path, minor)), None)


def starts(path: Path, minor: int) -> bool:
    """Whether an interpreter runs and is what its name says; a shim may be neither."""
    program = "import sys; print(sys.version_info.minor)"
    run = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    return run.returncode == 0 and run.stdout.strip() == str(minor)


def environment(minor: int, interpreter: Path) -> Path:
    """The Python of a virtual environment with the tests' needs, made once for a pyproject.toml."""
    return environment_of(ROOT / f".venv-3.{minor}", interpreter, "--group", "test")


def environment_of(folder: Path, interpreter: Path, *needs: str) -> Path:
    """The Python of a virtual environment with liveref and what pip is told besides, made once for a pyproject.toml."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print(f"making {folder.name}", flush=True)
        subprocess.run([interpreter, "-m", "venv", folder], check=True)  # noqa: S603
        for arguments in (["--upgrade", "pip>=25.1"], ["--editable", ".", *needs]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], cwd=ROOT, check=True)  # noqa: S603
        ready.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
