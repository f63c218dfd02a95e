"""A study's figures as pictures: dots with intervals, one line a variant."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.pooled import Estimate, Result

SHOWN = {"accuracy": "accuracy", "macro_f1": "macro F1", "gmean": "Gmean"}


def plot_figures(path: Path, results: Sequence[Result]) -> None:
    """Each variant's figures."""
    names = [result.variant for result in results]
    columns = {figure: [result.figures[figure] for result in results] for figure in SHOWN}
    _draw(path, names, columns, "%")


def plot_differences(path: Path, results: Sequence[Result], baseline: str) -> None:
    """Each variant's differences to the baseline; no picture where there is nothing to compare."""
    known = {r.variant: r.differences for r in results if r.differences}
    if not known:
        return
    columns = {figure: [found[figure].estimate for found in known.values()] for figure in SHOWN}
    _draw(path, list(known), columns, f"points against {baseline}", zero=True)


def _draw(
    path: Path, names: Sequence[str], columns: dict[str, list[Estimate]], unit: str,
    *, zero: bool = False,
) -> None:  # fmt: skip
    figure = Figure(figsize=(10, 1.4 + 0.34 * len(names)), layout="constrained")
    every = figure.subplots(1, len(columns), sharey=True)
    for axes, (name, estimates) in zip(every, columns.items(), strict=True):
        _forest(axes, names, estimates)
        if zero:
            axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=SHOWN[name], xlabel=unit)
    figure.savefig(path, dpi=110)


def _forest(axes: Axes, names: Sequence[str], estimates: Sequence[Estimate]) -> None:
    """The first on top."""
    for row, found in enumerate(estimates):
        value, low, high = (100 * number for number in found)
        axes.plot([low, high], [row, row], color="tab:blue", linewidth=1.5)
        axes.plot(value, row, "o", color="tab:blue")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
