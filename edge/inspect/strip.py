"""Where the strip lies in a picture, and whether the picture can be used at all.

Off the strip a line camera sees the dark pit below it. The strip's edges are the outermost columns
whose brightness reaches a share of the bright columns': scanning from outside inward, a dark defect
in the middle of the strip cannot be taken for an edge. On real frames the pit lies at 0.04 to 0.26
of the strip's brightness, an unevenly lit strip falls to 0.37 at its darkest column.
"""

from typing import NamedTuple

import cv2
import numpy as np

from contract.tiles import Span
from edge import config
from edge.types import U8

EDGE_SHARE = 0.32
ROW_STEP = 16
SMOOTH_COLUMNS = 7
BLACK = 1.0
"""Mean grey below which nothing is to be seen, neither strip nor pit."""


class View(NamedTuple):
    """The strip in one picture: its columns, and which of its two edges can be seen."""

    columns: Span
    left_edge_seen: bool
    right_edge_seen: bool

    def inner(self, strip: config.Strip) -> Span:
        """The columns to look at: a margin less beside each detected edge."""
        margin = strip.margin_px if strip.edges == "detect" else 0
        start = self.columns.start + margin * self.left_edge_seen
        end = self.columns.end - margin * self.right_edge_seen
        return Span(start, max(start, end))


def find_strip(pixels: U8, strip: config.Strip) -> View:
    """The strip's columns. In a black picture the strip may be anywhere, so the whole picture is
    its place, and `unusable` says why nobody saw it.
    """
    width = pixels.shape[1]
    if strip.edges == "fixed":
        return View(
            Span(min(strip.left_px, width), width), left_edge_seen=True, right_edge_seen=False
        )
    profile = pixels[::ROW_STEP].mean(axis=0, dtype=np.float32)
    profile = cv2.blur(profile[None, :], (SMOOTH_COLUMNS, 1))[0]
    bright = np.flatnonzero(profile >= max(BLACK, EDGE_SHARE * float(np.percentile(profile, 90))))
    if not len(bright):
        return View(Span(0, width), left_edge_seen=False, right_edge_seen=False)
    columns = Span(int(bright[0]), int(bright[-1]) + 1)
    return View(columns, left_edge_seen=columns.start > 0, right_edge_seen=columns.end < width)


def unusable(pixels: U8, columns: Span, limits: config.Inspect) -> str | None:
    """Why the picture cannot be judged (`dark`, `saturated`, `no_strip`); None when it can."""
    if columns.length == 0:
        return "no_strip"
    sample = pixels[::ROW_STEP, columns.start : columns.end]
    histogram = np.bincount(sample.ravel(), minlength=256)
    if histogram[255] > limits.saturated_above * sample.size:
        return "saturated"
    dark = histogram[: int(limits.dark_below * 255) + 1].sum() >= 0.99 * sample.size
    black = histogram @ np.arange(256) < BLACK * sample.size
    return "dark" if dark or black else None
