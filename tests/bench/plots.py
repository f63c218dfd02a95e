"""The run's pictures: distribution of latencies, growth of cost, memory over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.contract_rows import ACKNOWLEDGED_S, COMMIT_S, OUTSIDE_S
from tests.bench.figures import short, spread
from tests.bench.result import Camera, Cost, Memory, Result

LATENCY, LATENCY_SCREENED = "latency.png", "latency-screened.png"
GROWTH, MEMORY = "growth.png", "memory.png"
DPI = 110
COLUMNS = 3
NOTHING_MS = 0.5
"""What a network costs whose answers are ready."""
WIDE = 30


def draw(result: Result, folder: Path) -> list[Path]:
    """Those for which there is something; returns their files."""
    free = [one for one in result.camera if one.isa == "all"]
    full, screened = ([one for one in free if one.scenario == name] for name in ("a", "b"))
    drawn = {
        LATENCY: _latency(full) if full else None,
        LATENCY_SCREENED: _latency(screened) if screened else None,
        GROWTH: _growth(result.growth) if result.growth else None,
        MEMORY: _memory(result.memory) if result.memory else None,
    }
    for name, figure in drawn.items():
        if figure is not None:
            figure.savefig(folder / name, dpi=DPI)
    return [folder / name for name, figure in drawn.items() if figure is not None]


def _latency(rounds: Sequence[Camera]) -> Figure:
    """Share of frames that take longer, on a logarithmic scale: the tail is what matters."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    batch_s = spread([one.batch for one in rounds]).median
    kinds = (
        ("committed", "grabbed \N{RIGHTWARDS ARROW} committed", batch_s + COMMIT_S),
        ("acknowledged", "grabbed \N{RIGHTWARDS ARROW} acknowledged", ACKNOWLEDGED_S),
        ("outside", "software outside the network", OUTSIDE_S),
    )
    for axes, (name, title, limit_s) in zip(figure.subplots(1, len(kinds)), kinds, strict=True):
        for one in rounds:
            shares, seconds = np.array(getattr(one, name).curve).T
            axes.semilogy(1000 * seconds, 1 - shares, label=f"round {one.round}", linewidth=1.3)
        axes.axvline(1000 * limit_s, color="tab:red", linestyle="--", linewidth=1, label="target")
        axes.axhline(0.01, color="grey", linestyle=":", linewidth=1, label="p99")
        axes.set(title=title, xlabel="ms", ylim=(3e-4, 1.1), xlim=(0, None))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("share that takes longer")
    figure.axes[0].legend(fontsize=8)
    return figure


def _growth(costs: Sequence[Cost]) -> Figure:
    every = list(dict.fromkeys(cost.series for cost in costs))
    rows = -(-len(every) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 3.6 * rows), layout="constrained")
    for axes, series in zip(
        figure.subplots(rows, COLUMNS, squeeze=False).flat, every, strict=False
    ):
        _one_growth(axes, series, [cost for cost in costs if cost.series == series])
    for axes in figure.axes[len(every) :]:
        axes.set_axis_off()
    return figure


def _one_growth(axes: Axes, series: str, costs: Sequence[Cost]) -> None:
    x = [cost.value for cost in costs]
    shown = {
        name.removesuffix(" ms"): [cost.figures[name] for cost in costs]
        for name in costs[0].figures
        if name.endswith(" ms") and max(cost.figures[name] for cost in costs) > NOTHING_MS
    }
    for number, name in enumerate(costs[0].figures):
        label = name.removesuffix(" ms")
        if label in shown:
            style = f"C{number}" + ("--" if "p99" in label else "-")
            axes.plot(x, shown[label], style, marker="o", markersize=3.5, label=label)
    if min(x) > 0 and max(x) / min(x) > 8:
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [short(value) for value in x])
        axes.minorticks_off()
    every = [value for y in shown.values() for value in y]
    if max(every) > WIDE * min(every):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.set(xlabel=series, ylabel="ms")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _memory(found: Sequence[Memory]) -> Figure:
    figure = Figure(figsize=(5 * len(found), 3.6), layout="constrained")
    for axes, one in zip(figure.subplots(1, len(found), squeeze=False).flat, found, strict=True):
        minutes, megabytes = np.array(one.per_minute).T
        kept = minutes >= one.discarded_minutes
        axes.plot(minutes, megabytes, ".", color="tab:blue", markersize=4)
        rise = one.slope_mb_per_h * (minutes[kept] - minutes[kept].mean()) / 60
        axes.plot(minutes[kept], megabytes[kept].mean() + rise, color="tab:orange")
        axes.axvspan(0, one.discarded_minutes, color="grey", alpha=0.15)
        interval = f"{one.slope_mb_per_h:+.2f} ({one.low:+.2f} to {one.high:+.2f}) MB/h"
        axes.set(title=f"{one.process}: {interval}", xlabel="minutes", ylabel="resident MB")
        axes.margins(y=0.3)
        axes.grid(alpha=0.3)
    return figure
