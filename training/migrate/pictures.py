"""What a migration shows of itself: a grid of samples and a row of losses after every epoch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from lightning import LightningModule, Trainer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn
from torchmetrics import MeanMetric

from training.curves import CURVES, EpochRows, read_curves
from training.migrate.data import Lines
from training.migrate.task import PARTS, Migration, to_grey, to_unit

U8 = npt.NDArray[np.uint8]

SAMPLES = "samples"
SHOWN = 8
BATCH = 16


class Progress(EpochRows):
    """Writes and says each epoch's losses, and draws the samples."""

    def __init__(self, out: Path, lines: Lines, say: Callable[[str], None]) -> None:
        super().__init__(out / CURVES, PARTS, say)
        self.samples, self.lines = out / SAMPLES, lines

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write, say and draw."""
        module = cast("Migration", pl_module)
        losses = {p: float(cast("MeanMetric", module.means[p]).compute()) for p in PARTS}
        self.write(trainer, losses, module.options.batch_size)
        self.samples.mkdir(exist_ok=True)
        draw_samples(module, self.lines, self.samples / f"epoch-{trainer.current_epoch + 1:04}.png")
        self.tell(trainer, ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))


def translate(generator: nn.Module, pixels: U8) -> U8:
    """U8 `N x H x W` through a generator, in float32, on the device it lies on."""
    device = next(generator.parameters()).device
    done = []
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for start in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(pixels[start : start + BATCH]).to(device)
            done.append(to_grey(generator(to_unit(batch))).cpu().numpy())
    return np.concatenate(done)


def draw_samples(module: Migration, lines: Lines, path: Path) -> None:
    """Columns of one source image each: as it is, migrated, and back again; below them real images
    of the target that the generator was trained on.
    """
    source = _spread(lines.source.pixels)
    migrated = translate(module.forth, source)
    rows = (source, migrated, translate(module.back, migrated), _spread(lines.target.pixels))
    titles = ("source", "migrated", "and back", "target, real")
    figure = Figure(figsize=(1.1 + 1.25 * SHOWN, 1.3 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), SHOWN)
    for title, row, images in zip(titles, grid, rows, strict=True):
        for axes in row:
            axes.set(xticks=[], yticks=[])
            axes.set_frame_on(False)
        row[0].set_ylabel(title)
        for axes, image in zip(row, images, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    figure.savefig(path, dpi=100)


def _spread(pixels: U8) -> U8:
    """At most `SHOWN` images, evenly over the files."""
    chosen = np.linspace(0, len(pixels) - 1, min(SHOWN, len(pixels))).round().astype(int)
    return np.asarray(pixels[chosen])


def plot_losses(table: Path, path: Path) -> None:
    """The losses over the epochs."""
    rows = read_curves(table)
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _plot(left, rows, ("adversarial", "discriminator"), "Generators against discriminators")
    _plot(right, rows, ("cycle", "identity"), "Mean absolute differences, grey -1 .. 1")
    figure.savefig(path, dpi=110)


def _plot(axes: Axes, rows: Sequence[dict[str, str]], columns: Sequence[str], title: str) -> None:
    for column in columns:
        epochs = [int(row["epoch"]) + 1 for row in rows]
        axes.plot(epochs, [float(row[column]) for row in rows], marker=".", label=column)
    axes.set(xlabel="epoch", title=title, ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
