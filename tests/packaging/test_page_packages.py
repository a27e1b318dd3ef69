"""Each page of an engine says what to install for what its blocks import."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution, distributions, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "engines").glob("*.md"))}
EXAMPLES = {path.stem for path in (ROOT / "examples").glob("*.py")}
UNSEEN = {"fastapi.testclient": "httpx", "from_pycryptodome_aes": "pycryptodome"}
"""What is needed by a name, and imported by the package of that name."""
ALONE = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "frameworks").glob("test_*.py")}
BY_IMPORT = packages_distributions()
AVAILABLE = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower() for each in distributions()}


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def imports(page: str) -> set[str]:
    return {module for block in blocks(page) for node in ast.walk(ast.parse(block)) for module in modules(node)}


def modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        yield node.module


@cache
def shipped_by(module: str) -> str | None:
    """The distribution that a module comes from; None for the standard library and the examples."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names | EXAMPLES | {"liveref"}:
        return None
    candidates = sorted(set(BY_IMPORT[top]))
    if len(candidates) == 1:
        return normal(candidates[0])
    path = module.replace(".", "/")
    places = {f"{path}.py", f"{path}/__init__.py"}
    return normal(next(name for name in candidates if places & {str(file) for file in distribution(name).files or ()}))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(page: str) -> set[str]:
    unseen = {package for word, package in UNSEEN.items() if any(word in block for block in blocks(page))}
    return {name for module in imports(page) if (name := shipped_by(module))} | unseen


def installed(page: str) -> set[str]:
    """What the page's install lines name, by itself or in an extra, and what these packages always bring along."""
    words = " ".join(re.findall(r"pip install ([^`]*)`", " ".join(page.split())))
    extras = {extra for group in re.findall(r"liveref\[([\w,-]+)\]", words) for extra in group.split(",")}
    named = {package(requirement) for extra in extras for requirement in EXTRAS[extra]}
    named |= {normal(word) for word in words.split() if re.fullmatch(r"[\w.-]+", word)}
    return named | {
        package(each) for name in named & AVAILABLE for each in distribution(name).requires or () if ";" not in each
    }


def package(requirement: str) -> str:
    return normal(re.split(r"[^\w.-]", requirement)[0])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_package_that_its_blocks_import(name: str) -> None:
    if name in ALONE and name not in BY_IMPORT:
        pytest.skip("has an environment of its own: make frameworks")
    assert needed(PAGES[name]) <= installed(PAGES[name])


def test_a_package_that_no_line_names_is_found() -> None:
    page = 'Run `pip install "liveref[langgraph]"`.\n\n```python\nimport langgraph.checkpoint.sqlite\nimport langgraph.graph\n```\n'
    assert needed(page) - installed(page) == {"langgraph-checkpoint-sqlite"}


@pytest.mark.parametrize("name", ["celery", "kombu", "llama-index", "llama-index-workflows", "all"])
def test_an_extra_has_the_name_that_people_type(name: str) -> None:
    assert EXTRAS[name]
