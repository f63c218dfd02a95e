"""Strip that stops and turns back, from the encoder's counts to the coil's report."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contract.bodies import CoilReport, Defect, NotInspected
from contract.events import Draft
from edge.acquire.by_encoder import EncoderPosition, Resume
from edge.acquire.coils import ConstantCoils
from edge.acquire.framing import Framing
from edge.acquire.travel import counts_of, shots
from edge.inspect.loop import Inspector
from edge.metrics import InspectMetrics
from edge.simulator.speed import SpeedProfile
from edge.types import U8, Frame, Loss, RowMap, Start
from tests.unit.edge.acquire.fakes import encoder, stamp
from tests.unit.edge.inspect.test_loop import (
    CLEAN,
    COLUMNS,
    FRAME_M,
    ROW_M,
    ROWS,
    Line,
    with_defect,
)
from tests.unit.runtime.small_bundle import SIDE

FRAME_ROWS = ROWS * SIDE
SECTION = encoder(10_000.0, bits=16)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path, coil_frames=9.5)


def strip_with(defects: dict[int, int], frames: int) -> U8:
    """Clean strip with a defect of one tile at each line and tile column."""
    strip = np.tile(CLEAN, (frames, 1))
    for row, column in defects.items():
        left = column * SIDE + SIDE // 2
        strip[row : row + SIDE, left : left + SIDE // 2] = 255
    return strip


def ride(line: Line, strip: U8, profile: SpeedProfile, blocks: int) -> list[Draft]:
    """What a ride over the strip puts into the ledger."""
    framing = Framing(EncoderPosition(SECTION, ROW_M))
    drafts: list[Draft] = []
    for shot in islice(shots(profile, ROW_M, FRAME_ROWS, 0.5), blocks):
        counts = counts_of(shot, ROW_M, SECTION)
        pixels = strip.take(shot.lines, axis=0, mode="wrap")
        frame = framing.frame(pixels, stamp(shot.ends_s), line.clock.now(), counts)
        drafts += line.inspector.inspect(frame).drafts
    last = line.inspector.finish()
    return drafts + list(last.drafts if last else ())


def there_and_back(turns_at: int, back: int) -> SpeedProfile:
    """Ten frames a second: so many forward and three rows of tiles, so many back, then on."""
    v, there_s, back_s = 0.64, turns_at / 10 + 0.0375, back / 10
    turn_s = 0.1
    return SpeedProfile(
        (
            (0, v),
            (there_s - turn_s / 4, v),
            (there_s + turn_s * 3 / 4, -v),
            (there_s + back_s, -v),
            (there_s + back_s + turn_s, v),
        )
    )


@pytest.mark.parametrize("turns_at", [6, 8, 9, 10, 12])
def test_strip_that_comes_back_is_counted_and_announced_once(line: Line, turns_at: int) -> None:
    """Also where it comes back over the change of coils, after nine and a half frames."""
    defects = {2 * FRAME_ROWS + 20: 1, 4 * FRAME_ROWS + 70: 5, 7 * FRAME_ROWS: 9, 1300: 3}
    drafts = ride(line, strip_with(defects, 40), there_and_back(turns_at, 5), 30)
    opened = [d.body for d in drafts if isinstance(d.body, Defect) and d.body.revision == 1]
    assert len(opened) == len(defects)
    for (row, column), body in zip(sorted(defects.items()), opened, strict=True):
        line_m = body.extent.from_m + 9.5 * FRAME_M * body.defect_id.startswith("coil-0002")
        assert line_m - 0.001 <= row * ROW_M < line_m + body.extent.to_m - body.extent.from_m
        assert body.extent.from_mm <= (column + 0.75) * SIDE * 0.5 < body.extent.to_mm
    reports = [d.body for d in drafts if isinstance(d.body, CoilReport)]
    assert [set(report.cells) for report in reports] == [{"on_time"}] * len(reports)
    told = [d.coil for d in drafts if isinstance(d.body, CoilReport)]
    assert told == [f"coil-{number:04d}" for number in range(1, len(told) + 1)]
    assert len(told) >= 2
    assert not [d for d in drafts if isinstance(d.body, NotInspected)]


RIDES = st.lists(
    st.tuples(st.floats(0.1, 1.5), st.sampled_from([-0.64, -0.3, 0.0, 0.4, 0.64, 1.0])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RIDES)
def test_no_ride_loses_strip(line: Line, legs: list[tuple[float, float]]) -> None:
    """Every cell that passed was looked at, but for rests smaller than a tile; twice turned within
    a block's length, or close to its end, strip may be said to be lost, but the sum agrees.
    """
    times = np.cumsum([0.0, *(time_s for time_s, _ in legs)]).tolist()
    profile = SpeedProfile(tuple(zip(times, [0.64, *(v for _, v in legs)], strict=True)))
    coils, metrics = ConstantCoils(line.config.coils), InspectMetrics(CollectorRegistry())
    line.inspector = Inspector(line.config, line.slot, coils, metrics, line.clock)
    drafts = ride(line, CLEAN, profile, 50)
    clear, forward = True, True
    for shot in islice(shots(profile, ROW_M, FRAME_ROWS, 0.5), 50):
        turns = np.flatnonzero(np.diff(shot.forward))
        near = turns.size and min(turns[0] + 1, len(shot.lines) - 1 - turns[-1]) < 4
        clear = clear and not near and len(turns) + (shot.forward[0] != forward) <= 1
        forward = bool(shot.forward[-1])
    reports = [d.body for d in drafts if isinstance(d.body, CoilReport)]
    for report in reports:
        assert sum(report.cells.values()) == report.expected_cells
    if clear:
        assert {why for r in reports for why in r.reasons} <= {"skipped(smaller_than_a_tile)"}


def test_a_stop_flushes_and_goes_on(line: Line) -> None:
    """The strip stops for two seconds in the middle of a frame."""
    stop_s = 2.55
    profile = SpeedProfile(
        ((0, 0.64), (stop_s, 0.64), (stop_s + 0.1, 0), (stop_s + 2, 0), (stop_s + 2.1, 0.64))
    )
    drafts = ride(line, strip_with({3 * FRAME_ROWS + 5: 2}, 40), profile, 60)
    reports = [d.body for d in drafts if isinstance(d.body, CoilReport)]
    assert all(set(report.cells) == {"on_time"} for report in reports)
    assert not [d for d in drafts if isinstance(d.body, NotInspected)]


def test_a_flushed_rest_smaller_than_a_tile_is_said(line: Line) -> None:
    rows = RowMap(0.0, ROW_M, SIDE - 6)
    commit = line.inspector.inspect(Frame(0, CLEAN[: SIDE - 6], rows, None, line.clock.now()))
    (missed,) = (d.body for d in commit.drafts if isinstance(d.body, NotInspected))
    assert (missed.outcome, missed.reason) == ("skipped", "smaller_than_a_tile")


def test_what_was_lost_the_first_time_is_looked_at_when_it_comes_back(line: Line) -> None:
    line.frame(0)
    line.frame(2)  # one frame is lost
    commit = line.frame(1, with_defect(2, 2))  # and comes back
    assert [d.body.phase for d in commit.drafts if isinstance(d.body, Defect)] == ["opened"]
    for number in (2, 3):
        line.frame(number)
    last = line.inspector.finish()
    assert last is not None
    (report,) = (d.body for d in last.drafts if isinstance(d.body, CoilReport))
    assert report.cells == {"on_time": 4 * ROWS * COLUMNS}


def test_a_frame_that_was_lost_while_the_strip_ran_back_is_no_loss(line: Line) -> None:
    """Also where it had run back before the first coil's head."""
    for first_m in (0.0, -FRAME_M):
        line.frame(1)
        loss = Loss(first_m, first_m + FRAME_M, "buffer_overflow")
        commit = line.inspector.inspect(
            Frame(2, CLEAN, RowMap(0.0, ROW_M, FRAME_ROWS), None, line.clock.now(), (loss,))
        )
        assert not [d for d in commit.drafts if isinstance(d.body, NotInspected)]


