"""Positions by stamps: jitter of the host moves nothing, strip that nobody counted is seen."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.by_speed import (
    EXPOSURE_S,
    HOST_S,
    SETTLE_BLOCKS,
    SETTLE_S,
    SpeedPosition,
    SteadySpeed,
)
from edge.ports import Speed
from edge.types import Block, Placed, RowMap
from tests.unit.edge.acquire.fakes import stamp

M_PER_S, M_PER_ROW, ROWS = 20.0, 0.0003, 1024
BLOCK_M = ROWS * M_PER_ROW
PERIOD_S = BLOCK_M / M_PER_S  # 15.36 ms


def position() -> SpeedPosition:
    return SpeedPosition(SteadySpeed(M_PER_S), M_PER_ROW)


def by_host(made: SpeedPosition, at_s: float, lost: int = 0) -> RowMap:
    return made.advance(Block(ROWS, lost, stamp(at_s))).rows


def by_exposure(made: SpeedPosition, at_s: float, lost: int = 0) -> RowMap:
    return made.advance(Block(ROWS, lost, stamp(at_s + 0.5), stamp(at_s))).rows


def taken(lates_s: Iterable[float], period_s: float = PERIOD_S) -> list[float]:
    """When a host takes blocks that end each period: in order, each so late at least."""
    stamps: list[float] = []
    for k, late_s in enumerate(lates_s):
        stamps.append(max(k * period_s + late_s, stamps[-1] + 1e-5 if stamps else 0.0))
    return stamps


@pytest.mark.parametrize("late_ms", [2, 10, 30, 300])
@pytest.mark.parametrize("at", [0, 1, 3, 20])
def test_one_late_grab_moves_no_block_and_invents_no_loss(late_ms: int, at: int) -> None:
    made = position()
    stamps = taken(late_ms / 1000 if k == at else 0.0 for k in range(60))
    for k, at_s in enumerate(stamps):
        assert by_host(made, at_s).first_m == pytest.approx(k * BLOCK_M, abs=1e-9)


JITTER_S = st.lists(st.sampled_from([0.0, 0.0001, 0.0009, 0.004, 0.015]), max_size=160)
STALLS_S = st.dictionaries(st.integers(0, 3).map(lambda n: 40 * n), st.floats(0.02, 0.5))


@given(JITTER_S, STALLS_S)
def test_no_jitter_makes_a_hole_or_an_overlap(
    jitter_s: list[float], stalls_s: dict[int, float]
) -> None:
    """As long as one hand-off in four is as quick as an idle host's, and stalls are caught up."""
    made, end_m = position(), 0.0
    lates = [stalls_s.get(k, late if k % 4 else 0.0) for k, late in enumerate(jitter_s)]
    for at_s in taken(lates):
        rows = by_host(made, at_s)
        assert rows.first_m == pytest.approx(end_m, abs=1e-9)
        end_m = rows.end_m


@pytest.mark.parametrize(
    ("period_s", "lates_ms"),
    [
        (PERIOD_S, [4] * 30 + [0]),  # within half a second
        (0.3, [4] * 3 + [0]),  # within five blocks
        (PERIOD_S, [4, 800, *[0] * 60]),  # late, then a stall: what is taken after it counts once
        (PERIOD_S, [0.9] * 100),  # less than what joins
    ],
)
@pytest.mark.parametrize("before", [1, 12])
def test_several_late_grabs_move_nothing(
    period_s: float, lates_ms: list[float], before: int
) -> None:
    made = SpeedPosition(SteadySpeed(BLOCK_M / period_s), M_PER_ROW)
    lates_s = [late_ms / 1000 for late_ms in [*[0.0] * before, *lates_ms]]
    for k, at_s in enumerate(taken(lates_s, period_s)):
        assert by_host(made, at_s).first_m == pytest.approx(k * BLOCK_M, abs=1e-9)


@pytest.mark.parametrize("holes", [1, 3])
def test_frames_that_nobody_counted_are_seen_within_the_settling_time(holes: int) -> None:
    made, hole_m = position(), holes * BLOCK_M
    for k in range(60):
        by_host(made, k * PERIOD_S)
    strays = [by_host(made, (k + holes) * PERIOD_S).first_m - k * BLOCK_M for k in range(60, 120)]
    blocks = max(SETTLE_BLOCKS, round(SETTLE_S / PERIOD_S) + 1)
    assert strays[blocks] == pytest.approx(hole_m)
    assert all(s == pytest.approx(hole_m) or s == pytest.approx(0, abs=1e-9) for s in strays)


