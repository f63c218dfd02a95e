"""The patches of a section, measured: each in its own tiles with a margin around them.

A network's tile says that a defect is there, not where its pixels end: a piece that begins in the
patch's tiles may go on into the margin, as far as no other patch lies there. Strip that passes
again is measured apart, so that the tracker counts it for a new defect only.
"""

from typing import NamedTuple

import numpy as np

from contract.tiles import Span
from edge.inspect.decide import Lie, Patch
from edge.inspect.look import Seen
from edge.inspect.segment import Mask, Segment, segment
from edge.inspect.shape import Shape, shape_of

MARGIN_SHARE = 0.25
"""Of a tile's side."""


class Region(NamedTuple):
    """A rectangle of a frame's pixels."""

    rows: Span
    columns: Span

    @property
    def at(self) -> tuple[slice, slice]:
        """Its pixels in an array of the frame's shape."""
        return slice(*self.rows), slice(*self.columns)

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.rows.length * self.columns.length


def quantify(seen: Seen, seen_m: float, most_px: int) -> Seen:
    """Measure the patches of a section, the smallest first, as far as the pixels go.

    Args:
        seen: what was said of the section.
        seen_m: strip of the coil before this was in a section before.
        most_px: pixels of a whole frame that may be looked at, margins and all; a section has its
            share of them, by its rows and those that it borrowed. Not a time, since a replay must
            come to the same end.
    """
    left_px = most_px * seen.grid.rows.length / seen.section.frame.rows.rows
    patches = list(seen.patches)
    regions = {n: region_of(patch, seen) for n, patch in enumerate(patches) if not patch.crowded}
    taken = tiles_of(seen)
    for number in sorted(regions, key=lambda n: regions[n].pixels):
        left_px -= regions[number].pixels
        if left_px < 0:
            break
        patch, region = patches[number], regions[number]
        found = find(patch, region, seen, taken)
        patches[number] = _measured(patch, region, seen, found, seen_m)
    return seen._replace(patches=patches)


def region_of(patch: Patch, seen: Seen) -> Region:
    """A patch's tiles and the margin, within the strip and the section; within the rows that the
    section borrowed to be as long as a tile, too: there is the steel around its own.
    """
    (top, left), (end, right) = patch.boxes[:, :2].min(axis=0), patch.boxes[:, 2:].max(axis=0)
    grid = seen.grid
    along, across = (round(MARGIN_SHARE * side) for side in (grid.tile_rows, grid.tile_columns))
    return Region(
        Span(max(grid.rows.start, top - along), min(grid.rows.end, end + along)),
        Span(max(grid.columns.start, left - across), min(grid.columns.end, right + across)),
    )


def tiles_of(seen: Seen) -> Mask:
    """The frame's pixels that lie in a patch: no other one grows into them."""
    taken = np.zeros(seen.section.frame.pixels.shape, np.bool_)
    for patch in seen.patches:
        _fill(taken, patch)
    return taken


def _fill(pixels: Mask, patch: Patch, top: int = 0, left: int = 0) -> None:
    for first, side, end, right in patch.boxes:
        rows = slice(max(0, first - top), max(0, end - top))
        pixels[rows, side - left : right - left] = True


def find(patch: Patch, region: Region, seen: Seen, taken: Mask) -> Segment:
    """The pixels of a patch. Those in its margin are `taken`, so that no other one counts them."""
    own = np.zeros((region.rows.length, region.columns.length), np.bool_)
    _fill(own, patch, region.rows.start, region.columns.start)
    found = segment(seen.section.frame.pixels[region.at], own)
    others = taken[region.at]
    found = found._replace(mask=found.mask & (own | ~others))
    others |= found.mask
    return found


def _measured(patch: Patch, region: Region, seen: Seen, found: Segment, seen_m: float) -> Patch:
    first, end = (
        min(max(row, region.rows.start), region.rows.end)
        for row in (seen.section.row_from, seen.section.row_to)
    )
    new = min(max(round((seen_m - seen.lie.origin_m) / seen.lie.m_per_row), first), end)
    return patch._replace(
        again=_shape(found, region, Span(first, new), seen.lie),
        shape=_shape(found, region, Span(new, end), seen.lie),
    )


def _shape(found: Segment, region: Region, rows: Span, lie: Lie) -> Shape:
    """What was found in some rows of a region."""
    part = slice(rows.start - region.rows.start, rows.end - region.rows.start)
    along_mm = (lie.origin_m + rows.start * lie.m_per_row) * 1000
    across_mm = (region.columns.start - lie.origin_px) * lie.mm_per_column
    return shape_of(
        found.mask[part],
        found.difference[part],
        np.array([along_mm, across_mm]),
        np.array([lie.m_per_row * 1000, lie.mm_per_column]),
    )
