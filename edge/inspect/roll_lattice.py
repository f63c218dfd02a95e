"""A roll repeat while it goes on: its marks, the lattice they lie on, and where the next is due."""

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from contract.bodies import Extent
from edge.inspect.periodic import Found
from edge.inspect.roll_marks import Mark

TOLD = 100
"""Defects of a repeat that are named and that its period is computed from: the newest."""
GIVEN_UP = 3
"""So many marks in a row are missing: the repeat is over."""


class Point(NamedTuple):
    """A mark on a lattice; `turn` counts from anywhere."""

    turn: int
    mark: Mark


def points_of(found: Found, marks: list[Mark], newest: Mark) -> list[Point]:
    """The lattice's marks in the order of the strip; the newest is turn 0."""
    pairs = zip(found.places.tolist(), found.marks.tolist(), strict=True)
    behind = [Point(-turn, marks[index]) for turn, index in pairs]
    return [*behind[::-1], Point(0, newest)]


class OpenRepeat:
    """A repeat that is not over.

    Args:
        number: of the repeat on its coil.
        class_name: of its defects.
        points: its first marks, at least three, in the order of the strip.
        found: the lattice that they were found on.
        position_error: of a distance, as a share of it.
    """

    def __init__(
        self,
        number: int,
        class_name: str,
        points: list[Point],
        found: Found,
        position_error: float,
    ) -> None:
        self.number = number
        self.class_name = class_name
        self.points = deque(points, TOLD)
        self.extent = _around(point.mark.extent for point in points)
        self.repeats = len(points)
        self.log_chance = found.log_chance
        self.revision = 0
        self._position_error = position_error
        self._fit()

    @property
    def last(self) -> Mark:
        """The newest mark."""
        return self.points[-1].mark

    @property
    def over_m(self) -> float:
        """When the strip has passed this without another mark, the repeat is over."""
        return self.last.along_m + GIVEN_UP * (self.period_m + 2 * self.error_m) + self.last.half_m

    def turns_to(self, mark: Mark) -> int | None:
        """Turns from the last mark to this one; None where it does not lie on the lattice."""
        distance_m = mark.along_m - self.last.along_m
        if not 0 < distance_m < (GIVEN_UP + 1) * self.period_m:
            return None
        turns = round(distance_m / self.period_m)
        reach_m = mark.half_m + self.last.half_m + turns * 2 * self.error_m
        on = abs(distance_m - turns * self.period_m) <= reach_m
        return turns if on and 1 <= turns <= GIVEN_UP else None

    def go_on(self, mark: Mark, turns: int) -> None:
        """Take in the next mark."""
        self.points.append(Point(self.points[-1].turn + turns, mark))
        self.repeats += 1
        self.extent = _around([self.extent, mark.extent])
        self._fit()

    def shares(self, points: Iterable[Point]) -> int:
        """How many of these marks are among its own."""
        ids = {point.mark.id for point in self.points}
        return sum(point.mark.id in ids for point in points)

    def correct(self, points: list[Point], found: Found) -> None:
        """Take the better explanation; the same period only makes it surer."""
        self.log_chance = found.log_chance
        apart_m = abs(found.period_m - self.period_m) * found.turns
        if apart_m <= 2 * points[-1].mark.half_m + self.error_m * found.turns:
            return
        self.points = deque(points, TOLD)
        self.repeats = max(self.repeats, len(points))
        self.extent = _around([self.extent, *(point.mark.extent for point in points)])
        self._fit()

    def _fit(self) -> None:
        """The period by least squares, and its standard error with the positions' own."""
        turn = np.array([point.turn for point in self.points], np.float64)
        along_m = np.array([point.mark.along_m for point in self.points])
        turn -= turn.mean()
        spread = float((turn**2).sum())
        self.period_m = float((turn * along_m).sum() / spread)
        off_m = along_m - along_m.mean() - turn * self.period_m
        usual_m = max(point.mark.half_m for point in self.points) / math.sqrt(3)
        seen_m = math.sqrt(float((off_m**2).sum()) / max(len(turn) - 2, 1))
        of_scale_m = self._position_error * self.period_m
        self.error_m = math.hypot(max(usual_m, seen_m) / math.sqrt(spread), of_scale_m)


def _around(extents: Iterable[Extent]) -> Extent:
    given = list(extents)
    return Extent(
        from_m=min(e.from_m for e in given),
        to_m=max(e.to_m for e in given),
        from_mm=min(e.from_mm for e in given),
        to_mm=max(e.to_mm for e in given),
    )
