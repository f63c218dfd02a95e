"""Defects drawn on a strip of known scale, seen tile by tile and frame by frame, as one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect, Measure, ModelReference
from contract.tiles import Span, TileGrid
from edge.clock import Stamp
from edge.inspect.decide import DefectTracker, Lie, Patch, Verdict, find_patches
from edge.inspect.look import Seen, whole_tiles
from edge.inspect.quantify import quantify
from edge.inspect.segment import Mask
from edge.types import U8, Coil, Frame, RowMap, Section

TILE, WIDTH = 64, 512
ROW_M, COLUMN_MM = 0.0004, 0.25
STEP_MM = (ROW_M * 1000, COLUMN_MM)
NAMES = ("clean", "scratch", "hole")
MODEL = ModelReference(name="m", version="1", digest="d")
PLENTY = 10_000_000
COIL = Coil("c1", head_m=0.0, tail_m=None, width_mm=WIDTH * COLUMN_MM)


def drawn(truth: Mask, contrast: int = -60) -> U8:
    grey = 130 + np.random.default_rng(0).normal(0, 1.5, truth.shape) + contrast * truth
    return np.clip(grey + 0.5, 0, 255).astype(np.uint8)


def look(
    strip: U8,
    truth: Mask,
    rows: Span,
    section: Span | None = None,
    label: int = 1,
    most: int = 99,
) -> Seen:
    """What a network that knows the truth says of some rows of a strip; `section` are the rows of
    that frame that are the coil's.
    """
    section = section or Span(0, rows.length)
    frame = Frame(
        rows.start, strip[slice(*rows)], RowMap(rows.start * ROW_M, ROW_M, rows.length), None,
        Stamp(0, 0),
    )  # fmt: skip
    part = Section(frame, COIL, *section)
    grid = TileGrid(whole_tiles(part, TILE), Span(0, strip.shape[1]), TILE, TILE)
    boxes = grid.boxes()
    held = truth[slice(*rows)]
    defect = np.array([held[t:e, a:b].sum() >= 20 for t, a, e, b in boxes], np.bool_)
    verdict = Verdict(np.where(defect, label, 0), np.full(len(boxes), 0.9, np.float32), defect)
    lie = Lie.of(part, 0, COLUMN_MM)
    return Seen(
        part, boxes, verdict, find_patches(verdict, boxes, grid.shape, lie, most), lie, grid
    )


class Line:
    """A tracker that is shown a strip piece by piece."""

    def __init__(self, strip: U8, truth: Mask) -> None:
        self.tracker = DefectTracker("c1", confirm_tiles=1, close_after_m=0.05)
        self.strip, self.truth = strip, truth

    def show(self, rows: Span, most_px: int = PLENTY) -> None:
        seen = quantify(look(self.strip, self.truth, rows), self.tracker.seen_m, most_px)
        self._take(seen)

    def _take(self, seen: Seen) -> None:
        drafts = self.tracker.update(seen.patches, NAMES, MODEL, seen.section, lambda _, name: name)
        self.told = [*getattr(self, "told", []), *drafts]

    def defects(self) -> list[Defect]:
        """The newest revision of each."""
        newest: dict[str, Defect] = {}
        for draft in [*self.told, *self.tracker.finish("closed")]:
            assert isinstance(draft.body, Defect)
            newest[draft.body.defect_id] = draft.body
        return [body for body in newest.values() if body.merged_into is None]


def shown(truth: Mask, borders: Sequence[int], most_px: int = PLENTY) -> Measure | None:
    """The measure of the only defect of a strip that comes in frames of these borders."""
    line = Line(drawn(truth), truth)
    for start, end in pairwise(borders):
        line.show(Span(start, end), most_px)
    (defect,) = line.defects()
    return defect.measure


def bar(rows: int, length: float, width: float, degrees: float) -> Mask:
    """In mm, in the middle of a strip so many rows long."""
    along, across = np.indices((rows, WIDTH), np.float64)
    along = (along - (rows - 1) / 2) * STEP_MM[0]
    across = (across - (WIDTH - 1) / 2) * STEP_MM[1]
    angle = np.deg2rad(degrees)
    lengthwise = along * np.cos(angle) + across * np.sin(angle)
    sideways = across * np.cos(angle) - along * np.sin(angle)
    return np.asarray((abs(lengthwise) <= length / 2) & (abs(sideways) <= width / 2), np.bool_)


def near(
    found: Measure, truth: Mask, length: float, width: float, degrees: float, lost_mm: float = 0.0
) -> None:
    """To about one pixel on each side: what the smoothing costs. A frame's border may cut off so
    much of the length as is too small to be seen.
    """
    area = truth.sum() * STEP_MM[0] * STEP_MM[1]
    assert found.area_mm2 == pytest.approx(area, abs=0.5 * 2 * (length + width))
    assert found.length_mm == pytest.approx(length, abs=1.2 + lost_mm)
    assert found.width_mm == pytest.approx(width, abs=1.2)
    apart = abs(found.orientation_deg - degrees) % 180
    assert min(apart, 180 - apart) < 4
    assert -0.26 < found.contrast < -0.15
    assert found.complete


@settings(deadline=None, max_examples=30)
@given(st.floats(20, 40), st.floats(4, 7), st.floats(0, 180), st.integers(0, 160))
def test_a_bar_in_tiles_that_are_not_square_is_measured_in_mm(
    length: float, width: float, degrees: float, shift: int
) -> None:
    truth = np.roll(bar(288, length, width, degrees), shift // 8, axis=0)
    found = shown(truth, [0, 288])
    assert found is not None
    near(found, truth, length, width, degrees)


@settings(deadline=None, max_examples=30)
@given(st.floats(40, 80), st.floats(3, 5), st.floats(-25, 25), st.integers(64, 288))
def test_a_bar_over_two_frames_measures_what_it_does_in_one(
    length: float, width: float, degrees: float, border: int
) -> None:
    truth = bar(352, length, width, degrees)
    found = shown(truth, [0, border, 352])
    assert found is not None
    near(found, truth, length, width, degrees % 180, lost_mm=4 * STEP_MM[0])


def test_frames_that_overlap_and_strip_that_ran_back_count_no_pixel_twice() -> None:
    truth = bar(352, 80, 4, 10)
    once, again = Line(drawn(truth), truth), Line(drawn(truth), truth)
    for start in range(0, 352, 88):
        once.show(Span(start, start + 88))
        again.show(Span(max(0, start - 40), start + 88))
        again.show(Span(start, start + 70))
    for line in (once, again):
        (defect,) = line.defects()
        assert defect.measure is not None
        near(defect.measure, truth, 80, 4, 10)


def test_a_defect_of_another_class_beside_it_is_not_measured_with_it() -> None:
    truth = np.zeros((128, WIDTH), np.bool_)
    truth[40:60, 40:60] = True
    strip = drawn(truth | np.roll(truth, 36, axis=1))
    seen = look(strip, truth, Span(0, 128))
    other = look(strip, np.roll(truth, 36, axis=1), Span(0, 128), label=2)
    both = quantify(seen._replace(patches=seen.patches + other.patches), 0.0, PLENTY).patches
    pixels = 20 * 20
    assert [p.shape.pixels for p in both] == pytest.approx([pixels, pixels], rel=0.3)


def test_no_pixel_belongs_to_two_classes_where_their_tiles_do_not_overlap() -> None:
    left, right = np.zeros((2, 128, WIDTH), np.bool_)
    left[40:50, 100:128] = right[40:50, 128:152] = True
    strip = drawn(left | right)
    seen = look(strip, left, Span(0, 128))
    other = look(strip, right, Span(0, 128), label=2)
    both = quantify(seen._replace(patches=seen.patches + other.patches), 0.0, PLENTY).patches
    assert [p.shape.pixels for p in both] == pytest.approx([280, 240], rel=0.25)


def test_what_a_short_section_borrowed_is_not_its_own() -> None:
    truth = np.zeros((64, WIDTH), np.bool_)
    truth[44:60, 40:70] = True
    seen = look(drawn(truth), truth, Span(0, 64), section=Span(50, 64))
    (patch,) = quantify(seen, 0.0, PLENTY).patches
    assert patch.shape.hull[:, 0].min() >= 50 * STEP_MM[0] - 1e-9
    assert patch.shape.pixels == pytest.approx(10 * 30, rel=0.3)


def test_a_short_section_has_pixels_for_its_own_defect() -> None:
    """14 rows of a frame of 1,024, which borrow the rest of a tile: its share is by the tile's."""
    truth = np.zeros((1024, WIDTH), np.bool_)
    truth[4:12, 80:110] = True
    budget_px = 500_000 * WIDTH // 2048
    seen = look(drawn(truth), truth, Span(0, 1024), section=Span(0, 14))
    assert seen.grid.rows.length == TILE
    (patch,) = quantify(seen, 0.0, budget_px).patches
    assert patch.shape.complete
    assert patch.shape.pixels == pytest.approx(8 * 30, rel=0.3)


