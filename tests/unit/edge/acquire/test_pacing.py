import pytest

from edge.acquire.pacing import AsRead, OpenLoop, make_pace
from edge.errors import SourceEndedError, SourceTimeoutError
from tests.unit.edge.acquire.fakes import FakeClock


def started(frames_per_s: float, frames: int | None) -> tuple[OpenLoop, FakeClock]:
    clock = FakeClock()
    pace = OpenLoop(frames_per_s, frames, clock)
    pace.start()
    return pace, clock


def test_frames_come_at_their_scheduled_moment() -> None:
    pace, clock = started(10, None)
    start_ns = clock.now_ns
    for k in range(5):
        due = pace.take(1)
        assert (due.number, due.missed) == (k, 0)
        assert clock.now_ns == start_ns + k * 100_000_000
        assert due.grabbed == due.exposed == clock.now()


def test_a_late_reader_loses_frames() -> None:
    pace, clock = started(10, None)
    pace.take(1)
    clock.pass_s(0.47)
    due = pace.take(1)
    assert (due.number, due.missed) == (4, 3)
    assert (clock.now_ns - due.grabbed.monotonic_ns) / 1e9 == pytest.approx(0.07)
    assert (clock.now().utc_ns - due.grabbed.utc_ns) / 1e9 == pytest.approx(0.07)
    assert pace.take(1).number == 5


def test_a_slow_reader_loses_its_share_over_time() -> None:
    pace, clock = started(10, None)
    missed = 0
    for _ in range(100):
        missed += pace.take(1).missed
        clock.pass_s(0.25)
    assert missed == pytest.approx(150, abs=3)


def test_a_frame_that_is_not_due_in_time() -> None:
    pace, clock = started(0.5, None)
    pace.take(1)
    start_ns = clock.now_ns
    with pytest.raises(SourceTimeoutError):
        pace.take(0.3)
    assert clock.now_ns == start_ns + 300_000_000
    assert pace.take(2).number == 1


def test_the_last_frame_stays_and_then_it_ends() -> None:
    pace, clock = started(10, 4)
    clock.pass_s(60)
    due = pace.take(1)
    assert (due.number, due.missed) == (3, 3)
    with pytest.raises(SourceEndedError):
        pace.take(1)


def test_without_a_clock_nothing_is_missed() -> None:
    clock = FakeClock()
    pace = make_pace(None, 2, clock)
    assert isinstance(pace, AsRead)
    pace.start()
    clock.pass_s(5)
    assert [pace.take(0)[:3] for _ in range(2)] == [(0, 0, None), (1, 0, None)]
    with pytest.raises(SourceEndedError):
        pace.take(0)


def test_starting_again_begins_at_zero() -> None:
    pace, clock = started(10, None)
    clock.pass_s(3)
    pace.start()
    assert pace.take(1)[:2] == (0, 0)
