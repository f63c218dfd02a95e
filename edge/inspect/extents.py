"""Rectangles on a coil that touch, and the one around two."""

import numpy as np
import numpy.typing as npt

from contract.bodies import Extent

TOUCH_M, TOUCH_MM = 1e-6, 1e-3


def touch(a: Extent, b: Extent) -> bool:
    """Whether they touch, to a micrometre."""
    return (
        a.from_m <= b.to_m + TOUCH_M
        and b.from_m <= a.to_m + TOUCH_M
        and a.from_mm <= b.to_mm + TOUCH_MM
        and b.from_mm <= a.to_mm + TOUCH_MM
    )


def touches_any(a: Extent, others: npt.NDArray[np.float64]) -> bool:
    """The same against `N x 4` extents at once: strip that comes by again may hold thousands."""
    from_m, to_m, from_mm, to_mm = others.T
    along = (a.from_m <= to_m + TOUCH_M) & (from_m <= a.to_m + TOUCH_M)
    across = (a.from_mm <= to_mm + TOUCH_MM) & (from_mm <= a.to_mm + TOUCH_MM)
    return bool((along & across).any())


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
