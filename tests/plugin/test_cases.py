"""What the plugin finds in small realistic modules: all that is wrong, and nothing that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveref_mypy._codes import CODES, Code

from .harness import CASES, case_files, difference, expected, right_lines, run, write_config


@pytest.fixture
def cache(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """A folder that outlives the run where pytest keeps one."""
    if pytestconfig.pluginmanager.hasplugin("cacheprovider"):
        return pytestconfig.cache.mkdir("plugin-cases")
    return tmp_path / "cache"


def test_plugin_finds_exactly_what_the_cases_say(tmp_path: Path) -> None:
    result = run([CASES], write_config(tmp_path, options="flow = true"), tmp_path / "cache")
    assert not difference(expected(case_files()), result.findings)


def test_flow_is_off_by_default(tmp_path: Path, cache: Path) -> None:
    found = run([CASES], write_config(tmp_path), cache).findings
    flow = {"liveref-removed", "liveref-foreign", "liveref-escape"}
    assert not difference({each for each in expected(case_files()) if each.code not in flow}, found)


def test_there_are_many_cases() -> None:
    assert right_lines(case_files()) >= 150
    assert len({(finding.file, finding.line) for finding in expected(case_files())}) >= 120


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.option)
def test_each_code_is_found_in_a_case(code: Code) -> None:
    assert code.code in {finding.code for finding in expected(case_files())}


def test_what_is_right_has_no_marker_of_an_error() -> None:
    assert expected((CASES / "right").glob("*.py")) == set()
