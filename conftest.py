"""Examples in the documentation and in docstrings run as tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from doctest import ELLIPSIS
from importlib.util import find_spec
from sqlite3 import sqlite_version_info

import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

from liveref._text import ids

documentation = Sybil([PythonCodeBlockParser(doctest_optionflags=ELLIPSIS), SkipParser()], patterns=["*.md"])
docstrings = Sybil([DocTestParser(ELLIPSIS)], patterns=["*.py"], document_types={".py": PythonDocStringDocument})

# Each has an environment of its own: `make frameworks`.
collect_ignore = [
    f"docs/engines/{name}.md" for name in ("agent_framework", "crewai", "haystack") if find_spec(name) is None
]
if sys.version_info >= (3, 12) and sqlite_version_info < (3, 42):
    collect_ignore.append("docs/engines/dbos.md")  # DBOS can't launch there: tests/integrations/test_dbos.py
pytest_collect_file = (documentation + docstrings).pytest()


@pytest.fixture(autouse=True)
def reserve_of_ids() -> Iterator[None]:
    """Who acts spends the reserve of ids for good: the next test begins with one again."""
    yield
    ids._reserve = ids.FRESH_IDS
