from typing import Any

import numpy as np
import pytest

from edge.acquire.by_speed import SpeedFeed
from edge.acquire.factory import make_source
from edge.acquire.position import LinesPosition, make_position
from edge.errors import ConfigError, SourceLostError, SourceTimeoutError
from edge.types import Loss
from tests.unit.edge.acquire.fakes import FakeClock, make_config

SMALL: dict[str, Any] = {
    "kind": "simulated",
    "frames": 3,
    "width_px": 256,
    "rows": 128,
    "frames_per_s": 10,
}
WIDTH: dict[str, Any] = {"coils": {"width_mm": 100}}


def test_frames_repeat_and_a_late_reader_loses_some() -> None:
    clock = FakeClock()
    source = make_source(make_config(SMALL, **WIDTH), LinesPosition(0.0005), clock)
    with pytest.raises(SourceLostError):
        source.read(1)
    source.open()
    frames = [source.read(1) for _ in range(4)]
    assert [f.pixels.shape for f in frames] == [(128, 256)] * 4
    assert not np.array_equal(frames[0].pixels, frames[1].pixels)
    assert np.array_equal(frames[0].pixels, frames[3].pixels)
    clock.pass_s(0.25)
    late = source.read(1)
    assert (late.seq, late.losses) == (5, (Loss(4 * 0.064, 5 * 0.064, "camera_overrun"),))
    source.close()
    source.close()


def test_the_strip_is_as_wide_as_the_coil() -> None:
    source = make_source(make_config(SMALL, **WIDTH), LinesPosition(0.0005), FakeClock())
    source.open()
    profile = source.read(1).pixels.mean(axis=0)
    bright = np.flatnonzero(profile > profile.max() / 2)
    assert (bright[-1] - bright[0] + 1) * 0.5 == pytest.approx(100, abs=3)


ENCODER: dict[str, Any] = {"kind": "encoder", "counts_per_m": 4000, "bits": 16}


def test_a_ride_with_an_encoder_stops_and_comes_back() -> None:
    ride = [[0, 1], [0.1, 1], [0.2, 0], [3, 0], [3.2, -1], [3.3, -1], [3.5, 1]]
    config = make_config({**SMALL, "speed": ride}, **WIDTH, position=ENCODER)
    clock, speed = FakeClock(), SpeedFeed()
    source = make_source(config, make_position(config, speed), clock, speed)
    source.open()
    there = [source.read(1) for _ in range(3)]
    assert [f.rows.rows for f in there] == [128, 128, 44]  # 0.15 m, the rest of them flushed
    with pytest.raises(SourceTimeoutError):
        source.read(0.2)
    assert speed.newest(clock.now_ns) == (0.0, 0.0)
    back = source.read(5)
    assert back.rows.end_m == pytest.approx(0.15, abs=0.001)
    assert np.array_equal(back.pixels[-44:], there[2].pixels)
    assert np.array_equal(back.pixels[:84], there[1].pixels[-84:])
    assert back.losses == ()
    assert speed.newest(clock.now_ns).m_per_s < 0


def test_an_encoder_without_a_ride_counts_the_frames_rate() -> None:
    config = make_config(SMALL, **WIDTH, position=ENCODER)
    source = make_source(config, make_position(config), FakeClock())
    source.open()
    ends_m = [source.read(1).rows.end_m for _ in range(5)]
    assert ends_m == pytest.approx([0.064, 0.128, 0.192, 0.256, 0.320], abs=1e-9)
    config = make_config({**SMALL, "frames_per_s": None}, **WIDTH, position=ENCODER)
    with pytest.raises(ConfigError, match="frames_per_s"):
        make_source(config, LinesPosition(1), FakeClock())


def test_the_mills_speed_places_a_ramp() -> None:
    """From 0 to 2 m/s in a second: the told speed, integrated between stamps, is the strip's way,
    but for half a block's change of speed before the first stamp.
    """
    signal = {"kind": "speed_signal", "pitch_at_m_per_s": 1.0}
    config = make_config({**SMALL, "speed": [[0, 0], [1, 2]]}, **WIDTH, position=signal)
    clock, speed = FakeClock(), SpeedFeed()
    source = make_source(config, make_position(config, speed), clock, speed)
    source.open()
    frames = [source.read(1) for _ in range(12)]
    way_m = frames[-1].rows.end_m - frames[0].rows.end_m
    assert way_m == pytest.approx(11 * 0.064, abs=0.002)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"coils": {"width_mm": 500}}, "strip_mm"),
        ({"optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.4}}, "square"),
        ({"source": {**SMALL, "frames": 10_000, "width_px": 4096}}, "frames"),
    ],
)
def test_what_no_mill_can_be_is_named(changes: dict[str, Any], named: str) -> None:
    sections: dict[str, Any] = {"source": SMALL, **WIDTH, **changes}
    config = make_config(**sections)
    with pytest.raises(ConfigError, match=named):
        make_source(config, LinesPosition(1), FakeClock())
