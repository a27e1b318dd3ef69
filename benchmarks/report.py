"""The result as tables: for the terminal, and for docs/performance.md."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import sessions
from benchmarks.result import Result
from benchmarks.rows import Row

BEGIN: Final = "<!-- figures: written by make bench -->\n"
END: Final = "<!-- end of the figures -->\n"
LEARNED: Final[Mapping[str, str]] = {
    sessions.SYNC: "What a request pays for a scope of its own. A stack calls back and a container makes one object of "
    "a class; a session also finds each object again by its key, and checks it.",
    sessions.TEN: "What each further ref costs in a session that is open anyway.",
    sessions.AWAITED: "The same in an event loop. Only a finalizer that is asynchronous itself is waited for, "
    "and that shielded: who cancels the request does not cut it short.",
}
"""What a reader learns from a group that does not say so itself."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a table: one name, in one column or in one for each build."""

    name: str
    first: Row | None
    compiled: Row | None

    def cells(self) -> Iterator[str]:
        """Name, ratio, quartiles, ratio and quartiles of the compiled build, targets."""
        yield self.name
        for row in (self.first, self.compiled):
            yield "" if row is None else number(row.ratio)
            yield "" if row is None or row.low == row.high else f"{number(row.low)} to {number(row.high)}"
        limits = (limit(row) for row in (self.first, self.compiled) if row)
        yield " / ".join(filter(None, dict.fromkeys(limits)))

    @property
    def missed(self) -> bool:
        """Whether a figure is above its target."""
        return any(missed(row) for row in (self.first, self.compiled) if row)


def missed(row: Row) -> bool:
    """Whether the figure is above its target."""
    return row.target is not None and row.ratio > row.target


def limit(row: Row) -> str:
    """What the figure is at most, if that is said; a target that it misses is called a goal."""
    if row.target is None:
        return ""
    return f"goal {row.target:g}, not reached" if missed(row) else f"{row.target:g}"


def number(value: float) -> str:
    """A ratio with the digits that say something."""
    digits = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004
    return f"{value:,.{digits}f}"


def sections(result: Result) -> Iterator[tuple[str, str, Sequence[Line]]]:
    """Each group, its reference, and its lines: the cheapest first by the first figure, but growth by size."""
    rows_by_heading: dict[tuple[str, str], list[Row]] = {}
    for row in result.rows:
        rows_by_heading.setdefault((row.group, row.reference), []).append(row)
    for (group, reference), rows in rows_by_heading.items():
        lines = list(_lines(rows))
        if not group.startswith("growth"):
            lines.sort(key=lambda line: next(row.ratio for row in (line.first, line.compiled) if row))
        yield group, reference, lines


def _lines(rows: Iterable[Row]) -> Iterator[Line]:
    """Both builds of one name in one line."""
    by_name: dict[str, dict[bool, Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, {})[row.build == "compiled"] = row
    for name, builds in by_name.items():
        yield Line(name, builds.get(False), builds.get(True))


def _headings(result: Result) -> Sequence[str]:
    first = "ratio (liveref pure)" if "compiled" in result.builds else "ratio"
    return (first, "quartiles", "compiled", "quartiles", "at most")


def _shown(result: Result, cells: Iterable[str]) -> Sequence[str]:
    """The cells without those of a build that was not measured."""
    kept = [*cells]
    return kept if "compiled" in result.builds else [*kept[:3], *kept[5:]]


def show(result: Result, console: Console) -> None:
    """Print all of it."""
    for group, reference, lines in sections(result):
        table = Table(title=escape(f"{group}, in units of {reference}"), title_justify="left", min_width=90)
        table.add_column("", min_width=44)
        for heading in _shown(result, ["", *_headings(result)])[1:]:
            table.add_column(heading, justify="right")
        for line in lines:
            cells = _shown(result, (escape(cell) for cell in line.cells()))
            style = "bold red" if line.missed else "bold" if _ours(line) else None
            table.add_row(*cells, style=style)
        console.print(table)
    for text in (*about(result), "Red is above its target. The cheapest stands first."):
        console.print(escape(text), soft_wrap=True)


def _ours(line: Line) -> bool:
    row = line.first or line.compiled
    return row is not None and row.build is not None


def about(result: Result) -> Iterator[str]:
    """What the figures depend on."""
    machine = result.machine
    yield f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}, load {machine['load']}."
    yield f"Python: {machine['python']}."
    yield f"Packages: {', '.join(f'{name} {number}' for name, number in result.packages.items())}."
    length = "quick" if result.quick else "full"
    yield f"Builds of liveref: {', '.join(result.builds)}. A {length} run of {result.seconds:.0f} s."
    yield f"Spread: half of the rows have their quartiles within {result.spread:.1%} of the ratio."
    for program, reason in result.skipped.items():
        yield f"Not run: {program}, for {reason}."


def markdown(result: Result) -> str:
    """The same for a page."""
    parts = [f"* {text}" for text in about(result)]
    tables = [*sections(result)]
    groups = [group for group, _, _ in tables]
    for group, reference, lines in tables:
        title = group if groups.count(group) == 1 else f"{group}, in units of {reference}"
        parts += ["", f"### {title[0].upper()}{title[1:]}", "", f"In units of `{reference}`.", ""]
        parts += [LEARNED[group], ""] if group in LEARNED else []
        headings = _shown(result, ["", *_headings(result)])
        parts += [_bar(headings), _bar(["---", *["--:"] * (len(headings) - 1)])]
        parts += [_bar(_shown(result, _styled(line))) for line in lines]
    return "\n".join(parts) + "\n"


def _styled(line: Line) -> Iterator[str]:
    name, *cells = line.cells()
    yield f"**{name}**" if _ours(line) else name
    yield from cells


def _bar(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def replace_figures(page: str, result: Result) -> str:
    """The page with these figures between its two marks."""
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    written, count = re.subn(pattern, lambda _: f"{BEGIN}\n{markdown(result)}\n{END}", page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the page has no {BEGIN.strip()} before {END.strip()}")
    return written
