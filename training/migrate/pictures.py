"""What a migration shows of itself: a grid of samples and a row of losses after every epoch."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn
from torchmetrics import MeanMetric

from training.curves import read_curves
from training.migrate.data import Lines
from training.migrate.task import PARTS, Migration, to_grey, to_unit

U8 = npt.NDArray[np.uint8]

CURVES, PICTURE, SAMPLES = "curves.csv", "curves.png", "samples"
HEADER = ("epoch", "learning_rate", *PARTS, "images_per_s")
SHOWN = 8
BATCH = 16


class Progress(Callback):
    """Writes and says each epoch's losses with the time left, and draws the samples."""

    def __init__(self, out: Path, lines: Lines, say: Callable[[str], None]) -> None:
        self.out, self.lines, self.say = out, lines, say
        self.begun_s = self.epoch_begun_s = 0.0
        self.first_epoch = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the rows of finished epochs."""
        del pl_module
        self.begun_s, self.first_epoch = time.monotonic(), trainer.current_epoch
        path = self.out / CURVES
        rows = read_curves(path) if path.is_file() else []
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, HEADER, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in rows if int(row["epoch"]) < trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self.epoch_begun_s = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write, say and draw."""
        module = cast("Migration", pl_module)
        losses = {p: float(cast("MeanMetric", module.means[p]).compute()) for p in PARTS}
        spent_s = time.monotonic() - self.epoch_begun_s
        images = trainer.num_training_batches * module.options.batch_size
        numbers = {
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]), **losses,
            "images_per_s": images / spent_s,
        }  # fmt: skip
        row = {"epoch": str(trainer.current_epoch)}
        row |= {name: f"{value:.6g}" for name, value in numbers.items()}
        with (self.out / CURVES).open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, HEADER, lineterminator="\n").writerow(row)
        folder = self.out / SAMPLES
        folder.mkdir(exist_ok=True)
        draw_samples(module, self.lines, folder / f"epoch-{trainer.current_epoch + 1:04}.png")
        self.say(self._line(trainer, losses))

    def _line(self, trainer: Trainer, losses: dict[str, float]) -> str:
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 0
        pace_s = (time.monotonic() - self.begun_s) / (done - self.first_epoch)
        minutes, seconds = divmod(round(pace_s * (total - done)), 60)
        parts = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        return f"epoch {done:>3}/{total}  {parts}  ({minutes}:{seconds:02} left)"


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
