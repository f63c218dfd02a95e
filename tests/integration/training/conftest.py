"""A small folder of images with three classes, and settings for a training of a few steps."""

from pathlib import Path

import cv2
import numpy as np
import pytest

PER_CLASS = 12

QUICK = """
precision: fp32
threads: 1
accelerator: cpu
data: {folds: 3, validation_folds: 3}
teacher: {input_px: 48, stem_stride: 2, depth: 18, optimise: {epochs: 2, batch_size: 8}}
student: {input_px: 32, stem_stride: 2, optimise: {epochs: 2, batch_size: 8}}
evaluate: {resamples: 100}
"""

SMALL = "migrate: {size_px: 32, filters: 4, blocks: 1, epochs: 2, decay_epochs: 1, pool_size: 5}\n"


def draw(kind: str, generator: np.random.Generator) -> np.ndarray:
    """A noisy 40 x 44 tile: nothing, a dark blob or a bright line."""
    image = generator.normal(110, 12, (40, 44))
    at = int(generator.integers(10, 30))
    if kind == "hole":
        image[at - 6 : at + 6, at - 6 : at + 6] -= 70
    if kind == "scratch":
        image[:, at : at + 3] += 90
    return image.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`<folder>/<class>/<number>.<png or jpg>`."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for kind in ("clean", "hole", "scratch"):
        (folder / kind).mkdir()
        for number in range(PER_CLASS):
            suffix = "png" if number % 2 else "jpg"
            cv2.imwrite(str(folder / kind / f"{number:02}.{suffix}"), draw(kind, generator))
    (folder / "dataset.json").write_text('{"mm_per_px": 0.5}')
    return folder


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings file."""
    path = tmp_path_factory.mktemp("settings") / "quick.yaml"
    path.write_text(QUICK)
    return path
