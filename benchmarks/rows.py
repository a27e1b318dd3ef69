"""What every benchmark gives: rows, each a ratio with its spread."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
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
        return cls(group, name, 0, 0, 0, reference, target, build).filled(samples)

    def filled(self, samples: Sequence[float]) -> Self:
        """The same row with these ratios, one a round."""
        several = samples if len(samples) > 1 else [*samples, *samples]
        low, median, high = statistics.quantiles(several, n=4, method="inclusive")
        return dataclasses.replace(self, ratio=median, low=low, high=high)

    @property
    def label(self) -> str:
        """The name by which the guard knows it."""
        return " | ".join(part for part in (self.group, self.name, self.build) if part)


@dataclasses.dataclass(frozen=True)
class Group:
    """Contenders that are measured together, round after round.

    Args:
        name: the heading their rows stand under.
        reference: what a ratio of 1 is.
        measure: one round: the ratio of each name.
        targets: what the ratios should be at most: for each name, for each build.
    """

    name: str
    reference: str
    measure: Callable[[], dict[str, float]]
    targets: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict[str, Mapping[str, float]])


@dataclasses.dataclass(frozen=True)
class Round:
    """What one interpreter measured in one round of one group."""

    group: str
    reference: str
    targets: dict[str, float | None]
    ratios: dict[str, float]
