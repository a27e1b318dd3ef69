"""What liveref promises to type checkers, held against six of them.

The case files under ``cases`` say what each line means to each checker (`checkers` tells how); each checker runs
once over all of them, and what it finds must be exactly that.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import liveref

from .checkers import CHECKERS, Finding, case_files, executable, find, names_used, read_cases, run_bare

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def cache(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """A folder that outlives the run where pytest keeps one: mypy is five times as fast in it."""
    if pytestconfig.pluginmanager.hasplugin("cacheprovider"):
        return pytestconfig.cache.mkdir("typing-cases")
    return tmp_path / "cache"


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_finds_exactly_what_the_cases_say(checker: str, tmp_path: Path, cache: Path) -> None:
    if executable(checker) is None:
        pytest.skip(f"{checker} is not installed beside this interpreter")
    folder = tmp_path / "project"
    folder.mkdir()
    expected = {finding for case in read_cases() for finding in case.findings(checker)}
    found = find(checker, folder, cache)
    wrong = [f"missing     {finding}" for finding in sorted(expected - found)]
    wrong += [f"unexpected  {finding}" for finding in sorted(found - expected)]
    assert not wrong, "\n".join([checker, *wrong])


@pytest.mark.parametrize("checker", CHECKERS)
def test_checker_without_a_configuration_finds_wrong_types_but_for_pyrefly(checker: str, tmp_path: Path) -> None:
    if executable(checker) is None:
        pytest.skip(f"{checker} is not installed beside this interpreter")
    (tmp_path / "wrong.py").write_text(WRONG)
    status, output = run_bare(checker, tmp_path)
    lines = [number for number in range(1, 8) if f"wrong.py:{number}:" in output]
    assert (status, lines) == ((0, []) if checker == "pyrefly" else (1, [5, 6, 7]))


WRONG = """\
from liveref import SessionRefRegistry

registry = SessionRefRegistry()
key = registry.insert(1)
registry.typed(str).insert(1)
registry.typed(str).get(key)
text: str = registry.get(key)
"""


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_every_file_holds_an_error_for_every_checker(path: Path) -> None:
    """So that a checker which skips the file is found out."""
    seen = {checker for case in read_cases() if case.file == path.name for checker in CHECKERS if case.codes[checker]}
    assert seen == set(CHECKERS)


def test_every_deviation_has_a_reason_and_is_one() -> None:
    documented = {(case.file, case.line): set(case.deviations) for case in read_cases()}
    actual = {(case.file, case.line): case.deviants() for case in read_cases()}
    assert documented == actual


def test_an_assertion_is_right_everywhere_but_for_deviations() -> None:
    assert [f"{case.file}:{case.line}" for case in read_cases() if case.is_assertion and case.kind] == []


def test_there_are_many_cases() -> None:
    cases = Counter(
        "right" if case.is_assertion else "wrong" for case in read_cases() if case.is_assertion or case.kind
    )
    (told,) = re.findall(r"over (\d+) cases", README.read_text())
    assert int(told) < cases.total() < int(told) + 100
    assert min(cases["right"], cases["wrong"]) >= 40


def test_every_public_name_is_in_a_case() -> None:
    assert set(liveref.__all__) - set().union(*map(names_used, case_files())) == set()
