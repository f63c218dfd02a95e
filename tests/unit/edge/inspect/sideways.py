"""Where random strip lies across the camera's picture, and what becomes of its width there.

All edges stay clear of the cells' centres by more than an edge is found wrong. The strip wanders by
less than an edge may jump, and while it lies wholly aside it does so in full view.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from contract.bodies import Outcome
from contract.tiles import Span
from edge import config
from edge.inspect.outcomes import PRECEDENCE
from edge.types import U8
from tests.unit.edge.inspect.test_loop import CLEAN
from tests.unit.runtime.small_bundle import SIDE

Ranks = npt.NDArray[np.int64]
"""Outcomes by their place in `PRECEDENCE`."""
PICTURE_PX = CLEAN.shape[1]
ACROSS = 6
"""Cells of the width that the mill reports."""
PIT = 8
MARGIN_PX = 12
"""No tile shows the outermost cells' centres."""
WANDER_PX = [cells * SIDE + px for cells in (0, 1, -1) for px in (0, 2, -2)]
ASIDE_PX = SIDE, 9 * SIDE
"""Two places for strip that jumps; one of them is far from any other."""


def rank(outcome: Outcome) -> int:
    return PRECEDENCE.index(outcome)


class Lie(NamedTuple):
    """The camera's settings and the strip, in cells of the picture."""

    left: int
    """About where the strip's operator side is."""
    narrower: int = 0
    """Than the mill says."""
    follows: bool = True
    """Edges are detected; otherwise they are set up."""
    obscured: tuple[int, int] | None = None

    @property
    def settings(self) -> config.Strip:
        if self.follows:
            return config.Strip(margin_px=MARGIN_PX)
        return config.Strip(edges="fixed", left_px=self.left * SIDE)

    @property
    def hidden(self) -> tuple[Span, ...]:
        """Columns of the picture that something before the lens hides."""
        if self.obscured is None:
            return ()
        return (Span(*(at * SIDE for at in sorted(self.obscured))),)

    def left_px(self, wander_px: int) -> int:
        return self.left * SIDE + wander_px * self.follows

    @property
    def aside_px(self) -> int:
        """The one of `ASIDE_PX` that is far from where the strip usually is."""
        return ASIDE_PX[self.left * SIDE < sum(ASIDE_PX) // 2]

    def picture(self, rows: int, left_px: int) -> U8:
        """So many lines of the strip; beside it the pit."""
        pixels = CLEAN[:rows].copy()
        pixels[:, : max(0, left_px)] = PIT
        pixels[:, max(0, left_px + (ACROSS - self.narrower) * SIDE) :] = PIT
        return pixels if self.follows else CLEAN[:rows].copy()

    def fates(self, outcome: Outcome, left_px: int) -> Ranks:
        """Of each cell across, by its centre, when what could be judged met `outcome`."""
        px = left_px + SIDE // 2 + SIDE * np.arange(ACROSS)
        ranks = np.full(ACROSS, rank(outcome))
        if outcome != "unusable":
            for start, end in self.hidden:
                ranks[(px >= start) & (px < end)] = rank("unusable")
            ranks[ACROSS - self.narrower :] = rank("off_strip_disagreement")
        ranks[(px < 0) | (px >= PICTURE_PX)] = rank("lost")
        return ranks


OBSCURED = st.none() | st.tuples(st.integers(0, 15), st.integers(0, 15))
PLACES = st.integers(-2, 12)
"""Up to a third of the strip is out of view, or most of it."""
LIES = st.one_of(
    st.builds(Lie, PLACES, st.just(0), st.just(True), OBSCURED),  # noqa: FBT003 - a field
    st.builds(Lie, st.integers(2, 8), st.integers(1, 2), st.just(True), OBSCURED),  # noqa: FBT003
    st.builds(Lie, PLACES, st.just(0), st.just(False), OBSCURED),  # noqa: FBT003
)
