"""What the inspector says of a strip that is not where or not as wide as the mill says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import Defect, NotInspected
from edge.acquire.coils import ConstantCoils
from edge.config import Coils
from edge.inspect.loop import Inspector
from edge.metrics import InspectMetrics
from edge.ports import CoilSource
from edge.types import U8, Coil, Commit, Correction, Frame, RowMap
from tests.unit.edge.inspect.test_loop import (
    COLUMNS,
    FRAME_M,
    ROW_M,
    ROWS,
    Line,
    report_of,
)
from tests.unit.runtime.small_bundle import SIDE

MM = SIDE * 0.5
"""Of a tile."""
PIT = 8
PLAIN: U8 = np.full((ROWS * SIDE, COLUMNS * SIDE), 130, np.uint8)
RAMP = 3
"""Tiles: a defect that shows in whatever tiles it is cut into, brighter to the right."""


def with_ramp(column: float) -> U8:
    """Plain strip with a defect in its first rows that begins at a tile's column."""
    pixels, left = PLAIN.copy(), round(column * SIDE)
    pixels[: 2 * SIDE, left : left + RAMP * SIDE] = np.linspace(0, 250, RAMP * SIDE)
    return pixels


def defect_of(commit: Commit) -> tuple[float, float]:
    """Where the defect lies, in tiles from the operator side."""
    (defect, *_) = (d.body for d in commit.drafts if isinstance(d.body, Defect))
    assert isinstance(defect, Defect)
    return defect.extent.from_mm / MM, defect.extent.to_mm / MM


class Widths:
    """Coils of these widths in tiles: half a frame each, the last without end."""

    def __init__(self, *tiles: float) -> None:
        self._tiles = tiles

    def corrections(self) -> Sequence[Correction]:
        return ()

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        heads = [n * FRAME_M / 2 for n in range(len(self._tiles))]
        every = [
            Coil(f"coil-{n}", head_m, tail_m, tiles * MM)
            for n, (head_m, tail_m, tiles) in enumerate(
                zip(heads, [*heads[1:], None], self._tiles, strict=True)
            )
        ]
        return [c for c in every if c.head_m < end_m and (c.tail_m is None or c.tail_m > first_m)]


class Seen:
    """An inspector over half-frame coils, with edges detected."""

    def __init__(self, folder: Path, *tiles: float, coils: CoilSource | None = None) -> None:
        self.line = Line(folder, edges="detect")
        self.registry = CollectorRegistry()
        line, metrics = self.line, InspectMetrics(self.registry)
        coils = coils or Widths(*tiles)
        self.inspector = Inspector(line.config, line.slot, coils, metrics, line.clock)

    def frame(self, number: int, pixels: U8) -> Commit:
        rows = RowMap(number * FRAME_M, ROW_M, ROWS * SIDE)
        frame = Frame(number, pixels, rows, None, self.line.clock.now())
        return self.inspector.inspect(frame)

    def gauge(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"stripsight_strip_{name}_mm")


def strip(*spans: tuple[float, float], pixels: U8 = PLAIN) -> U8:
    """Strip over these columns, in tiles, each for its share of the rows; beside it the pit."""
    shown = np.full_like(pixels, PIT)
    rows = len(pixels) // len(spans)
    for number, (left, right) in enumerate(spans):
        part = np.s_[number * rows : (number + 1) * rows, round(left * SIDE) : round(right * SIDE)]
        shown[part] = pixels[part]
    return shown


def told(commit: Commit) -> dict[str | None, list[tuple[str, float, float, int]]]:
    """Of each coil: what was not inspected, from and to in tiles, and how many cells."""
    found: dict[str | None, list[tuple[str, float, float, int]]] = {}
    for draft in commit.drafts:
        if isinstance(body := draft.body, NotInspected):
            label = f"{body.outcome}({body.reason})"
            place = body.extent.from_mm / MM, body.extent.to_mm / MM
            found.setdefault(draft.coil, []).append((label, *place, body.cells))
    return found


