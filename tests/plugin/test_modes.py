"""What the plugin finds hangs neither on strictness nor on the Python that is checked for, and mypy says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .harness import CASES, case_files, difference, expected, light_files, run, write_config

STRICTNESS = [pytest.param("strict = true", id="strict"), pytest.param("", id="not-strict")]


def _rows(text: str, *, of_the_plugin: bool) -> set[tuple[str, int, int, str, str | None]]:
    """Place, message and notes of the lines of an output that are the plugin's, or mypy's own."""
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {
        (row["file"], row["line"], row["column"], row["message"], row["hint"])
        for row in rows
        if str(row["code"]).startswith("liveref-") is of_the_plugin
    }


def test_findings_without_strict_are_those_with_it(tmp_path: Path) -> None:
    result = run([CASES], write_config(tmp_path, options="flow = true", mypy=""), tmp_path / "cache")
    assert not difference(expected(case_files(), strict=False), result.findings)


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_findings_are_the_same_for_each_python(version: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, options="flow = true")
    found = run(light_files(), config, tmp_path / "cache", "--python-version", version).findings
    assert not difference(expected(light_files()), found)


@pytest.mark.parametrize("mypy", STRICTNESS)
def test_lines_of_mypy_are_those_without_the_plugin(mypy: str, tmp_path: Path) -> None:
    """With the plugin of the linter, whose findings about arguments have a code of their own, too."""
    texts: list[str] = []
    for plugin in ("liveref_mypy:lint", ""):
        config = write_config(tmp_path, options="flow = true", plugin=plugin, mypy=mypy)
        texts.append(run(light_files(), config, tmp_path / f"cache-{plugin}", "--warn-unused-ignores").text)
    own, off = _rows(texts[0], of_the_plugin=True), _rows(texts[1], of_the_plugin=False)
    assert _rows(texts[0], of_the_plugin=False) == off - own  # of two that say the same, mypy shows one
    assert len(own) >= 200
