"""The tables say what was measured, and the documentation shows the figures of the committed result."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from benchmarks.__main__ import PAGE, RESULT
from benchmarks.charts import draw
from benchmarks.groups import DUELS
from benchmarks.report import BEGIN, END, LEARNED, limit, markdown, replace_figures, show
from benchmarks.result import Result
from benchmarks.rows import Row

PURE = Row("lookup", "liveref get(key)", 5.25, 5.1, 5.4, "d[k]", 5.5, "pure")
COMPILED = dataclasses.replace(PURE, ratio=2.5, low=2.4, high=2.6, target=2.4, build="compiled")
PEER = Row("lookup", "aiohttp app[AppKey]", 3.5, 3.4, 3.6, "d[k]")
GROWTH = [Row("growth: insert", f"{size:,} refs", 2.0, 1.9, 2.1, "d[k] = v", None, "pure") for size in (100, 1_000)]


def result(*rows: Row) -> Result:
    return Result(rows, 12.0, quick=True, skipped={"engines": "No module named 'langgraph'"})


def shown(measured: Result) -> str:
    screen = io.StringIO()
    show(measured, Console(file=screen, width=150))
    return screen.getvalue()


def test_both_builds_and_the_peers_stand_side_by_side_the_cheapest_first() -> None:
    printed = shown(result(PURE, PEER, COMPILED))
    assert "lookup, in units of d[k]" in printed
    lines = [" ".join(line.replace("│", " ").split()) for line in printed.splitlines()]
    peer = lines.index("aiohttp app[AppKey] 3.50 3.40 to 3.60")
    ours = "liveref get(key) 5.25 5.10 to 5.40 2.50 2.40 to 2.60 5.5 / goal 2.4, not reached"
    assert lines[peer + 1] == ours


def page_tables(page: str) -> list[tuple[str, list[list[str]]]]:
    """Each heading of the figures with the cells of its rows."""
    figures = page.split(BEGIN)[1].split(END)[0].split("\n### ")[1:]
    rows = ([line for line in part.splitlines() if line.startswith("| ")][2:] for part in figures)
    return [
        (part.splitlines()[0], [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in each])
        for part, each in zip(figures, rows, strict=True)
    ]


def figure(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_a_bound_that_a_figure_misses_is_called_a_goal() -> None:
    assert limit(PURE) == "5.5"
    assert limit(COMPILED) == "goal 2.4, not reached"
    assert limit(PEER) == ""


def test_one_group_with_two_references_has_two_headings() -> None:
    other = dataclasses.replace(PEER, reference="pickle.dumps")
    headings = [line for line in markdown(result(PURE, other)).splitlines() if line.startswith("### ")]
    assert headings == ["### Lookup, in units of d[k]", "### Lookup, in units of pickle.dumps"]


def test_a_table_of_sessions_says_what_a_reader_learns() -> None:
    assert LEARNED.keys() == {group for group in DUELS if group.startswith("sessions")}
    lines = markdown(result(dataclasses.replace(PURE, group="sessions"))).splitlines()
    assert lines[lines.index("### Sessions") :][4] == LEARNED["sessions"]


def test_the_headings_of_the_page_are_distinct() -> None:
    headings = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("#")]
    assert len(headings) == len(set(headings)) > 20


def test_the_rows_of_the_page_are_sorted_by_the_figure_shown() -> None:
    for heading, rows in page_tables(PAGE.read_text("utf-8")):
        shown_first = [figure(row[1] or row[3]) for row in rows]
        assert heading.startswith("Growth") or shown_first == sorted(shown_first), heading


def test_each_bound_of_the_page_is_kept_by_the_figures_beside_it() -> None:
    bounded = [row for _, rows in page_tables(PAGE.read_text("utf-8")) for row in rows if row[-1]]
    assert len(bounded) > 20
    for name, pure, _, compiled, _, told in bounded:
        figures = [figure(cell) for cell in (pure, compiled) if cell]
        bounds = told.split(" / ") if " / " in told else [told] * len(figures)
        for value, bound in zip(figures, bounds, strict=True):
            assert bound.startswith("goal ") or value <= figure(bound), name


def test_a_run_without_the_compiled_build_has_no_columns_for_it() -> None:
    assert "compiled" not in shown(result(PURE, PEER))


def test_the_machine_the_versions_the_spread_and_what_was_not_run_are_told() -> None:
    printed = shown(result(PURE))
    for words in ("Machine: ", "Python: CPython", "svcs ", "Spread: half of the rows", "Not run: engines"):
        assert words in printed


def test_a_result_survives_json() -> None:
    measured = result(PURE, PEER)
    again = Result.from_json(measured.to_json())
    assert dataclasses.replace(again, rows=tuple(again.rows)) == measured


def test_growth_keeps_the_order_of_sizes() -> None:
    lines = markdown(result(*GROWTH)).splitlines()
    assert [line.split("|")[1].strip() for line in lines if "refs" in line] == ["**100 refs**", "**1,000 refs**"]


def test_figures_replace_those_between_the_marks_alone() -> None:
    page = f"before\n{BEGIN}old\n{END}after\n"
    written = replace_figures(page, result(PURE))
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert replace_figures(written, result(PURE)) == written


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="figures: written by make bench"):
        replace_figures("no marks", result(PURE))


def test_the_same_result_draws_the_same_charts(tmp_path: Path) -> None:
    measured = result(PURE, PEER, COMPILED, *GROWTH)
    for folder in ("one", "two"):
        draw(measured, tmp_path / folder)
    for name in ("lookups.svg", "growth.svg"):
        drawn = (tmp_path / "one" / name).read_text()
        assert ET.fromstring(drawn).tag.endswith("svg")
        assert drawn == (tmp_path / "two" / name).read_text()


def test_the_page_shows_the_committed_result() -> None:
    page = PAGE.read_text("utf-8")
    committed = Result.from_json(RESULT.read_text("utf-8"))
    assert page == replace_figures(page, committed), "python -m benchmarks write"
