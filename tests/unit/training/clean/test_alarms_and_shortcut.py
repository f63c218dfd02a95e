"""False alarms by hand, and the two measures on tiles where the answer is known."""

import numpy as np
import pytest

from contract.classes import ClassList
from contract.errors import ConfigError
from training.clean.alarms import alarm_lines, count_alarms
from training.clean.grey import statistics_of
from training.clean.shortcut import exchange_grey, told_apart
from training.operating import Rule

CLASSES = ClassList(names=("clean", "hole"), clean=("clean",))


def test_alarms_by_hand() -> None:
    rows = np.array([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8], [0.6, 0.4]], np.float32)
    found = count_alarms(np.array([0, 0, 0, 1, 1]), rows, Rule(CLASSES, {"hole": 0.6}))
    # Of three clean tiles the second is reported, the third stays below the threshold.
    assert found == (3, 1, 2, 1)
    assert found.per_1000 == pytest.approx(1000 / 3)
    said = alarm_lines(found)
    assert "333.3 per 1,000 clean tiles (1 of 3)" in said
    assert "50.00 % (1 of 2)" in said
    assert alarm_lines(count_alarms(np.array([1]), rows[:1], Rule(CLASSES, {"hole": 0.6}))) == ""


def tiles(level: float, contrast: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, contrast, (40, 24, 24))
    return (level + noise).clip(0, 255).astype(np.uint8)


GROUPS = [f"{index // 4}" for index in range(80)]
IS_CLEAN = np.arange(80) < 40


def test_data_sets_of_other_exposure_are_told_apart() -> None:
    pixels = np.concatenate([tiles(90, 8, 0), tiles(150, 8, 1)])
    assert told_apart(pixels, IS_CLEAN, GROUPS) == 1.0


def test_data_sets_alike_are_not() -> None:
    pixels = np.concatenate([tiles(120, 8, 0), tiles(120, 8, 1)])
    # 80 fair guesses lie within 0.5 +- 0.056 x 3.
    assert told_apart(pixels, IS_CLEAN, GROUPS) == pytest.approx(0.5, abs=0.17)


def test_two_groups_of_each_are_needed() -> None:
    pixels = np.concatenate([tiles(120, 8, 0), tiles(120, 8, 1)])
    with pytest.raises(ConfigError, match="two groups each"):
        told_apart(pixels, IS_CLEAN, ["one"] * 40 + GROUPS[40:])


def test_grey_levels_are_exchanged() -> None:
    pixels = np.concatenate([tiles(90, 10, 0), tiles(150, 20, 1)])
    changed = exchange_grey(pixels, IS_CLEAN)
    medians = np.array([statistics_of(tile).median for tile in changed])
    spreads = np.array([statistics_of(tile).spread for tile in changed])
    assert medians[IS_CLEAN] == pytest.approx(150, abs=5)
    assert medians[~IS_CLEAN] == pytest.approx(90, abs=5)
    # The spread between the quartiles of a normal distribution is 1.35 standard deviations.
    assert spreads[IS_CLEAN].mean() == pytest.approx(27, abs=1.5)
    assert spreads[~IS_CLEAN].mean() == pytest.approx(13.5, abs=1.5)
