"""What a defect's pixels measure, as sums that join exactly: over tiles, sections and frames.

A defect may be kilometres long, so no pixel is kept: areas and greys are sums, and what lies within
the hull says nothing of the smallest rectangle that holds it.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.bodies import Extent, Measure
from edge.inspect.segment import Mask

Points = npt.NDArray[np.float64]
"""`N x 2`: along and across the coil, in mm."""

MOST_POINTS = 128
"""Of a hull. A circle loses 0.1 % of its diameter by it."""
WHITE = 255
TIE_DECIMALS = 6
"""Of two rectangles as small as each other the first: no processor's rounding decides."""


class Shape(NamedTuple):
    """A set of pixels on the coil."""

    hull: Points
    """Corners of the convex hull of the pixels, in order; at most `MOST_POINTS`."""
    area_mm2: float = 0.0
    pixels: int = 0
    difference: int = 0
    """Sum over the pixels of their grey less the steel's."""
    complete: bool = True
    """False: some of it was not measured."""

    def joined(self, other: "Shape") -> "Shape":
        """With pixels that are not in this one."""
        return Shape(
            _hull(np.vstack([self.hull, other.hull])),
            self.area_mm2 + other.area_mm2,
            self.pixels + other.pixels,
            self.difference + other.difference,
            self.complete and other.complete,
        )

    @property
    def extent(self) -> Extent:
        """The box round its pixels, of which there must be one."""
        (from_mm, left_mm), (to_mm, right_mm) = self.hull.min(axis=0), self.hull.max(axis=0)
        return Extent(
            from_m=round(from_mm / 1000, 6),
            to_m=round(to_mm / 1000, 6),
            from_mm=round(left_mm, 3),
            to_mm=round(right_mm, 3),
        )

    def measure(self) -> Measure | None:
        """What is told of it; None without a pixel."""
        if not self.pixels:
            return None
        length_mm, width_mm, degrees = smallest_rectangle(self.hull)
        return Measure(
            extent=self.extent,
            area_mm2=round(self.area_mm2, 3),
            length_mm=round(length_mm, 3),
            width_mm=round(width_mm, 3),
            orientation_deg=round(degrees, 1) % 180,
            contrast=round(self.difference / self.pixels / WHITE, 4),
            complete=self.complete,
        )


NO_PIXELS: Points = np.empty((0, 2))
NOTHING = Shape(NO_PIXELS)
UNMEASURED = Shape(NO_PIXELS, complete=False)


def shape_of(
    mask: Mask, difference: npt.NDArray[np.int16], corner_mm: Points, step_mm: Points
) -> Shape:
    """The shape of the pixels of a mask.

    Args:
        mask: `H x W`.
        difference: `H x W`, grey less the steel's.
        corner_mm: where the mask's first row and column begin on the coil.
        step_mm: from row to row, and from column to column.
    """
    pixels = int(np.count_nonzero(mask))
    if not pixels:
        return NOTHING
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    box = slice(top, top + height), slice(left, left + width)
    hull = _hull(corner_mm + (_corners(mask[box]) + np.array([top, left])) * step_mm)
    grey = int(difference[box][mask[box]].sum(dtype=np.int64))
    return Shape(hull, pixels * float(step_mm[0] * step_mm[1]), pixels, grey)


def _corners(mask: Mask) -> Points:
    """Corners of the first and the last pixel of each row."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    end = mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    along = np.concatenate([rows, rows, rows + 1, rows + 1])
    return np.stack([along, np.concatenate([first, end, first, end])], axis=1).astype(np.float64)


def _hull(points: Points) -> Points:
    """The convex hull; the points themselves, not rounded, however far down the coil."""
    if not len(points):
        return NO_PIXELS
    near = (points - points.min(axis=0)).astype(np.float32)
    hull = points[cv2.convexHull(near, returnPoints=False)[:, 0]]
    while len(hull) > MOST_POINTS:
        hull = _thinned(hull, len(hull) - MOST_POINTS)
    return np.asarray(hull, np.float64)


def _thinned(hull: Points, surplus: int) -> Points:
    """Without corners that cut off the least area, no two of them neighbours."""
    before, after = np.roll(hull, 1, axis=0), np.roll(hull, -1, axis=0)
    cut = np.abs(_cross(hull - before, after - before))
    least = np.flatnonzero((cut <= np.roll(cut, 1)) & (cut < np.roll(cut, -1)))
    if not least.size:
        least = np.array([cut.argmin()])
    return np.delete(hull, least[cut[least].argsort(kind="stable")[:surplus]], axis=0)


def _cross(a: Points, b: Points) -> npt.NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float64)


def smallest_rectangle(hull: Points) -> tuple[float, float, float]:
    """Longer side, shorter side (mm) and direction of the longer one (degrees from along towards
    across, 0 to 180) of the rectangle of least area that holds a hull: one of its sides lies on one
    of the hull's (Freeman and Shapira, CACM 18(7), 1975).
    """
    edges = np.roll(hull, -1, axis=0) - hull
    edges /= np.hypot(*edges.T)[:, None]
    turned = np.stack([edges, np.stack([-edges[:, 1], edges[:, 0]], axis=1)])
    reach = np.ptp(turned @ hull.T, axis=2)
    best = int(reach.prod(axis=0).round(TIE_DECIMALS).argmin())
    side = int(np.diff(reach[:, best].round(TIE_DECIMALS))[0] > 0)
    along, across = turned[side, best].tolist()
    degrees = float(np.degrees(np.arctan2(across, along))) % 180
    return float(reach[side, best]), float(reach[1 - side, best]), degrees
