"""The result as charts in SVG: the lookups side by side, and what grows with the number of refs."""

# The stubs of matplotlib leave the types of many options open:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.result import Result
from benchmarks.rows import Row

COLOURS: Final = {None: "#8c8c8c", "pure": "#3776ab", "compiled": "#d1620a"}
LEGEND: Final = {None: "others, which check no type", "pure": "liveref, pure Python", "compiled": "liveref, compiled"}
SMALL: Final = 10
LARGE: Final = 100
"""From where on a figure has no digits behind the point."""


def draw(result: Result, folder: Path) -> None:
    """Write ``lookups.svg`` and ``growth.svg``."""
    mpl.rc("svg", hashsalt="liveref", fonttype="path")  # the same result gives the same file
    mpl.rc("font", size=9)
    _save(_lookups([row for row in result.rows if row.group == "lookup"]), folder / "lookups.svg")
    _save(_growth([row for row in result.rows if row.group.startswith("growth")]), folder / "growth.svg")


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _lookups(rows: Sequence[Row]) -> Figure:
    """A bar each, the cheapest on top, with its quartiles and its figure."""
    ordered = sorted(rows, key=lambda row: -row.ratio)
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1.2))
    axes = figure.add_subplot()
    for build in COLOURS:
        _bars(axes, ordered, build)
    axes.set_yticks(range(len(ordered)), [f"{row.name} ({row.build})" if row.build else row.name for row in ordered])
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.01)  # room for the figures
    axes.set_xlabel("a lookup, in units of d[k]; the scale is logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.08))
    return figure


def _bars(axes: Axes, ordered: Sequence[Row], build: str | None) -> None:
    bars = [(place, row) for place, row in enumerate(ordered) if row.build == build]
    if not bars:
        return
    rows = [row for _, row in bars]
    axes.barh(
        [place for place, _ in bars],
        [row.ratio for row in rows],
        xerr=[[row.ratio - row.low for row in rows], [row.high - row.ratio for row in rows]],
        color=COLOURS[build],
        error_kw={"linewidth": 0.8},
        label=LEGEND[build],
    )
    for place, row in bars:
        axes.annotate(_figure(row.ratio), (row.high, place), xytext=(4, 0), textcoords="offset points", va="center")


def _figure(ratio: float) -> str:
    """Two digits behind the point for a small figure, none for a large one."""
    return f"{ratio:,.0f}" if ratio >= LARGE else f"{ratio:.2f}" if ratio < SMALL else f"{ratio:.1f}"


def _growth(rows: Sequence[Row]) -> Figure:
    """A panel for each operation; a level line is a cost that grows no faster than its reference."""
    panels = [(group, list(some)) for group, some in groupby(rows, key=lambda row: row.group)]
    figure = Figure(figsize=(8, 2.6 * ((len(panels) + 1) // 2)))
    for place, (group, some) in enumerate(panels):
        axes = figure.add_subplot((len(panels) + 1) // 2, 2, place + 1)
        lines = sorted(_by_build(some), key=lambda line: median(row.ratio for row in line[1]))
        for build, ratios in lines:
            _line(axes, build, ratios, above=build == lines[-1][0])
        axes.set_title(f"{group.removeprefix('growth: ')} of one ref, by {some[0].reference}", fontsize=8)
        axes.set_xlabel("refs")
        axes.margins(x=0.08, y=0.25)  # room for the figures
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return figure


def _by_build(rows: Sequence[Row]) -> Iterator[tuple[str | None, Sequence[Row]]]:
    for build in dict.fromkeys(row.build for row in rows):
        yield build, [row for row in rows if row.build == build]


def _line(axes: Axes, build: str | None, rows: Sequence[Row], *, above: bool) -> None:
    """The upper line has its figures above its points, the other one below."""
    sizes = [int(row.name.split()[0].replace(",", "")) for row in rows]
    axes.fill_between(sizes, [row.low for row in rows], [row.high for row in rows], color=COLOURS[build], alpha=0.25)
    axes.semilogx(sizes, [row.ratio for row in rows], marker="o", color=COLOURS[build], label=LEGEND[build])
    for size, row in zip(sizes, rows, strict=True):
        axes.annotate(
            _figure(row.ratio),
            (size, row.ratio),
            xytext=(0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=7,
        )
