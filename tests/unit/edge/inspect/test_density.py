"""Dense defects are told as a number, and none of them goes unsaid."""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect, DefectDensity, Extent, ModelReference
from contract.events import Draft
from edge.clock import Stamp
from edge.grading.counts import defects_in
from edge.grading.severity import Severity
from edge.inspect.decide import DefectTracker, Patch
from edge.inspect.density import STRETCH_M, Density
from edge.types import Coil, Frame, RowMap, Section
from tests.unit.edge.inspect.test_decide import section as small_section

NAMES = ("scratch", "slag")
MODEL = ModelReference(name="m", version="1", digest="d")
COIL = Coil("c1", head_m=0.0, tail_m=None, width_mm=1000.0)
FRAME_M, NOW = 2.5, datetime(2026, 11, 27, tzinfo=UTC)
NO_BOXES = np.empty((0, 4), np.int32)
PIXELS = small_section(0).frame.pixels


class Spot(NamedTuple):
    """A defect within one frame: metres from the frame's beginning, and where across."""

    at_m: float
    from_mm: float
    length_m: float = 0.1
    label: int = 0
    defects: int = 1


def by_length(found: Defect) -> Severity:
    long = found.extent.to_m - found.extent.from_m > 0.45
    return Severity("major", 1) if long else Severity("minor", 0)


class Line:
    def __init__(self, limit: int, confirm_tiles: int = 1) -> None:
        self.tracker = DefectTracker("c1", confirm_tiles, 0.1, Density(limit), by_length)
        self.said: list[Draft] = []
        self.pictures: list[str] = []
        self.number = -1

    def frame(self, *spots: Spot) -> list[Draft]:
        self.number += 1
        first_m = self.number * FRAME_M
        rows = RowMap(first_m, FRAME_M / 1000, 1000)
        frame = Frame(self.number, PIXELS, rows, None, Stamp(self.number, self.number))
        patches = [patch_of(spot, first_m) for spot in spots]
        drafts = self.tracker.update(
            patches, NAMES, MODEL, Section(frame, COIL, 0, 1000), self.keep
        )
        self.said += drafts
        return drafts

    def keep(self, _: Patch, name: str) -> str:
        self.pictures.append(name)
        return name

    def finish(self) -> None:
        self.said += self.tracker.finish("closed", (self.number + 1) * FRAME_M)

    @property
    def defects(self) -> dict[str, Defect]:
        return {d.body.defect_id: d.body for d in self.said if isinstance(d.body, Defect)}

    @property
    def dense(self) -> list[DefectDensity]:
        return [d.body for d in self.said if isinstance(d.body, DefectDensity)]


def patch_of(spot: Spot, first_m: float) -> Patch:
    from_m = round(first_m + spot.at_m, 6)
    extent = Extent(
        from_m=from_m,
        to_m=round(from_m + spot.length_m, 6),
        from_mm=spot.from_mm,
        to_mm=spot.from_mm + 5,
    )
    crowded, places = spot.defects > 1, np.array([list(extent.model_dump().values())])
    return Patch(spot.label, extent, 1, 0.9, 0, NO_BOXES, places, crowded, spot.defects)


def row(count: int, at_m: float = 1.0, label: int = 0) -> list[Spot]:
    return [Spot(at_m, 20.0 * i, label=label) for i in range(count)]


def told(body: DefectDensity) -> tuple[str, float, float, int, int, float]:
    return body.class_name, body.from_m, body.to_m, body.count, body.told, body.per_10_m


def test_the_first_are_told_one_by_one_and_the_rest_as_a_number_at_the_stretchs_end() -> None:
    line = Line(limit=10)
    for _ in range(3):
        line.frame(*row(8), *row(3, 2.0, label=1))
    assert not line.dense
    line.frame(*row(8))
    assert len(line.defects) == 10 + 9
    assert [told(body) for body in line.dense] == [("scratch", 0.0, 10.0, 32, 10, 32.0)]
    assert line.tracker.announced == {"scratch": 32, "slag": 9}
    assert len(line.pictures) == 19
    line.frame(*row(11))
    line.finish()
    assert [told(body) for body in line.dense[1:]] == [("scratch", 10.0, 12.5, 11, 10, 44.0)]
    assert {d.phase for d in line.defects.values()} == {"closed"}
    keys = [d.key for d in line.said if isinstance(d.body, DefectDensity)]
    assert keys == ["scratch@0", "scratch@10"]


