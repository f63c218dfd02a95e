"""Whatever is measured of a defect on the way, its severity may rise and never falls."""

from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect
from edge.grading.grade import Tally
from edge.grading.severity import severity
from edge.inspect.decide import DefectTracker, Patch
from edge.inspect.shape import NOTHING, UNMEASURED, Shape, shape_of
from tests.unit.edge.grading.making import rules_of
from tests.unit.edge.inspect.test_decide import (
    COIL,
    COLUMNS,
    MODEL,
    NAMES,
    ROWS,
    bodies,
    patches_of,
    section,
)

RULES = rules_of(
    zones={"operator_edge_mm": 100},
    defects=[
        {"rule": "all", "severity": "minor"},
        {"rule": "long", "longer_than_mm": 90, "severity": "major"},
        {"rule": "within", "across": ["middle"], "larger_than_mm2": 900, "severity": "critical"},
    ],
    coil=[{"rule": "any", "more_than": 0, "grade": "second"}],
)
RANKS = ("minor", "major", "critical")
assess = partial(severity, width_mm=COIL.width_mm, rules=RULES.rules)


def scratch(corner_mm: tuple[float, float], length_mm: float, *, falls: bool = False) -> Shape:
    """At 45 degrees, in the square that begins at this corner."""
    mask = np.eye(max(1, round(length_mm / np.sqrt(2))), dtype=np.bool_)
    drawn = np.ascontiguousarray(mask[::-1] if falls else mask)
    return shape_of(drawn, np.zeros(mask.shape, np.int16), np.array(corner_mm), np.ones(2))


def corner_of(patch: Patch) -> tuple[float, float]:
    return patch.extent.from_m * 1000, patch.extent.from_mm


def told(strip: list[dict[tuple[int, int], Any]]) -> list[Defect]:
    """Events of frames whose patches have these shapes, by their tiles: millimetres of a
    scratch, or what was measured.
    """
    tracker = DefectTracker("c1", 1, 0.1, assess=assess)
    said: list[Defect] = []
    for number, tiles in enumerate(strip):
        patches = patches_of(dict.fromkeys(tiles, (1, 0.95)), number)
        drawn = zip(patches, tiles.values(), strict=False)
        shaped = [
            p._replace(shape=what if isinstance(what, Shape) else scratch(corner_of(p), what))
            for p, what in drawn
        ]
        said += bodies(tracker.update(shaped, NAMES, MODEL, section(number), lambda _, name: name))
    return said + bodies(tracker.finish("closed"))


def test_a_scratch_that_grows_into_a_square_stays_as_severe() -> None:
    """Its rectangle of least area is shorter then: 71 mm after 100 mm."""
    one, other = (scratch((192, 320), 100.4, falls=falls) for falls in (False, True))
    said = told([{(3, 5): one}, {(0, 5): other}, {}])
    lengths = [round(d.measure.length_mm) for d in said if d.measure]
    assert lengths[0] > 90 > lengths[-1]
    assert {d.severity for d in said} == {"major"}


def test_what_grew_in_the_frame_in_which_it_was_merged_keeps_its_severity() -> None:
    """The defect at the left grows to be long, and touches the older one at the right, at once."""
    dot, line = scratch((320, 330), 3), scratch((300, 300), 60)
    last = ROWS - 1
    both = {(0, 5): dot, (last, 1): line} | {(row, 5): dot for row in range(1, ROWS)}
    wide = scratch((300, 300), 100, falls=True)
    joins = {(0, 0): scratch((343, 343), 41), **dict.fromkeys([(0, 2), (0, 3), (0, 4)], wide)}
    said = told([{(last, 5): dot}, both, joins])
    (merged,) = [d for d in said if d.merged_into]
    assert merged.severity == "major"
    assert said[-1].severity == "major"


tiles = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1))
shapes = st.sampled_from([NOTHING, UNMEASURED]) | st.floats(2, 130)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(tiles, shapes, max_size=8), max_size=6))
def test_severities_never_fall_and_the_grade_from_the_events_is_the_lines_own(
    strip: list[dict[tuple[int, int], Any]],
) -> None:
    worst: dict[str, int] = {}
    line, again = Tally(RULES, COIL.width_mm), Tally(RULES, COIL.width_mm)
    for body in told(strip):
        rank = RANKS.index(str(body.severity))
        assert rank >= worst.get(body.defect_id, 0)
        for name in (body.defect_id, body.merged_into):
            worst[str(name)] = max(rank, worst.get(str(name), 0))
        line.take(body)
        again.take(body.model_copy(update={"severity": assess(body).name}))
    assert line.severities == again.severities
