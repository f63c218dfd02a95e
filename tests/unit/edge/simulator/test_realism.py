from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ConfigError
from edge.simulator.realism import MEASURES, compare, measure, read_tiles, write_sheet
from edge.types import U8


def _tiles(seed: int, grey: float = 130, noise: float = 5, count: int = 60) -> list[U8]:
    rng = np.random.default_rng(seed)
    return [
        np.clip(rng.normal(grey + rng.normal(0, 2), noise, (128, 128)), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def test_measures_of_known_pictures() -> None:
    flat = measure(np.full((128, 128), 90, np.uint8))
    assert flat["mean_grey"] == 90
    assert flat["std_grey"] == flat["gradient"] == flat["contrast"] == 0
    lines = np.zeros((128, 128), np.uint8)
    lines[:, ::4] = 200
    upright = measure(lines)
    assert set(upright) == set(MEASURES)
    assert upright["across_share"] > 0.99
    assert measure(np.ascontiguousarray(lines.T))["across_share"] < 0.01
    assert upright["fine_share"] > 0.5


def test_like_passes_and_unlike_fails() -> None:
    real = _tiles(1)
    assert all(verdict.passed for verdict in compare("x", _tiles(2), real))
    darker = {v.measure: v.passed for v in compare("x", _tiles(3, grey=100), real)}
    assert not darker["mean_grey"]
    noisier = {v.measure: v.passed for v in compare("x", _tiles(4, noise=9), real)}
    assert not noisier["std_grey"]
    assert not noisier["gradient"]


def test_a_right_median_of_wrong_tiles_fails() -> None:
    real = _tiles(1)
    split = _tiles(2, grey=90, count=30) + _tiles(3, grey=170, count=30) + _tiles(4, count=5)
    assert not {v.measure: v.passed for v in compare("x", split, real)}["mean_grey"]


def test_too_few_tiles_are_no_comparison() -> None:
    with pytest.raises(ConfigError, match="needs 30"):
        compare("x", _tiles(1, count=29), _tiles(2))


def test_tiles_are_read_grey_and_in_one_size(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((122, 128, 3), np.uint8))
    assert read_tiles(tmp_path)[0].shape == (128, 128)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"b\.png"):
        read_tiles(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        read_tiles(tmp_path / "absent")


def test_the_sheet_shows_both(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    write_sheet(out, {"red_iron": (_tiles(1, grey=60), _tiles(2, grey=200)[:2])}, columns=4)
    sheet = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert sheet.shape == (2 * (18 + 132), 4 * 132)
    assert abs(sheet[20:148, 4:128].mean() - 60) < 8
    assert abs(sheet[170:298, 4:128].mean() - 200) < 8
    with pytest.raises(ConfigError, match="cannot be written"):
        write_sheet(tmp_path / "absent" / "x.png", {"a": (_tiles(1), _tiles(2))})
