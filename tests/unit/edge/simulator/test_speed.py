import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.simulator.speed import SpeedProfile

RAMP = SpeedProfile(((0.0, 0.0), (4.0, 8.0), (10.0, 8.0), (12.0, 2.0)))


def test_metres_of_a_ramp() -> None:
    assert RAMP.metres_at(2) == pytest.approx(4)
    assert RAMP.metres_at(4) == pytest.approx(16)
    assert RAMP.metres_at(10) == pytest.approx(64)
    assert RAMP.metres_at(12) == pytest.approx(74)
    assert RAMP.metres_at(13) == pytest.approx(76)
    assert RAMP.speed_at(11) == pytest.approx(5)


@given(st.floats(0, 40))
def test_time_and_metres_undo_each_other(time_s: float) -> None:
    metres = RAMP.metres_at(time_s)
    assert RAMP.metres_at(RAMP.time_at(metres)) == pytest.approx(metres, abs=1e-6)


TURNS = SpeedProfile(((0, 0), (2, 4), (4, 4), (6, -4), (7, -4), (8, 0), (10, 0), (11, 2)))


def test_a_strip_that_turns_back() -> None:
    assert TURNS.metres_at(5) == pytest.approx(14)
    assert TURNS.metres_at(8) == pytest.approx(14 - 2 - 4 - 2)
    assert TURNS.path().metres_at(8) == pytest.approx(14 + 8)
    assert [tuple(leg) for leg in TURNS.legs()] == [
        (0, 0, 1), (pytest.approx(14), pytest.approx(14), -1), (pytest.approx(22), 6, 1),
    ]  # fmt: skip
    assert [tuple(rest) for rest in TURNS.rests()] == [(8, 10)]


def test_a_strip_that_stops_for_good() -> None:
    stops = SpeedProfile(((0, 1), (2, 1), (3, 0)))
    assert (stops.runs_on, TURNS.runs_on, RAMP.runs_on) == (False, False, True)
    assert stops.time_at(2.5) == pytest.approx(3.0)
    assert stops.time_at(2.6) == float("inf")
    assert [tuple(rest) for rest in stops.rests()] == [(3, float("inf"))]
    assert stops.metres_at(99) == pytest.approx(2.5)


@given(st.floats(0, 30), st.floats(0, 5))
def test_a_strip_that_never_runs_back_has_run_further_later(time_s: float, later_s: float) -> None:
    assert RAMP.metres_at(time_s) <= RAMP.metres_at(time_s + later_s) + 1e-9


@pytest.mark.parametrize(
    "points",
    [
        (),
        ((1.0, 1.0),),
        ((0.0, 1.0), (0.0, 2.0)),
        ((0.0, float("nan")),),
    ],
)
def test_a_profile_that_cannot_be_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ConfigError, match="speed profile"):
        SpeedProfile(points)
