"""Statistics of a study: pooled out-of-fold predictions, compared over the same groups.

Every figure here is a function of sums over images, so a bootstrap resample of groups is a vector
of weights on the groups' sums: all variants see the same resamples, and a difference between two of
them is paired.
"""

import csv
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from runtime.scores import CALIBRATION_BINS, TITLES

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


RESAMPLES = 5000
LEVEL, POWER = 0.05, 0.8


class Prediction(NamedTuple):
    """One image as one run saw it, out of fold."""

    file: str
    group: str
    truth: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions of one variant: `by_run[fold, seed]`, every image of the test part."""

    variant: str
    names: tuple[str, ...]
    by_run: Mapping[tuple[int, int], Sequence[Prediction]]

    def sums(self, runs: Sequence[tuple[int, int]], groups: Sequence[str]) -> F64:
        """Confusion counts and calibration gaps of each group, `G x (C^2 + bins)`. Each image is
        shared by the runs that judged it and counts as one: there is a run per seed, and more where
        a class has fewer groups than folds. So a fold of more seeds weighs no more than the others.
        """
        classes, place = len(self.names), {group: i for i, group in enumerate(groups)}
        rows = [row for run in runs for row in self.by_run[run]]
        times = Counter(row.file for row in rows)
        weight = np.array([1 / times[row.file] for row in rows])
        chances = np.array([row.probabilities for row in rows])
        truth = np.array([row.truth for row in rows])
        named, sure = chances.argmax(axis=1), chances.max(axis=1)
        low = np.ceil(sure * CALIBRATION_BINS).astype(np.int64) - 1
        bins = low.clip(0, CALIBRATION_BINS - 1)
        where = np.array([place[row.group] for row in rows])
        sums = np.zeros((len(groups), classes**2 + CALIBRATION_BINS))
        np.add.at(sums, (where, truth * classes + named), weight)
        np.add.at(sums, (where, classes**2 + bins), weight * ((named == truth) - sure))
        return sums


class Estimate(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """A figure's difference to the baseline's over the same groups."""

    estimate: Estimate
    p: float
    """Two-sided, from the bootstrap; Holm-corrected by `differences`."""
    detectable: float
    """The smallest true difference that such a study sees in 80 % of cases, at the level that
    Holm's first step asks for; NaN where the predictions do not differ at all.
    """


@dataclass(frozen=True, slots=True)
class Result:
    """One variant's row; `differences` is None where it is not compared, such as the baseline."""

    variant: str
    runs: tuple[tuple[int, int], ...]
    """Folds and seeds."""
    images: int
    groups: int
    figures: dict[str, Estimate]
    recalls: dict[str, float]
    differences: dict[str, Difference] | None


def read_predictions(path: Path) -> tuple[tuple[str, ...], list[Prediction]]:
    """Class names and predictions of a run's `predictions.csv`.

    Raises:
        ConfigError: missing, or not in that format.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        names = tuple(header[4:])
        found = [
            Prediction(file, group, names.index(truth), tuple(map(float, chances)))
            for file, group, truth, _, *chances in rows
        ]
    except (OSError, ValueError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: no predictions of a study ({error})") from error
    if any(len(row.probabilities) != len(names) for row in found):
        raise ConfigError(f"{path}: a row is cut off; train that run again")
    return names, found


def compare(
    variants: Sequence[OutOfFold], baseline: str, alone: Container[str] = (), seed: int = 0
) -> list[Result]:
    """Each variant's pooled figures, and its differences to the baseline but for those `alone`."""
    reference = next(v for v in variants if v.variant == baseline)
    others = [v for v in variants if v is not reference and v.variant not in alone]
    found = differences([(variant, reference) for variant in others], seed)
    against = dict(zip((variant.variant for variant in others), found, strict=True))
    return [_result(variant, against.get(variant.variant), seed) for variant in variants]


def differences(
    pairs: Sequence[tuple[OutOfFold, OutOfFold]], seed: int = 0
) -> list[dict[str, Difference]]:
    """The first of each pair less the second, by figure, on the runs that both have (empty where
    there are none); p-values are Holm-corrected over the pairs, figure by figure.
    """
    factor = power_factor(sum(bool({*a.by_run} & {*b.by_run}) for a, b in pairs))
    found = [_differences(variant, reference, seed, factor) for variant, reference in pairs]
    tested = [one for one in found if one]
    for figure in TITLES:
        corrected = holm([one[figure].p for one in tested])
        for one, p in zip(tested, corrected, strict=True):
            one[figure] = one[figure]._replace(p=p)
    return found


