"""A study's figures as pictures: dots with intervals, a line a variant; hollow where folds lack."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from runtime.scores import TITLES
from training.pooled import Estimate, Result

SHOWN = {name: title for name, title in TITLES.items() if name != "ece"}


def plot_figures(path: Path, results: Sequence[Result]) -> None:
    """Each variant's figures."""
    columns = {figure: [result.figures[figure] for result in results] for figure in SHOWN}
    _draw(path, names_of(results, results), columns, "%")


def plot_differences(path: Path, results: Sequence[Result], baseline: str) -> None:
    """Each variant's differences to the baseline; no picture where there is nothing to compare."""
    compared = [result for result in results if result.differences]
    if not compared:
        return
    found = [result.differences or {} for result in compared]
    columns = {figure: [one[figure].estimate for one in found] for figure in SHOWN}
    names = names_of(compared, results)
    _draw(path, names, columns, f"points against {baseline}", zero=True)


def names_of(shown: Sequence[Result], results: Sequence[Result]) -> dict[str, bool]:
    """Names of the rows, and whether each stands on as many folds as any of the study."""
    folds = {result.variant: len({fold for fold, _ in result.runs}) for result in results}
    most, names = max(folds.values()), {}
    for name in (result.variant for result in shown):
        whole = folds[name] == most
        names[name if whole else f"{name} ({folds[name]} of {most} folds)"] = whole
    return names


def _draw(
    path: Path, names: Mapping[str, bool], columns: dict[str, list[Estimate]], unit: str,
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


def _forest(axes: Axes, names: Mapping[str, bool], estimates: Sequence[Estimate]) -> None:
    """The first on top."""
    for row, (found, whole) in enumerate(zip(estimates, names.values(), strict=True)):
        value, low, high = (100 * number for number in found)
        axes.plot([low, high], [row, row], color="tab:blue", linewidth=1.5)
        axes.plot(value, row, "o", color="tab:blue", markerfacecolor=None if whole else "white")
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