def test_a_defect_at_the_strip_s_edge_keeps_to_the_strip() -> None:
    truth = np.zeros((96, WIDTH), np.bool_)
    truth[30:50, :14] = True
    (patch,) = quantify(look(drawn(truth), truth, Span(0, 96)), 0.0, PLENTY).patches
    assert patch.shape.hull[:, 1].min() == 0
    assert patch.shape.pixels == pytest.approx(20 * 14, rel=0.2)


def test_a_frame_s_pixels_end_with_the_large_ones_and_that_is_told() -> None:
    truth = np.zeros((352, WIDTH), np.bool_)
    truth[40:50, 40:50] = True
    truth[150:330, 200:320] = True
    seen = look(drawn(truth), truth, Span(0, 352))
    assert sizes(quantify(seen, 0.0, PLENTY).patches) == [True, True]
    assert sizes(quantify(seen, 0.0, 30_000).patches) == [True, False]
    assert sizes(quantify(seen, 0.0, 0).patches) == [False, False]


def sizes(patches: list[Patch]) -> list[bool]:
    return [patch.shape.pixels > 0 for patch in patches]


def test_a_defect_with_a_part_that_was_left_out_is_not_complete() -> None:
    truth = bar(352, 80, 6, 0)
    line = Line(drawn(truth), truth)
    line.show(Span(0, 160))
    line.show(Span(160, 352), most_px=1)
    (defect,) = line.defects()
    assert defect.measure is not None
    assert not defect.measure.complete


