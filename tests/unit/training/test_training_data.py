"""What the batches of a training are made of."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.errors import ConfigError
from training.config import load_settings
from training.data import TrainingData, load_images

PX = 24
LEARNED, HELD_OUT = 100, 250
"""Grey levels."""


def test_a_picture_is_not_tested_that_is_learned_from_under_another_name(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = ["file,group"]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(10):
            tile = generator.integers(0, 256, (PX, PX), dtype=np.uint8)
            for twin in ("a", "b"):
                file = f"{name}/{number}{twin}.png"
                cv2.imwrite(str(tmp_path / file), tile)
                rows.append(f"{file},{file}")
    (tmp_path / "groups.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(ConfigError, match=r"\da\.png and \w+/\db\.png are the same picture"):
        load_images(tmp_path, load_settings(), (PX,))
    (tmp_path / "groups.csv").unlink()
    load_images(tmp_path, load_settings(), (PX,))
    twins = {"one/0a.png": "unused", "one/0b.png": "train", "one/0c.png": "test"}
    shutil.copy(tmp_path / "one/0a.png", tmp_path / "one/0c.png")
    parts = {
        file: twins.get(file, ("train", "validation", "test")[int(file[4]) % 3])
        for file in [*(row.split(",")[0] for row in rows[1:]), "one/0c.png"]
    }
    split = tmp_path / "split.csv"
    split.write_text("".join(["file,part,group\n", *(f"{f},{p},{f}\n" for f, p in parts.items())]))
    with pytest.raises(ConfigError, match=r"0b\.png and one/0c\.png are the same picture"):
        load_images(tmp_path, load_settings(), (PX,), split)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_batches_and_mosaics_hold_nothing_of_the_other_parts(tmp_path: Path, share: float) -> None:
    rows, generator = ["file,part,group"], np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(30):
            part = "train" if number < 20 else "validation" if number < 25 else "test"
            grey = LEARNED if part == "train" else HELD_OUT
            tile = generator.normal(grey, 6, (PX, PX)).clip(0, 255).astype(np.uint8)
            file = f"{name}/{number:02}.png"
            cv2.imwrite(str(tmp_path / file), tile)
            rows.append(f"{file},{part},{file}")
    split = tmp_path / "split.csv"
    split.write_text("\n".join(rows) + "\n")
    settings = load_settings(changes={"mosaic.share": share})
    images = load_images(tmp_path, settings, (PX,), split)
    data = TrainingData(images, settings, batch_size=8, exponent=0.5, train_px=PX, input_px=PX)
    learned = [pixels.numpy() for pixels, _ in data.train_dataloader()]
    assert len(learned) == 5
    assert np.concatenate(learned).max() < (LEARNED + HELD_OUT) / 2
    validated = np.concatenate([pixels.numpy() for pixels, _ in data.val_dataloader()])
    assert len(validated) == 10
    assert validated.min() > (LEARNED + HELD_OUT) / 2
