"""A study's CSV as tables and plots: `report.md`, `hardest.csv` and pictures, beside the CSV."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from contract.errors import ConfigError
from training.clean.alarms import Alarms
from training.corruptions import CLEAN
from training.hardest import HARDEST, Hardest, find_hardest, hardest_text, write_hardest
from training.pooled import Difference, Estimate, OutOfFold, Result, compare, read_predictions
from training.study import STUDY
from training.study_file import read_study
from training.study_table import BUNDLE, TABLE, read_alarms, read_rows

REPORT, FIGURES_PNG, DIFFERENCES_PNG = "report.md", "figures.png", "differences.png"
TITLES = {"accuracy": "accuracy", "macro_f1": "macro F1", "gmean": "Gmean", "ece": "ECE"}
SHOWN = ("accuracy", "macro_f1", "gmean")
HEAD = """\
Study `{name}`: {runs} trainings, {hours:.1f} hours on {devices}, {when}. Pooled out-of-fold
predictions in percent, with 95 % intervals from a bootstrap over groups.{revisions}
"""
TEXT = """\
{head}

{figures}
{uneven}
Differences to `{baseline}` in points, paired over the same groups; p from the bootstrap,
Holm-corrected over the variants; in square brackets the smallest true difference that this study
would see in four of five cases after that correction. {seeds}

{differences}

Recall per class in percent.

{recalls}
{corrupted}{alarms}{hardest}"""
UNEVEN = """
Not all variants are there in all folds yet, and folds differ: only rows of the same folds can be
compared, here and in the tables of recalls and conditions. The differences that follow are over
the folds that both have.
"""
CORRUPTED = """
Accuracy / Gmean in percent, clean and corrupted (severity after the name).

{table}
"""
FALSE_ALARMS = """
What the line would report, at each run's own thresholds: clean tiles, and defects under whatever
name.

