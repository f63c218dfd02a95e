"""A finished run on corrupted tiles: how much of its figures is left on a worse day of the line.

<out>/corrupted.csv, .txt, .png   every condition beside the clean tiles
<out>/<condition>/                the usual report of one condition
"""

import csv
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from tqdm import tqdm

from runtime.scale import fit_tile, read_gray
from runtime.scores import TITLES
from training.corruptions import CLEAN, SEVERITIES, Condition, corrupt, read_conditions
from training.evaluate import Selection, select
from training.job import claim
from training.operating import Rule
from training.report import Judged, judge, predict, write_report
from training.run import Run, open_run

CSV, TEXT, PLOT = "corrupted.csv", "corrupted.txt", "corrupted.png"
U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Classify = Callable[[U8], F32]
"""Tiles `N x H x W` to probabilities `N x C`."""


PLOTTED = ("accuracy", "gmean")


def judge_corrupted(
    run: Run, data: Path, out: Path, conditions: Sequence[Condition], part: str = "test",
    classify: Classify | None = None, rule: Rule | None = None,
) -> dict[Condition, Judged]:  # fmt: skip
    """Judge a run under each condition, clean tiles first, and write everything to `out`.

    The figures of one condition are those of the same images as the clean ones; predictions stand
    in `out/<condition.name>/predictions.csv`.

    Args:
        run: a finished run.
        data: the folder it was trained on, or with `part="all"` any folder of its classes.
        out: a new folder.
        conditions: of `corruptions.every_condition()`; clean is added.
        part: `train`, `validation`, `test` or `all`.
        classify: the run in another shape, say its bundle on the line's engine; None: the run
            itself, in float32.
        rule: how that shape decides; None: as the run.

    Raises:
        ConfigError: as `select`, or `out` is in use.
    """
    selection = select(run, data, part)
    claim(out)
    images = [read_gray(data / file) for file in selection.files]
    classify, rule = classify or _in_float32(run), rule or Rule(run.classes, run.thresholds)
    results: dict[Condition, Judged] = {}
    every = (CLEAN, *(c for c in conditions if c != CLEAN))
    for condition in tqdm(every, "judged", leave=False, disable=None):  # None: on a terminal only
        tiles = [
            fit_tile(corrupt(image, condition, _key(selection, file)), run.input_px)
            for image, file in zip(images, selection.files, strict=True)
        ]
        pixels = np.stack(tiles)
        probabilities = classify(pixels)
        judged = judge(
            f"{run.record.role}, {part} images, {condition.name}", rule,
            selection.truth, probabilities, selection.groups,
            resamples=selection.settings.evaluate.resamples, seed=selection.settings.seed,
        )  # fmt: skip
        write_report(
            out / condition.name, judged, selection.files, selection.groups, selection.truth,
            probabilities, pixels,
        )  # fmt: skip
        results[condition] = judged
    _write(out, results)
    return results


def evaluate_corrupted(run: Path, data: Path, out: Path, part: str, words: Sequence[str]) -> str:
    """`judge_corrupted` by the words of the command line; returns the table.

    Raises:
        ConfigError: as `judge_corrupted`, or a word that is no condition.
    """
    conditions = read_conditions(words)
    return corrupted_table(judge_corrupted(open_run(run), data, out, conditions, part))


def _in_float32(run: Run) -> Classify:
    network = run.load_deployed()
    return lambda pixels: predict(network, pixels).probabilities


def _key(selection: Selection, file: str) -> tuple[int, int]:
    """The draws belong to the file, whichever others are judged with it."""
    return selection.settings.seed, zlib.crc32(file.encode())


def _write(out: Path, results: Mapping[Condition, Judged]) -> None:
    with (out / CSV).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        limits = [f"{figure}_{side}" for figure in TITLES for side in ("low", "high")]
        writer.writerow(["condition", "severity", "images", "groups", *TITLES, *limits])
        for condition, judged in results.items():
            named = judged.named()
            values = [named[figure][0] for figure in TITLES]
            values += [limit for figure in TITLES for limit in named[figure][1]]
            images = judged.figures.images
            row = [condition.kind, condition.severity, images, judged.groups]
            writer.writerow([*row, *(f"{value:.6f}" for value in values)])
    (out / TEXT).write_text(corrupted_table(results), "utf-8")
    plot_corrupted(out / PLOT, results)


def corrupted_table(results: Mapping[Condition, Judged]) -> str:
    """Figures in percent, and what each condition costs against the clean tiles, in points."""
    clean = results[CLEAN].named()
    first = results[CLEAN]
    lines = [
        f"{first.what}: {first.figures.images} images in {first.groups} groups",
        "",
        f"{'condition':<12}{'accuracy':>10}{'':>9}{'macro F1':>10}{'Gmean':>10}{'':>9}{'ECE':>8}",
    ]
    for condition, judged in results.items():
        named = {name: value for name, (value, _) in judged.named().items()}
        lost = {
            name: f"({100 * (named[name] - clean[name][0]):+.2f})" if condition != CLEAN else ""
            for name in ("accuracy", "gmean")
        }
        lines.append(
            f"{condition.name:<12}{100 * named['accuracy']:>10.2f}{lost['accuracy']:>9}"
            f"{100 * named['macro_f1']:>10.2f}{100 * named['gmean']:>10.2f}{lost['gmean']:>9}"
            f"{100 * named['ece']:>8.2f}"
        )
    return "\n".join([*lines, "", "in percent; in brackets against clean tiles", ""])


def plot_corrupted(path: Path, results: Mapping[Condition, Judged]) -> None:
    """Accuracy and Gmean against severity, a line per kind that begins at the clean tiles."""
    kinds = list(dict.fromkeys(c.kind for c in results if c != CLEAN))
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    worst = min(100 * judged.named()[name][0] for judged in results.values() for name in PLOTTED)
    bottom = 10 * (worst // 10) - 2
    for axes, name, title in zip(
        figure.subplots(1, 2, sharey=True), PLOTTED, ("Accuracy", "Gmean"),
        strict=True,
    ):  # fmt: skip
        clean = 100 * results[CLEAN].named()[name][0]
        axes.axhline(clean, color="grey", linewidth=1, linestyle=":")
        for kind in kinds:
            points = {c.severity: j.named()[name] for c, j in results.items() if c.kind == kind}
            values = [100 * value for value, _ in points.values()]
            axes.plot([0, *points], [clean, *values], marker="o", label=kind)
        axes.set(title=title, xlabel="severity", xticks=(0, *SEVERITIES), ylim=(bottom, 101))
        axes.set_xticklabels(["clean", *map(str, SEVERITIES)])
        axes.grid(alpha=0.3)
        axes.set_ylabel("percent" if name == "accuracy" else "")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
    figure.savefig(path, dpi=110)
