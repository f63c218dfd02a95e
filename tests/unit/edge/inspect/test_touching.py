"""Touching tiles are one defect, and only these: over sections, frames and passes of the strip."""

from collections import Counter
from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import Defect
from contract.tiles import Span, TileGrid
from edge.clock import Stamp
from edge.grading.grade import CoilFacts, Tally
from edge.inspect.decide import DefectTracker, Lie, Patch, Verdict, find_patches
from edge.inspect.extents import around, touching
from edge.inspect.open_defect import KEPT, newest
from edge.types import Frame, RowMap, Section
from tests.unit.edge.grading.making import rules_of
from tests.unit.edge.inspect.test_decide import COIL, MODEL, NAMES, ROW_M, bodies

TILE, SIDE = 8, 10
"""Pixels of a tile, and tiles of a section, along and across."""
TILE_M = TILE * ROW_M
Tiles = Iterable[tuple[int, int]]

DIAGONAL = [(at, at) for at in range(SIDE)]
SPOTS = [(0, 4), (0, 6), (0, 8), (2, 6), (2, 8), (4, 8)]
SPOTS += [(column, row) for row, column in SPOTS]
"""Within the diagonal's box, none of them beside another tile."""


class Line:
    """A tracker that is shown tiles of one class; sections follow each other unless told."""

    def __init__(self, close_after_tiles: float = 1.5) -> None:
        self.tracker = DefectTracker("c1", 1, close_after_tiles * TILE_M)
        self.said: list[Defect] = []
        self.next_row = 0.0

    def show(self, tiles: Tiles, *, at: float | None = None) -> list[Defect]:
        """A section that begins so many tiles from the head."""
        first = self.next_row if at is None else at
        part = section(first)
        drafts = self.tracker.update(
            patches_of(part, tiles), NAMES, MODEL, part, lambda _, name: name
        )
        self.next_row = first + SIDE
        self.said += bodies(drafts)
        return bodies(drafts)

    def ended(self) -> list[Defect]:
        """The defects as they end."""
        self.said += bodies(self.tracker.finish("closed"))
        last = {d.defect_id: d for d in self.said}
        return [d for d in last.values() if d.merged_into is None]


def section(first: float) -> Section:
    rows = RowMap(first * TILE_M, ROW_M, SIDE * TILE)
    pixels = np.zeros((SIDE * TILE, SIDE * TILE), np.uint8)
    return Section(Frame(0, pixels, rows, None, Stamp(0, 0)), COIL, 0, SIDE * TILE)


def patches_of(part: Section, tiles: Tiles) -> list[Patch]:
    grid = TileGrid(Span(0, SIDE * TILE), Span(0, SIDE * TILE), TILE, TILE)
    labels = np.zeros((SIDE, SIDE), np.intp)
    for tile in tiles:
        labels[tile] = 1
    flat = labels.ravel()
    verdict = Verdict(flat, np.full(len(flat), 0.9, np.float32), flat == 1)
    return find_patches(verdict, grid.boxes(), grid.shape, Lie.of(part, 0, 0.5), 999)


def sizes(found: Iterable[Defect]) -> list[int]:
    return sorted(d.tiles for d in found)


def test_what_lies_within_a_diagonals_box_is_no_part_of_it() -> None:
    line = Line()
    line.show([*SPOTS, *DIAGONAL])
    assert sizes(line.ended()) == [1] * 12 + [SIDE]


@pytest.mark.parametrize("scratched", [False, True])
def test_a_scratch_more_makes_no_coil_better(*, scratched: bool) -> None:
    many = {"rule": "many", "more_than": 5, "grade": "scrap"}
    line, tally = Line(), Tally(rules_of(coil=[many]), COIL.width_mm)
    line.show(SPOTS + DIAGONAL * scratched)
    line.ended()
    for body in line.said:
        tally.take(body)
    facts = CoilFacts(length_m=100.0, coverage=1.0, inspection_valid=True)
    assert tally.grade(facts).name == "scrap"


def test_over_two_sections_a_defect_goes_on_at_its_tiles_alone() -> None:
    """The spots of the second section's first row touch the diagonal's box and none of its tiles;
    those further on lie in the box that it has by then.
    """
    line = Line()
    back = [(row, SIDE - 1 - row) for row in range(SIDE)]
    line.show(DIAGONAL)
    line.show([*back, (0, 0), (0, 4), (0, 6), (2, 1), (5, 1)])
    assert sizes(line.ended()) == [1] * 5 + [2 * SIDE]


