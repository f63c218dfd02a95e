"""Rectangles on a coil that touch, and the one around two."""

import numpy as np
import numpy.typing as npt

from contract.bodies import Extent

TOUCH_M, TOUCH_MM = 1e-6, 1e-3

Places = npt.NDArray[np.float64]
"""`N x 4`: rectangles as an `Extent` has them, from and to along (m), from and to across (mm)."""
NOWHERE: Places = np.empty((0, 4))


def around(places: Places) -> Places:
    """The rectangle around all of these, of which there must be one; `1 x 4`."""
    from_m, from_mm = places[:, [0, 2]].min(axis=0)
    to_m, to_mm = places[:, [1, 3]].max(axis=0)
    return np.array([[from_m, to_m, from_mm, to_mm]])


def touching(places: Places, others: Places) -> npt.NDArray[np.bool_]:
    """Which of the others touch one of the places, to a micrometre, also at a corner. Each is
    compared with those alone that are near it: there may be thousands.
    """
    found = np.zeros(len(others), np.bool_)
    if not (len(places) and len(others)):
        return found
    near = np.flatnonzero(_touch(around(places), others))
    if near.size:
        places = places[_touch(around(others[near]), places)]
        found[near] = _touch(places[:, None], others[near]).any(axis=0)
    return found


def _touch(a: Places, b: Places) -> npt.NDArray[np.bool_]:
    along = (a[..., 0] <= b[..., 1] + TOUCH_M) & (b[..., 0] <= a[..., 1] + TOUCH_M)
    across = (a[..., 2] <= b[..., 3] + TOUCH_MM) & (b[..., 2] <= a[..., 3] + TOUCH_MM)
    return np.asarray(along & across, np.bool_)


def union(a: Extent, b: Extent) -> Extent:
    """The rectangle around both."""
    return Extent(
        from_m=min(a.from_m, b.from_m),
        to_m=max(a.to_m, b.to_m),
        from_mm=min(a.from_mm, b.from_mm),
        to_mm=max(a.to_mm, b.to_mm),
    )


def within(a: Extent, b: Extent, slack_mm: float) -> bool:
    """Whether all of `a` lies in `b`, give or take so much."""
    slack_m = slack_mm / 1000
    return (
        b.from_m - slack_m <= a.from_m
        and a.to_m <= b.to_m + slack_m
        and b.from_mm - slack_mm <= a.from_mm
        and a.to_mm <= b.to_mm + slack_mm
    )


def overlap(a: Extent, b: Extent) -> Extent:
    """What lies in both, of two that touch."""
    return Extent(
        from_m=max(a.from_m, b.from_m),
        to_m=min(a.to_m, b.to_m),
        from_mm=max(a.from_mm, b.from_mm),
        to_mm=min(a.to_mm, b.to_mm),
    )
