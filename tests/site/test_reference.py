"""Every public name has its place in the reference."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import io
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import liveref
import liveref.integrations

MODULES: Final = (
    "liveref",
    "liveref.jsonable",
    "liveref.engine",
    *(found.name for found in pkgutil.iter_modules(liveref.integrations.__path__, "liveref.integrations.")),
)
PUBLIC: Final = [name for name in MODULES if not name.rpartition(".")[2].startswith("_")]


@pytest.fixture(scope="session")
def places(site: Path) -> set[str]:
    """Every name of Python's that the site has a place for."""
    from sphinx.util.inventory import InventoryFile

    found = InventoryFile.load(io.BytesIO((site / "objects.inv").read_bytes()), "", lambda _, page: page)
    return {name for kind, names in found.items() if kind.startswith("py:") for name in names}


def names(module: str) -> list[str]:
    """The public names of a module, each where it belongs: what `liveref` has too is there."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))  # an import would load the engine
    (said,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return [f"{'liveref' if name in liveref.__all__ else module}.{name}" for name in ast.literal_eval(said)]


@pytest.mark.parametrize("module", PUBLIC)
def test_each_public_name_has_its_place(places: set[str], module: str) -> None:
    wanted = names(module)
    assert wanted
    assert set(wanted) - places == set()


def methods(cls: type) -> Iterator[str]:
    """The public methods and properties that a class has of its own or of a base that is not public."""
    for base in cls.__mro__:
        if base.__module__.startswith("liveref") and (base is cls or base.__name__ not in liveref.__all__):
            yield from (name for name, found in vars(base).items() if name[0] != "_" and is_method(found))


def is_method(found: object) -> bool:
    return inspect.isfunction(found) or isinstance(found, classmethod | staticmethod | property)


@pytest.mark.parametrize("name", [name for name in liveref.__all__ if inspect.isclass(getattr(liveref, name))])
def test_each_method_of_a_public_class_has_its_place(places: set[str], name: str) -> None:
    wanted = {f"liveref.{name}.{method}" for method in methods(getattr(liveref, name))}
    assert wanted - places == set()
