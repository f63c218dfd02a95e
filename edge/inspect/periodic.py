"""Is it chance that defects lie on a lattice? Arithmetic on distances, for one band of a strip.

From the newest defect one looks back: at a period `P` a roll's mark would lie at `P`, `2P`, ...
Each of these places is hit by clutter, which is Poisson at rate `r`, with probability
`q = 1 - exp(-r w)` where `w` is the window that the positions' error asks for. `h` hits among `j`
places are then binomial, and by Chernoff's bound at least that many come with a chance of at most
`exp(-j KL(h/j || q))`. The chance is multiplied by all that was tried: every place to look back
from, every period that can be told from another, and every `j` (weight `1 / j(j-1)`, whose sum is
1). The rate is the greater one of that within the `j` turns and of that in all of the strip that is
looked back over, both counted beside the lattice's places, so that a mark is not its own clutter.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge.config import PeriodRange

F64 = npt.NDArray[np.float64]

MOST_MARKS = 64
"""Of the band, the nearest: so many at most are compared with each other."""
MOST_PERIODS = 1024
_PRIOR = 0.5
"""The weight, in defects, of the class's rate over the whole width in the estimate of a band's."""

_BETWEEN = math.log(0.05)


class Band(NamedTuple):
    """What lies before one defect, in its band across and of its class.

    `behind_m` are distances back to the others, rising, positive, at most `MOST_MARKS`; `half_m`
    the greatest error of each distance. `known_m` is how far back all defects are known;
    `usual_per_m` the rate that the band would have if the class were strewn evenly over the width.
    """

    behind_m: F64
    half_m: F64
    known_m: float
    usual_per_m: float


class Found(NamedTuple):
    """The likeliest lattice: its period, over how many turns, and the natural logarithm of the
    chance of it (0 where it is no less than 1). `places` are the turns with a hit, rising, `marks`
    the index of the defect at each.
    """

    period_m: float
    turns: int
    log_chance: float
    places: npt.NDArray[np.intp]
    marks: npt.NDArray[np.intp]


class Search(NamedTuple):
    """What is looked for: periods in ranges that do not overlap, over so many turns back, where
    distances err by a share `error`; a chance above `log_limit` is of no interest.
    """

    ranges: tuple[PeriodRange, ...]
    turns: int
    error: float
    log_limit: float


def find_lattice(band: Band, search: Search, tried: int) -> Found | None:
    """The lattice through the newest defect that chance explains worst, of at least two more;
    None where chance explains it better than `search` asks.

    Args:
        band: what lies before it.
        search: what to look for.
        tried: defects that were looked back from so far, this one included.
    """
    ranges, turns, error, log_limit = search
    if len(band.behind_m) < 2:
        return None
    periods = _suggested(band, ranges, turns)
    log_tried = math.log(tried) + _log_trials(band, periods, search)
    useful = _hits_enough(band, periods, search, log_tried[:, 1] - log_limit)
    if not useful.any():
        return None
    periods = periods[useful]
    log_chance = log_tried[useful] + _log_chance(band, periods, turns, error)
    if log_chance.min() > min(log_limit, 0.0):
        return None
    row, column = np.unravel_index(log_chance.argmin(), log_chance.shape)
    found = _found(band, float(periods[row]), int(column) + 1, error)
    found = found._replace(log_chance=float(log_chance[row, column]))
    return _fundamental(band, found, ranges, error)


def _log_trials(band: Band, periods: F64, search: Search) -> F64:
    """`P x J`: logarithm of how many periods can be told apart up to each turn, times what each `j`
    weighs; it rises with `j`.
    """
    width_m = sum(r.greatest_m - r.least_m for r in search.ranges)
    j = np.arange(1, search.turns + 1)
    window_m = _window_m(band, periods, search.turns, search.error)
    weight = np.log(np.maximum(j * (j - 1), 1))
    return np.asarray(weight + np.log(len(search.ranges) + width_m * j / window_m), np.float64)


def _hits_enough(band: Band, periods: F64, search: Search, needed: F64) -> npt.NDArray[np.bool_]:
    """Which periods could prove anything, were every defect on their lattice at a place of its own
    and none missing: most cannot, and a crowded strip then costs little.
    """
    _, _, on = _lattice(band, periods, search.turns, search.error)
    count = on.sum(axis=1)
    rate = (len(band.behind_m) - count + _PRIOR) / (band.known_m + _PRIOR / band.usual_per_m)
    q = -np.expm1(-rate * 2 * band.half_m.max())
    return np.asarray(-np.minimum(count, search.turns) * np.log(q) >= needed, np.bool_)


def _fundamental(band: Band, found: Found, ranges: tuple[PeriodRange, ...], error: float) -> Found:
    """The lattice as found, or one of a half, a third or a quarter of its period: where the places
    between its own are hit more often than chance would. A long period looks back further with the
    same turns, so a mark that is missed now and then can be clearest on every second turn.
    """
    for parts in (4, 3, 2):
        period_m, turns = found.period_m / parts, found.turns * parts
        if not any(r.least_m <= period_m <= r.greatest_m for r in ranges):
            continue
        finer = _found(band, period_m, turns, error)
        between = turns - found.turns
        hits = np.array([np.count_nonzero(finer.places % parts)])
        window_m = 2 * (band.half_m.max() + error * turns * period_m)
        rate = max(band.usual_per_m, (len(band.behind_m) - len(finer.marks)) / band.known_m)
        chance = -between * _divergence(hits / between, -np.expm1(-np.array([rate]) * window_m))
        if chance[0] < _BETWEEN and window_m <= period_m / 2:
            return finer._replace(log_chance=found.log_chance)
    return found


def _lattice(
    band: Band, periods: F64, turns: int, error: float
) -> tuple[npt.NDArray[np.intp], F64, npt.NDArray[np.bool_]]:
    """`P x N`: the turn that each defect is nearest to, how far from it, and whether it is on it;
    what lies further back has turn `turns + 1`.
    """
    turn = np.minimum(np.rint(band.behind_m / periods[:, None]), turns + 1).astype(np.intp)
    off_m = np.abs(band.behind_m - turn * periods[:, None])
    on = (off_m <= band.half_m + error * band.behind_m) & (turn >= 1) & (turn <= turns)
    return turn, off_m, on


def _found(band: Band, period_m: float, turns: int, error: float) -> Found:
    """What lies on one lattice: at each place the defect that is nearest to it."""
    turn, off_m, on = (each[0] for each in _lattice(band, np.array([period_m]), turns, error))
    marks = np.flatnonzero(on)
    marks = marks[np.lexsort((off_m[marks], turn[marks]))]
    places, first = np.unique(turn[marks], return_index=True)
    return Found(period_m, turns, 0.0, places, marks[first])


def _suggested(band: Band, ranges: tuple[PeriodRange, ...], turns: int) -> F64:
    """The periods that the distances suggest: each of them over each whole number of turns. Those
    that only repeat another within the positions' error are left out, then the longest distances'.
    """
    j = np.arange(1, turns + 1)
    periods = (band.behind_m[:, None] / j).ravel()
    fine_m = np.repeat(band.half_m / turns, turns)
    inside = np.zeros(len(periods), np.bool_)
    for least_m, greatest_m in ranges:
        inside |= (periods >= least_m) & (periods <= greatest_m)
    periods, fine_m = periods[inside], fine_m[inside]
    if not len(periods):
        return periods
    _, first = np.unique(np.rint(periods / fine_m.min()), return_index=True)
    return np.asarray(periods[np.sort(first)[:MOST_PERIODS]], np.float64)


def _window_m(band: Band, periods: F64, turns: int, error: float) -> F64:
    """`P x J`: the widest window up to each turn."""
    reach_m = np.arange(1, turns + 1) * periods[:, None]
    return np.asarray(2 * (band.half_m.max() + error * reach_m), np.float64)


def _log_chance(band: Band, periods: F64, turns: int, error: float) -> F64:
    """`P x J`: logarithm of the chance of so many hits up to each turn; 0 where nobody can say:
    beyond what is known, fewer than two hits, windows of half a period.
    """
    turn, _, on = _lattice(band, periods, turns, error)
    rows = np.broadcast_to(np.arange(len(periods))[:, None], turn.shape)
    counts = np.zeros((len(periods), turns + 1))
    np.add.at(counts, (rows[on], turn[on]), 1)
    hits = (counts > 0)[:, 1:].cumsum(axis=1)
    in_windows = counts[:, 1:].cumsum(axis=1)
    window_m = _window_m(band, periods, turns, error)
    span_m = np.arange(1, turns + 1) * periods[:, None]
    within = np.searchsorted(band.behind_m, (span_m + window_m / 2).ravel(), side="right")
    beside_near = np.maximum(within.reshape(span_m.shape) - in_windows, 0)
    beside_all = len(band.behind_m) - in_windows
    prior_m = _PRIOR / band.usual_per_m
    rate = np.maximum(
        (beside_near + _PRIOR) / (span_m + prior_m),
        (beside_all + _PRIOR) / (band.known_m + prior_m),
    )
    j = np.arange(1, turns + 1)
    log_chance = -j * _divergence(hits / j, -np.expm1(-rate * window_m))
    sayable = (
        (hits >= 2) & (span_m <= band.known_m + window_m / 2) & (window_m <= periods[:, None] / 2)
    )
    return np.where(sayable, log_chance, 0.0)


def _divergence(share: F64, q: F64) -> F64:
    """Kullback and Leibler's between coins of which `share` and `q` show heads; 0 where `share` is
    no more than `q`.
    """
    tails = 1 - share
    with np.errstate(divide="ignore", invalid="ignore"):
        heads_part = share * np.log(share / q)
        tails_part = np.where(tails > 0, tails * np.log(tails / (1 - q)), 0.0)
    return np.where(share > q, heads_part + tails_part, 0.0)
