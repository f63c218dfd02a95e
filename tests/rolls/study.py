"""Clutter alone, and clutter with a mark: what each of the two says, coil by coil."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from contract.bodies import Defect, RollRepeat
from contract.events import Draft
from edge.config import Rolls
from edge.inspect.rolls import RollRepeats
from edge.types import Coil as LineCoil
from tests.rolls.autocorrelation import Autocorrelation
from tests.rolls.strips import ROLLS, TILE, WHEN, Coil, Mark, announced, places

FROM_M = 200.0
"""Where the roll is damaged."""
WINDOW_M = 30.0
"""Of the autocorrelation: about what the detector looks back over for a work roll."""


@dataclass(frozen=True)
class Scene:
    """A kind of coil, how many of it, and what the table calls it."""

    name: str
    coil: Coil
    coils: int = 40


class Heard(NamedTuple):
    """Of a coil: how sure each was of its surest alarm, false or not."""

    confidence: float
    correlation: float


class Found(NamedTuple):
    """Of a coil with a mark: metres from its first mark to the first alarm with the right period
    (infinite: never), and whether the roll that marked was named, alone or among others.
    """

    metres: float
    roll_named: bool


NEVER = Found(float("inf"), roll_named=False)


def scenes(*, quick: bool) -> list[Scene]:
    """The coils of the study."""
    few, many = (3, 6) if quick else (8, 40)
    usual = Coil()
    return [
        Scene("0.02 per m", replace(usual, clutter_per_m=0.02), many),
        Scene("0.2 per m", replace(usual, clutter_per_m=0.2), many),
        Scene("1 per m", replace(usual, clutter_per_m=1.0), many),
        Scene("5 per m", replace(usual, clutter_per_m=5.0), few),
        Scene("0.2 per m, all in 150 mm", replace(usual, clutter_per_m=0.2, band_mm=150), many),
        Scene("1 per m, in heaps of 8", replace(usual, clutter_per_m=1.0, bursts=8), many),
        Scene("0.2 per m, a tenth crowded", replace(usual, clutter_per_m=0.2, crowded=0.1), many),
    ]


def listen(coil: Coil, seed: int, rules: Rolls = ROLLS) -> Heard:
    """A coil without a mark: what each takes its clutter for."""
    repeats, plain = _both(coil, rules)
    surest = Heard(0.0, 0.0)
    for draft, place in _seen(coil, seed):
        share, _ = plain.take(*place)
        bodies = [d.body for d in repeats.update([draft])]
        told = [body.confidence for body in bodies if isinstance(body, RollRepeat)]
        surest = Heard(max([surest.confidence, *told]), max(surest.correlation, share))
    return surest


def find(coil: Coil, seed: int, missed: float, threshold: float, rules: Rolls) -> list[Found]:
    """A coil with the mark of a roll of the table from `FROM_M` on, a share of its turns `missed`:
    when the detector tells of it, and when the autocorrelation at a mark reaches its threshold.
    """
    name, mark = _drawn(rules, seed)
    coil = replace(coil, mark=replace(mark, missed=missed))
    repeats, plain = _both(coil, rules)
    first_m = None
    ours = theirs = NEVER
    for place, (draft, seen) in zip(places(coil, seed), _seen(coil, seed), strict=True):
        if place.turn is not None and first_m is None:
            first_m = seen[0]
        share, lag_m = plain.take(*seen)
        told = [d.body for d in repeats.passed(seen[0], WHEN) + repeats.update([draft])]
        if first_m is None:
            continue
        since_m = seen[0] - first_m
        on_time = place.turn is not None and share >= threshold
        if theirs is NEVER and on_time and _right(lag_m, mark):
            theirs = Found(since_m, roll_named=False)
        for body in told:
            if ours is NEVER and isinstance(body, RollRepeat) and _right(body.period_m, mark):
                ours = Found(since_m, name in body.rolls)
        if NEVER not in {ours, theirs}:
            break
    return [ours, theirs]


def _right(period_m: float, mark: Mark) -> bool:
    return abs(period_m - mark.period_m) < 0.1


def _both(coil: Coil, rules: Rolls) -> tuple[RollRepeats, Autocorrelation]:
    bin_m = TILE.cell_m if coil.measured_m is None else 2 * coil.measured_m
    repeats = RollRepeats(LineCoil("coil", 0.0, None, coil.width_mm), TILE, rules)
    return repeats, Autocorrelation(rules.ranges, WINDOW_M, bin_m)


def _seen(coil: Coil, seed: int) -> Iterator[tuple[Draft, tuple[float, float]]]:
    """Each defect as it is announced, and the middle of what was measured of it or of its tile."""
    for draft in announced(coil, places(coil, seed), seed):
        body = draft.body
        if not isinstance(body, Defect):
            raise TypeError("the simulated coil announces defects only")
        extent = body.measure.extent if body.measure else body.extent
        middle = (extent.from_m + extent.to_m) / 2, (extent.from_mm + extent.to_mm) / 2
        yield draft, middle


def _drawn(rules: Rolls, seed: int) -> tuple[str, Mark]:
    """A roll of the table, at a diameter and a reduction that it can have."""
    rng = np.random.default_rng((seed, 2))
    roll = rules.table[int(rng.integers(len(rules.table)))]
    return roll.name, Mark(float(rng.uniform(*roll.period)), from_m=FROM_M)
