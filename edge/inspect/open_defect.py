"""A defect that is open, and where more of it may touch it: at its tiles, not at their box.

A diagonal scratch has half of the strip as its box; whatever else lies there is no part of it. The
newest tiles are kept as they are, those before them as the one box round them: that is asked only
where strip comes back from far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from contract.bodies import Extent, ModelReference
from edge.grading.severity import NONE, Severity
from edge.inspect.extents import NOWHERE, TOUCH_M, Places, around, touching, union
from edge.inspect.shape import NOTHING, Shape

KEPT = 256
"""Places of a defect: more than a row of tiles has."""


@dataclass(slots=True, eq=False)
class OpenDefect:
    """What is known so far of a defect of one coil; `places` are its tiles."""

    number: int
    class_name: str
    extent: Extent
    tiles: int
    probability: float
    first_frame: int
    last_frame: int
    grabbed: datetime
    places: Places
    revision: int = 0
    evidence: str | None = None
    model: ModelReference | None = None
    crowded: bool = False
    shape: Shape = NOTHING
    stretch: int | None = None
    """Where `Density` counts it; None before it is confirmed."""
    uncounted: int = 0
    severity: Severity = NONE
    """The worst that was told of it, or of what it absorbed."""
    part_of: "OpenDefect | None" = None

    def __post_init__(self) -> None:
        self.places = newest(self.places)

    def grow(
        self, extent: Extent, tiles: int, probability: float, shape: Shape, places: Places
    ) -> None:
        """Grow by a patch, or by what another defect has."""
        self.shape = self.shape.joined(shape)
        self.extent = union(self.extent, extent)
        self.tiles += tiles
        self.probability = max(self.probability, probability)
        self.places = newest(np.vstack([self.places, places]))

    def absorb(self, other: "OpenDefect") -> None:
        """Take another defect that turned out to be part of this one."""
        self.grow(other.extent, other.tiles, other.probability, other.shape, other.places)
        self.crowded |= other.crowded
        self.uncounted += other.uncounted
        self.first_frame = min(self.first_frame, other.first_frame)
        other.part_of = self

    @property
    def whole(self) -> "OpenDefect":
        """The one that it is part of by now, or itself."""
        defect = self
        while defect.part_of is not None:
            defect = defect.part_of
        return defect


def newest(places: Places) -> Places:
    """So many at most: of more, the first along the strip are one box."""
    if len(places) <= KEPT:
        return places
    order = places[:, 1].argsort(kind="stable")
    return np.vstack([around(places[order[: 1 - KEPT]]), places[order[1 - KEPT :]]])


class Before:
    """The defects of a class that were open before a section, where its patches may touch them.

    What the section itself adds to them is not among it: patches of a section that touch are one
    patch already.
    """

    def __init__(self, known: Sequence[OpenDefect], within: Places) -> None:
        places = np.vstack([NOWHERE, *(d.places for d in known)])
        near = touching(within, places)
        self._known = known
        self._places = places[near]
        self._to_m = float(self._places[:, 1].max(initial=-np.inf)) + 2 * TOUCH_M
        self._owners = np.repeat(np.arange(len(known)), [len(d.places) for d in known])[near]

    def touched_by(self, extent: Extent, places: Places) -> list[OpenDefect]:
        """Those that the tiles of a patch touch, each as what it has become meanwhile."""
        if extent.from_m > self._to_m:
            return []
        owners = np.unique(self._owners[touching(places, self._places)])
        found = (self._known[owner].whole for owner in owners)
        return list({d.number: d for d in found}.values())
