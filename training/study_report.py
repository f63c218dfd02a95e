"""A study's CSV as tables and plots: `report.md`, `hardest.csv` and pictures, beside the CSV."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.errors import ConfigError
from training.corruptions import CLEAN
from training.hardest import HARDEST, Hardest, find_hardest, hardest_text, write_hardest
from training.pooled import (
    Difference,
    Result,
    compare,
    differences,
    pooled_figures,
)
from training.study import STUDY
from training.study_compared import (
    asked_pairs,
    differences_under,
    gather,
    is_compared,
    on_the_same_runs,
)
from training.study_file import read_study
from training.study_plots import plot_differences, plot_figures
from training.study_table import BUNDLE, TABLE, read_alarms, read_rows
from training.study_text import (
    alarm_table,
    corrupted_table,
    difference_table,
    figure_table,
    recall_table,
    under_table,
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
{corrupted}{under}{alarms}{hardest}"""
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
UNDER = """
Differences in accuracy under these conditions, to `{baseline}` and as the study's file asks for;
stars where p is below 0.05 after Holm's correction over all of this table.

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
    under: dict[str, dict[str, Difference]]
    """Differences in accuracy by what is compared and condition, where both have that."""
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
            under=UNDER.format(baseline=self.baseline, table=under_table(self.under))
            if self.under else "",
            alarms=FALSE_ALARMS.format(table=alarm_table(self.alarms)) if self.alarms else "",
            hardest=f"\n{hardest}\n" if hardest else "",
        )  # fmt: skip

    def _corrupted_text(self) -> str:
        if len(self.conditions) < 2:
            return ""
        return CORRUPTED.format(table=corrupted_table(self.conditions))


def read_finished(
    folder: Path, baseline: str | None = None, seeds: Collection[int] = ()
) -> Finished:
    """Read a study's CSV and predictions, and compare its variants.

    Args:
        folder: the study's `--out`.
        baseline: as `write_study_report`.
        seeds: only runs of these; empty: all.

    Raises:
        ConfigError: as `write_study_report`.
    """
    rows = read_rows(folder / TABLE)
    if not rows:
        raise ConfigError(f"{folder}: no {TABLE} with a finished run; stripsight-train study first")
    rows = [row for row in rows if not seeds or int(row["seed"]) in seeds]
    if not rows:
        raise ConfigError(f"{folder}: no finished run of seed {', '.join(map(str, seeds))}")
    study, names = read_study(folder / STUDY), dict.fromkeys(row["variant"] for row in rows)
    chosen = baseline or study.baseline
    if chosen not in names:
        raise ConfigError(f"{chosen}: no finished variant; there are {', '.join(names)}")
    of_clean = [row for row in rows if row["condition"] == CLEAN.name]
    conditions = dict.fromkeys([CLEAN.name, *(row["condition"] for row in rows)])
    found = {name: gather(folder, rows, name) for name in conditions}
    clean = found[CLEAN.name]
    alone = {name for name in names if not is_compared(study, name)}
    asked = asked_pairs(study, clean)
    trained = {row["variant"] for row in rows if row["role"] != BUNDLE}
    return Finished(
        rows, compare(clean, chosen, alone), chosen,
        dict(zip(asked, differences(list(asked.values())), strict=True)),
        {
            name: {one.variant: pooled_figures(one) for one in own}
            for name, own in on_the_same_runs(found).items()
        },
        differences_under(study, chosen, found),
        read_alarms(folder, of_clean),
        find_hardest([one for one in clean if one.variant in trained]),
    )  # fmt: skip


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
