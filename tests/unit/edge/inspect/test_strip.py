from pathlib import Path

import numpy as np
import pytest

from contract.tiles import Span
from edge import config
from edge.inspect.strip import find_strip, unusable
from runtime.scale import read_gray

DETECT = config.Strip()
LIMITS = config.Inspect()


def picture(left: int, right: int, level: int = 110) -> np.ndarray:
    rng = np.random.default_rng(1)
    pixels = rng.integers(2, 20, (512, 1024), np.uint8)
    pixels[:, left:right] = rng.integers(level - 20, level + 20, (512, right - left), np.uint8)
    return pixels


@pytest.mark.parametrize(("left", "right"), [(0, 1024), (200, 1024), (0, 700), (150, 860)])
def test_edges_are_found_to_a_few_columns(left: int, right: int) -> None:
    view = find_strip(picture(left, right), DETECT)
    assert abs(view.columns.start - left) <= 4
    assert abs(view.columns.end - right) <= 4
    assert view.left_edge_seen == (left > 0)
    assert view.right_edge_seen == (right < 1024)


def test_a_dark_defect_in_the_middle_is_no_edge() -> None:
    pixels = picture(100, 900)
    pixels[:, 400:600] = 5
    assert abs(find_strip(pixels, DETECT).columns.start - 100) <= 4
    assert abs(find_strip(pixels, DETECT).columns.end - 900) <= 4


def test_fixed_edges_are_taken_as_given() -> None:
    view = find_strip(picture(0, 300), config.Strip(edges="fixed", left_px=17))
    assert view.columns == Span(17, 1024)


@pytest.mark.parametrize(
    ("level", "expected"), [(0, "dark"), (3, "dark"), (255, "saturated"), (110, None)]
)
def test_pictures_that_cannot_be_judged(level: int, expected: str | None) -> None:
    pixels = np.full((256, 512), level, np.uint8)
    assert unusable(pixels, find_strip(pixels, DETECT).columns, LIMITS) == expected


def test_a_black_picture_with_hot_pixels_is_dark_over_its_whole_width() -> None:
    pixels = np.zeros((256, 512), np.uint8)
    pixels[::64, ::5] = 12
    view = find_strip(pixels, DETECT)
    assert view.columns == Span(0, 512)
    assert unusable(pixels, view.columns, LIMITS) == "dark"


def test_a_fixed_strip_beside_the_picture_is_no_strip() -> None:
    pixels = picture(0, 300)
    view = find_strip(pixels, config.Strip(edges="fixed", left_px=2000))
    assert unusable(pixels, view.columns, LIMITS) == "no_strip"


@pytest.mark.data
def test_the_strip_is_found_in_real_frames(real_data: Path) -> None:
    expected = {"img_01_425005700_00208": (450, 2048), "img_01_4403690400_00005": (610, 2048)}
    for path in sorted((real_data / "gc10_frames" / "images").glob("*.jpg")):
        columns = find_strip(read_gray(path), DETECT).columns
        left, right = expected.get(path.stem, (0, 2048))
        if path.stem == "reencoded_0014":
            right = 1320
        assert abs(columns.start - left) <= 20, path.name
        assert abs(columns.end - right) <= 30, path.name


def test_tiles_keep_a_margin_beside_an_edge_that_is_seen() -> None:
    view = find_strip(picture(150, 1024), DETECT)
    inner = view.inner(DETECT)
    assert inner == Span(view.columns.start + DETECT.margin_px, 1024)
    fixed = config.Strip(edges="fixed", left_px=17)
    assert find_strip(picture(150, 1024), fixed).inner(fixed) == Span(17, 1024)
