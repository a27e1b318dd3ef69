"""The comparison of checkers tells what each made of the hints, and the documentation shows all of them."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import CHECKS
from benchmarks.checkers import BEGIN, checks, replace_comparison, score


def test_liveref_is_right_on_every_row_and_keeps_nothing() -> None:
    found = score(checks()["liveref"])
    assert (found.right, found.identity) == (found.rows, found.rows)
    assert (found.refused, found.let_through, found.pinned) == (0, 0, 0)


def test_a_checker_that_takes_everything_lets_all_through() -> None:
    found = score(lambda hint, value: value)
    assert (found.right, found.refused, found.let_through) == (0, 0, found.rows)


def test_a_checker_that_knows_no_hint_refuses_all() -> None:
    found = score(lambda hint, value: 1 / 0)
    assert (found.right, found.refused, found.identity) == (0, found.rows, 0)


def test_documentation_holds_a_row_for_each() -> None:
    page = CHECKS.read_text("utf-8")
    assert all(f"\n| {name} | " in page for name in checks())


def test_page_without_the_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match=BEGIN.strip()):
        replace_comparison("no marks")
