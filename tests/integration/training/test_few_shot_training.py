"""What a folder's train part is left with when few images are asked for."""

from collections import Counter
from pathlib import Path

import pytest

from contract.errors import ConfigError
from training.config import load_settings
from training.data import LabelledImages, load_images

pytestmark = pytest.mark.integration


def load(images: Path, quick: Path, **changes: object) -> LabelledImages:
    named = {f"data.{name}": value for name, value in changes.items()}
    return load_images(images, load_settings(quick, named), (32,))


def test_a_class_is_made_rare_and_the_rest_of_the_split_stays(images: Path, quick: Path) -> None:
    full, few = load(images, quick), load(images, quick, shots=4, keep={"hole": 2})
    changed = {
        (before.part, after.part)
        for before, after in zip(full.rows, few.rows, strict=True)
        if before != after
    }
    assert changed == {("train", "unused")}
    counts = Counter(row.file.split("/")[0] for row in few.rows if row.part == "train")
    assert counts == {"clean": 4, "hole": 2, "scratch": 4}
    assert len(few.train_labels()) == len(few.train_pixels(32)) == 10


def test_a_class_that_is_not_there_cannot_be_made_rare(images: Path, quick: Path) -> None:
    with pytest.raises(ConfigError, match="no class 'holes'; the classes: clean, hole, scratch"):
        load(images, quick, keep={"holes": 5})
