"""Where the strip lies in a picture: the same rule for the line and for cutting training tiles.

Off the strip a line camera sees the dark pit below it. The strip's edges are the outermost columns
whose brightness reaches a share of the bright columns': scanning from outside inward, a dark defect
in the middle of the strip cannot be taken for an edge. On real frames the pit lies at 0.04 to 0.26
of the strip's brightness, an unevenly lit strip falls to 0.37 at its darkest column.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.tiles import Span

EDGE_SHARE = 0.32
ROW_STEP = 16
LEAST_ROWS = 16
"""Rows that a short piece of a frame is judged by, if it has them."""
SMOOTH_COLUMNS = 7
BLACK = 1.0
"""Mean grey below which nothing is to be seen, neither strip nor pit."""


class StripColumns(NamedTuple):
    """The strip's columns in one picture, and which of its two edges can be seen."""

    columns: Span
    left_edge_seen: bool
    right_edge_seen: bool

    def inside(self, margin_px: int) -> Span:
        """The columns less a margin beside each edge that is seen."""
        start = self.columns.start + margin_px * self.left_edge_seen
        end = self.columns.end - margin_px * self.right_edge_seen
        return Span(start, max(start, end))


def detect_strip(pixels: npt.NDArray[np.uint8]) -> StripColumns:
    """The strip in a picture (U8 `h x w`, any view); in a black one it may be anywhere, so the
    whole picture is its place.
    """
    width = pixels.shape[1]
    profile = pixels[:: row_step(pixels)].mean(axis=0, dtype=np.float32)
    profile = cv2.blur(profile[None, :], (SMOOTH_COLUMNS, 1))[0]
    bright = np.flatnonzero(profile >= max(BLACK, EDGE_SHARE * float(np.percentile(profile, 90))))
    if not len(bright):
        return StripColumns(Span(0, width), left_edge_seen=False, right_edge_seen=False)
    columns = Span(int(bright[0]), int(bright[-1]) + 1)
    return StripColumns(columns, columns.start > 0, columns.end < width)


def row_step(pixels: npt.NDArray[np.uint8]) -> int:
    """Every how many rows of a picture its light and its edges are judged by."""
    rows: int = pixels.shape[0]
    return max(1, min(ROW_STEP, rows // LEAST_ROWS))
