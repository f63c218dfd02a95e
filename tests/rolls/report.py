"""The study's tables and pictures, from its figures."""

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt

F64 = npt.NDArray[np.float64]
NAMES = ("detector", "autocorrelation")
COLOURS = ("#0b6e99", "#b3541e")
_DRAWS = 2000


def tables(study: dict[str, Any]) -> str:
    """Markdown: false alarms per 100 coils, and metres to the alarm."""
    return f"{_false_alarms(study)}\n\n{_metres(study)}"


def _false_alarms(study: dict[str, Any]) -> str:
    lines = [
        "| positions | clutter | coils | detector | autocorrelation |",
        "|---|---|---|---|---|",
    ]
    for row in study["rows"]:
        cells = " | ".join(_per_100(count, row["coils"]) for count in row["false_alarms"])
        lines.append(f"| {row['camera']} | {row['scene']} | {row['coils']} | {cells} |")
    coils = sum(row["coils"] for row in study["rows"])
    sums = np.sum([row["false_alarms"] for row in study["rows"]], axis=0).tolist()
    cells = " | ".join(_per_100(count, coils) for count in sums)
    return "\n".join([*lines, f"| all | | {coils} | {cells} |"])


def _per_100(count: int, coils: int) -> str:
    low, high = wilson(count, coils)
    return f"{100 * count / coils:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _metres(study: dict[str, Any]) -> str:
    head = "| positions | clutter | turns missed | detector: median | 90 % | roll named"
    lines = [f"{head} | autocorrelation: median | 90 % |", "|---|---|---|---|---|---|---|---|"]
    for row in study["rows"]:
        for missed, found in row["found"].items():
            ours, theirs = (_metres_of(found, k) for k in (0, 1))
            told = [coil[0][1] for coil in found if coil[0][0] is not None]
            named = np.mean(told) if told else math.nan
            lines.append(
                f"| {row['camera']} | {row['scene']} | {float(missed):.0%} | {_quantile(ours, 0.5)}"
                f" | {_quantile(ours, 0.9)} | {_percent(named)} | {_quantile(theirs, 0.5)}"
                f" | {_quantile(theirs, 0.9)} |"
            )
    return "\n".join(lines)


def _quantile(metres: F64, share: float) -> str:
    """A quantile and its 95 % interval by resampling; `never` where it was not told in time."""
    rng = np.random.default_rng(0)
    again = rng.choice(metres, (_DRAWS, len(metres)))
    ends = np.quantile(_at(again, share), (0.025, 0.975), method="nearest")
    value = float(_at(metres[None], share)[0])
    return f"{_m(value)} ({_m(float(ends[0]))} to {_m(float(ends[1]))})"


def _metres_of(found: list[Any], which: int) -> F64:
    """Metres to the alarm, coil by coil; infinite where there was none."""
    metres = (coil[which][0] for coil in found)
    return np.array([math.inf if each is None else each for each in metres], np.float64)


def _percent(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else "-"


def _at(metres: F64, share: float) -> F64:
    place = min(math.ceil(share * metres.shape[1]), metres.shape[1]) - 1
    return np.asarray(np.sort(metres, axis=1)[:, place], np.float64)


def _m(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "never"


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z = 1.96
    share, scale = count / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def draw(study: dict[str, Any], folder: Path) -> None:
    """How many coils have had their alarm after so many metres: a picture for each camera."""
    mpl.use("Agg")
    for number, camera in enumerate(dict.fromkeys(row["camera"] for row in study["rows"])):
        rows = [row for row in study["rows"] if row["camera"] == camera]
        figure, axes = plt.subplots(2, 4, figsize=(15, 6.4), sharex=True, sharey=True)
        for axis, row in zip(axes.ravel(), rows, strict=False):
            _curves(axis, row)
        for axis in axes.ravel()[len(rows) :]:
            axis.set_axis_off()
        for axis in (*axes[-1], axes[0, -1]):
            axis.set_xlabel("metres since the first mark")
            axis.tick_params(labelbottom=True)
        for axis in axes[:, 0]:
            axis.set_ylabel("coils told of, %")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False)
        figure.suptitle(f"Positions: {camera}. Clutter in defects of the class over the width:")
        figure.tight_layout(rect=(0, 0.05, 1, 1))
        figure.savefig(folder / f"metres-{number + 1}.png", dpi=80)
        plt.close(figure)


def _curves(axis: Any, row: dict[str, Any]) -> None:  # noqa: ANN401 - matplotlib's own
    for missed, style in zip(row["found"], ("-", "--"), strict=True):
        for k, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True)):
            metres = np.sort(_metres_of(row["found"][missed], k))
            share = 100 * np.arange(1, len(metres) + 1) / len(metres)
            told = np.isfinite(metres)
            label = f"{name}, {float(missed):.0%} missed"
            x, y = [0, *metres[told], 200], [0, *share[told], max([0, *share[told]])]
            axis.step(x, y, style, where="post", color=colour, label=label, linewidth=1.6)
    axis.set(title=row["scene"], xlim=(0, 120), ylim=(0, 102))
    axis.grid(visible=True, alpha=0.3)
