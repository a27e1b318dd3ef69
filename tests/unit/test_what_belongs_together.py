"""Who adds an engine, a lifetime or a form of hint hears of each room that they forget.

CONTRIBUTING.md has the lists. What is not asked here is asked where it is at home: policies and lifetimes in
``test_policy.py`` and ``test_pauses_page.py``, the plugin's rules in ``tests/plugin``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from liveref import RefLifetime
from liveref._hints import forms
from liveref._policy import LIFETIMES

ROOT: Final = Path(__file__).parents[2]

# An engine

MODULES: Final = sorted(path.stem for path in (ROOT / "src" / "liveref" / "integrations").glob("[!_]*.py"))
PAGES: Final = {"kombu": "celery", "pytest_plugin": "pytest"}
"""The pages that have the name by which people know the engine."""


@pytest.mark.parametrize("module", MODULES)
def test_an_engine_has_its_page_a_row_in_the_readme_and_tests(module: str) -> None:
    page, tests = f"docs/engines/{PAGES.get(module, module)}.md", f"test_{module}.py"
    rooms = {
        page: (ROOT / page).exists(),
        "README.md": f"({page})" in read("README.md"),
        tests: any((ROOT / "tests" / folder / tests).exists() for folder in ("integrations", "engines")),
    }
    assert [room for room, there in rooms.items() if not there] == []


@pytest.mark.parametrize("module", MODULES)
def test_an_engine_is_small(module: str) -> None:
    assert len(read(f"src/liveref/integrations/{module}.py").splitlines()) <= 150


@pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "docs" / "engines").glob("*.md")))
def test_a_page_of_an_engine_is_named_in_the_readme(page: str) -> None:
    assert f"(docs/engines/{page}.md)" in read("README.md")


# A lifetime


def ends(lifetime: RefLifetime) -> list[str]:
    """What the row of a lifetime means: at the end of a borrowing child, of an isolated one, and of the owner."""
    row = LIFETIMES[lifetime]
    handed = "purged"
    if row.in_parent is not None:
        handed = "handed to the parent"
        handed += " as it is" if row.in_parent is lifetime else f", there `{row.in_parent.name}`"
    return ["kept", handed, "kept" if row.outlives_owner else "purged"]


def test_the_page_of_sessions_has_a_row_for_each_lifetime() -> None:
    rows = re.findall(r"^\| `(UNTIL_\w+)`[^|]*\| (.+?) \| (.+?) \| (.+?) \|$", read("docs/sessions.md"), re.M)
    assert {name: cells for name, *cells in rows} == {lifetime.name: ends(lifetime) for lifetime in RefLifetime}


# A form of hint

CHECKED: Final = (forms.ITEMS, forms.PAIRS, forms.ONE_SHOT, forms.FILES, forms.TEXTS, forms.TOWER)


def names(tables: Iterable[Iterable[object]]) -> set[str]:
    return {getattr(form, "__name__", "") for form in chain.from_iterable(tables)}


def names_in_hints(text: str) -> Iterator[str]:
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "RegistryKey.new":
            yield from re.findall(r"\w+", ast.unparse(call.args[0]))


def test_a_form_that_is_checked_is_one_that_the_plugin_is_asked_about() -> None:
    assert names(CHECKED) - set(names_in_hints(read("tests/plugin/hint_table.py"))) == set()


def test_a_form_that_is_checked_stands_in_the_table_of_the_page() -> None:
    rows = "\n".join(re.findall(r"^\| .*?`.*? \| .+ \|$", read("docs/checks.md"), re.M))
    assert names(CHECKED) - set(re.findall(r"\w+", rows)) == set()


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")
