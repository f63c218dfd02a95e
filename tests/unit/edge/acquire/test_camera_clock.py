"""The camera is simulated: its clock's rate and the way of each frame to the host are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.acquire.camera_clock import WINDOW_S, CameraClock
from edge.clock import Stamp
from edge.types import CameraTime
from tests.unit.edge.acquire.fakes import UTC_NS

MS = 1_000_000
START_NS = 7_000_000_000
PERIOD_NS = 40 * MS
FRAMES = 25
"""A second's."""
WAY_NS = 36 * MS
"""Shortest way of a frame from its exposure to the host: 4 MB over one gigabit."""


def host(monotonic_ns: int) -> Stamp:
    return Stamp(monotonic_ns, UTC_NS + monotonic_ns)


class Camera:
    """Its clock stood at `epoch_ns` when the host's stood at START_NS, and runs 1 + ppm / 1e6."""

    def __init__(self, epoch_ns: int = 123_456_789, ppm: float = 100.0) -> None:
        self.epoch_ns = epoch_ns
        self.rate = 1 + ppm / 1e6

    def at(self, host_ns: int) -> int:
        return self.epoch_ns + round((host_ns - START_NS) * self.rate)


class Line:
    """Frames each PERIOD_NS; the way of each takes WAY_NS and a lateness that keeps their order."""

    def __init__(self, camera: Camera, seed: int = 0) -> None:
        self.clock = CameraClock()
        self.camera = camera
        self.now_ns = START_NS
        self.rng = np.random.default_rng(seed)

    def frame(self, late_ns: int) -> float:
        """Expose and grab one; returns the error of its stamp, WAY_NS left out, in ms."""
        grabbed = host(self.now_ns + WAY_NS + late_ns)
        stamp = self.clock.exposed(self.camera.at(self.now_ns), grabbed)
        assert stamp.monotonic_ns <= grabbed.monotonic_ns
        assert stamp.utc_ns - stamp.monotonic_ns == UTC_NS
        return (stamp.monotonic_ns - self.now_ns - WAY_NS) / MS

    def second(self, excess_ns: int, kept: float = 1.0) -> list[float]:
        """A second in which one frame is late by `excess_ns` at most; the others by up to 38 ms."""
        quick = self.rng.integers(FRAMES)
        errors = []
        for number in range(FRAMES):
            late_ns = self.rng.integers(excess_ns + 1 if number == quick else 38 * MS)
            if number == quick or self.rng.random() < kept:
                errors.append(self.frame(int(late_ns)))
            self.now_ns += PERIOD_NS
        return errors

    def run(self, seconds: int, excess_ns: int = 0) -> list[float]:
        return [error for _ in range(seconds) for error in self.second(excess_ns)]

    def state(self) -> CameraTime:
        found = self.clock.state(host(self.now_ns))
        assert found is not None
        return found


