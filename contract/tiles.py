"""Tiles in a picture and cells on the strip.

A *tile* is a rectangle of a frame's pixels that the network looks at. A *cell* is a rectangle of
the coil itself, on a lattice fixed to the coil's head and operator side; accounting is done in
cells, because frames can be lost and cells cannot. Along is the rolling direction (rows of a
picture), across the width (columns).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.int32]
"""`N x 4`: first row, first column, end row, end column of each tile, in pixels of its frame."""


class Span(NamedTuple):
    """A half-open stretch of pixels, `start <= p < end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Pixels in the span."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Tiles of one size that cover a rectangle of a frame completely.

    Where the rectangle is no multiple of the tile, the last row or column of tiles reaches back
    over the one before: no pixel goes unseen and no tile leaves the rectangle. A rectangle smaller
    than a tile has no tiles.
    """

    rows: Span
    columns: Span
    tile_rows: int
    tile_columns: int

    def row_starts(self) -> npt.NDArray[np.int32]:
        """First row of each row of tiles, in pixels of the frame; `along`."""
        return _starts(self.rows, self.tile_rows)

    def column_starts(self) -> npt.NDArray[np.int32]:
        """First column of each column of tiles, in pixels of the frame; `across`."""
        return _starts(self.columns, self.tile_columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Tiles along, tiles across."""
        return len(self.row_starts()), len(self.column_starts())

    def boxes(self) -> Boxes:
        """All tiles, row by row from the top left."""
        top, left = np.meshgrid(self.row_starts(), self.column_starts(), indexing="ij")
        corners = np.stack([top, left, top + self.tile_rows, left + self.tile_columns], axis=-1)
        return corners.reshape(-1, 4).astype(np.int32)


def _starts(span: Span, tile: int) -> npt.NDArray[np.int32]:
    if span.length < tile:
        return np.empty(0, np.int32)
    whole = np.arange(span.start, span.end - tile + 1, tile, dtype=np.int32)
    rest = span.length % tile
    return np.append(whole, np.int32(span.end - tile)) if rest else whole


@dataclass(frozen=True, slots=True)
class CellLattice:
    """The cells of a coil: `(i, j)` covers `i*cell_m ..` metres from the head, `j*cell_mm ..` mm
    from the operator side.
    """

    cell_m: float
    cell_mm: float
    width_mm: float

    @property
    def across(self) -> int:
        """Cells over the width; the last may be narrower, but only cells whose centre is on the
        strip count.
        """
        return max(1, round(self.width_mm / self.cell_mm))

    def along(self, length_m: float) -> int:
        """Cells over a length: those whose centre lies before its end. An end on a centre, to a
        millionth of a cell, has passed no part of that cell's second half.
        """
        return max(0, int(np.ceil(round(length_m / self.cell_m, 6) - 0.5)))

    def centres_mm(self) -> npt.NDArray[np.float64]:
        """Centre of each column of cells, in mm from the operator side; `across`."""
        return (np.arange(self.across, dtype=np.float64) + 0.5) * self.cell_mm
