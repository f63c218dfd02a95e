from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import Defect, ModelReference
from contract.events import Draft
from contract.tiles import Span, TileGrid
from edge.clock import Stamp
from edge.inspect.decide import DefectTracker, Lie, Patch, find_patches, judge
from edge.types import F32, Coil, Frame, RowMap, Section

NAMES = ("clean", "scratch", "hole")
LIMITS = np.array([np.inf, 0.5, 0.9], np.float32)
MODEL = ModelReference(name="m", version="1", digest="d")
COIL = Coil("c1", head_m=0.0, tail_m=None, width_mm=640.0)
TILE, ROWS, COLUMNS = 128, 4, 10
ROW_M = 0.0005


def section(number: int) -> Section:
    rows = ROWS * TILE
    pixels = np.zeros((rows, COLUMNS * TILE), np.uint8)
    lines = RowMap(number * rows * ROW_M, ROW_M, rows)
    frame = Frame(number, pixels, lines, None, Stamp(number, number * 10**9))
    return Section(frame, COIL, 0, rows)


def scores(tiles: dict[tuple[int, int], tuple[int, float]]) -> F32:
    probabilities = np.tile(np.array([0.98, 0.01, 0.01], np.float32), (ROWS * COLUMNS, 1))
    for (row, column), (label, probability) in tiles.items():
        rest = (1 - probability) / 2
        probabilities[row * COLUMNS + column] = rest
        probabilities[row * COLUMNS + column, label] = probability
    return probabilities


def patches_of(
    tiles: dict[tuple[int, int], tuple[int, float]], number: int, most: int = 99
) -> list[Patch]:
    grid = TileGrid(Span(0, ROWS * TILE), Span(0, COLUMNS * TILE), TILE, TILE)
    lie = Lie.of(section(number), 0, 0.5)
    return find_patches(judge(scores(tiles), LIMITS), grid.boxes(), grid.shape, lie, most)


class Line:
    """A tracker fed frame by frame."""

    def __init__(self, confirm_tiles: int = 1, most: int = 99) -> None:
        self.tracker = DefectTracker("c1", confirm_tiles, close_after_m=0.1)
        self.most = most
        self.number = -1

    def frame(self, *tiles: tuple[int, int], label: int = 1) -> list[Defect]:
        self.number += 1
        patches = patches_of(dict.fromkeys(tiles, (label, 0.95)), self.number, self.most)
        drafts = self.tracker.update(
            patches, NAMES, MODEL, section(self.number), lambda _, name: name
        )
        return bodies(drafts)

    def finish(self, phase: Literal["closed", "interrupted"]) -> list[Defect]:
        return bodies(self.tracker.finish(phase))


def bodies(drafts: list[Draft]) -> list[Defect]:
    """Without the numbers of crowds."""
    return [draft.body for draft in drafts if isinstance(draft.body, Defect)]


def test_a_tile_below_its_threshold_is_no_defect() -> None:
    assert not patches_of({(0, 0): (2, 0.8)}, 0)
    assert len(patches_of({(0, 0): (2, 0.91)}, 0)) == 1


def test_the_clean_class_is_never_a_defect_however_sure() -> None:
    assert not patches_of({(0, 0): (0, 1.0)}, 0)


def test_touching_tiles_of_a_class_are_one_patch_also_diagonally() -> None:
    found = patches_of({(0, 0): (1, 0.9), (1, 1): (1, 0.7), (0, 5): (1, 0.6)}, 0)
    assert sorted(p.tiles for p in found) == [1, 2]
    large = max(found, key=lambda p: p.tiles)
    assert large.extent.from_mm == 0.0
    assert large.extent.to_mm == 128.0
    assert large.extent.to_m == pytest.approx(0.128)
    assert large.probability == pytest.approx(0.9)


