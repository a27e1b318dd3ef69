"""Run the core's tests against the compiled build: ``python tests/compiled.py``.

Without a C compiler, or on a Python without the interpreter lock, there is nothing to test, which is said.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent
READY = ".venv-compiled/ready"
TESTS = ("tests/unit", "tests/properties")


def main() -> int:
    """0 where every test passed, or there is nothing to test."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None or sysconfig.get_config_var("Py_GIL_DISABLED"):
        print(f"skipped: the fast lanes need a C compiler ({compiler}) and a Python with the interpreter lock")
        return 0
    subprocess.run(["make", "--no-print-directory", READY], cwd=ROOT, check=True)  # noqa: S607  the make that runs this
    python = (ROOT / READY).with_name("bin") / "python"
    return subprocess.run([python, "-m", "pytest", "-q", *TESTS], cwd=ROOT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