def test_as_many_as_the_limit_are_no_density() -> None:
    line = Line(limit=10)
    line.frame(*row(10))
    line.finish()
    assert (len(line.defects), line.dense) == (10, [])


def test_what_was_announced_is_revised_however_dense_it_gets() -> None:
    line = Line(limit=1)
    line.frame(Spot(2.4, 0.0))
    line.frame(Spot(0.0, 0.0), *row(8))
    assert [d.extent.to_m for d in line.defects.values()] == [2.6]
    assert len(line.defects) == 1


def test_a_more_severe_one_is_told_though_there_is_no_room() -> None:
    line = Line(limit=2)
    line.frame(*row(4))
    line.frame(Spot(1.0, 500.0, 0.5), Spot(1.0, 600.0, 0.5))
    line.finish()
    severe = [d for d in line.defects.values() if d.severity == "major"]
    assert [d.extent.from_mm for d in severe] == [500.0]
    assert severe[0].evidence
    assert [told(body)[3:5] for body in line.dense] == [(6, 3)]


def test_one_that_grows_more_severe_or_out_of_its_stretch_is_told() -> None:
    line = Line(limit=1)
    line.frame(Spot(1.0, 0.0))
    line.frame(Spot(2.3, 100.0, 0.2), Spot(1.0, 200.0))
    line.frame(Spot(0.0, 100.0, 0.3))
    assert [d.extent.from_mm for d in line.defects.values()] == [0.0, 100.0]
    line.frame(Spot(2.4, 300.0, 0.1))
    assert not line.dense
    line.frame(Spot(0.0, 300.0, 0.1))
    line.finish()
    assert [d.extent.to_m for d in line.defects.values()][2:] == [10.1]
    assert [told(body)[3:5] for body in line.dense] == [(4, 3)]


def test_a_crowd_counts_for_each_that_it_stands_for_frame_by_frame() -> None:
    line = Line(limit=50)
    for _ in range(6):
        line.frame(Spot(0.0, 0.0, FRAME_M, defects=40))
    line.finish()
    assert [(d.crowded, d.extent.to_m) for d in line.defects.values()] == [(True, 15.0)]
    assert [told(body) for body in line.dense] == [
        ("scratch", 0.0, 10.0, 160, 1, 160.0),
        ("scratch", 10.0, 15.0, 80, 0, 160.0),
    ]
    assert line.tracker.announced == {"scratch": 1 + 159 + 80}


def test_a_crowd_below_the_limit_keeps_its_number() -> None:
    line = Line(limit=200)
    line.frame(Spot(0.0, 0.0, FRAME_M, defects=120))
    line.finish()
    assert [told(body) for body in line.dense] == [("scratch", 0.0, 2.5, 120, 1, 480.0)]
    conserved(line, 120)


def test_strip_that_comes_by_again_is_not_counted_again() -> None:
    line = Line(limit=2)
    line.frame(*row(5))
    line.frame()
    line.number -= 2
    line.frame(*row(5))
    line.frame()
    line.finish()
    assert [told(body)[3:5] for body in line.dense] == [(5, 2)]


def test_what_comes_with_strip_that_ran_back_behind_a_told_stretch_is_counted_ahead() -> None:
    line = Line(limit=1)
    for _ in range(4):
        line.frame(*row(3))
    line.frame()
    line.number -= 3
    line.frame(*row(6, 0.5))
    for _ in range(3):
        line.frame(*row(3))
    line.finish()
    assert [told(body)[:2] for body in line.dense] == [("scratch", 0.0), ("scratch", 10.0)]
    conserved(line, 12 + 6 + 6)