def test_more_patches_than_can_be_told_become_one_for_each_class() -> None:
    tiles = {(0, c): (1 + c % 2, 0.95) for c in range(6)} | {(3, 0): (1, 0.99), (3, 8): (2, 0.92)}
    assert [p.crowded for p in patches_of(tiles, 0, most=8)] == [False] * 8
    scratch, hole = patches_of(tiles, 0, most=7)
    assert (scratch.crowded, scratch.tiles, hole.crowded, hole.tiles) == (True, 4, True, 4)
    assert (scratch.extent.from_mm, scratch.extent.to_mm) == (0.0, 5 * 64.0)
    assert hole.extent.to_m == pytest.approx(ROWS * 0.064)
    assert hole.extent.to_mm == 9 * 64.0
    assert scratch.best == 3 * COLUMNS
    assert scratch.probability == pytest.approx(0.99)


def test_a_crowded_frame_makes_few_events_and_says_so() -> None:
    line = Line(most=4)
    line.frame((3, 0), (3, 2), (3, 4), (3, 6))
    crowd = line.frame(*((row, column) for row in (0, 2) for column in range(0, 10, 2)))
    assert [d.phase for d in crowd] == ["closed"] * 3 + ["extended"]
    assert [d.crowded for d in crowd] == [False] * 3 + [True]
    (closed,) = line.frame()
    assert (closed.crowded, closed.tiles) == (True, 14)


def test_classes_do_not_join() -> None:
    assert len(patches_of({(0, 0): (1, 0.9), (0, 1): (2, 0.95)}, 0)) == 2


def test_a_defect_over_three_frames_is_announced_once_and_revised_until_it_closes() -> None:
    line = Line()
    (opened,) = line.frame((3, 2))
    (extended,) = line.frame((0, 2), (1, 2), (2, 2), (3, 2))
    (closed,) = line.frame((0, 2))
    assert [d.phase for d in (opened, extended, closed)] == ["opened", "extended", "closed"]
    assert [d.revision for d in (opened, extended, closed)] == [1, 2, 3]
    assert {d.defect_id for d in (opened, extended, closed)} == {"c1/1"}
    assert line.frame() == []
    assert closed.extent.from_m == pytest.approx(3 * 0.064)
    assert closed.extent.to_m == pytest.approx((2 * ROWS + 1) * 0.064)
    assert closed.tiles == 6


def test_two_defects_that_meet_become_the_older_one() -> None:
    line = Line()
    line.frame((3, 0), (3, 4))
    found = line.frame(*((r, c) for r in range(ROWS) for c in range(5)))
    merged = next(d for d in found if d.phase == "closed")
    grown = next(d for d in found if d.phase == "extended")
    assert (merged.defect_id, merged.merged_into) == ("c1/2", "c1/1")
    assert (grown.extent.from_mm, grown.extent.to_mm) == (0.0, 5 * 64.0)
    assert grown.tiles == 22


def test_confirmation_waits_for_enough_tiles() -> None:
    line = Line(confirm_tiles=3)
    assert line.frame((3, 0)) == []
    opened, closed = line.frame((0, 0), (1, 0))
    assert (opened.phase, opened.tiles, closed.phase) == ("opened", 3, "closed")
    assert line.tracker.announced == {"scratch": 1}


def test_what_was_never_announced_ends_in_silence() -> None:
    line = Line(confirm_tiles=3)
    line.frame((3, 0))
    assert line.finish("closed") == []


def test_the_stop_interrupts_what_is_open() -> None:
    line = Line()
    line.frame((3, 0))
    (ended,) = line.finish("interrupted")
    assert (ended.phase, ended.revision) == ("interrupted", 2)


frames = st.lists(
    st.sets(st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1)), max_size=12),
    max_size=8,
)


@given(frames, st.integers(1, 12))
def test_every_tile_lies_in_exactly_one_defect_and_every_defect_ends(
    strip: list[set[tuple[int, int]]], most: int
) -> None:
    line = Line(most=most)
    said: list[Defect] = []
    for tiles in strip:
        said += line.frame(*sorted(tiles))
    said += line.finish("closed")
    last = {d.defect_id: d for d in said}
    assert all(d.phase == "closed" for d in last.values())
    kept = [d for d in last.values() if d.merged_into is None]
    assert sum(d.tiles for d in kept) == sum(len(tiles) for tiles in strip)
    for defect in last.values():
        mine = [d.revision for d in said if d.defect_id == defect.defect_id]
        assert mine == list(range(1, len(mine) + 1))
    assert all(d.grabbed <= datetime.now(UTC) for d in said)
