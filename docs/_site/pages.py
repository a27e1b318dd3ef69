"""Makes pages for the site of pages that a forge shows and tests run as they are."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_FENCE: Final = re.compile(r"^```python (wrong|right)$", re.MULTILINE)
_LINK: Final = re.compile(r"\]\(((?:\.\./)+[\w/]+\.md)\)")


def _prepare(app: Sphinx, page: str, source: list[str]) -> None:
    marked = _FENCE.sub(_caption, source[0])
    source[0] = _LINK.sub(partial(_leave_alone, app.srcdir, (app.srcdir / page).parent), marked)


def _caption(fence: re.Match[str]) -> str:
    """A block that says in words and by its colour whether it is wrong or right."""
    return f"```{{code-block}} python\n:caption: {fence[1].capitalize()}\n:class: {fence[1]}\n"


def _leave_alone(pages: Path, folder: Path, link: re.Match[str]) -> str:
    """A link to a page that is not of the site, as one to the file."""
    inside = (folder / link[1]).resolve().is_relative_to(Path(pages).resolve())
    return link[0] if inside else f"](path:{link[1]})"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask for each page before it is read."""
    app.connect("source-read", _prepare)
    return {"parallel_read_safe": True}
