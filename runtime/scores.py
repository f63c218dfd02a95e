"""How good are these probabilities: the figures of training, export and `classify` alike.

`truth` is integer `N` (class index), `probabilities` is `N x C`. The predicted class is the most
probable one. Classes without a single true image have no recall: they are NaN there and left out of
macro F1 and Gmean, so that a class missing from a small part does not turn the figure to zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]

CALIBRATION_BINS = 15

TITLES = {"accuracy": "accuracy", "macro_f1": "macro F1", "gmean": "Gmean", "ece": "ECE"}
"""The single figures, in the order of every table."""


class Interval(NamedTuple):
    """A percentile interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one set of images. `confusion[t, p]` counts images of class t called p."""

    accuracy: float
    macro_f1: float
    gmean: float
    ece: float
    recall: F64
    confusion: npt.NDArray[np.int64]
    images: int

    @property
    def summary(self) -> dict[str, float]:
        """The four single figures by name."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "gmean": self.gmean,
            "ece": self.ece,
        }


def evaluate(truth: Ints, probabilities: Floats) -> Evaluation:
    """Every figure at once.

    Raises:
        ValueError: no image, shapes that do not fit, or a class index outside `0 .. C-1`.
    """
    _check(truth, probabilities)
    confusion = confusion_matrix(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    return Evaluation(
        accuracy=float(np.trace(confusion) / len(truth)),
        macro_f1=macro_f1(confusion),
        gmean=gmean(confusion),
        ece=expected_calibration_error(truth, probabilities),
        recall=per_class_recall(confusion),
        confusion=confusion,
        images=len(truth),
    )


def confusion_matrix(truth: Ints, predicted: Ints, classes: int) -> npt.NDArray[np.int64]:
    """Counts, `C x C`: row = true class, column = predicted class."""
    flat = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def per_class_recall(confusion: npt.NDArray[np.int64]) -> F64:
    """Recall per class, NaN where a class has no true image."""
    support = confusion.sum(axis=1)
    found: F64 = np.full(len(confusion), np.nan)
    np.divide(np.diag(confusion), support, out=found, where=support > 0)
    return found


def gmean(confusion: npt.NDArray[np.int64]) -> float:
    """Geometric mean of the recalls of a confusion matrix `C x C`: zero as soon as one class that
    has images is never found.
    """
    known = per_class_recall(confusion)
    known = known[~np.isnan(known)]
    return float(np.prod(known) ** (1 / len(known)))


def macro_f1(confusion: npt.NDArray[np.int64]) -> float:
    """Mean of F1 = 2 TP / (true images + predicted images) over the classes of a confusion matrix
    `C x C` that have true images.
    """
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    has_images = support > 0
    f1 = 2 * np.diag(confusion)[has_images] / (support + predicted)[has_images]
    return float(f1.mean())


def expected_calibration_error(
    truth: Ints, probabilities: Floats, bins: int = CALIBRATION_BINS
) -> float:
    """ECE of the top label over equal-width bins `(low, high]` (Guo et al., ICML 2017, eq. 3)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == truth
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=correct - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))


def bootstrap(
    figures: Callable[[Ints, Floats], F64],
    truth: Ints,
    probabilities: Floats,
    groups: Ints,
    *,
    resamples: int,
    seed: int,
) -> tuple[Interval, ...]:
    """95 % percentile intervals of figures, resampling whole groups with replacement; NaN for a
    figure that is NaN in every resample.

    Args:
        figures: gives a vector of figures for a set of images.
        truth: `N`.
        probabilities: `N x C`.
        groups: `N`, equal for images that are not independent (views of one piece of strip).
        resamples: how many; 1,000 keeps the interval's own noise under a tenth of its width.
        seed: of the resampling.
    """
    _check(truth, probabilities)
    generator = np.random.default_rng(seed)
    _, group_of = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
    drawn = []
    for _ in range(resamples):
        chosen = generator.integers(0, len(members), len(members))
        images = np.concatenate([members[group] for group in chosen])
        drawn.append(figures(truth[images], probabilities[images]))
    samples = np.stack(drawn)
    known = ~np.isnan(samples).all(axis=0)
    ends = np.full((2, samples.shape[1]), np.nan)
    ends[:, known] = np.nanpercentile(samples[:, known], [2.5, 97.5], axis=0)
    return tuple(Interval(float(a), float(b)) for a, b in ends.T)


def _check(truth: Ints, probabilities: Floats) -> None:
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1] or len(truth) == 0:
        raise ValueError(f"truth {truth.shape} and probabilities {probabilities.shape} do not fit")
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError("a true class outside the probabilities' columns")
