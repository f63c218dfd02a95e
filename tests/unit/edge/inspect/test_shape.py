"""Sums that join: cut a shape into pieces, and the whole measures the same."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contract.bodies import Measure
from edge.inspect.segment import Mask
from edge.inspect.shape import MOST_POINTS, NOTHING, UNMEASURED, Shape, shape_of

ORIGIN_MM = (12_345.0, 67.0)
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))
STEPS = st.tuples(st.floats(0.05, 2), st.floats(0.05, 2))


def shape(
    mask: Mask, step_mm: tuple[float, float] = (0.5, 0.5), at: tuple[int, int] = (0, 0)
) -> Shape:
    """The shape of a mask whose first pixel is at a row and column of the coil; each pixel is as
    much darker as its row and column say.
    """
    rows, columns = np.indices(mask.shape)
    difference = np.asarray(-((rows + at[0] + columns + at[1]) % 100), np.int16)
    step = np.array(step_mm)
    return shape_of(mask, difference, np.array(ORIGIN_MM) + np.array(at) * step, step)


def measured(whole: Shape) -> Measure:
    measure = whole.measure()
    assert measure is not None
    return measure


def figures(found: Measure) -> dict[str, float]:
    rectangle = {"rectangle": found.length_mm * found.width_mm, "contrast": found.contrast}
    return found.extent.model_dump() | rectangle | {"area_mm2": found.area_mm2}


def turned_bar(size: int, length: float, width: float, degrees: float) -> Mask:
    """A bar whose long side leans from along (rows) towards across (columns)."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    angle = np.deg2rad(degrees)
    along = rows * np.cos(angle) + columns * np.sin(angle)
    beside = columns * np.cos(angle) - rows * np.sin(angle)
    return np.asarray((np.abs(along) <= length / 2) & (np.abs(beside) <= width / 2), np.bool_)


@given(MASKS, STEPS, st.lists(st.integers(0, 24), max_size=3), st.lists(st.integers(0, 24)))
def test_pieces_joined_in_any_order_measure_what_the_whole_does(
    mask: Mask, step_mm: tuple[float, float], cuts: list[int], order: list[int]
) -> None:
    borders = [0, *sorted(min(cut, len(mask)) for cut in cuts), len(mask)]
    spans = list(pairwise(borders))
    pieces = [shape(mask[a:b], step_mm, (a, 0)) for a, b in spans]
    for place in order:
        pieces.append(pieces.pop(place % len(pieces)))
    joined = NOTHING
    for piece in pieces:
        joined = joined.joined(piece)
    whole = shape(mask, step_mm).measure()
    found = joined.measure()
    if whole is None or found is None:
        assert whole is found
        return
    # two rectangles may be equally small: then their areas agree, not their sides
    assert figures(found) == pytest.approx(figures(whole), rel=1e-3, abs=2e-3)


@given(STEPS)
def test_a_pixel_is_as_long_and_wide_as_a_pixel(step_mm: tuple[float, float]) -> None:
    found = measured(shape(np.ones((1, 1), np.bool_), step_mm))
    assert (found.length_mm, found.width_mm) == pytest.approx(
        (max(step_mm), min(step_mm)), abs=1e-3
    )
    assert found.area_mm2 == pytest.approx(step_mm[0] * step_mm[1], abs=1e-3)


@given(st.floats(20, 150), st.floats(4, 15), st.floats(0, 179.9))
def test_a_turned_bar_is_measured_to_two_pixels_and_its_lean(
    length: float, width: float, degrees: float
) -> None:
    found = measured(shape(turned_bar(220, length + width, width, degrees), (1, 1)))
    assert found.length_mm == pytest.approx(length + width, abs=2.1)
    assert found.width_mm == pytest.approx(width, abs=2.1)
    apart = abs(found.orientation_deg - degrees) % 180
    assert min(apart, 180 - apart) <= np.degrees(2.9 / length)


@given(st.floats(5, 175), st.floats(0.3, 3))
def test_pixels_that_are_longer_than_wide_lean_as_the_strip_does(
    degrees: float, stretch: float
) -> None:
    mask = turned_bar(200, 160, 6, degrees)
    found = measured(shape(mask, (stretch, 1.0)))
    angle = np.deg2rad(degrees)
    expected = np.degrees(np.arctan2(np.sin(angle), stretch * np.cos(angle)))
    apart = abs(found.orientation_deg - expected % 180) % 180
    assert min(apart, 180 - apart) < 6
    assert found.area_mm2 == pytest.approx(mask.sum() * stretch, abs=1e-3)


def test_nothing_has_no_measure_and_what_was_not_measured_stays_missing() -> None:
    assert NOTHING.measure() is None
    assert UNMEASURED.measure() is None
    some = shape(np.ones((3, 3), np.bool_))
    assert measured(some.joined(NOTHING)).complete
    assert not measured(some.joined(UNMEASURED)).complete


def test_a_hull_stays_small_and_a_circle_round() -> None:
    rows, columns = np.indices((2001, 2001)) - 1000
    disc = np.hypot(rows, columns) <= 1000
    joined = NOTHING
    for row in range(0, 2001, 87):
        joined = joined.joined(shape(disc[row : row + 87], (1, 1), (row, 0)))
    assert len(joined.hull) <= MOST_POINTS
    found = measured(joined)
    assert found.length_mm == pytest.approx(2001, rel=2e-3)
    assert found.width_mm == pytest.approx(2001, rel=2e-3)


def test_a_defect_of_kilometres_keeps_its_width_and_its_lean() -> None:
    joined, rows = NOTHING, 100_000
    for block in range(100):
        mask = np.zeros((4, 60), np.bool_)
        mask[:, block // 2 : block // 2 + 4] = True
        joined = joined.joined(shape(mask, (0.5, 0.5), (block * rows, 0)))
    found = measured(joined)
    assert found.length_mm == pytest.approx(99 * rows * 0.5, abs=25)
    assert found.width_mm == pytest.approx(2.5, abs=0.3)
    assert found.extent.to_mm - found.extent.from_mm == pytest.approx(26.5)
    assert len(joined.hull) <= MOST_POINTS
