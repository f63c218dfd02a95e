"""Defects as points that a roll may have printed, and which of them lie in one band."""

from typing import NamedTuple

import numpy as np

from contract.bodies import Defect, Extent
from edge.config import Rolls
from edge.inspect.periodic import MOST_MARKS, Band
from edge.lifecycle.geometry import TileSize

REMEMBERED = 2048
"""Defects of one class that are looked back at."""
MEASURED_M, MEASURED_MM = 0.01, 10.0
"""Greatest error of the middle of what image processing measured; of a tile it is half of it."""


class Mark(NamedTuple):
    """A defect as a point on the coil, with the greatest error of its place."""

    id: str
    extent: Extent
    along_m: float
    across_mm: float
    half_m: float
    half_mm: float

    def beside(self, other: "Mark", rules: Rolls) -> bool:
        """Whether both can lie at one place across."""
        reach_mm = self.half_mm + other.half_mm + rules.across_error_mm
        return abs(self.across_mm - other.across_mm) <= reach_mm


def mark_of(defect: Defect, size: TileSize) -> Mark:
    """Where a defect lies: the middle of what was measured of it, else that of its tiles, each end
    of which errs by a tile at most. Not of a crowd: its box says where its frame is.
    """
    measure = defect.measure
    if measure is not None and measure.complete:
        extent, half_m, half_mm = measure.extent, MEASURED_M, MEASURED_MM
    else:
        extent, half_m, half_mm = defect.extent, size.cell_m / 2, size.cell_mm / 2
    along_m = (extent.from_m + extent.to_m) / 2
    across_mm = (extent.from_mm + extent.to_mm) / 2
    return Mark(defect.defect_id, extent, along_m, across_mm, half_m, half_mm)


class Before(NamedTuple):
    """What lies before a mark in its band, and the marks that `band` speaks of."""

    band: Band
    marks: list[Mark]


_ALONE = Before(Band(np.empty(0), np.empty(0), 0.0, 0.0), [])


class ClassMarks:
    """The newest defects of one class."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._places = np.empty((REMEMBERED, 4))
        self._count = 0

    def add(self, mark: Mark) -> None:
        """Enter a defect; the one that came first makes room."""
        slot = self._count % REMEMBERED
        self._places[slot] = mark[2:]
        self.marks[slot : slot + 1] = [mark]
        self._count += 1

    def before(self, mark: Mark, look_back_m: float, rules: Rolls, width_mm: float) -> Before:
        """What lies up to `look_back_m` before a defect, in its band; nothing where it is alone."""
        along, across, half_m, half_mm = self._places[: len(self.marks)].T
        behind = mark.along_m - along
        near = (behind > 0) & (behind <= look_back_m)
        reach_mm = mark.half_mm + half_mm + rules.across_error_mm
        band = np.flatnonzero(near & (np.abs(across - mark.across_mm) <= reach_mm))
        if not len(band):
            return _ALONE
        nearest = band[np.argsort(behind[band], kind="stable")][:MOST_MARKS]
        furthest_m = float(behind[nearest[-1]])
        oldest_m = float(along.min()) if self._count > REMEMBERED else 0.0
        window_m = max(min(look_back_m, mark.along_m - oldest_m), furthest_m)
        share = min(1.0, 2 * float(reach_mm[nearest].max()) / width_mm)
        found = Band(
            behind_m=behind[nearest],
            half_m=mark.half_m + half_m[nearest],
            known_m=window_m if len(band) == len(nearest) else furthest_m,
            usual_per_m=share * (np.count_nonzero(near) + 1) / window_m,
        )
        return Before(found, [self.marks[i] for i in nearest])
