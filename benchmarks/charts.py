"""The result as charts in SVG: the lookups side by side, and what grows with the number of refs."""

# The stubs of matplotlib leave the types of many options open:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.result import Result
from benchmarks.rows import Row

COLOURS: Final = {None: "#8c8c8c", "pure": "#3776ab", "compiled": "#d1620a"}


def draw(result: Result, folder: Path) -> None:
    """Write ``lookups.svg`` and ``growth.svg``."""
    mpl.rc("svg", hashsalt="liveref", fonttype="path")  # the same result gives the same file
    mpl.rc("font", size=9)
    _save(_lookups([row for row in result.rows if row.group == "lookup"]), folder / "lookups.svg")
    _save(_growth([row for row in result.rows if row.group.startswith("growth")]), folder / "growth.svg")


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _lookups(rows: Sequence[Row]) -> Figure:
    """A bar each, the cheapest on top, with its quartiles."""
    ordered = sorted(rows, key=lambda row: -row.ratio)
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1), layout="constrained")
    axes = figure.add_subplot()
    names = [f"{row.name} ({row.build})" if row.build else row.name for row in ordered]
    spread = [[row.ratio - row.low for row in ordered], [row.high - row.ratio for row in ordered]]
    colours = [COLOURS[row.build] for row in ordered]
    axes.barh(names, [row.ratio for row in ordered], xerr=spread, color=colours, error_kw={"linewidth": 0.8})
    axes.set_xscale("log")
    axes.set_xlabel("a lookup, in units of d[k]; what is grey checks no type")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _growth(rows: Sequence[Row]) -> Figure:
    """A panel for each operation; a level line is a cost that grows no faster than the dict's."""
    panels = [(group, list(some)) for group, some in groupby(rows, key=lambda row: row.group)]
    figure = Figure(figsize=(8, 2.6 * ((len(panels) + 1) // 2)), layout="constrained")
    for place, (group, some) in enumerate(panels):
        axes = figure.add_subplot((len(panels) + 1) // 2, 2, place + 1)
        for build, ratios in _by_build(some):
            _line(axes, build, ratios)
        axes.set_title(f"{group.removeprefix('growth: ')} of one ref, by {some[0].reference}", fontsize=8)
        axes.set_xlabel("refs")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return figure


def _by_build(rows: Sequence[Row]) -> Iterator[tuple[str | None, Sequence[Row]]]:
    for build in dict.fromkeys(row.build for row in rows):
        yield build, [row for row in rows if row.build == build]


def _line(axes: Axes, build: str | None, rows: Sequence[Row]) -> None:
    sizes = [int(row.name.split()[0].replace(",", "")) for row in rows]
    axes.fill_between(sizes, [row.low for row in rows], [row.high for row in rows], color=COLOURS[build], alpha=0.25)
    axes.semilogx(sizes, [row.ratio for row in rows], marker="o", color=COLOURS[build], label=build)
