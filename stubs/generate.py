"""Write the public API as stubs: ``python stubs/generate.py [FOLDER]``.

stubgen makes them from the source. Two things it leaves to this program: it drops ``@final``, and it
writes modules that hold nothing of the public API.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "liveref"


def main(folder: Path) -> None:
    """Replace the stubs in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        stubgen = Path(sys.executable).with_name("stubgen")
        subprocess.run([stubgen, "--quiet", "--package", "liveref", "--output", scratch], check=True, cwd=ROOT)  # noqa: S603
        written = Path(scratch) / "liveref"
        shutil.rmtree(folder / "liveref", ignore_errors=True)
        (folder / "liveref").mkdir(parents=True)
        for name in sorted(public_modules(written)):
            text = restore_final((written / name).read_text(), finals(SOURCE / name))
            (folder / "liveref" / name).write_text(text)


def public_modules(written: Path) -> set[str]:
    """The stubs of public modules, and those that they need, straight or through others."""
    found: set[str] = set()
    wanted = ["__init__.pyi", *(path.name for path in written.glob("[!_]*.pyi"))]
    while wanted:
        name = wanted.pop()
        if name not in found and (written / name).exists():
            found.add(name)
            modules = re.findall(r"^from liveref\.(\w+) import", (written / name).read_text(), re.MULTILINE)
            wanted += [f"{module}.pyi" for module in modules]
    return found


def finals(stub: Path) -> set[str]:
    """The classes of a module that are ``@final``."""
    tree = ast.parse(stub.with_suffix(".py").read_text())
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {cls.name for cls in classes if any(ast.unparse(each) == "final" for each in cls.decorator_list)}


def restore_final(text: str, classes: set[str]) -> str:
    """The text of a stub with its ``@final`` back."""
    if not classes:
        return text
    for name in classes:
        text = re.sub(rf"^(?=class {name}\b)", "@final\n", text, flags=re.MULTILINE)
    return f"from typing import final\n{text}"


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else Path(__file__).parent)