def test_what_only_the_second_pass_of_strip_shows_makes_a_defect_incomplete() -> None:
    """Its tiles were called clean in the first pass; pixels that pass again are not measured."""
    truth = bar(352, 80, 6, 0)
    half = truth & (np.arange(352) < 160)[:, None]
    for first, complete in ((truth, True), (half, False)):
        line = Line(drawn(truth), truth)
        line.truth = first
        line.show(Span(0, 256))
        line.truth = truth
        line.show(Span(64, 256))
        (defect,) = line.defects()
        assert defect.measure is not None
        assert defect.measure.complete is complete


def test_crowded_patches_are_not_measured() -> None:
    truth = np.zeros((352, WIDTH), np.bool_)
    for column in range(20, 500, 160):
        truth[40:50, column : column + 10] = True
    seen = quantify(look(drawn(truth), truth, Span(0, 352), most=2), 0.0, PLENTY)
    assert [(p.crowded, p.shape.pixels, p.shape.complete) for p in seen.patches] == [
        (True, 0, False)
    ]


def test_a_defect_that_does_not_stand_out_has_no_measure() -> None:
    truth = bar(128, 20, 6, 0)
    line = Line(drawn(truth, contrast=0), truth)
    line.show(Span(0, 128))
    (defect,) = line.defects()
    assert defect.measure is None
    assert defect.grabbed == datetime.fromtimestamp(0, UTC)
