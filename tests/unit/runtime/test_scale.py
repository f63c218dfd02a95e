import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from contract.tiles import Span, TileGrid
from runtime.scale import cut_and_scale, fit_tile

U8 = npt.NDArray[np.uint8]


def noise(rows: int, columns: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)


@st.composite
def grids(draw: st.DrawFn) -> tuple[U8, TileGrid, int]:
    tile_rows, tile_columns = draw(st.integers(8, 40)), draw(st.integers(8, 40))
    top, left = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    rows = Span(top, top + draw(st.integers(0, 3 * tile_rows)))
    columns = Span(left, left + draw(st.integers(0, 3 * tile_columns)))
    pixels = noise(rows.end + draw(st.integers(0, 5)) + 1, columns.end + 3, draw(st.integers(0, 9)))
    side = draw(st.sampled_from([tile_rows, tile_columns, tile_rows // 2, 8, 13, 48]))
    return pixels, TileGrid(rows, columns, tile_rows, tile_columns), max(side, 4)


@given(grids())
@settings(max_examples=150)
def test_each_tile_is_exactly_its_crop_scaled_alone(case: tuple[U8, TileGrid, int]) -> None:
    pixels, grid, side = case
    tiles = cut_and_scale(pixels, grid, side)
    assert len(tiles) == len(grid.boxes())
    for (top, left, bottom, right), tile in zip(grid.boxes(), tiles, strict=True):
        np.testing.assert_array_equal(tile, fit_tile(pixels[top:bottom, left:right], side))


@pytest.mark.parametrize("ratio", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("rest", [0, 5])
def test_whole_ratios_on_a_real_frame_size(ratio: int, rest: int) -> None:
    side = 32
    grid = TileGrid(
        Span(3, 3 + 4 * side * ratio + rest), Span(7, 1031 + rest), *2 * (side * ratio,)
    )
    pixels = noise(grid.rows.end + 1, grid.columns.end + 1)
    tiles = cut_and_scale(pixels, grid, side)
    for (top, left, bottom, right), tile in zip(grid.boxes(), tiles, strict=True):
        np.testing.assert_array_equal(tile, fit_tile(pixels[top:bottom, left:right].copy(), side))


def test_shrinking_averages_areas() -> None:
    image = np.array([[0, 2, 10, 10], [4, 6, 10, 14]], np.uint8)
    assert fit_tile(np.vstack([image, image]), 2).tolist() == [[3, 11], [3, 11]]


def test_growing_interpolates_and_keeps_the_range() -> None:
    grown = fit_tile(np.array([[0, 200], [0, 200]], np.uint8), 8)
    assert grown.shape == (8, 8)
    assert grown[0, 0] == 0
    assert grown[0, -1] == 200
    assert np.all(np.diff(grown[0].astype(int)) >= 0)


def test_a_long_picture_shrinks_one_way_and_grows_the_other() -> None:
    assert fit_tile(noise(4, 64), 16).shape == (16, 16)


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    image = noise(16, 16)
    assert fit_tile(image, 16) is image


def test_out_is_used_and_only_the_tiles_are_returned() -> None:
    out = np.zeros((9, 8, 8), np.uint8)
    tiles = cut_and_scale(noise(16, 32), TileGrid(Span(0, 16), Span(0, 32), 16, 16), 8, out)
    assert len(tiles) == 2
    assert np.shares_memory(tiles, out)
    assert not out[2:].any()


def test_out_that_does_not_fit_is_refused() -> None:
    grid = TileGrid(Span(0, 16), Span(0, 32), 16, 16)
    for out in (np.zeros((1, 8, 8), np.uint8), np.zeros((4, 8, 16), np.uint8)[:, :, ::2]):
        with pytest.raises(ValueError, match="contiguous, 2 or more x 8 x 8"):
            cut_and_scale(noise(16, 32), grid, 8, out)


def test_a_grid_outside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        cut_and_scale(noise(16, 31), TileGrid(Span(0, 16), Span(0, 32), 16, 16), 8)


@given(grids(), st.data())
def test_a_wanted_tile_is_the_same_whatever_else_is_wanted(
    case: tuple[U8, TileGrid, int], data: st.DataObject
) -> None:
    pixels, grid, side = case
    tiles = cut_and_scale(pixels, grid, side)
    drawn = data.draw(st.lists(st.booleans(), min_size=len(tiles), max_size=len(tiles)))
    wanted = np.array(drawn, np.bool_)
    some = cut_and_scale(pixels, grid, side, np.zeros_like(tiles), wanted)
    np.testing.assert_array_equal(some[wanted], tiles[wanted])