def pooled_figures(variant: OutOfFold) -> dict[str, float]:
    """The figures without intervals."""
    runs = sorted(variant.by_run)
    sums = variant.sums(runs, _groups(variant, runs)).sum(axis=0)
    return dict(zip(TITLES, figures_of(sums, len(variant.names)).tolist(), strict=True))


def power_factor(comparisons: int) -> float:
    """How many standard errors a true difference must measure to be seen in 80 % of studies, where
    the surest of so many comparisons is tested at 5 % / `comparisons`, two-sided.
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - LEVEL / 2 / max(comparisons, 1)) + normal.inv_cdf(POWER)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given."""
    count, corrected, worst = len(p_values), [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        worst = max(worst, min(1.0, (count - rank) * p_values[index]))
        corrected[index] = worst
    return corrected


def figures_of(sums: F64, classes: int) -> F64:
    """Figures in the order of `TITLES`, `... x 4`, from sums `... x (C^2 + bins)`; classes without
    an image are left out, as in `runtime.scores`.
    """
    confusion = sums[..., : classes**2].reshape(*sums.shape[:-1], classes, classes)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, named = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total, present = support.sum(axis=-1), support > 0
    known = present.sum(axis=-1)
    f1 = np.where(present, 2 * right / np.maximum(support + named, 1), 0).sum(axis=-1) / known
    with np.errstate(divide="ignore"):
        logs = np.log(right / np.maximum(support, 1))
    gmean = np.exp(np.where(present, logs, 0).sum(axis=-1) / known)
    ece = np.abs(sums[..., classes**2 :]).sum(axis=-1) / total
    return np.stack([right.sum(axis=-1) / total, f1, gmean, ece], axis=-1)


def _result(variant: OutOfFold, against: dict[str, Difference] | None, seed: int) -> Result:
    runs = sorted(variant.by_run)
    groups = _groups(variant, runs)
    classes = len(variant.names)
    weights = _resamples(len(groups), seed)
    sums = variant.sums(runs, groups)
    value, drawn = figures_of(sums.sum(axis=0), classes), figures_of(weights @ sums, classes)
    confusion = sums.sum(axis=0)[: classes**2].reshape(classes, classes)
    recalls = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    return Result(
        variant.variant, tuple(runs),
        len({row.file for run in runs for row in variant.by_run[run]}), len(groups),
        {name: _estimate(value[i], drawn[:, i]) for i, name in enumerate(TITLES)},
        dict(zip(variant.names, recalls.tolist(), strict=True)),
        against,
    )  # fmt: skip


def _differences(
    variant: OutOfFold, reference: OutOfFold, seed: int, factor: float
) -> dict[str, Difference]:
    runs = sorted(set(variant.by_run) & set(reference.by_run))
    if not runs:
        return {}
    _check_same_images(variant, reference, runs)
    groups, classes = _groups(variant, runs), len(variant.names)
    weights = _resamples(len(groups), seed)
    pairs = [v.sums(runs, groups) for v in (variant, reference)]
    value = np.subtract(*(figures_of(sums.sum(axis=0), classes) for sums in pairs))
    drawn = np.subtract(*(figures_of(weights @ sums, classes) for sums in pairs))
    return {
        name: Difference(
            _estimate(value[i], drawn[:, i]), _two_sided(drawn[:, i]),
            factor * float(drawn[:, i].std() or np.nan),
        )
        for i, name in enumerate(TITLES)
    }  # fmt: skip


def _check_same_images(
    variant: OutOfFold, reference: OutOfFold, runs: Sequence[tuple[int, int]]
) -> None:
    for fold, seed in runs:
        mine, other = (
            {(row.file, row.truth, row.group) for row in v.by_run[fold, seed]}
            for v in (variant, reference)
        )
        if mine != other:
            raise ConfigError(
                f"{variant.variant} and {reference.variant}, fold {fold}: their test parts differ,"
                f" as in {min(mine ^ other)[0]}, so they cannot be compared; was the data changed,"
                " or a setting of the split? Give them studies of their own"
            )


def _two_sided(drawn: F64) -> float:
    """Twice the share of resamples on the rarer side of zero, never zero itself."""
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))


def _groups(variant: OutOfFold, runs: Sequence[tuple[int, int]]) -> list[str]:
    return sorted({row.group for run in runs for row in variant.by_run[run]})


@lru_cache(maxsize=4)
def _resamples(groups: int, seed: int) -> F64:
    """How often each group is drawn, `B x G`: the same for every variant with these groups."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)
    return drawn.astype(np.float64)


def _estimate(value: float, drawn: F64) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))
