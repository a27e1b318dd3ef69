"""What every benchmark gives: rows, each a ratio with its spread."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Self


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the result: how many times its reference something costs.

    Args:
        group: the heading it stands under, such as ``"lookup"``.
        name: what was measured; unique in its group and build.
        ratio: the median of the ratios of all rounds.
        low: their first quartile.
        high: their third quartile.
        reference: what a ratio of 1 is, such as ``"d[k]"``.
        target: what the ratio should be at most, if that is said somewhere.
        build: ``"pure"`` or ``"compiled"`` where the build of liveref matters, else None.
    """

    group: str
    name: str
    ratio: float
    low: float
    high: float
    reference: str
    target: float | None = None
    build: str | None = None

    @classmethod
    def of(
        cls,
        group: str,
        name: str,
        samples: Sequence[float],
        reference: str,
        *,
        target: float | None = None,
        build: str | None = None,
    ) -> Self:
        """The row of one ratio a round; of a single one, for what is counted and has no spread, too."""
        low, median, high = statistics.quantiles([*samples, *samples], n=4, method="inclusive")
        return cls(group, name, median, low, high, reference, target, build)

    @property
    def label(self) -> str:
        """The name by which the guard knows it."""
        return " | ".join(part for part in (self.group, self.name, self.build) if part)