@settings(max_examples=50)
@given(
    ppm=st.floats(-100, 100), excess_us=st.integers(0, 5000), kept=st.floats(0, 1),
    seed=st.integers(0, 2**32), gaps=st.lists(st.integers(0, 5), max_size=40),
)  # fmt: skip
def test_the_error_is_bounded_by_each_seconds_quickest(
    ppm: float, excess_us: int, kept: float, seed: int, gaps: list[int]
) -> None:
    """2 (e + 0.2 ms) once a dozen seconds are seen, before that 2 e + 1.3 ms: at 100 ppm a clock
    moves 0.1 ms in a second. A hole in the frames stretches the way from the known to the newest,
    and the bound with it.
    """
    line = Line(Camera(ppm=ppm), seed)
    e_ms = excess_us / 1000
    for number, gap in enumerate([0] * 13 + gaps):
        line.now_ns += gap * 1000 * MS  # the strip stands: no frames for some seconds
        errors = line.second(excess_us * 1000, kept)
        bound = 2 * (e_ms + 0.2) * (1 + gap / 5) if number > 12 else 2 * e_ms + 1.3
        if number:
            assert max(map(abs, errors)) <= bound


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 35.0])
def test_drift_is_found_and_the_spread_is_told(ppm: float) -> None:
    line = Line(Camera(ppm=ppm))
    assert line.clock.state(host(START_NS)) is None
    line.run(WINDOW_S, excess_ns=MS // 10)
    state = line.state()
    assert state.drift == pytest.approx(ppm / 1e6, abs=4e-6)
    assert 0 < state.uncertainty_s <= 0.2e-3
    assert state.epoch == "free_running"
    assert state.resets == 0


@pytest.mark.parametrize(
    ("ahead_s", "epoch", "offset_s"),
    [
        (0.0, "utc", 0.0),
        (0.2, "utc", 0.2),
        (37.0, "tai", 0.0),
        (36.8, "tai", -0.2),
        (18.0, "free_running", 18.0),
    ],
)
def test_what_the_clock_counts_is_told_from_its_offset(
    ahead_s: float, epoch: str, offset_s: float
) -> None:
    line = Line(Camera(UTC_NS + START_NS + round(ahead_s * 1e9), ppm=0))
    line.run(3)
    state = line.state()
    assert state.epoch == epoch
    assert state.offset_s == pytest.approx(offset_s - WAY_NS / 1e9, abs=1e-3)


def test_the_offset_follows_the_hosts_utc_but_the_stamps_do_not() -> None:
    line = Line(Camera(UTC_NS + START_NS, ppm=0))
    line.run(3)
    stepped = line.clock.state(Stamp(line.now_ns, UTC_NS + line.now_ns - 37_000_000_000))
    assert stepped is not None
    assert stepped.epoch == "tai"
    assert max(map(abs, line.run(3))) < 1


def test_a_camera_that_tells_the_time_shows_the_way_of_its_frames() -> None:
    line = Line(Camera(ppm=50))
    for second in range(20):
        line.clock.asked(line.camera.at(line.now_ns), host(line.now_ns + MS // 5))
        errors = line.second(excess_ns=20 * MS)
        if second > 10:
            assert max(abs(error + WAY_NS / MS) for error in errors) <= 0.4
    assert line.state().resets == 0


@pytest.mark.parametrize(
    "jump_s", [-7.0, -3600.0, 3600.0, 0.15], ids=["rebooted", "back", "ahead", "a little ahead"]
)
def test_a_clock_that_was_set_is_noticed_at_once(jump_s: float) -> None:
    line = Line(Camera(epoch_ns=10_000_000_000_000))
    line.run(15, excess_ns=MS)
    line.camera.epoch_ns += round(jump_s * 1e9)
    assert line.frame(late_ns=0) == pytest.approx(0, abs=0.01)
    line.now_ns += PERIOD_NS
    assert max(map(abs, line.run(12, excess_ns=MS)[FRAMES:])) <= 8
    assert line.state().resets == 1


def test_a_clock_set_back_while_no_frame_came_is_noticed_within_a_second() -> None:
    line = Line(Camera(epoch_ns=10_000_000_000_000))
    line.run(15)
    line.now_ns += 20_000 * MS
    line.camera.epoch_ns -= 10_000_000_000  # its stamps still rise
    errors = line.run(3)
    assert max(map(abs, errors[FRAMES:])) <= 1
    assert line.state().resets == 1


def test_a_host_that_stood_still_is_no_reset() -> None:
    line = Line(Camera())
    line.run(15)
    before = line.frame(late_ns=0)
    for number in range(10):  # a backlog of 0.4 s, read at once
        assert line.frame(late_ns=(10 - number) * PERIOD_NS) == pytest.approx(before, abs=0.1)
        line.now_ns += PERIOD_NS
    assert line.state().resets == 0


def test_after_a_long_rest_the_clock_is_learned_anew() -> None:
    line = Line(Camera())
    line.run(15)
    line.now_ns += 2 * WINDOW_S * 1000 * MS
    line.camera.epoch_ns += 30 * MS  # it wandered while nobody looked
    assert line.frame(late_ns=0) == pytest.approx(0, abs=0.01)
    line.run(2)
    assert line.state().resets == 0
