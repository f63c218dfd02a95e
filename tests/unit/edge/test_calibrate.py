"""The light is measured through whatever lies on the strip, and even afterwards."""

from pathlib import Path

import numpy as np
import pytest

from edge.calibrate import calibrate, draw, frames_of, light_of
from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.inspect.light import UNIT
from edge.simulator.mill import MillConfig
from edge.types import F32, U8
from runtime.scale import read_gray
from tests.lens.harm import seen_by_camera, strip_frames
from tests.unit.edge.acquire.fakes import make_config

CONFIG = make_config({"kind": "folder", "path": Path("/nowhere")})
WIDTH = 1024
COLUMNS = np.arange(WIDTH)
FALLOFF: F32 = (1 - 0.35 * ((COLUMNS / WIDTH - 0.5) * 2) ** 2).astype(np.float32)
"""A lamp that is 35 % darker at the picture's borders."""
ON_STRIP = slice(100, 924)


@pytest.fixture(scope="module")
def strip() -> list[F32]:
    """Of twelve coils: each has streaks of its own."""
    mill = MillConfig(seed=3, width_px=WIDTH, rows=256, coil_m=0.128)
    return list(strip_frames(mill, range(12)))


def lit(strip: list[F32], light: F32) -> list[U8]:
    return [seen_by_camera(grey * light, seed) for seed, grey in enumerate(strip)]


def test_the_lamps_falloff_is_found_through_defects_and_levels(strip: list[F32]) -> None:
    levels = np.linspace(0.7, 1.3, len(strip))
    pictures = lit([grey * level for grey, level in zip(strip, levels, strict=True)], FALLOFF)
    found = calibrate(CONFIG, pictures, 50, SystemClock())
    assert (found.file.frames, found.unused, found.warnings) == (12, 0, ())
    assert found.file.whole
    expected = FALLOFF / np.median(FALLOFF)
    assert np.abs(found.light / expected - 1)[ON_STRIP].max() < 0.05
    even = np.mean(pictures, axis=(0, 1)) * np.array(found.file.gain) / UNIT
    before = np.mean(pictures, axis=(0, 1))[ON_STRIP]
    assert np.ptp(even[ON_STRIP]) < 0.4 * np.ptp(before)


def test_a_light_that_no_gain_can_mend_is_said(strip: list[F32]) -> None:
    dim = np.interp(COLUMNS, [0, 400, WIDTH], [1.0, 1.0, 0.3]).astype(np.float32)
    found = calibrate(CONFIG, lit(strip, dim), 50, SystemClock())
    assert any("move the lamp" in warning for warning in found.warnings)
    assert max(found.file.gain) == 255


def test_columns_that_would_become_white_are_said(strip: list[F32]) -> None:
    slope = np.interp(COLUMNS, [0, WIDTH], [1.3, 0.7]).astype(np.float32)
    pictures = lit(strip, slope)
    for picture in pictures:
        picture[:40, 880:900] = 250
    found = calibrate(CONFIG, pictures, 50, SystemClock())
    assert any("lower the exposure" in warning for warning in found.warnings)


def test_dark_pictures_teach_nothing(strip: list[F32]) -> None:
    dark = [np.zeros((256, WIDTH), np.uint8)] * 3
    found = calibrate(CONFIG, [*dark, *lit(strip, FALLOFF)], 8, SystemClock())
    assert (found.file.frames, found.unused) == (8, 3)
    with pytest.raises(ConfigError, match="only 0 pictures can be judged, 3 cannot"):
        calibrate(CONFIG, dark, 8, SystemClock())


def test_frames_of_two_cameras_are_refused(strip: list[F32]) -> None:
    one, two = lit(strip[:2], FALLOFF)
    with pytest.raises(ConfigError, match="of 1024 and of 1000 columns"):
        calibrate(CONFIG, [one, two[:, :1000]], 8, SystemClock())


def test_a_narrow_strip_lights_too_little() -> None:
    profile = np.full(100, np.nan, np.float32)
    profile[20:70] = 1
    with pytest.raises(ConfigError, match="covers 50%"):
        light_of([profile] * 5)


@pytest.mark.data
def test_real_frames_are_evener_afterwards(real_data: Path, tmp_path: Path) -> None:
    """Ten frames of ten strips: what they have in common is little, but nothing gets worse."""
    pictures = list(frames_of(CONFIG, real_data / "gc10_frames" / "images", SystemClock()))
    pictures = [picture for picture in pictures if picture.shape == pictures[0].shape]
    found = calibrate(CONFIG, pictures, 50, SystemClock())
    draw(found, tmp_path / "light.png")
    assert read_gray(tmp_path / "light.png").shape == (720, 1024)
    columns = np.median([p.mean(axis=0) / p.mean() for p in pictures], axis=0)
    even = columns * np.array(found.file.gain) / UNIT
    assert np.std(even) < np.std(columns)
