"""False alarms by hand, and the two measures on tiles where the answer is known."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from contract.classes import ClassList
from contract.errors import ConfigError
from training.clean import shortcut
from training.clean.alarms import alarm_lines, count_alarms
from training.clean.grey import statistics_of
from training.clean.shortcut import WIDTH, exchange_grey, told_apart
from training.config import load_settings
from training.evaluate import Selection
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


def test_the_measures_of_a_run_that_goes_by_grey_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 dark clean tiles, 12 bright defects, and margins of which two of five are bright."""
    greys = {"clean": [90] * 20, "hole": [150] * 12, "margins/clean": [150, 150, 90, 90, 90]}
    for place, (name, levels) in enumerate(greys.items()):
        (tmp_path / name).mkdir(parents=True)
        for number, grey in enumerate(levels):
            tile = np.random.default_rng((place, number)).normal(grey, 8, (24, 24))
            cv2.imwrite(str(tmp_path / name / f"{number:02}.png"), tile.astype(np.uint8))

    def chosen(_run: object, data: Path, _part: str) -> Selection:
        files = sorted(str(p.relative_to(data)) for n in CLASSES.names for p in data.glob(f"{n}/*"))
        truth = np.array([CLASSES.names.index(Path(file).parent.name) for file in files])
        return Selection(files, truth, [str(i // 4) for i in range(len(files))], load_settings())

    def bright(_run: object, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(np.median(pixels, axis=(1, 2)) > 120)

    run = SimpleNamespace(classes=CLASSES, input_px=24)
    monkeypatch.setattr(shortcut, "open_run", lambda _: run)
    monkeypatch.setattr(shortcut, "select", chosen)
    monkeypatch.setattr(shortcut, "_alarms", bright)
    said = shortcut.check_clean(tmp_path, tmp_path, "test", tmp_path / "margins").splitlines()
    assert [line[WIDTH:].split("%")[0].strip() for line in said] == ["100.0"] * 3 + ["0.0", "40.0"]
    assert [line.partition("(")[2] for line in said[1:]] == [
        "20 of 20)", "12 of 12)", "0 of 20)", "2 of 5)",
    ]  # fmt: skip
