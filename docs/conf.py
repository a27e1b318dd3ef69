"""How Sphinx builds the site: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "liveref"
author = "The liveref maintainers"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "pages",
    "public_names",
]
exclude_patterns = ["_site"]
nitpicky = True

html_theme = "furo"
html_title = "liveref"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_favicon = "_site/static/key.svg"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "tango"
pygments_dark_style = "github-dark"

myst_heading_anchors = 4
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

toc_object_entries_show_parents = "hide"
default_role = "py:obj"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False  # what an engine says of its own methods
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True

ENGINES = "dbos|distributed|fastapi|fastmcp|langgraph|msgspec|pydantic|starlette|temporalio|workflows"
nitpick_ignore_regex = [
    ("py:.*", r"liveref\._.*|P|typing\.~P|typing_extensions\..*|_Class|OnMissing|ConfigDict"),  # types without a page
    ("py:.*", rf"({ENGINES})\..*"),  # other people's, whose inventories are on the net
]

# A text in Sphinx's first format, beside this file: the names of Python's own. So the build needs no net.
intersphinx_mapping = {"python": ("https://docs.python.org/3", "python.inv")}
