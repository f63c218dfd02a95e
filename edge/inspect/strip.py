"""Where the strip lies by the settings, and whether the picture can be used at all."""

from typing import NamedTuple

import cv2
import numpy as np

from contract.tiles import Span
from edge import config
from edge.types import U8
from runtime.strip import BLACK, StripColumns, detect_strip, row_step


class View(NamedTuple):
    """The strip in one picture: its columns, and which of its two edges can be seen."""

    columns: Span
    left_edge_seen: bool
    right_edge_seen: bool
    left_px: int
    """Where the strip's operator side lies; outside the picture where that edge is."""
    doubt: str = ""
    """Why the strip's place or width is doubted (`wider`, `no_edge`, `edge_jump`); mostly empty."""
    lost: bool = False
    """Neither edge is where it was a frame before: nothing of the place is known."""

    def inner(self, strip: config.Strip) -> Span:
        """The columns to look at: a margin less beside each detected edge."""
        margin = strip.margin_px if strip.edges == "detect" else 0
        return StripColumns(*self[:3]).inside(margin)


def find_strip(pixels: U8, strip: config.Strip) -> View:
    """The strip's columns. In a black picture the strip may be anywhere, so the whole picture is
    its place, and `unusable` says why nobody saw it.
    """
    width = pixels.shape[1]
    if strip.edges == "fixed":
        columns = Span(min(max(0, strip.left_px), width), width)
        left_edge_seen = strip.left_px >= 0
        return View(columns, left_edge_seen, right_edge_seen=False, left_px=strip.left_px)
    found = detect_strip(pixels)
    return View(*found, left_px=found.columns.start)


def unusable(pixels: U8, columns: Span, limits: config.Inspect) -> str | None:
    """Why the picture cannot be judged (`dark`, `saturated`, `no_strip`); None when it can."""
    if columns.length == 0:
        return "no_strip"
    sample = pixels[:: row_step(pixels), columns.start : columns.end]
    histogram = cv2.calcHist([sample], [0], None, [256], [0, 256]).ravel()
    if histogram[255] > limits.saturated_above * sample.size:
        return "saturated"
    dark = histogram[: int(limits.dark_below * 255) + 1].sum() >= 0.99 * sample.size
    black = histogram @ np.arange(256) < BLACK * sample.size
    return "dark" if dark or black else None