{table}
"""


def write_study_report(folder: Path, baseline: str | None = None) -> str:
    """Write the report of a study beside its CSV and return its text.

    Args:
        folder: the study's `--out`.
        baseline: the variant that the others are compared with; None: the study's own.

    Raises:
        ConfigError: no study lies there, or the baseline is none of its variants.
    """
    study = read_finished(folder, baseline)
    (folder / REPORT).write_text(study.text(), "utf-8")
    write_hardest(folder / HARDEST, study.hardest)
    _plot_figures(folder / FIGURES_PNG, study.results)
    _plot_differences(folder / DIFFERENCES_PNG, study.results, study.baseline)
    return study.text()


@dataclass(frozen=True, slots=True)
class Finished:
    """What a study has found so far."""

    rows: list[dict[str, str]]
    results: list[Result]
    baseline: str
    corrupted: dict[str, list[Result]]
    """Results by condition, of the variants that were judged under it."""
    alarms: list[dict[str, str]]
    """Rows of `alarms.csv` without corruption; none where the study has no clean tiles."""
    hardest: Hardest
    """Of clean tiles."""

    def _corrupted_text(self) -> str:
        if not self.corrupted:
            return ""
        table = _corrupted_table(self.results, self.corrupted)
        return CORRUPTED.format(table="\n".join(table))

    def _alarms_text(self) -> str:
        if not self.alarms:
            return ""
        return FALSE_ALARMS.format(table="\n".join(alarm_table(self.alarms)))

    def _uneven_text(self) -> str:
        return UNEVEN if len({(r.folds, r.seeds) for r in self.results}) > 1 else ""

    def _hardest_text(self) -> str:
        text = hardest_text(self.hardest)
        return f"\n{text}\n" if text else ""

    def text(self) -> str:
        """The tables as Markdown."""
        days = sorted({row["finished"][:10] for row in self.rows})
        trained = [r for r in self.rows if r["condition"] == CLEAN.name and r["role"] != BUNDLE]
        head = HEAD.format(
            name=self.rows[0]["study"], runs=len(trained), devices=devices_of(trained),
            hours=sum(float(row["minutes"]) for row in trained) / 60,
            when=days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
            revisions=_revisions(trained),
        )  # fmt: skip
        return TEXT.format(
            head=textwrap.fill(head, 100, break_on_hyphens=False),
            baseline=self.baseline, seeds=_seeds(trained),
            figures="\n".join(_figure_table(self.results)), uneven=self._uneven_text(),
            differences="\n".join(_difference_table(self.results)),
            recalls="\n".join(_recall_table(self.results)), corrupted=self._corrupted_text(),
            alarms=self._alarms_text(), hardest=self._hardest_text(),
        )  # fmt: skip


def read_finished(folder: Path, baseline: str | None = None) -> Finished:
    """Read a study's CSV and predictions, and compare its variants.

    Raises:
        ConfigError: as `write_study_report`.
    """
    rows = read_rows(folder / TABLE)
    if not rows:
        raise ConfigError(f"{folder}: no {TABLE} with a finished run; stripsight-train study first")
    names = list(dict.fromkeys(row["variant"] for row in rows))
    chosen = baseline or read_study(folder / STUDY).baseline
    if chosen not in names:
        raise ConfigError(f"{chosen}: no finished variant; there are {', '.join(names)}")
    by_condition = {
        condition: [row for row in rows if row["condition"] == condition]
        for condition in dict.fromkeys(row["condition"] for row in rows)
    }
    gathered = {condition: _gather(folder, own) for condition, own in by_condition.items()}
    compared = {condition: _compared(found, chosen) for condition, found in gathered.items()}
    alarms = read_alarms(folder, by_condition[CLEAN.name])
    hardest = find_hardest(gathered[CLEAN.name])
    return Finished(rows, compared.pop(CLEAN.name), chosen, compared, alarms, hardest)


def _compared(variants: Sequence[OutOfFold], baseline: str) -> list[Result]:
    names = [found.variant for found in variants]
    return compare(variants, baseline if baseline in names else names[0])


def _gather(folder: Path, rows: Sequence[dict[str, str]]) -> list[OutOfFold]:
    names = dict.fromkeys(row["variant"] for row in rows)
    return [_out_of_fold(folder, rows, name) for name in names]


def _out_of_fold(folder: Path, rows: Sequence[dict[str, str]], variant: str) -> OutOfFold:
    own = [row for row in rows if row["variant"] == variant]
    read = [read_predictions(folder / row["predictions"]) for row in own]
    if len({names for names, _ in read}) > 1:
        raise ConfigError(f"{folder}: {variant} has runs of different classes")
    runs = [(int(row["fold"]), int(row["seed"])) for row in own]
    by_run = {run: found for run, (_, found) in zip(runs, read, strict=True)}
    return OutOfFold(variant, read[0][0], by_run)


def devices_of(rows: Sequence[dict[str, str]]) -> str:
    """Where the figures were obtained, and where there were several devices, which."""
    devices = sorted({row["device"] for row in rows})
    if len(devices) == 1:
        return devices[0]
    folds = {d: sorted({row["fold"] for row in rows if row["device"] == d}) for d in devices}
    if sum(map(len, folds.values())) == len({row["fold"] for row in rows}):
        return "; ".join(f"{d} (fold {', '.join(folds[d])})" for d in devices)
    return "; ".join(
        f"{d} ({', '.join(_places([row for row in rows if row['device'] == d], rows))})"
        for d in devices
    )


def _places(own: Sequence[dict[str, str]], rows: Sequence[dict[str, str]]) -> list[str]:
    """Variants of one device, with their folds where others of theirs lie elsewhere."""
    found = []
    for name in dict.fromkeys(row["variant"] for row in own):
        here, everywhere = (
            sorted({row["fold"] for row in some if row["variant"] == name}) for some in (own, rows)
        )
        found.append(name if here == everywhere else f"{name} {' '.join(here)}")
    return found


def _revisions(rows: Sequence[dict[str, str]]) -> str:
    """Of the code, where there were several: they may not have trained alike."""
    found = list(dict.fromkeys(row["git_revision"][:8] for row in rows))
    return f" Code of revisions {', '.join(found)}." if len(found) > 1 else ""


def _seeds(rows: Sequence[dict[str, str]]) -> str:
    seeds = len({row["seed"] for row in rows})
    if seeds > 1:
        return f"Each variant was trained with {seeds} seeds."
    return (
        "Each variant was trained\nonce per fold: what another seed would change is in none of"
        " these numbers."
    )


def _figure_table(results: Sequence[Result]) -> list[str]:
    lines = [
        "| variant | folds | images | " + " | ".join(TITLES.values()) + " |",
        "|---|---|---|" + "---|" * len(TITLES),
    ]
    for result in results:
        cells = [_interval(result.figures[name]) for name in TITLES]
        folds = f"{len(result.folds)} x {len(result.seeds)}"
        lines.append(f"| {result.variant} | {folds} | {result.images} | {' | '.join(cells)} |")
    return lines


def _difference_table(results: Sequence[Result]) -> list[str]:
    lines = [
        "| variant | " + " | ".join(TITLES[name] for name in SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
    ]
    for result in results:
        if result.differences:
            cells = [_difference(result.differences[name]) for name in SHOWN]
            lines.append(f"| {result.variant} | {' | '.join(cells)} |")
    return lines


def _recall_table(results: Sequence[Result]) -> list[str]:
    names = list(results[0].recalls)
    titles = " | ".join(name.replace("_", " ") for name in names)
    lines = [f"| variant | {titles} |", "|---|" + "---|" * len(names)]
    for result in results:
        cells = " | ".join(f"{100 * result.recalls[name]:.1f}" for name in names)
        lines.append(f"| {result.variant} | {cells} |")
    return lines


def alarm_table(rows: Sequence[dict[str, str]]) -> list[str]:
    """Pooled over the folds, from rows of `alarms.csv`."""
    lines = ["| variant | false alarms per 1,000 clean tiles | defects reported |", "|---|---|---|"]
    for name in dict.fromkeys(row["variant"] for row in rows):
        own = [row for row in rows if row["variant"] == name]
        found = Alarms(*(sum(int(row[field]) for row in own) for field in Alarms._fields))
        share = f"{100 * found.reported / found.defective:.2f} %" if found.defective else "-"
        lines.append(
            f"| {name} | {found.per_1000:.1f} ({found.false_alarms} of {found.clean})"
            f" | {share} ({found.reported} of {found.defective}) |"
        )
    return lines


def _corrupted_table(
    clean: Sequence[Result], corrupted: Mapping[str, Sequence[Result]]
) -> list[str]:
    lines = [
        f"| variant | clean | {' | '.join(corrupted)} |",
        "|---|---|" + "---|" * len(corrupted),
    ]
    columns = [{r.variant: r for r in results} for results in (clean, *corrupted.values())]
    for name in dict.fromkeys(r.variant for results in corrupted.values() for r in results):
        found = [column.get(name) for column in columns]
        cells = [_pair(result) if result else "-" for result in found]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _pair(result: Result) -> str:
    accuracy, gmean = (100 * result.figures[name].value for name in ("accuracy", "gmean"))
    return f"{accuracy:.1f} / {gmean:.1f}"


def _interval(found: Estimate) -> str:
    value, low, high = (100 * number for number in found)
    return f"{value:.2f} ({low:.1f} - {high:.1f})"


def _difference(found: Difference) -> str:
    value, low, high = (100 * number for number in found.estimate)
    if math.isnan(found.detectable):
        return "the same predictions"
    return (
        f"{value:+.2f} ({low:+.1f} to {high:+.1f}), p {found.p:.2g} [{100 * found.detectable:.1f}]"
    )


def _plot_figures(path: Path, results: Sequence[Result]) -> None:
    figure = Figure(figsize=(10, 1.4 + 0.34 * len(results)), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        _forest(axes, [r.variant for r in results], [r.figures[name] for r in results])
        axes.set(title=TITLES[name], xlabel="%")
    figure.savefig(path, dpi=110)


def _plot_differences(path: Path, results: Sequence[Result], baseline: str) -> None:
    known = [r for r in results if r.differences]
    if not known:
        return
    figure = Figure(figsize=(10, 1.4 + 0.34 * len(known)), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        estimates = [r.differences[name].estimate for r in known if r.differences]
        _forest(axes, [r.variant for r in known], estimates)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=TITLES[name], xlabel=f"points against {baseline}")
    figure.savefig(path, dpi=110)


def _forest(axes: Axes, names: Sequence[str], estimates: Sequence[Estimate]) -> None:
    """Dots with intervals, one line a variant, the first on top."""
    for row, found in enumerate(estimates):
        value, low, high = (100 * number for number in found)
        axes.plot([low, high], [row, row], color="tab:blue", linewidth=1.5)
        axes.plot(value, row, "o", color="tab:blue")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
