"""The tables say what was measured, and the documentation shows the figures of the committed result."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from benchmarks.__main__ import PAGE, RESULT
from benchmarks.charts import draw
from benchmarks.report import BEGIN, END, markdown, replace_figures, show
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
    ours = lines.index("liveref get(key) 5.25 5.10 to 5.40 2.50 2.40 to 2.60 5.5 / 2.4")
    assert lines[ours + 1] == "aiohttp app[AppKey] 3.50 3.40 to 3.60"


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
