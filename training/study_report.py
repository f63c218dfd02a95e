"""A study's CSV as tables and plots: `report.md`, `hardest.csv` and pictures, beside the CSV."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import ConfigError
from training.corruptions import CLEAN
from training.hardest import HARDEST, Hardest, find_hardest, hardest_text, write_hardest
from training.pooled import (
    Difference,
    OutOfFold,
    Result,
    compare,
    differences,
    pooled_figures,
    read_predictions,
)
from training.study import STUDY
from training.study_file import read_study
from training.study_plots import plot_differences, plot_figures
from training.study_table import BUNDLE, TABLE, read_alarms, read_rows
from training.study_text import (
    alarm_table,
    corrupted_table,
    difference_table,
    figure_table,
    recall_table,
)

REPORT, FIGURES_PNG, DIFFERENCES_PNG = "report.md", "figures.png", "differences.png"
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
{asked}
Recall per class in percent.

{recalls}
{corrupted}{alarms}{hardest}"""
UNEVEN = """
Not all variants are there in all folds and seeds yet, and folds differ: only rows of the same ones
can be compared, here and in the tables of recalls and conditions. The differences that follow are
over the runs that both have.
"""
ASKED = """
The first less the second, as the study's file asks for, corrected by Holm among themselves.

{table}
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
    plot_figures(folder / FIGURES_PNG, study.results)
    plot_differences(folder / DIFFERENCES_PNG, study.results, study.baseline)
    return study.text()


@dataclass(frozen=True, slots=True)
class Finished:
    """What a study has found so far."""

    rows: list[dict[str, str]]
    results: list[Result]
    baseline: str
    asked: dict[str, dict[str, Difference]]
    """By `first - second`, of the comparisons that the study's file asks for and that are there."""
    conditions: dict[str, dict[str, dict[str, float]]]
    """Figures by condition, the clean one first, and variant."""
    alarms: list[dict[str, str]]
    """Rows of `alarms.csv` without corruption; none where the study has no clean tiles."""
    hardest: Hardest
    """Of clean tiles."""

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
        hardest = hardest_text(self.hardest)
        asked = difference_table(self.asked, "difference")
        return TEXT.format(
            head=textwrap.fill(head, 100, break_on_hyphens=False),
            baseline=self.baseline, seeds=seeds_of(trained), figures=figure_table(self.results),
            uneven=UNEVEN if len({result.runs for result in self.results}) > 1 else "",
            differences=difference_table(
                {r.variant: r.differences for r in self.results if r.differences}, "variant"
            ),
            asked=ASKED.format(table=asked) if self.asked else "",
            recalls=recall_table(self.results), corrupted=self._corrupted_text(),
            alarms=FALSE_ALARMS.format(table=alarm_table(self.alarms)) if self.alarms else "",
            hardest=f"\n{hardest}\n" if hardest else "",
        )  # fmt: skip

    def _corrupted_text(self) -> str:
        if len(self.conditions) < 2:
            return ""
        return CORRUPTED.format(table=corrupted_table(self.conditions))


def read_finished(folder: Path, baseline: str | None = None) -> Finished:
    """Read a study's CSV and predictions, and compare its variants.

    Raises:
        ConfigError: as `write_study_report`.
    """
    rows = read_rows(folder / TABLE)
    if not rows:
        raise ConfigError(f"{folder}: no {TABLE} with a finished run; stripsight-train study first")
    study, names = read_study(folder / STUDY), dict.fromkeys(row["variant"] for row in rows)
    chosen = baseline or study.baseline
    if chosen not in names:
        raise ConfigError(f"{chosen}: no finished variant; there are {', '.join(names)}")
    by_condition = {
        condition: [row for row in rows if row["condition"] == condition]
        for condition in dict.fromkeys([CLEAN.name, *(row["condition"] for row in rows)])
    }
    found = {condition: _gather(folder, own) for condition, own in by_condition.items()}
    clean = {variant.variant: variant for variant in found[CLEAN.name]}
    pairs = {f"{a} - {b}": (clean[a], clean[b]) for a, b in study.comparisons if {a, b} <= {*clean}}
    alone = {name for name, variant in study.variants.items() if not variant.compared}
    trained = {row["variant"] for row in rows if row["role"] != BUNDLE}
    return Finished(
        rows, compare(found[CLEAN.name], chosen, alone), chosen,
        dict(zip(pairs, differences(list(pairs.values())), strict=True)),
        {name: {v.variant: pooled_figures(v) for v in own} for name, own in found.items()},
        read_alarms(folder, by_condition[CLEAN.name]),
        find_hardest([variant for name, variant in clean.items() if name in trained]),
    )  # fmt: skip


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
    seeds = sorted({row["seed"] for row in rows}, key=int)
    if len(seeds) > 1:
        found = {seed: devices_of([row for row in rows if row["seed"] == seed]) for seed in seeds}
        return "; ".join(
            f"seed {', '.join(seed for seed in seeds if found[seed] == one)}: {one}"
            for one in dict.fromkeys(found.values())
        )
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


def seeds_of(rows: Sequence[dict[str, str]]) -> str:
    """How often the variants were trained, as a sentence."""
    seeds: dict[str, set[str]] = {}
    for row in rows:
        seeds.setdefault(row["variant"], set()).add(row["seed"])
    fewest, most = (limit(map(len, seeds.values())) for limit in (min, max))
    if most == 1:
        return (
            "Each variant was trained\nonce per fold: what another seed would change is in none of"
            " these numbers."
        )
    count = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"Variants were trained\nwith {count} seeds, in as many splits."
