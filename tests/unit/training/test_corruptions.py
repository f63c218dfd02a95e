"""Corruptions: deterministic, worse with severity, true to their physics."""

import math

import numpy as np
import pytest

from contract.errors import ConfigError
from training.corruptions import (
    BLUR_PX,
    CLEAN,
    ELECTRONS_PER_GREY,
    KINDS,
    READ_NOISE_GREY,
    SHADE,
    Condition,
    corrupt,
    every_condition,
    read_conditions,
)

KEY = (0, 7)


def strip(height: int = 96, width: int = 128) -> np.ndarray:
    """Rolled texture with a dark hole and a thin scratch across."""
    generator = np.random.default_rng(3)
    image = 120 + generator.normal(0, 5, (1, width)) + generator.normal(0, 4, (height, width))
    image[30:44, 50:70] -= 70
    image[70:72] += 60
    return image.clip(0, 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = ((a.astype(float) - b) ** 2).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


@pytest.mark.parametrize("kind", KINDS)
def test_each_severity_is_worse(kind: str) -> None:
    image = strip()
    before = image.copy()
    quality = [psnr(image, corrupt(image, Condition(kind, s), KEY)) for s in (1, 2, 3)]
    assert 50 > quality[0] > quality[1] > quality[2]
    assert quality[2] > 12
    assert (image == before).all()


@pytest.mark.parametrize("condition", every_condition(), ids=lambda c: c.name)
def test_the_same_key_gives_the_same_tile(condition: Condition) -> None:
    image = strip()
    first = corrupt(image, condition, KEY)
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert (first == corrupt(image, condition, KEY)).all()
    if condition.kind in {"noise", "shade"}:
        assert (first != corrupt(image, condition, (0, 8))).any()


def test_clean_is_the_tile_itself() -> None:
    image = strip()
    assert corrupt(image, CLEAN, KEY) is image


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("grey", [60, 180])
def test_noise_has_the_variance_of_photons_and_readout(severity: int, grey: int) -> None:
    flat = np.full((400, 400), grey, np.uint8)
    found = corrupt(flat, Condition("noise", severity), KEY)
    gain, read = ELECTRONS_PER_GREY[severity - 1], READ_NOISE_GREY[severity - 1]
    # Rounding adds 1/12; 160,000 draws give the variance to 0.35 % (one sigma).
    assert found.var() == pytest.approx(grey / gain + read**2 + 1 / 12, rel=0.02)
    assert found.mean() == pytest.approx(grey, abs=0.2)


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_motion_smears_along_the_strip_alone(severity: int) -> None:
    length = BLUR_PX[severity - 1]
    image = np.zeros((41, 41), np.uint8)
    image[20, 20] = 255
    found = corrupt(image, Condition("motion", severity), KEY)
    assert np.flatnonzero(found.any(axis=0)).tolist() == [20]
    assert (found[:, 20] > 0).sum() == length
    assert found.max() == round(255 / length)
    lines = np.tile(np.arange(41, dtype=np.uint8) * 6, (41, 1))
    assert (corrupt(lines, Condition("motion", severity), KEY) == lines).all()


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_defocus_keeps_the_light(severity: int) -> None:
    image = np.zeros((41, 41), np.uint8)
    image[18:23, 18:23] = 200
    found = corrupt(image, Condition("defocus", severity), KEY).astype(float)
    assert found.sum() == pytest.approx(image.sum(dtype=float), rel=0.02)
    assert (found == found.T).all()
    assert (found == found[::-1]).all()


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_shade_is_a_plane_from_corner_to_corner(severity: int) -> None:
    flat = np.full((33, 33), 100, np.uint8)
    found = corrupt(flat, Condition("shade", severity), KEY).astype(float)
    assert found.max() == pytest.approx(100 * (1 + SHADE[severity - 1]), abs=0.51)
    assert found.min() == pytest.approx(100 * (1 - SHADE[severity - 1]), abs=0.51)
    assert found.mean() == pytest.approx(100, abs=0.2)
    assert np.abs(np.diff(found, 2, axis=0)).max() <= 2
    assert np.abs(np.diff(found, 2, axis=1)).max() <= 2


@pytest.mark.parametrize("condition", every_condition(), ids=lambda c: c.name)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (5, 3)])
def test_odd_sizes_pass(condition: Condition, shape: tuple[int, int]) -> None:
    assert corrupt(np.full(shape, 77, np.uint8), condition, KEY).shape == shape


def test_conditions_are_read() -> None:
    assert read_conditions(["all"]) == every_condition()
    assert read_conditions(["jpeg:2", "noise", "noise:1"]) == (
        Condition("noise", 1), Condition("noise", 2), Condition("noise", 3), Condition("jpeg", 2),
    )  # fmt: skip


@pytest.mark.parametrize("word", ["", "fog", "noise:", "noise:0", "noise:4", "noise:x", "clean"])
def test_wrong_conditions_are_named(word: str) -> None:
    with pytest.raises(ConfigError, match="--corrupt"):
        read_conditions([word])