def test_a_patch_goes_on_where_it_touches_at_a_corner() -> None:
    line = Line()
    line.show([(SIDE - 1, 4)])
    line.show([(0, 3)])
    assert sizes(line.ended()) == [2]


def test_two_patches_of_a_section_meet_in_the_defect_that_both_touch() -> None:
    """One by way of a defect that has become part of another by then."""
    line = Line()
    line.show([(SIDE - 1, 0), (SIDE - 1, 3), (SIDE - 1, 4), (SIDE - 1, 5)])
    found = line.show([(0, 1), (0, 2), (0, 6)])
    assert sizes(line.ended()) == [7]
    assert [d.merged_into for d in found if d.merged_into] == ["c1/1"]


@pytest.mark.parametrize("back", [0, 0.5, 3])
def test_strip_that_passes_again_joins_and_announces_nothing(back: float) -> None:
    """Also where its tiles lie otherwise the second time, as long as all is open."""
    line = Line(close_after_tiles=3 * SIDE)
    line.show([*SPOTS, *DIAGONAL])
    known = {d.defect_id for d in line.said}
    seen = [(row - round(back), column) for row, column in [*SPOTS, *DIAGONAL]]
    again = line.show([(r, c) for r, c in seen if r >= 0], at=back)
    assert {d.defect_id for d in again} <= known
    assert {d.phase for d in again} == {"extended"}
    assert len(line.ended()) == 13


def test_what_only_the_second_pass_shows_is_new_though_its_box_holds_a_closed_one() -> None:
    line = Line()
    line.show([(0, 4)])
    line.show([])
    assert [d.tiles for d in line.show([(0, 4), *DIAGONAL], at=0)] == [SIDE]
    assert sizes(line.ended()) == [1, SIDE]


frames = st.lists(
    st.sets(st.tuples(*[st.integers(0, SIDE - 1)] * 2), max_size=40), min_size=1, max_size=5
)


@given(frames)
def test_defects_are_the_groups_of_touching_tiles_of_the_whole_strip(
    strip: list[set[tuple[int, int]]],
) -> None:
    line, whole = Line(), np.zeros((len(strip) * SIDE, SIDE), np.uint8)
    for number, tiles in enumerate(strip):
        line.show(sorted(tiles))
        for row, column in tiles:
            whole[number * SIDE + row, column] = 1
    found = [
        (round(d.extent.from_m / TILE_M), round(d.extent.to_m / TILE_M), d.tiles)
        for d in line.ended()
    ]
    _, _, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    truth = [(int(top), int(top + height), int(n)) for _, top, _, height, n in stats[1:]]
    assert Counter(found) == Counter(truth)


def test_of_many_places_the_newest_stay_as_they_are() -> None:
    cells = [
        (row, row + 1, 2 * column, 2 * column + 1) for row in range(30) for column in range(20)
    ]
    places = np.array(cells, np.float64)
    kept = newest(newest(places[:400]))
    assert len(kept) == KEPT
    assert kept[1:].tolist() == places[400 - KEPT + 1 : 400].tolist()
    assert around(kept).tolist() == around(places[:400]).tolist()
    assert newest(places[:KEPT]).tolist() == places[:KEPT].tolist()


def test_a_long_scratch_goes_on_as_one_and_is_known_again_from_far() -> None:
    """It has more tiles than are kept."""
    line = Line()
    full = [(row, column) for row in range(SIDE) for column in range(4)]
    for _ in range(KEPT // len(full) + 3):
        line.show(full)
    assert len({d.defect_id for d in line.said}) == 1
    line.show(full, at=0)
    (defect,) = line.ended()
    assert defect.extent.to_m == pytest.approx((KEPT // len(full) + 3) * SIDE * TILE_M)


def test_places_that_touch() -> None:
    one = np.array([[0.0, 1.0, 0.0, 10.0]])
    others = np.array([[1, 2, 10, 20], [1.1, 2, 0, 10], [0.5, 3, -5, 50], [0, 1, 10.1, 20]])
    assert touching(one, others).tolist() == [True, False, True, False]
    assert touching(one, one[:0]).tolist() == touching(one[:0], one[:0]).tolist() == []
