"""Holds a result against a baseline: what is 30 % worse is named."""

from __future__ import annotations

import dataclasses
import json
import platform
import re
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.result import processor
from benchmarks.rows import Row

BASELINE: Final = Path(__file__).with_name("baseline.json")
TOLERANCE: Final = 0.3


@dataclasses.dataclass(frozen=True)
class Regression:
    """A ratio that has become worse."""

    label: str
    was: float
    now: float

    def __str__(self) -> str:
        worse = f" ({self.now / self.was - 1:+.0%})" if self.was else ""
        return f"{self.label}: {self.was:.2f} in the baseline, {self.now:.2f} now{worse}"


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The ratios that were recorded with one build of Python, and on which processor."""

    processor: str
    ratios: Mapping[str, float]

    def known(self, rows: Sequence[Row]) -> list[tuple[Row, float]]:
        """What can be compared, with what it was."""
        return [(row, self.ratios[row.label]) for row in rows if is_guarded(row) and row.label in self.ratios]

    def unknown(self, rows: Sequence[Row]) -> list[str]:
        """What was measured and is not recorded."""
        return [row.label for row in rows if is_guarded(row) and row.label not in self.ratios]

    def regressions(self, rows: Sequence[Row]) -> list[Regression]:
        """Those of which even the first quartile is 30 % above the baseline: noise alone does not lift that one."""
        worse = [(row, was) for row, was in self.known(rows) if row.low > was * (1 + TOLERANCE)]
        return [Regression(row.label, was, row.ratio) for row, was in worse]


def is_guarded(row: Row) -> bool:
    """Ratios of liveref: not those of peers, and not the milliseconds, which are of one machine."""
    return row.build is not None and row.reference != "ms"


def key() -> str:
    """The build of Python: how it was compiled moves the ratios of instructions by up to a third."""
    name = sysconfig.get_config_var("SOABI") or f"{sys.implementation.cache_tag}-{platform.machine()}"
    level = re.findall(r"-O\w", sysconfig.get_config_var("OPT") or "")[-1:]
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return " ".join(
        [name, *level, *(option for option in ("--enable-optimizations", "--with-lto") if option in options)]
    )


def load(path: Path = BASELINE) -> Baseline | None:
    """The baseline of this build of Python, if there is one."""
    return _read(path).get(key())


def record(rows: Sequence[Row], path: Path = BASELINE) -> None:
    """Write the ratios of rows into the baseline; those of other rows and of other builds of Python stay."""
    recorded = _read(path)
    known: Mapping[str, float] = recorded[key()].ratios if key() in recorded else {}
    measured = {row.label: round(row.ratio, 3) for row in rows if is_guarded(row)}
    recorded[key()] = Baseline(processor(), {**known, **measured})
    fields = {name: dataclasses.asdict(baseline) for name, baseline in recorded.items()}
    path.write_text(json.dumps(fields, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def _read(path: Path) -> dict[str, Baseline]:
    if not path.exists():
        return {}
    return {name: Baseline(**fields) for name, fields in json.loads(path.read_text("utf-8")).items()}
