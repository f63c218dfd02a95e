"""Which tiles of a frame are clean, the table of boxes, and grey levels, against drawn cases."""

from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from training.clean.cut import clear_tiles, read_boxes
from training.clean.grey import GreyMap, GreyStatistics, map_between, statistics_of

HEAD = "file,xmin,ymin,xmax,ymax\n"


def frame() -> np.ndarray:
    """A strip from column 100 on, 256 x 612."""
    pixels = np.full((256, 612), 120, np.uint8)
    pixels[:, :100] = 5
    return pixels


def starts(boxes: list[list[int]], margin: int) -> list[tuple[int, int]]:
    found = clear_tiles(frame(), np.array(boxes, np.int32).reshape(-1, 4), 128, margin, 12)
    return [(row, column) for row, column, _, _ in found.tolist()]


def test_a_table_that_nobody_has_marked_cuts_no_clean_tiles(tmp_path: Path) -> None:
    table = tmp_path / "unmarked.csv"
    table.write_text(HEAD + "a.png,,,,\n")
    with pytest.raises(ConfigError, match=r"mark the defects in it and rename it boxes\.csv"):
        read_boxes(table)


def test_tiles_lie_on_the_strip() -> None:
    places = starts([], 0)
    # From about column 112 there is room for three tiles and one that reaches back.
    assert len(places) == 2 * 4
    assert min(column for _, column in places) >= 100
    assert max(column for _, column in places) == 612 - 128


def test_a_box_takes_the_tiles_that_it_touches_and_the_margin_its_neighbours() -> None:
    everything = starts([], 0)
    box = [0, 500, 128, 612]
    kept = starts([box], 0)
    assert [place for place in everything if place not in kept] == [
        (0, column) for row, column in everything if row == 0 and column + 128 > 500
    ]
    assert {row for row, column in starts([box], 1) if column + 128 > 500} == set()


def test_a_black_frame_has_no_clean_tile() -> None:
    black = np.zeros((256, 512), np.uint8)
    assert not len(clear_tiles(black, np.empty((0, 4), np.int32), 128, 0, 0))


def test_empty_corners_name_a_frame_without_defects(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(HEAD + "a.png,1,2,30,40\na.png,5,6,7,8\nb.png,,,,\n")
    found = read_boxes(table)
    assert found["a.png"].tolist() == [[2, 1, 40, 30], [6, 5, 8, 7]]
    assert found["b.png"].shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no frame"),
        (HEAD, "names no frame"),
        ("file,xmin\na,1\n", "needs the columns"),
        (HEAD + "a,1,2,x,4\n", "not a table of boxes"),
        (HEAD + "a,1,2,,4\n", "not a table of boxes"),
        (HEAD + "a,1,2\n", "not a table of boxes"),
        (HEAD + "a,5,5,5,9\n", "not behind its start"),
        (HEAD + ",1,2,3,4\n", "without a file"),
        (HEAD + "a,1,2,3,99999999999999\n", "not a table of boxes"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_boxes(table)


def test_grey_levels_by_hand() -> None:
    image = np.arange(80, 121, dtype=np.uint8)[None, :]
    assert statistics_of(image) == GreyStatistics(100.0, 20.0)
    change = map_between(GreyStatistics(100, 20), GreyStatistics(150, 40))
    assert change == GreyMap(2.0, -50.0)
    assert statistics_of(change.apply(image)) == GreyStatistics(150.0, 40.0)


def test_a_flat_tile_is_not_stretched_into_noise() -> None:
    assert map_between(GreyStatistics(100, 0), GreyStatistics(90, 40)) == GreyMap(3.0, -210.0)
    assert map_between(GreyStatistics(100, 0), GreyStatistics(90, 1)) == GreyMap(1.0, -10.0)
