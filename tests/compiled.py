"""Run the tests of all that uses the core against the compiled build: ``python tests/compiled.py``.

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
TESTS = (
    "README.md",
    "docs",
    "tests/unit",
    "tests/properties",
    "tests/integrations",
    "tests/engines/test_local.py",
    "tests/examples",
)


def main() -> int:
    """0 where every test passed, or there is nothing to test."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None or sysconfig.get_config_var("Py_GIL_DISABLED"):
        print(f"skipped: the fast lanes need a C compiler ({compiler}) and a Python with the interpreter lock")
        return 0
    subprocess.run(["make", "--no-print-directory", READY], cwd=ROOT, check=True)  # noqa: S607  the make that runs this
    environment = (ROOT / READY).parent
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (packages / "engines.pth").write_text(sysconfig.get_path("purelib"))  # they are in the environment of this Python
    command = [str(environment / "bin" / "python"), "-m", "pytest", "-q", *TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603  our own


if __name__ == "__main__":
    sys.exit(main())
