"""Build a wheel for each Python that is found, and try each from outside: ``python tests/wheels.py``.

The wheels are left in ``dist/``, each tagged for what it is; one without the fast lanes is for any Python. Then liveref
is installed as its users do who have no wheel. That a build without a compiler comes out pure, the tests of the package try.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pythons import MINORS, find

ROOT = Path(__file__).parent.parent
CONSUMER = ROOT / "tests" / "packaging" / "consumer.py"


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
            shutil.move(made, ROOT / "dist" / made.name)
            for way, installed in install(interpreter, Path(folder), build):
                print(f"Python 3.{minor}: {way}, {installed}", flush=True)
    return 0


def make_and_try(interpreter: Path, folder: Path) -> tuple[Path, str]:
    """The wheel, and which build says to be in it; built and run in a new environment."""
    python = environment(interpreter, folder / "environment")
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "made", ROOT, cwd=folder)
    (made,) = (folder / "made").glob("*.whl")
    build = install_and_run(python, made)
    if (build == "pure") != made.name.endswith("-none-any.whl"):
        sys.exit(f"{made.name} is tagged for what it is not: it is {build}")
    return made, build


def install(interpreter: Path, folder: Path, build: str) -> Iterator[tuple[str, str]]:
    """Where liveref was installed from, and the build that came of it: that of the wheel, but pure without setuptools."""
    clone, tree = folder / "clone", folder / "tree"
    run("git", "clone", "--quiet", ROOT, clone, cwd=folder)
    shutil.copytree(clone, tree)
    for path in (*tree.rglob("*"), tree):
        path.chmod(path.stat().st_mode & ~0o222)
    bare = environment(interpreter, folder / "bare")
    run(bare, "-m", "pip", "install", "--quiet", "hatchling", cwd=folder)
    run(bare, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", cwd=folder)
    fresh = [environment(interpreter, folder / name) for name in ("of-git", "of-tree")]
    yield "from git", expect(build, install_and_run(fresh[0], f"git+file://{clone}"))
    yield "from a tree that is read-only", expect(build, install_and_run(fresh[1], tree))
    yield "without setuptools", expect("pure", install_and_run(bare, "--no-build-isolation", clone))


def expect(wanted: str, found: str) -> str:
    """The build that was found, which must be the one that was wanted."""
    return found if found == wanted else sys.exit(f"it is {found}, and not {wanted}")


def environment(interpreter: Path, folder: Path) -> Path:
    """The Python of a new environment."""
    run(interpreter, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin" / "python"


def install_and_run(python: Path, *arguments: str | Path) -> str:
    """Install liveref and run a program with it; the build that its command tells."""
    folder = python.parent
    run(python, "-m", "pip", "install", "--quiet", *arguments, cwd=folder)
    run(python, "-I", CONSUMER, cwd=folder)
    told = run(folder / "liveref", "--version", cwd=folder)
    return told.partition("(")[2].partition(")")[0]


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    (ROOT / "dist").mkdir(exist_ok=True)
    sys.exit(main())
