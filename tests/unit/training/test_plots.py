"""The picture of what was named wrong."""

from pathlib import Path

import numpy as np

from runtime.scale import read_gray
from training.plots import plot_mistakes

NAMES = ("hole", "surface_scratch")


def draw(path: Path, truth: list[int], ending: str = ".png") -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], np.float32)
    pixels = np.full((3, 16, 16), 128, np.uint8)
    files = [f"hole/{number}{ending}" for number in range(3)]
    plot_mistakes(path, pixels, files, np.array(truth), probabilities, NAMES)


def test_only_what_was_named_wrong_is_drawn(tmp_path: Path) -> None:
    few, more = tmp_path / "few.png", tmp_path / "more.png"
    draw(few, [1, 1, 1])
    draw(more, [1, 0, 0])
    grey = [np.count_nonzero(read_gray(path) == 128) for path in (few, more)]
    assert grey[1] > 2.5 * grey[0] > 0, "three tiles against one"


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    draw(tmp_path / "mistakes.png", [1, 1, 1], "$b{c$d.png")
    assert (tmp_path / "mistakes.png").stat().st_size > 0


def test_without_a_mistake_no_picture_of_an_earlier_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "mistakes.png"
    draw(path, [1, 0, 0])
    draw(path, [0, 1, 1])
    assert not path.exists()


def test_very_many_mistakes_fit_on_one_sheet(tmp_path: Path) -> None:
    count = 300
    pixels, truth = np.zeros((count, 16, 16), np.uint8), np.zeros(count, np.int64)
    sure = np.tile(np.array([[0.3, 0.7]], np.float32), (count, 1))
    path = tmp_path / "mistakes.png"
    plot_mistakes(path, pixels, ["hole/1.png"] * count, truth, sure, NAMES)
    assert read_gray(path).shape[0] < 2000
