import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from contract.tiles import CellLattice, Span, TileGrid

SPANS = st.builds(
    lambda start, length: Span(start, start + length), st.integers(0, 50), st.integers(0, 200)
)


@given(SPANS, SPANS, st.integers(1, 40), st.integers(1, 40))
def test_tiles_cover_the_rectangle_and_stay_inside(
    rows: Span, columns: Span, tile_rows: int, tile_columns: int
) -> None:
    grid = TileGrid(rows, columns, tile_rows, tile_columns)
    seen = np.zeros((rows.end, columns.end), bool)
    for top, left, bottom, right in grid.boxes():
        assert rows.start <= top < bottom <= rows.end
        assert columns.start <= left < right <= columns.end
        assert (bottom - top, right - left) == (tile_rows, tile_columns)
        seen[top:bottom, left:right] = True
    fits = rows.length >= tile_rows and columns.length >= tile_columns
    assert seen[rows.start :, columns.start :].all() == (
        fits or not seen[rows.start :, columns.start :].size
    )
    assert len(grid.boxes()) == grid.shape[0] * grid.shape[1]


def test_the_last_tiles_reach_back() -> None:
    grid = TileGrid(Span(10, 35), Span(0, 20), 10, 10)
    assert grid.row_starts().tolist() == [10, 20, 25]
    assert grid.column_starts().tolist() == [0, 10]
    assert grid.shape == (3, 2)
    assert grid.boxes()[-1].tolist() == [25, 10, 35, 20]


def test_a_rectangle_smaller_than_a_tile_has_none() -> None:
    grid = TileGrid(Span(0, 9), Span(0, 100), 10, 10)
    assert grid.shape == (0, 10)
    assert grid.boxes().shape == (0, 4)


def test_cells_count_by_their_centres() -> None:
    lattice = CellLattice(cell_m=0.1, cell_mm=100, width_mm=1040)
    assert lattice.across == 10
    assert lattice.along(0.04) == 0
    assert lattice.along(0.06) == 1
    assert lattice.along(1.0) == 10
    assert lattice.along(-3) == 0
    assert lattice.centres_mm()[[0, -1]].tolist() == [50, 950]


@given(st.floats(0.01, 2), st.floats(0, 3000), st.floats(0, 3000))
def test_a_coil_cut_in_two_has_as_many_cells_as_whole(cell: float, a: float, b: float) -> None:
    lattice = CellLattice(cell_m=cell, cell_mm=1, width_mm=1)
    assert lattice.along(max(a, b)) >= lattice.along(min(a, b))
    assert abs(lattice.along(a) - a / cell) <= 0.5 + 1e-6


def test_a_strip_narrower_than_a_cell_is_one_cell_wide() -> None:
    assert CellLattice(cell_m=1, cell_mm=100, width_mm=20).across == 1
