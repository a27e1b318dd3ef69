"""Write the public API as stubs: ``python stubs/generate.py [FOLDER]``.

stubgen makes them from the source. Three things it leaves to this program: it drops ``@final`` and the comments that
silence a checker, and it writes modules that hold nothing of the public API.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "liveref"
UNTYPED = "integrations"  # typed by their engines' own classes, and read as they are: a stub would say it twice


def main(folder: Path) -> None:
    """Replace the stubs in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        stubgen = Path(sys.executable).with_name("stubgen")
        options = ["--quiet", "--search-path", str(SOURCE.parent), "--package", "liveref", "--output", scratch]
        command = [str(stubgen), *options]
        subprocess.run(command, check=True, env={"PYTHONPATH": str(SOURCE.parent)})  # noqa: S603
        written = Path(scratch) / "liveref"
        shutil.rmtree(folder / "liveref", ignore_errors=True)
        for stub in needed(written, list(public_stubs(SOURCE))):
            source = (SOURCE / stub).with_suffix(".py")
            text = restore_ignores(restore_final((written / stub).read_text(), finals(source)), source.read_text())
            (folder / "liveref" / stub).parent.mkdir(parents=True, exist_ok=True)
            (folder / "liveref" / stub).write_text(text)


def public_stubs(source: Path) -> Iterator[Path]:
    """The stubs that the public modules of a package have to have, as paths inside of it."""
    for module in sorted(source.rglob("*.py")):
        inside = module.relative_to(source)
        names = [*inside.parent.parts, inside.stem.replace("__init__", "")]
        if UNTYPED not in names and not any(name.startswith("_") for name in names):
            yield inside.with_suffix(".pyi")


def needed(written: Path, public: list[Path]) -> list[Path]:
    """The stubs of public modules, and those that they need, straight or through others; exits where one is missing."""
    found: set[Path] = set()
    wanted = public.copy()
    while wanted:
        stub = wanted.pop()
        if stub in found:
            continue
        if not (written / stub).exists():
            sys.exit(f"stubgen wrote no {stub}, which the public API needs")
        found.add(stub)
        wanted += [folder / "__init__.pyi" for folder in stub.parents]
        modules = re.findall(r"^from liveref\.([\w.]+) import", (written / stub).read_text(), re.MULTILINE)
        wanted += [stub_of(written, module) for module in modules]
    return sorted(found)


def stub_of(written: Path, module: str) -> Path:
    """Where the stub of a module stands, whose name is given without the package's."""
    place = Path(*module.split("."))
    return place / "__init__.pyi" if (written / place).is_dir() else place.with_suffix(".pyi")


def finals(module: Path) -> set[str]:
    """The classes of a module that are ``@final``."""
    tree = ast.parse(module.read_text())
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {cls.name for cls in classes if any(ast.unparse(each) == "final" for each in cls.decorator_list)}


def restore_final(text: str, classes: set[str]) -> str:
    """The text of a stub with its ``@final`` back."""
    if not classes:
        return text
    for name in classes:
        text = re.sub(rf"^(?=class {name}\b)", "@final\n", text, flags=re.MULTILINE)
    return f"from typing import final\n{text}"


def restore_ignores(text: str, source: str) -> str:
    """The text of a stub with the ``type: ignore`` of each class and each overload that has one back."""
    for head, ignore in re.findall(r"^ *(class .*):  (# type: ignore\[.*?\])", source, flags=re.MULTILINE):
        text = text.replace(f"{head}: ...", f"{head}: ...  {ignore}")
    long = r"def (\w+)\(  (# type: ignore\[.*?\])\n +(.*?),?\n +\) -> (.*?): \.\.\."
    for name, ignore, arguments, result in set(re.findall(long, source)):
        head = f"def {name}({arguments}) -> {result}: ..."
        text = text.replace(head, f"{head}  {ignore}")
    return text


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else Path(__file__).parent)
