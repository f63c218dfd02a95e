"""Figures of samples: exact percentiles, the spread over rounds, a slope and its interval."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CURVE = (*(k / 100 for k in range(100)), *(0.99 + k / 1000 for k in range(1, 10)), 0.9999, 1.0)
"""Shares at which a distribution is kept for its picture: a tail needs more of them."""


class Spread(NamedTuple):
    """A figure over the rounds of one run."""

    low: float
    median: float
    high: float


class Slope(NamedTuple):
    """Rise per unit of the other axis, and its 95 % interval."""

    value: float
    low: float
    high: float


def short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def spread(values: Sequence[float]) -> Spread:
    """Least, median and greatest of at least one value."""
    return Spread(min(values), float(np.median(values)), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` of the samples do not exceed: one that was really
    measured (nearest rank), no interpolation between two.
    """
    ordered = sorted(values)
    rank = math.ceil(round(share * len(ordered), 9))
    return ordered[max(0, rank - 1)]


def curve(values: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs (share of samples, the value they do not exceed)."""
    return [(share, percentile(values, share)) for share in CURVE]


def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Least squares through at least three points; the interval is Student's.

    It holds for residuals that know nothing of each other: give means over stretches, not a
    series whose neighbours are alike.
    """
    fit = stats.linregress(x, y)
    reach = float(stats.t.ppf(0.975, len(x) - 2)) * float(fit.stderr)
    return Slope(float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach)


def means_per(step: float, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of both coordinates over stretches of `step` on the first one, in order."""
    stretches: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        stretches.setdefault(math.floor(point[0] / step), []).append(point)
    return [
        (float(np.mean([x for x, _ in part])), float(np.mean([y for _, y in part])))
        for _, part in sorted(stretches.items())
    ]