@pytest.mark.parametrize("share", [-0.5, -0.1, 0.1, 0.5])
def test_a_camera_that_leaves_holes_or_overlaps_always_is_followed(share: float) -> None:
    made, step_m = position(), (1 + share) * BLOCK_M
    places = [by_host(made, k * step_m / M_PER_S).first_m for k in range(160)]
    steps = [b - a for a, b in pairwise(places[80:])]
    assert sum(steps) == pytest.approx(len(steps) * step_m, abs=HOST_S * M_PER_S)
    assert max(abs(step - step_m) for step in steps) <= 2 * HOST_S * M_PER_S


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=80))
def test_a_block_is_never_beyond_what_its_own_stamp_allows(lates_s: list[float]) -> None:
    made = position()
    by_host(made, 0.0)
    for k in range(1, 20):
        by_host(made, k * PERIOD_S)
    for k, late_s in enumerate(lates_s, 20):
        rows = by_host(made, k * PERIOD_S + late_s)
        allowed_m = BLOCK_M + (k * PERIOD_S + late_s) * M_PER_S
        assert rows.end_m <= allowed_m + HOST_S * M_PER_S + 1e-6


def test_exposures_are_taken_as_they_are() -> None:
    made = position()
    by_exposure(made, 10)
    assert by_exposure(made, 10 + PERIOD_S).first_m == pytest.approx(BLOCK_M)
    assert by_exposure(made, 12).end_m == pytest.approx(BLOCK_M + 40)
    assert by_exposure(made, 12 + PERIOD_S / 2).end_m == pytest.approx(1.5 * BLOCK_M + 40)


@given(st.lists(st.floats(0.9, 1.2), min_size=1, max_size=60))
def test_exposures_are_never_strayed_from(periods: list[float]) -> None:
    made, now_s = position(), 0.0
    by_exposure(made, 0.0)
    for period in periods:
        now_s += period * PERIOD_S
        rows = by_exposure(made, now_s)
        assert abs(rows.end_m - (BLOCK_M + now_s * M_PER_S)) <= EXPOSURE_S * M_PER_S + 1e-6


def test_lost_frames_before_the_first_count() -> None:
    assert by_host(position(), 3, lost=2).first_m == pytest.approx(2 * BLOCK_M)


def test_what_passed_while_away_is_known_at_once() -> None:
    made = position()
    for k in range(20):
        by_host(made, k * PERIOD_S)
    late_s = 0.03
    back = made.advance(Block(ROWS, 0, stamp(5 + late_s), away=True)).rows
    assert back.end_m == pytest.approx(BLOCK_M + (5 + late_s) * M_PER_S)
    on_time = by_host(made, 5 + PERIOD_S)  # proves the one before late, and lies over it
    assert on_time.end_m == pytest.approx(BLOCK_M + (5 + PERIOD_S) * M_PER_S)


def test_the_change_to_the_cameras_clock_moves_nothing() -> None:
    """What the link takes lies between a host's stamp and an exposure's."""
    made = position()
    for k in range(10):
        by_host(made, k * PERIOD_S)
    for k in range(10, 20):
        assert by_exposure(made, k * PERIOD_S - 0.036).first_m == pytest.approx(k * BLOCK_M)
    assert by_host(made, 20 * PERIOD_S).first_m == pytest.approx(20 * BLOCK_M)


class Ramp:
    """A mill that speeds up evenly, and whose signal stops to come after a while."""

    def __init__(self, m_per_s2: float, silent_after_s: float) -> None:
        self.m_per_s2, self.silent_after_s = m_per_s2, silent_after_s

    def newest(self, at_ns: int) -> Speed:
        at_s = at_ns / 1e9
        known_s = min(at_s, self.silent_after_s)
        return Speed(self.m_per_s2 * known_s, at_s - known_s)


def test_a_ramp_is_integrated_and_its_rows_grow() -> None:
    made = SpeedPosition(Ramp(2.0, 99), 0.001, pitch_at_m_per_s=4.0)
    placed: list[Placed] = [
        made.advance(Block(ROWS, 0, stamp(t + 0.1), stamp(t))) for t in (1.0, 1.256, 1.512)
    ]
    (one, two, three) = (p.rows for p in placed)
    assert two.first_m == pytest.approx(one.end_m)
    assert three.end_m - one.end_m == pytest.approx(1.512**2 - 1.0, abs=1e-9)
    assert three.m_per_row == pytest.approx(0.001 * (2 * (1.256 + 1.512) / 2) / 4.0)


def test_a_stale_speed_is_a_guess_and_said() -> None:
    made = SpeedPosition(Ramp(2.0, 3.0), 0.001, pitch_at_m_per_s=4.0, max_age_s=1.0)
    known = [made.advance(Block(ROWS, 0, stamp(t), stamp(t))).known for t in (1.0, 3.9, 4.2)]
    assert known == [True, True, False]


@pytest.mark.parametrize("m_per_s", [0.0, -3.0])
def test_at_rest_rows_keep_their_order(m_per_s: float) -> None:
    made = SpeedPosition(SteadySpeed(m_per_s), 0.001, pitch_at_m_per_s=4.0)
    for k in range(3):
        rows = made.advance(Block(ROWS, 0, stamp(k), stamp(k))).rows
        assert 0 < rows.m_per_row <= 1e-6
        assert rows.first_m <= 3 * ROWS * 1e-6