def test_a_loss_that_ends_with_its_coil_does_not_begin_the_next_one(line: Line) -> None:
    """However its end was computed: strip that comes back is still looked at."""
    for number in range(9):
        line.frame(number)
    loss = Loss(9 * FRAME_M, 9.5 * FRAME_M + 1e-12, "buffer_overflow")
    (report,) = (
        d.body for d in line.frame(9, losses=(loss,)).drafts if isinstance(d.body, CoilReport)
    )
    assert set(report.cells) == {"on_time"}


def test_the_watermark_never_runs_back(line: Line) -> None:
    marks = [line.frame(number).watermark for number in (0, 1, 2, 1, 0)]
    assert [mark.line_m for mark in marks if mark] == pytest.approx(
        [FRAME_M, 2 * FRAME_M, *[3 * FRAME_M] * 3]
    )


def test_lines_too_close_for_the_network_are_not_looked_at(line: Line) -> None:
    rows = RowMap(0.0, ROW_M / 2, FRAME_ROWS)
    commit = line.inspector.inspect(Frame(0, CLEAN, rows, None, line.clock.now()))
    (missed,) = (d.body for d in commit.drafts if isinstance(d.body, NotInspected))
    assert (missed.outcome, missed.reason) == ("skipped", "out_of_scale")


def test_a_guessed_place_is_no_valid_inspection(line: Line) -> None:
    rows = RowMap(0.0, ROW_M, FRAME_ROWS)
    frame = Frame(0, CLEAN, rows, None, line.clock.now(), place_known=False)
    line.inspector.inspect(frame)
    assert not line.inspector.valid


def test_a_counter_that_went_on_tells_what_a_restart_missed(line: Line) -> None:
    """An earlier run ended at 700 m; two and a half frames have passed since."""
    missed_m = 2.5 * FRAME_M
    inspector = Inspector(
        line.config,
        line.slot,
        ConstantCoils(line.config.coils, "coil-0008", 700.0),
        InspectMetrics(CollectorRegistry()),
        line.clock,
        Start(700.0, "restart"),
    )
    passed = round((missed_m + ROW_M) * SECTION.counts_per_m)
    first = shots(SpeedProfile(((0, 1),)), ROW_M, FRAME_ROWS, 0.5)
    position = EncoderPosition(SECTION, ROW_M, resume=Resume(-passed % 2**16, 700.0))
    framing = Framing(position)
    framing.away()
    frame = framing.frame(CLEAN.copy(), None, stamp(0), counts_of(next(first), ROW_M, SECTION))
    commit = inspector.inspect(frame)
    lost = [d.body for d in commit.drafts if isinstance(d.body, NotInspected)]
    assert Counter(body.reason for body in lost) == {"restart": 1}
    assert (lost[0].extent.from_m, lost[0].extent.to_m) == pytest.approx((0, missed_m), abs=1e-3)
    assert commit.watermark is not None
    assert commit.watermark.line_m == pytest.approx(700 + 3.5 * FRAME_M, abs=1e-3)
    assert commit.watermark.count == frame.count
