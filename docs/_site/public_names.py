"""Lets autodoc find the source of public names.

Their ``__module__`` is the public one, so autodoc looks there for overloads, for texts below attributes and for the
order of methods. All of that stands in the rooms where the code is, some of it in a base class that is not public. So
each room is told what stands in the others, under the names of the public classes too.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import ExtensionMetadata

import liveref
import liveref.engine

_PUBLIC: Final = (liveref, liveref.engine)
Found = TypeVar("Found")


def _share(_app: Sphinx, _config: Config) -> None:
    rooms = [*_analyzed()]
    overloads = {name: found for room in rooms for name, found in room.overloads.items()}
    texts = {name: found for room in rooms for name, found in room.attr_docs.items()}
    order = {name: place for place, name in enumerate(name for room in rooms for name in room.tagorder)}
    for cls in _public_classes():
        for depth, base in reversed([*enumerate(cls.__mro__)]):
            overloads |= _under(cls, base, overloads)
            order |= {name: depth * len(order) + place for name, place in _under(cls, base, order).items()}
    for room in rooms:
        room.overloads, room.attr_docs, room.tagorder = overloads, texts, order


def _under(cls: type, base: type, found: Mapping[str, Found]) -> dict[str, Found]:
    """What is found of a base class, by the names of a class that inherits it: its own comes last."""
    inside = [name for name in found if name.rpartition(".")[0] == base.__qualname__]
    return {f"{cls.__qualname__}.{name.rpartition('.')[2]}": found[name] for name in inside}


def _analyzed() -> Iterator[ModuleAnalyzer]:
    for name in ("liveref", *(room.name for room in pkgutil.walk_packages(liveref.__path__, "liveref."))):
        if not name.startswith("liveref.integrations"):
            analyzer = ModuleAnalyzer.for_module(name)
            analyzer.analyze()
            yield analyzer


def _public_classes() -> Iterator[type]:
    found = (getattr(module, name) for module in _PUBLIC for name in module.__all__)
    return (each for each in found if isinstance(each, type))


def _resolve(
    app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.TextElement
) -> nodes.Element | None:
    """Where a name leads that is said by its room, or outside of the module whose it is: to the public one."""
    if node["refdomain"] != "py":
        return None
    _, _, said = re.sub(r"^liveref\.(_\w+\.)+", "", node["reftarget"]).rpartition("liveref.")
    for module in _PUBLIC:
        if said.partition(".")[0] in module.__all__:
            python, here = app.env.domains.python_domain, node["refdoc"]
            return python.resolve_xref(app.env, here, app.builder, "obj", f"{module.__name__}.{said}", node, text)
    return None


def _rejoin(_app: Sphinx, what: str, _name: str, _found: object, _options: object, lines: list[str]) -> None:
    """The first line of an attribute's text, of which napoleon takes what is before a colon for a type."""
    if what in {"attribute", "data", "property"} and lines and lines[-1].startswith(":type: "):
        lines[:] = [f"{lines.pop().removeprefix(':type: ')}: {lines[0]}", *lines[1:]]


def _hide(
    _app: Sphinx, what: str, _name: str, _found: object, _options: object, said: str | None, _gives: str | None
) -> tuple[str, str] | None:
    """No signature for a class that can't be called: `Never` is what its constructor takes."""
    return ("", "") if what == "class" and said and "Never" in said else None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Share before the first page is read."""
    app.connect("config-inited", _share)
    app.connect("missing-reference", _resolve)
    app.connect("autodoc-process-docstring", _rejoin, priority=900)
    app.connect("autodoc-process-signature", _hide)
    return {"parallel_read_safe": True}
