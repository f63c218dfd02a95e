"""A study's rows as variants with their predictions, and which of them are compared with which."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from contract.errors import ConfigError
from training.corruptions import CLEAN
from training.pooled import Difference, OutOfFold, differences, read_predictions
from training.study_file import Study
from training.study_table import Row

Pair = tuple[OutOfFold, OutOfFold]


def gather(folder: Path, rows: Sequence[Row], condition: str) -> list[OutOfFold]:
    """What each variant said under this condition, in the order of the rows.

    Raises:
        ConfigError: predictions that are missing or damaged, or of different classes.
    """
    own = [row for row in rows if row["condition"] == condition]
    names = dict.fromkeys(row["variant"] for row in own)
    return [_out_of_fold(folder, name, [r for r in own if r["variant"] == name]) for name in names]


def _out_of_fold(folder: Path, variant: str, rows: Sequence[Row]) -> OutOfFold:
    read = [read_predictions(folder / row["predictions"]) for row in rows]
    if len({names for names, _ in read}) > 1:
        raise ConfigError(f"{folder}: {variant} has runs of different classes")
    runs = [(int(row["fold"]), int(row["seed"])) for row in rows]
    by_run = {run: found for run, (_, found) in zip(runs, read, strict=True)}
    return OutOfFold(variant, read[0][0], by_run)


def is_compared(study: Study, variant: str) -> bool:
    """Whether a variant is compared with the baseline; a bundle is as its variant, whose name its
    own begins with.
    """
    own = [name for name in study.variants if f"{variant}-".startswith(f"{name}-")]
    return not own or study.variants[max(own, key=len)].compared


def asked_pairs(study: Study, found: Sequence[OutOfFold]) -> dict[str, Pair]:
    """The comparisons that the study's file names, of variants that are there: `first - second`."""
    named = {one.variant: one for one in found}
    pairs = [pair for pair in study.comparisons if {*pair} <= {*named}]
    return {f"{a} - {b}": (named[a], named[b]) for a, b in pairs}


def differences_under(
    study: Study, baseline: str, found: Mapping[str, Sequence[OutOfFold]]
) -> dict[str, dict[str, Difference]]:
    """Differences in accuracy by what is compared and condition, but for the clean one;
    Holm-corrected over all of them.
    """
    corrupted = {name: own for name, own in found.items() if name != CLEAN.name}
    pairs: dict[tuple[str, str], Pair] = {}
    for condition, variants in corrupted.items():
        for base in (one for one in variants if one.variant == baseline):
            others = [v for v in variants if v is not base and is_compared(study, v.variant)]
            pairs |= {(one.variant, condition): (one, base) for one in others}
    for condition, variants in corrupted.items():
        for name, (first, second) in asked_pairs(study, variants).items():
            if second.variant != baseline or not is_compared(study, first.variant):  # else above
                pairs[name, condition] = first, second
    table: dict[str, dict[str, Difference]] = {}
    for (name, condition), one in zip(pairs, differences(list(pairs.values())), strict=True):
        if one:
            table.setdefault(name, {})[condition] = one["accuracy"]
    return table


def on_the_same_runs(
    found: Mapping[str, Sequence[OutOfFold]],
) -> dict[str, list[OutOfFold]]:
    """Each variant's predictions by condition, of those runs that were judged under all conditions
    under which any of its runs was: what a condition costs is told by the same folds.
    """
    runs: dict[str, set[tuple[int, int]]] = {}
    for own in found.values():
        for one in own:
            runs[one.variant] = runs.get(one.variant, {*one.by_run}) & {*one.by_run}
    return {
        condition: [
            replace(one, by_run={r: rows for r, rows in one.by_run.items() if r in runs[name]})
            for one in own
            if runs[name := one.variant]
        ]
        for condition, own in found.items()
    }
