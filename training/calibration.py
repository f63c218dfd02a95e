"""What is chosen on the validation part after training: temperature and thresholds."""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from contract.classes import ClassList

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

TEMPERATURES = np.geomspace(0.1, 10, 401)
THRESHOLDS = np.arange(0.05, 0.96, 0.05)
MAX_THRESHOLD = 0.5


def calibrate(
    log_probabilities: Floats, truth: Ints, classes: ClassList
) -> tuple[float, dict[str, float]]:
    """Temperature and thresholds at it, from `N x C` and `N` of the validation part."""
    temperature = fit_temperature(log_probabilities, truth)
    scaled = np.exp(log_probabilities.astype(np.float64) / temperature)
    tempered = scaled / scaled.sum(axis=1, keepdims=True)
    return temperature, choose_thresholds(tempered, truth, classes)


def fit_temperature(log_probabilities: Floats, truth: Ints) -> float:
    """The temperature with the least negative log-likelihood (Guo et al., ICML 2017).

    Args:
        log_probabilities: logits, or any row-wise shift of them, `N x C`.
        truth: `N`.

    Of `N` right answers none tells how often a wrong one comes, and the likelihood would make the
    network infinitely sure. So the true class counts `1 - 1 / (N + 2)`, and the others share the
    rest (Platt 1999, section 2.2). One parameter, so a fixed grid (0.1 to 10, steps of 1.2 %) is
    exact enough and always ends.
    """
    classes, unsure = log_probabilities.shape[1], 1 / (len(truth) + 2)
    logits, labels = torch.from_numpy(log_probabilities).double(), torch.from_numpy(truth)
    smoothing = unsure * classes / (classes - 1)  # torch's share of it for the truth, too
    losses = [
        float(functional.cross_entropy(logits / t, labels, label_smoothing=smoothing))
        for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def choose_thresholds(probabilities: Floats, truth: Ints, classes: ClassList) -> dict[str, float]:
    """Per defect class, from which probability on a tile counts as that defect; from `N x C`
    probabilities and `N` true classes.

    Rule: of 0.05, 0.10 .. 0.95 those with the best F1 of "most probable, and at least so probable";
    of these the middle one, but at most 0.5. Well separated classes thus get 0.5, and a class that
    no validation tile is named as gets the lowest.
    """
    return {
        name: _threshold(probabilities, truth, classes.names.index(name))
        for name in classes.defects
    }


def _threshold(probabilities: Floats, truth: Ints, label: int) -> float:
    named = probabilities.argmax(axis=1) == label
    if not named.any():
        return float(THRESHOLDS[0])
    scores = np.array(
        [
            _f1(named & (probabilities[:, label] >= threshold), truth == label)
            for threshold in THRESHOLDS
        ]
    )
    best = np.flatnonzero(scores == scores.max())
    return round(min(float(THRESHOLDS[best[len(best) // 2]]), MAX_THRESHOLD), 2)


def _f1(called: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> float:
    total = int(called.sum() + true.sum())
    return 2 * int((called & true).sum()) / total if total else 0.0
