"""The simulated camera's blocks over ramps, stops and turns."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.by_encoder import EncoderPosition
from edge.acquire.travel import TravelPace, counts_of, shots
from edge.errors import SourceTimeoutError
from edge.simulator.speed import SpeedProfile
from edge.types import Block
from tests.unit.edge.acquire.fakes import FakeClock, encoder, stamp

PITCH_M, ROWS, FLUSH_S = 0.001, 100, 0.5
RIDE = SpeedProfile(((0, 0), (1, 1), (2, 1), (3, 0), (5, 0), (6, -1), (7, 0), (8, 1)))
"""A ramp to 1 m/s, a stop at 2 m for two seconds, a metre back, and forward again."""


def test_each_line_of_strip_is_taken_each_time_it_passes() -> None:
    lines = np.concatenate([s.lines for s in islice(shots(RIDE, PITCH_M, ROWS, FLUSH_S), 40)])
    there, back = np.arange(2000), np.arange(1999, 999, -1)
    assert lines[:3000].tolist() == [*there, *back]
    assert lines[3000:].tolist() == list(range(1000, 1000 + len(lines) - 3000))


def test_a_block_ends_when_its_last_line_passed() -> None:
    for shot in islice(shots(RIDE, PITCH_M, ROWS, FLUSH_S), 20):
        end_m = (int(shot.lines[-1]) + 1) * PITCH_M
        assert RIDE.metres_at(shot.ends_s) == pytest.approx(end_m)


def test_what_a_stop_leaves_unfinished_is_flushed() -> None:
    stops = SpeedProfile(((0, 1), (0.7, 1), (0.8, 0), (3, 0), (4, 1)))
    found = list(islice(shots(stops, PITCH_M, ROWS, FLUSH_S), 9))
    assert [len(shot.lines) for shot in found] == [*[100] * 7, 50, 100]
    assert found[7].ends_s == pytest.approx(0.8 + FLUSH_S)


def test_a_strip_that_stops_for_good_ends_with_its_last_lines() -> None:
    found = list(shots(SpeedProfile(((0, 1), (0.5, 1), (0.9, 0))), PITCH_M, ROWS, FLUSH_S))
    assert sum(len(shot.lines) for shot in found) == 700


@given(
    st.lists(st.tuples(st.floats(0.1, 1.5), st.sampled_from([-2.0, -0.7, 0.0, 0.4, 3.0])),
             min_size=1, max_size=8),
    st.sampled_from([16, 32]),
)  # fmt: skip
def test_an_encoder_places_any_ride(legs: list[tuple[float, float]], bits: int) -> None:
    """Every kept row where its strip is, to two pitches, whatever the mill does; but for a turn
    nearer to a block's end than may go unseen, or two turns within a block's length.
    """
    times = np.cumsum([0.0, *(time_s for time_s, _ in legs)]).tolist()
    ride = SpeedProfile(tuple(zip(times, [1.0, *(speed for _, speed in legs)], strict=True)))
    section = encoder(2000.0, bits)
    position = EncoderPosition(section, PITCH_M)
    forward = True
    for shot in islice(shots(ride, PITCH_M, ROWS, FLUSH_S), 60):
        turns = np.flatnonzero(np.diff(shot.forward))
        counts = counts_of(shot, PITCH_M, section)
        placed = position.advance(Block(len(shot.lines), 0, stamp(0), None, counts))
        near = turns.size and min(turns[0] + 1, len(shot.lines) - 1 - turns[-1]) < 4
        if near or len(turns) + (shot.forward[0] != forward) > 1:
            return
        forward = bool(shot.forward[-1])
        kept = shot.lines[placed.keep][:: -1 if placed.backwards else 1]
        rows = placed.rows
        places = rows.first_m + np.arange(rows.rows) * rows.m_per_row
        assert np.abs(places - kept * PITCH_M).max() <= 2 * PITCH_M


def test_the_ride_is_played_on_the_clock() -> None:
    clock = FakeClock()
    pace = TravelPace(RIDE, shots(RIDE, PITCH_M, ROWS, FLUSH_S), clock)
    pace.start()
    first_ns = clock.now_ns
    due = pace.take(1)
    assert (due.missed, due.number, pace.shot.lines[0]) == (0, 0, 0)
    assert (due.grabbed.monotonic_ns - first_ns) / 1e9 == pytest.approx(pace.shot.ends_s)
    clock.pass_s(2.0 - pace.shot.ends_s)
    late = pace.take(1)
    assert (late.number, late.missed) == (14, 13)  # 1.5 m have passed
    clock.pass_s(1.5)
    pace.take(0.1)  # the last block before the stop
    with pytest.raises(SourceTimeoutError):
        pace.take(0.1)
    assert pace.m_per_s() == 0.0


def test_what_passed_while_nobody_listened_is_not_offered_again() -> None:
    clock = FakeClock()
    pace = TravelPace(RIDE, shots(RIDE, PITCH_M, ROWS, FLUSH_S), clock)
    pace.start()
    pace.take(1)
    clock.pass_s(1.5)
    pace.start()
    due = pace.take(1)
    assert due.missed == 0
    assert pace.shot.lines[0] * PITCH_M > RIDE.metres_at(1.5) - ROWS * PITCH_M
