from typing import Any

import numpy as np
import pytest

from edge.acquire.factory import make_source
from edge.acquire.position import LinesPosition
from edge.errors import ConfigError, SourceLostError
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
