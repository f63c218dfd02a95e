"""Figures of a deployed network on labelled tiles, with intervals, and every single prediction."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from runtime.scores import TITLES, Evaluation, Interval, bootstrap, evaluate
from training.clean.alarms import Alarms, alarm_lines, count_alarms
from training.networks.deployed import Deployed
from training.operating import Rule
from training.plots import plot_confusion, plot_mistakes

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BATCH = 64
JSON, TABLE, PREDICTIONS, CONFUSION, MISTAKES = (
    "metrics.json", "metrics.txt", "predictions.csv", "confusion.png", "mistakes.png",
)  # fmt: skip


class Outputs(NamedTuple):
    """What a deployed network says of `N` tiles."""

    probabilities: F32
    embedding: F32


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures of one set of images; `intervals` holds the 95 % intervals in the order of the four
    single figures and then the classes.
    """

    what: str
    names: tuple[str, ...]
    figures: Evaluation
    intervals: tuple[Interval, ...]
    groups: int
    alarms: Alarms

    def named(self) -> dict[str, tuple[float, Interval]]:
        """Each figure with its interval; recalls as `recall/<class>`, NaN without an image."""
        values = {**self.figures.summary}
        recalls = self.figures.recall.tolist()
        values |= {f"recall/{n}": r for n, r in zip(self.names, recalls, strict=True)}
        pairs = zip(values.items(), self.intervals, strict=True)
        return {name: (value, interval) for (name, value), interval in pairs}


def predict(network: Deployed, pixels: U8) -> Outputs:
    """Outputs for U8 `N x H x W`, in float32, on a GPU where there is one (whose convolutions may
    be TF32).
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(pixels[start : start + BATCH]).to(device)
            parts.append([output.cpu().numpy() for output in network(batch)])
    network.cpu()
    probabilities, embedding = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Outputs(probabilities, embedding)


def log_probabilities(network: Deployed, pixels: U8) -> F32:
    """Logarithms of what `predict` gives, kept finite: what a calibration starts from."""
    return np.log(np.maximum(predict(network, pixels).probabilities, np.finfo(np.float32).tiny))


def judge(
    what: str, rule: Rule, truth: Ints, probabilities: F32, groups: Sequence[str],
    *, resamples: int, seed: int,
) -> Judged:  # fmt: skip
    """Figures, with intervals from a bootstrap over whole groups; `truth` and `groups` are `N`,
    `probabilities` is `N x C` in the order of the rule's classes.
    """
    _, numbers = np.unique(np.array(groups), return_inverse=True)
    intervals = bootstrap(
        _figure_vector, truth, probabilities, numbers.astype(np.int64),
        resamples=resamples, seed=seed,
    )  # fmt: skip
    figures = evaluate(truth, probabilities)
    alarms = count_alarms(truth, probabilities, rule)
    return Judged(what, rule.classes.names, figures, intervals, len(set(groups)), alarms)


def _figure_vector(
    truth: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    figures = evaluate(truth, probabilities)
    return np.concatenate([list(figures.summary.values()), figures.recall])


def table(judged: Judged) -> str:
    """The same to read."""
    figures = judged.figures
    support = figures.confusion.sum(axis=1)
    width = max(len(name) for name in (*judged.names, *TITLES.values()))
    lines = [f"{judged.what}: {figures.images} images in {judged.groups} groups", ""]
    named = judged.named()
    lines += [_line(title, *named[key], width) for key, title in TITLES.items()]
    lines += ["", f"{'recall':<{width}}"]
    for name, count in zip(judged.names, support, strict=True):
        line = _line(name, *named[f"recall/{name}"], width)
        lines.append(f"{line}  {count:>5} images")
    lines += ["", "in percent, with 95 % intervals (bootstrap over groups)", ""]
    return "\n".join([*lines, *filter(None, [alarm_lines(judged.alarms)])])


def _line(name: str, value: float, interval: Interval, width: int) -> str:
    if np.isnan(value):
        return f"{name:<{width}}      -                 "
    low, high = 100 * interval.low, 100 * interval.high
    return f"{name:<{width}}  {100 * value:6.2f}  ({low:6.2f} ..{high:7.2f})"


def write_report(
    out: Path, judged: Judged, files: Sequence[str], groups: Sequence[str], truth: Ints,
    probabilities: F32, pixels: U8,
) -> None:  # fmt: skip
    """Write the figures as JSON and table, the confusion matrix, each prediction, and a picture of
    the wrong ones.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_text(json.dumps(_as_json(judged), indent=1) + "\n", "utf-8")
    (out / TABLE).write_text(table(judged), "utf-8")
    plot_confusion(out / CONFUSION, judged.figures.confusion, judged.names, judged.what)
    plot_mistakes(out / MISTAKES, pixels, files, truth, probabilities, judged.names)
    with (out / PREDICTIONS).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "group", "truth", "predicted", *judged.names])
        rows = zip(files, groups, truth, probabilities, strict=True)
        for file, group, label, row in rows:
            chances = [f"{p:.6f}" for p in row]
            named = (judged.names[label], judged.names[int(row.argmax())])
            writer.writerow([file, group, *named, *chances])


def _as_json(judged: Judged) -> dict[str, object]:
    figures = {
        name: None if np.isnan(value) else {"value": value, "low": low, "high": high}
        for name, (value, (low, high)) in judged.named().items()
    }
    return {
        "what": judged.what,
        "images": judged.figures.images,
        "groups": judged.groups,
        "figures": figures,
        "classes": list(judged.names),
        "confusion": judged.figures.confusion.tolist(),
        "alarms": judged.alarms._asdict() if judged.alarms.clean else None,
    }
