"""The pictures of a run."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure


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


def plot_curves(table: Path, path: Path) -> None:
    """Losses and validation figures over the epochs, from `curves.csv`."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    epochs = [int(row["epoch"]) for row in rows]
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
