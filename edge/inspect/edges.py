"""The strip's two edges over the frames of one coil, held against the mill's width.

Millimetres count from the operator side, the left edge. Where that edge is out of view they count
from the right one, less the strip's width; where neither can be seen, from where the strip was
last. An edge that jumps is not believed at once: half a dead lamp, a hand or a reflection looks
like one. What is bright is looked at nevertheless: a false alarm beats strip that nobody saw.
"""

from typing import NamedTuple

from contract.tiles import Span
from edge import config
from edge.inspect.strip import View

EDGE_PX = 4
"""Within so many columns an edge is found."""
SETTLED = 3
"""Frames for which an edge must have been at a new place to be believed."""


class _Edge:
    """One edge; out of view it lies at the picture's border."""

    def __init__(self, jump_px: float) -> None:
        self._jump_px = jump_px
        self._last: int | None = None
        self._elsewhere, self._frames = 0, 0

    def believes(self, px: int) -> bool:
        """Whether the edge may be there, by where it was."""
        if self._last is None or abs(px - self._last) <= self._jump_px:
            self._last, self._frames = px, 0
            return True
        same = self._frames and abs(px - self._elsewhere) <= self._jump_px
        self._elsewhere, self._frames = px, self._frames + 1 if same else 1
        if self._frames < SETTLED:
            return False
        self._last, self._frames = px, 0
        return True


class EdgeTracker:
    """Owned by the inspecting thread; one per coil, since the next one is as wide as it likes."""

    def __init__(self, strip: config.Strip, width_mm: float, mm_per_px: float) -> None:
        self._mm_per_px = mm_per_px
        self._mill_px = width_mm / mm_per_px
        self.slack_px = max(2.0 * EDGE_PX, strip.width_tolerance * self._mill_px)
        """What the strip may be wider or narrower than the mill says."""
        self._left = _Edge(strip.max_jump_mm / mm_per_px)
        self._right = _Edge(strip.max_jump_mm / mm_per_px)
        self._width_px: float | None = None
        self._left_px: int | None = None
        self._least, self._most = 1 << 31, -(1 << 31)

    @property
    def wander_px(self) -> int:
        """Between the left edge's two furthest places on this coil."""
        return max(0, self._most - self._least)

    def place(self, view: View, picture_px: int, *, known: bool) -> View:
        """The same strip with its left edge's place and the doubts about it; where nothing can be
        known, the whole picture, placed as the strip was last.
        """
        if not known:
            whole, left_px = Span(0, picture_px), self._left_px or 0
            return View(whole, left_edge_seen=False, right_edge_seen=False, left_px=left_px)
        left = self._left.believes(view.columns.start)
        right = self._right.believes(view.columns.end)
        seen = left and view.left_edge_seen, right and view.right_edge_seen
        if all(seen):
            self._width_px = view.columns.length
        if not (left or right):
            guessed = self._left_of(view, (view.left_edge_seen, view.right_edge_seen), picture_px)
            return view._replace(left_px=guessed, doubt="edge_jump", lost=True)
        left_px = self._left_of(view, seen, picture_px)
        self._left_px = left_px
        self._least, self._most = min(self._least, left_px), max(self._most, left_px)
        doubt = self._doubt(view, seen) if left and right else "edge_jump"
        return view._replace(left_px=left_px, doubt=doubt)

    def _left_of(self, view: View, seen: tuple[bool, bool], picture_px: int) -> int:
        width_px = self._width_px or self._mill_px
        if seen[0]:
            return view.columns.start
        if seen[1]:
            left_px = round(view.columns.end - width_px)
        elif self._left_px is not None:
            left_px = self._left_px
        else:  # wider than the picture, it lies somewhere between; take the middle
            left_px = round((picture_px - width_px) / 2)
        return left_px if view.left_edge_seen else min(0, left_px)

    def _doubt(self, view: View, seen: tuple[bool, bool]) -> str:
        if view.columns.length > self._mill_px + self.slack_px:
            return "wider"
        if not any(seen) and view.columns.length < self._mill_px - self.slack_px:
            return "no_edge"
        return ""


class Across(NamedTuple):
    """How a coil's width is seen, in mm from its operator side."""

    seen: tuple[float, float]
    beside: tuple[tuple[tuple[float, float], bool], ...]
    """What of the width lies left and right of it, and whether the strip ends there; else it goes
    on out of view.
    """


def across(view: View, width_mm: float, mm_per_px: float, slack_px: float) -> Across:
    """Lay a view on a coil's width; an edge within the slack of the mill's is the mill's."""
    start = (view.columns.start - view.left_px) * mm_per_px
    end = (view.columns.end - view.left_px) * mm_per_px
    slack_mm = slack_px * mm_per_px
    start = min(max(0.0, start), width_mm)
    end = min(max(start, end), width_mm)
    if view.left_edge_seen and start <= slack_mm:
        start = 0.0
    if view.right_edge_seen and end >= width_mm - slack_mm:
        end = width_mm
    left, right = ((0.0, start), view.left_edge_seen), ((end, width_mm), view.right_edge_seen)
    return Across((start, end), (left, right))
