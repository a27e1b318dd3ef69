"""The files that say how the project is run: what they name is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.pythons import MINORS

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / name for name in ("SECURITY.md", "CODE_OF_CONDUCT.md", "docs/versioning.md", "README.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_link_inside_of_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_the_hooks_call_what_the_makefile_calls() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tools = re.findall(r"entry: \.venv/bin/(\S+)", config)
    assert len(tools) == config.count("- id:")
    assert [tool for tool in tools if f"$(BIN)/{tool}" not in makefile] == []


def test_the_classifiers_name_the_pythons_that_make_pythons_runs_and_no_free_threaded_one() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    pythons = [
        each.removeprefix("Programming Language :: Python :: ") for each in classifiers if ":: Python ::" in each
    ]
    assert pythons == ["3 :: Only", *(f"3.{minor}" for minor in MINORS)]