def test_two_coils_of_different_widths_in_one_frame(tmp_path: Path) -> None:
    line = Seen(tmp_path, 10, 14)
    commit = line.frame(0, strip((3, 13), (1, 15)))
    assert told(commit) == {}
    assert line.inspector.valid
    report = report_of(commit.drafts)
    assert report.cells == {"on_time": 10 * ROWS // 2}
    assert line.gauge("width") == pytest.approx(14 * MM, abs=4)
    assert line.gauge("left") == pytest.approx(MM, abs=2)


def test_strip_that_is_wider_than_the_mill_says_is_inspected_and_said(tmp_path: Path) -> None:
    line = Seen(tmp_path, 10, 10)
    commit = line.frame(0, strip((2, 15), (2, 12), pixels=with_ramp(12)))
    assert told(commit) == {"coil-0": [("off_strip_disagreement(wider)", 0, 10, 0)]}
    assert defect_of(commit)[1] > 10 + 1
    report = report_of(commit.drafts)
    assert not report.inspection_valid
    assert report.cells == {"on_time": 10 * ROWS // 2}


def test_strip_out_of_view_is_loud_while_it_passes_and_told_whole_at_the_end(
    tmp_path: Path,
) -> None:
    line = Seen(tmp_path, coils=ConstantCoils(Coils(length_m=3 * FRAME_M, width_mm=14 * MM)))
    pixels, commits = strip((0, 13)), list[Commit]()
    for number in range(4):
        commits.append(line.frame(number, pixels))
        assert not line.inspector.valid
    name = "stripsight_uninspected_metres_total"
    assert line.registry.get_sample_value(name) == pytest.approx(4 * FRAME_M)
    missed = [d.body for c in commits for d in c.drafts if isinstance(d.body, NotInspected)]
    first, rest = [body for body in missed if body.reason == "no_view"][:2]
    assert (first.extent.to_m, rest.extent.from_m) == pytest.approx((FRAME_M, FRAME_M), abs=1e-6)
    assert rest.extent.to_m == pytest.approx(3 * FRAME_M)
    report = report_of(commits[-1].drafts)
    assert first.cells + rest.cells == report.reasons["lost(no_view)"]


def test_strip_that_is_narrower_than_the_mill_says_is_said_in_cells(tmp_path: Path) -> None:
    line = Seen(tmp_path, 12, 12)
    commit = line.frame(0, strip((2, 10), (2, 14)))
    ((label, left, right, cells),) = told(commit)["coil-0"]
    assert label == "off_strip_disagreement(narrower)"
    assert (left, right) == pytest.approx((8, 12), abs=0.4)
    assert cells == 4 * ROWS // 2
    assert not report_of(commit.drafts).inspection_valid


@pytest.mark.parametrize("shift", [-3, 3])
def test_an_edge_out_of_view_is_lost_and_defects_keep_their_place(
    tmp_path: Path, shift: int
) -> None:
    """The strip lies 3 tiles aside."""
    line = Seen(tmp_path, 14, 14)
    left = 1 + shift
    span = (max(0, left), min(COLUMNS, left + 14))
    commit = line.frame(0, strip(span, pixels=with_ramp(left + 6)))
    ((label, from_, to, cells),) = told(commit)["coil-0"]
    hidden = (0, -left) if left < 0 else (COLUMNS - left, 14)
    assert (label, cells) == ("lost(no_view)", 2 * ROWS // 2)
    assert (from_, to) == pytest.approx(hidden, abs=0.4)
    assert defect_of(commit) == pytest.approx((6, 9), abs=1)


def test_both_edges_out_of_view_are_lost_and_the_place_is_doubted(tmp_path: Path) -> None:
    line = Seen(tmp_path, 20, 20)
    commit = line.frame(0, PLAIN)
    assert told(commit)["coil-0"] == [
        ("off_strip_disagreement(no_edge)", 2, 18, 0),
        ("lost(no_view)", 0, 2, 2 * ROWS // 2),
        ("lost(no_view)", 18, 20, 2 * ROWS // 2),
    ]
    assert not line.inspector.valid


def test_a_strip_that_jumps_aside_is_looked_at_but_not_accounted_as_seen(tmp_path: Path) -> None:
    line = Seen(tmp_path, 8)
    line.frame(0, strip((1, 9)))
    commit = line.frame(1, strip((7, 15), pixels=with_ramp(9)))
    jump = {"coil-0": [("off_strip_disagreement(edge_jump)", 0, 8, 8 * ROWS)]}
    assert told(commit) == jump
    assert defect_of(commit) == pytest.approx((2, 5), abs=1)
    assert not line.inspector.valid
    assert told(line.frame(2, strip((7, 15)))) == {}
    assert told(line.frame(3, strip((7, 15)))) == jump, "the rest, as it has ended"
    assert line.inspector.valid


def test_tiles_off_the_strip_are_not_classified(tmp_path: Path) -> None:
    line = Seen(tmp_path, 8, 8)
    line.frame(0, strip((2, 10)))
    tiles = line.registry.get_sample_value("stripsight_tiles_total")
    assert tiles == 8 * ROWS
