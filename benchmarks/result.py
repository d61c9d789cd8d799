"""A sample, and the ratios of two programs' samples."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What one program took in one run of one measurement: each figure (`seconds`, ...) with its value."""

    measurement: str
    program: str
    run: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Ratio:
    """Median and range, over the runs, of this program's figure divided by another one's in the same run.

    `own` is the median of this program's figure itself.
    """

    measurement: str
    figure: str
    program: str
    own: float
    median: float
    low: float
    high: float
    runs: int


def compare(samples: Iterable[Sample], this: str = "this") -> list[Ratio]:
    """Return the ratios of `this` program to each other one, where both have a figure."""
    values: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for sample in samples:
        for figure, value in sample.figures.items():
            programs = values.setdefault((sample.measurement, figure), {})
            programs.setdefault(sample.program, {})[sample.run] = value
    ratios = []
    for (measurement, figure), programs in values.items():
        own = programs.get(this, {})
        for program, other in programs.items():
            quotients = [own[run] / other[run] for run in sorted(own.keys() & other.keys()) if other[run]]
            if program != this and quotients:
                low, high = min(quotients), max(quotients)
                medians = statistics.median(own.values()), statistics.median(quotients)
                ratios.append(Ratio(measurement, figure, program, *medians, low, high, len(quotients)))
    return ratios
