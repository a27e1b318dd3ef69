"""The result of a run, with what it depends on, and its JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

from benchmarks.rows import Row

CPUINFO: Final = Path("/proc/cpuinfo")
PACKAGES: Final = ("liveref", "beartype", "aiohttp", "dishka", "pytest", "svcs", "that-depends", "wireup")


def _machine() -> Mapping[str, str]:
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        "load": _load(),
    }


def _packages() -> Mapping[str, str]:
    return {name: version(name) for name in PACKAGES}


def processor() -> str:
    """The model; the name of the architecture where the system does not tell."""
    told = re.search(r"^model name\s*: (.+)$", CPUINFO.read_text(), re.MULTILINE) if CPUINFO.exists() else None
    return told[1] if told else platform.processor() or platform.machine()


def _load() -> str:
    """How many processes wanted to run, in the last minute: more than the cores is a noisy machine."""
    return f"{os.getloadavg()[0]:.1f}" if sys.platform != "win32" else "not told"


@dataclasses.dataclass(frozen=True)
class Result:
    """Rows, and what they depend on.

    Args:
        rows: the rows.
        seconds: how long it took.
        quick: whether it was the quick run.
        skipped: the programs that were not run, and why.
        machine: the processor, its cores, the system, the Python.
        packages: the versions.
    """

    rows: Sequence[Row]
    seconds: float
    quick: bool
    skipped: Mapping[str, str]
    machine: Mapping[str, str] = dataclasses.field(default_factory=_machine)
    packages: Mapping[str, str] = dataclasses.field(default_factory=_packages)

    @property
    def spread(self) -> float:
        """How far the quartiles lie from the ratio: the median over all rows that have a spread, as a share."""
        shares = sorted((row.high - row.low) / 2 / row.ratio for row in self.rows if row.high > row.low and row.ratio)
        return shares[len(shares) // 2] if shares else 0.0

    @property
    def builds(self) -> Sequence[str]:
        """The builds of liveref that were measured."""
        return sorted({row.build for row in self.rows if row.build}, reverse=True)

    def to_json(self) -> str:
        """Everything, a row a line."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        rows = ",\n".join(f"  {json.dumps(dataclasses.asdict(row), ensure_ascii=False)}" for row in fields.pop("rows"))
        return f'{json.dumps(fields, indent=1)[:-2]},\n "rows": [\n{rows}\n ]\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        fields = json.loads(text)
        rows = [Row(**row) for row in fields.pop("rows")]
        return cls(rows, **fields)
