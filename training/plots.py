"""The pictures of a run."""

import csv
import math
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

MOST_MISTAKES, MISTAKES_IN_A_ROW = 40, 8


def plot_confusion(
    path: Path, confusion: npt.NDArray[np.int64], names: Sequence[str], title: str
) -> None:
    """Counts `C x C`, coloured by the share of the true class; row = truth, column = prediction."""
    count = len(names)
    figure = Figure(figsize=(3.5 + 0.62 * count, 2.8 + 0.5 * count), layout="constrained")
    axes = figure.subplots()
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(count, count):
        if confusion[row, column]:
            colour = "white" if share[row, column] > 0.5 else "black"
            text = str(confusion[row, column])
            axes.text(column, row, text, ha="center", va="center", color=colour)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(count), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), labels)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    figure.savefig(path, dpi=110)


def plot_mistakes(
    path: Path, pixels: U8, files: Sequence[str], truth: Ints, probabilities: F32,
    names: Sequence[str],
) -> None:  # fmt: skip
    """The wrongly named tiles, those first of which the network is surest; no file if none is.

    Args:
        path: a PNG.
        pixels: the tiles, `N x H x W`.
        files: their names.
        truth: labels, `N`.
        probabilities: `N x C`.
        names: of the classes.
    """
    path.unlink(missing_ok=True)
    named, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [i for i in np.argsort(-sure, kind="stable").tolist() if named[i] != truth[i]]
    if not wrong:
        return
    shown = wrong[:MOST_MISTAKES]
    rows = math.ceil(len(shown) / MISTAKES_IN_A_ROW)
    figure = Figure(figsize=(1.9 * MISTAKES_IN_A_ROW, 2.4 * rows + 0.5), layout="constrained")
    all_axes = figure.subplots(rows, MISTAKES_IN_A_ROW, squeeze=False).flat
    for axes, index in zip_longest(all_axes, shown):
        axes.set_axis_off()
        if index is None:
            continue
        axes.imshow(pixels[index], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        true, told = (names[label].replace("_", " ") for label in (truth[index], named[index]))
        text = f"{Path(files[index]).name}\n{true}\n\N{RIGHTWARDS ARROW} {told} {sure[index]:.0%}"
        axes.set_title(text, fontsize=6, loc="left", parse_math=False)  # a name may have $
    figure.suptitle(f"wrongly named: {len(wrong)} of {len(truth)}, the surest first", fontsize=9)
    figure.savefig(path, dpi=120)


def plot_curves(table: Path, path: Path) -> None:
    """Losses and validation figures over the epochs, from `curves.csv`."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, columns in (
        (left, ("train_loss", "validation_loss")),
        (right, ("accuracy", "macro_f1", "gmean")),
    ):
        for column in columns:
            values = [float(row[column]) for row in rows]
            axes.plot(epochs, values, marker=".", label=column.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    left.set(ylabel="loss", title="Loss")
    right.set(ylabel="share", title="Validation", ylim=(None, 1.005))
    figure.savefig(path, dpi=110)
