"""A sheet of examples: what a training shows its network, class by class."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from contract.errors import ConfigError
from training.augment import augment, recompress
from training.config import Augment, Settings
from training.data import load_images
from training.mosaic import Mosaics

U8 = npt.NDArray[np.uint8]

COLUMNS = 6
GAP_PX = 3
SHOWN_PX = 96


def write_examples(data: Path, out: Path, settings: Settings) -> str:
    """Draw originals, augmented images and mosaics of each class of the train part to `out`.

    Returns:
        For each class how many of its images found a seam that keeps its label.

    Raises:
        ConfigError: `out` is no PNG or cannot be written, or whatever is wrong with the data.
    """
    if out.suffix.lower() != ".png":
        raise ConfigError(f"--out {out}: must be a .png file")
    inputs = settings.teacher.input_px, settings.student.input_px
    px = max(*inputs, settings.augment.at_px or 0)
    images = load_images(data, settings, (px,))
    part = images.indices("train")
    pixels, labels = images.pictures.pixels[px][part], images.folder.labels[part]
    torch.manual_seed(settings.seed)
    generator = np.random.default_rng(settings.seed)
    always = settings.mosaic.model_copy(update={"share": 1.0})
    mosaics = Mosaics(pixels, labels, always, settings.augment, images.clean_labels)
    rows: list[tuple[str, list[U8]]] = []
    said = []
    for label, name in enumerate(images.folder.names):
        own = np.flatnonzero(labels == label)
        fused, made = mosaics.fuse(own, generator)
        shown = generator.permutation(len(own))[:COLUMNS]
        plain = pixels[own[shown]]
        blocks = [plain, _augmented(plain, settings.augment, generator)]
        rows.append((name, [*blocks, fused[generator.permutation(np.flatnonzero(made))[:COLUMNS]]]))
        said.append(f"{name}: {made.sum()} of {len(own)} images make a mosaic")
    try:
        _draw(out, rows, px)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror})") from error
    return "\n".join([*said, f"{out}"])


def _augmented(pixels: U8, options: Augment, generator: np.random.Generator) -> U8:
    images = torch.from_numpy(recompress(pixels, options, generator))[:, None].float()
    changed: U8 = augment(images, options)[:, 0].round().to(torch.uint8).numpy()
    return changed


def _draw(out: Path, rows: list[tuple[str, list[U8]]], px: int) -> None:
    titles = ("originals", "augmented", "mosaics")
    wide = COLUMNS * (px + GAP_PX) - GAP_PX
    scale = SHOWN_PX / px / 100
    figure = Figure(
        figsize=(3 * (wide * scale + 0.2), len(rows) * (px * scale + 0.3) + 0.3),
        layout="constrained",
    )
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for line, (name, blocks) in zip(axes, rows, strict=True):
        for cell, title, block in zip(line, titles, blocks, strict=True):
            strip = np.full((px, wide), 255, np.uint8)
            for number, image in enumerate(block):
                strip[:, number * (px + GAP_PX) :][:, :px] = image
            cell.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            cell.set_axis_off()
            cell.set_title(f"{name.replace('_', ' ')}: {title}", fontsize=9, loc="left")
    figure.savefig(out, dpi=100)
