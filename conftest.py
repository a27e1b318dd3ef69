"""Examples in the documentation and in docstrings run as tests."""

from __future__ import annotations

from doctest import ELLIPSIS

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

documentation = Sybil([PythonCodeBlockParser(doctest_optionflags=ELLIPSIS), SkipParser()], patterns=["*.md"])
docstrings = Sybil([DocTestParser(ELLIPSIS)], patterns=["*.py"], document_types={".py": PythonDocStringDocument})

pytest_collect_file = (documentation + docstrings).pytest()
