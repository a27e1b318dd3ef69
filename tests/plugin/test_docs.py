"""The examples of docs/plugin.md are what they say, and its tables are complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from liveref_mypy._codes import CODES, FLOW

from .harness import VERSIONS, difference, expected, run, write_config

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "plugin.md").read_text("utf-8")
README: Final = (ROOT / "README.md").read_text("utf-8")
_BLOCK: Final = re.compile(r"^### (?P<title>.+?)$|^```python (?P<kind>wrong|right)\n(?P<code>.*?)^```$", re.M | re.S)


def _examples() -> list[tuple[str, str, str]]:
    """Title, kind and code of each example."""
    found: list[tuple[str, str, str]] = []
    title = ""
    for match in _BLOCK.finditer(PAGE):
        title = match["title"] or title
        if match["kind"]:
            found.append((title, match["kind"], match["code"]))
    return found


def _write(folder: Path) -> list[Path]:
    paths: list[Path] = []
    for number, (_, kind, code) in enumerate(_examples()):
        path = folder / f"example_{number}_{kind}.py"
        path.write_text(code)
        paths.append(path)
    return paths


def test_examples_give_what_they_say(tmp_path: Path) -> None:
    paths = _write(tmp_path)
    found = run(paths, write_config(tmp_path, options="flow = true", mypy=""), tmp_path / "cache").findings
    assert not difference(expected(paths), found)


def test_every_code_has_a_wrong_and_a_right_example() -> None:
    sections = {(title, kind) for title, kind, _ in _examples()}
    assert {(f"`{code.code}`", kind) for code in CODES for kind in ("wrong", "right")} <= sections


@pytest.mark.parametrize("title", sorted({title for title, _, _ in _examples()}))
def test_wrong_example_shows_its_code_and_right_example_none(title: str) -> None:
    wrong = [code for each, kind, code in _examples() if (each, kind) == (title, "wrong")]
    right = [code for each, kind, code in _examples() if (each, kind) == (title, "right")]
    assert len(wrong) == len(right) == 1
    assert f"# E: {title.strip('`') if title.startswith('`') else 'arg-type'}" in wrong[0]
    assert "# E:" not in right[0]


def test_option_table_is_complete() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|", PAGE, re.M))
    wanted = {code.option: "as `flow`" if code in FLOW else "`true`" for code in CODES} | {"flow": "`false`"}
    assert rows == wanted


@pytest.mark.parametrize("text", [pytest.param(README, id="readme"), pytest.param(PAGE, id="page")])
def test_table_of_versions_is_that_of_the_tests_and_of_the_extra(text: str) -> None:
    (tested,) = re.findall(r"^\| ([\d., ]+) \| tested, with the same findings \|$", text, re.M)
    assert tuple(tested.split(", ")) == VERSIONS
    first, last = VERSIONS[0], VERSIONS[-1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    above = f"2.{int(last.removeprefix('2.')) + 1}"
    assert project["optional-dependencies"]["mypy"] == [f"mypy>={first},<{above}"]
    assert f"| {above} and later | not tested yet;" in text