def test_the_watermark_holds_what_nobody_was_told_yet() -> None:
    line = Line(limit=2)
    line.frame(*row(5))
    assert [told(body) for body in line.tracker.dense] == [("scratch", 0.0, 2.5, 5, 2, 20.0)]
    for _ in range(3):
        line.frame()
    assert line.tracker.dense == ()


def test_none_is_counted_before_it_is_confirmed() -> None:
    line = Line(limit=1, confirm_tiles=2)
    line.frame(*row(3, 2.4))
    line.frame(Spot(0.0, 20.0), Spot(0.0, 40.0))
    line.frame()
    line.finish()
    assert line.tracker.announced == {"scratch": 2}


spots = st.builds(
    Spot,
    st.sampled_from([0.0, 0.7, 1.6, 2.3, 2.4]),
    st.integers(0, 9).map(lambda n: n * 6.0),
    st.sampled_from([0.1, 0.2, 0.7]),
    st.integers(0, 1),
    st.sampled_from([1, 1, 1, 2, 40]),
)


def inside(spot: Spot) -> bool:
    return spot.at_m + spot.length_m <= FRAME_M


@settings(max_examples=150)
@given(
    st.lists(st.lists(spots.filter(inside), max_size=8, unique_by=lambda s: s[:2]), max_size=14),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_nothing_is_unsaid(strip: list[list[Spot]], limit: int, confirm_tiles: int) -> None:
    """Against a tracker that tells everything: the same defects, in events or in the numbers."""
    line, all_told = Line(limit, confirm_tiles), Line(10**6, confirm_tiles)
    for frame in strip:
        line.frame(*frame)
        all_told.frame(*frame)
        assert so_far(line) <= so_far(all_told)
    line.finish()
    all_told.finish()
    conserved(line, sum(all_told.tracker.announced.values()))
    assert line.tracker.announced == all_told.tracker.announced
    for name, whole in all_told.defects.items():
        if whole.merged_into is None and name not in line.defects:
            assert within_a_stretch(line, whole)
    for body in line.dense:
        assert body.count > min(limit, body.told)
        began = [d for d in line.said if isinstance(d.body, Defect) and d.body.revision == 1]
        mine = [d.body for d in began if isinstance(d.body, Defect)]
        mine = [d for d in mine if (d.class_name, begins(d)) == (body.class_name, body.from_m)]
        assert len(mine) == body.told


def so_far(line: Line) -> Counter[str]:
    return defects_in([*bodies(line), *line.tracker.dense])


def bodies(line: Line) -> list[Defect | DefectDensity]:
    return [d.body for d in line.said if isinstance(d.body, Defect | DefectDensity)]


def begins(found: Defect) -> float:
    return found.extent.from_m // STRETCH_M * STRETCH_M


def within_a_stretch(line: Line, whole: Defect) -> bool:
    """And there one of its class at least as severe was told."""
    ranks = {"minor": 0, "major": 1}
    for body in line.dense:
        at = whole.extent
        if body.class_name == whole.class_name and body.from_m <= at.from_m <= at.to_m <= body.to_m:
            there = [
                ranks[str(d.severity)]
                for d in line.defects.values()
                if d.class_name == body.class_name
                and d.extent.to_m >= body.from_m
                and d.extent.from_m <= body.to_m
            ]
            return max(there, default=-1) >= ranks[str(whole.severity)]
    return False


def conserved(line: Line, expected: int) -> None:
    assert sum(line.tracker.announced.values()) == expected
    assert defects_in(bodies(line)) == Counter(line.tracker.announced)


@pytest.mark.parametrize("limit", [1, 200])
def test_the_counts_kept_do_not_grow_with_the_coil(limit: int) -> None:
    line = Line(limit)
    for _ in range(400):
        line.frame(*row(3), *row(3, 2.0, label=1))
        assert len(line.tracker._density._counts) <= 4
