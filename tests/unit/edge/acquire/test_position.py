import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.position import (
    CONTIGUOUS_SHARE,
    LinesPosition,
    SpeedPosition,
    make_position,
)
from tests.unit.edge.acquire.fakes import make_config, stamp


def test_lines_follow_each_other_and_lost_frames_advance() -> None:
    position = LinesPosition(0.001, start_m=7.0)
    assert position.advance(100, 0, stamp(0)).first_m == 7.0
    assert position.advance(100, 0, stamp(99)).first_m == pytest.approx(7.1)
    assert position.advance(100, 3, stamp(0)).first_m == pytest.approx(7.5)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9)), max_size=50))
def test_lines_add_up_exactly(blocks: list[tuple[int, int]]) -> None:
    position, row = LinesPosition(0.0004), 0
    for rows, lost in blocks:
        row += rows * lost
        assert position.advance(rows, lost, stamp(0)).first_m == row * 0.0004
        row += rows


def test_a_million_blocks_do_not_drift() -> None:
    position = LinesPosition(0.1)
    position.advance(1024, 10**6 - 1, stamp(0))
    assert position.advance(1, 0, stamp(0)).first_m == 1024 * 10**6 * 0.1


def test_speed_places_by_stamps() -> None:
    position = SpeedPosition(2.0, 0.001)
    assert position.advance(1000, 0, stamp(10)).first_m == 0.0
    assert position.advance(1000, 0, stamp(10.5)).first_m == 1.0
    assert position.advance(1000, 0, stamp(12.0)).first_m == pytest.approx(4.0)  # 2 m unseen


def test_speed_knows_overlap() -> None:
    position = SpeedPosition(1.0, 0.001)
    position.advance(1000, 0, stamp(0))
    assert [position.advance(1000, 0, stamp(k / 2)).first_m for k in (1, 2)] == [0.5, 1.0]


def test_speed_counts_lost_frames_before_the_first() -> None:
    assert SpeedPosition(1.0, 0.001).advance(1000, 2, stamp(3)).first_m == 2.0


@given(st.lists(st.floats(-0.02, 0.02), min_size=1, max_size=60))
def test_jitter_makes_no_holes_and_its_error_does_not_add_up(jitter: list[float]) -> None:
    position = SpeedPosition(1.0, 0.001)
    end_m = position.advance(1000, 0, stamp(0)).end_m
    for k, late_s in enumerate(jitter, 1):
        rows = position.advance(1000, 0, stamp(k + late_s))
        assert rows.first_m == end_m
        end_m = rows.end_m


@given(st.lists(st.floats(0.9, 1.2), min_size=1, max_size=60))
def test_speed_never_strays_from_the_stamps(periods_s: list[float]) -> None:
    position, now_s = SpeedPosition(1.0, 0.001), 0.0
    position.advance(1000, 0, stamp(0))
    for period_s in periods_s:
        now_s += period_s
        rows = position.advance(1000, 0, stamp(now_s))
        assert abs(rows.end_m - (1.0 + now_s)) <= CONTIGUOUS_SHARE + 1e-6


def test_config_chooses_the_position() -> None:
    source = {"kind": "simulated"}
    lines = make_position(make_config(source), start_m=3.0)
    assert lines.advance(10, 0, stamp(0)) == (3.0, 0.0005, 10)
    speed = make_position(make_config(source, position={"kind": "speed", "m_per_s": 2}))
    speed.advance(10, 0, stamp(0))
    assert speed.advance(10, 0, stamp(1)).end_m == pytest.approx(2.005)
