"""Golden figures computed by hand for six images of three classes, the last of them absent."""

import numpy as np
import pytest

from runtime.scores import (
    bootstrap,
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    gmean,
    macro_f1,
    per_class_recall,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1])
PROBABILITIES = np.array(
    [
        [0.9, 0.05, 0.05],
        [0.8, 0.1, 0.1],
        [0.7, 0.2, 0.1],
        [0.3, 0.1, 0.6],
        [0.2, 0.8, 0.0],
        [0.9, 0.1, 0.0],
    ]
)


def test_figures_by_hand() -> None:
    figures = evaluate(TRUTH, PROBABILITIES)
    assert figures.confusion.tolist() == [[3, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert figures.accuracy == pytest.approx(4 / 6)
    np.testing.assert_allclose(figures.recall, [3 / 4, 1 / 2, np.nan])
    assert figures.gmean == pytest.approx((3 / 4 * 1 / 2) ** 0.5)
    assert figures.macro_f1 == pytest.approx((2 * 3 / (4 + 4) + 2 * 1 / (2 + 1)) / 2)
    assert figures.images == 6
    assert figures.summary == {
        "accuracy": figures.accuracy, "macro_f1": figures.macro_f1,
        "gmean": figures.gmean, "ece": figures.ece,
    }  # fmt: skip


def test_calibration_error_by_hand() -> None:
    # bins of 1/15 with the upper end inside: 0.9, 0.9 | 0.8, 0.8 | 0.7 | 0.6
    gaps = [abs(1 - 1.8), abs(2 - 1.6), abs(1 - 0.7), abs(0 - 0.6)]
    assert evaluate(TRUTH, PROBABILITIES).ece == pytest.approx(sum(gaps) / 6)


def test_calibration_error_of_certain_and_uniform_answers() -> None:
    certain = np.eye(2)[[0, 1, 1, 1]]
    assert expected_calibration_error(np.array([0, 1, 1, 1]), certain) == 0
    assert expected_calibration_error(np.array([1, 0, 0, 0]), certain) == 1
    uniform = np.full((4, 2), 0.5)
    assert expected_calibration_error(np.array([0, 0, 1, 1]), uniform) == pytest.approx(0)


def test_gmean_is_zero_when_a_class_is_never_found() -> None:
    confusion = confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2)
    assert gmean(confusion) == 0
    assert macro_f1(confusion) == pytest.approx((2 / 3 + 0) / 2)
    assert per_class_recall(confusion).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("truth", "probabilities"),
    [
        (np.array([], int), np.empty((0, 2))),
        (np.array([0, 1]), np.ones((3, 2))),
        (np.array([2]), np.ones((1, 2))),
        (np.array([-1]), np.ones((1, 2))),
        (np.array([0]), np.ones(1)),
    ],
)
def test_what_cannot_be_scored_is_refused(
    truth: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    probabilities: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    with pytest.raises(ValueError, match=r"do not fit|outside"):
        evaluate(truth, probabilities)


def test_bootstrap_covers_the_binomial_spread() -> None:
    generator = np.random.default_rng(0)
    truth = np.zeros(400, int)
    right = generator.random(400) < 0.9
    probabilities = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0])
    (accuracy,) = bootstrap(
        lambda t, p: np.array([evaluate(t, p).accuracy]),
        truth, probabilities, np.arange(400), resamples=1000, seed=1,
    )  # fmt: skip
    spread = 1.96 * (0.9 * 0.1 / 400) ** 0.5
    assert accuracy.high - accuracy.low == pytest.approx(2 * spread, rel=0.2)
    assert accuracy.low < right.mean() < accuracy.high


def test_bootstrap_draws_whole_groups() -> None:
    truth = np.zeros(4, int)
    probabilities = np.array([[1.0, 0], [1.0, 0], [0, 1.0], [0, 1.0]])
    seen = set()

    def accuracy(
        t: np.ndarray[tuple[int, ...], np.dtype[np.integer]],
        p: np.ndarray[tuple[int, ...], np.dtype[np.floating]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        seen.add(evaluate(t, p).accuracy)
        return np.zeros(1)

    bootstrap(accuracy, truth, probabilities, np.array([7, 7, 3, 3]), resamples=50, seed=0)
    assert seen == {0.0, 0.5, 1.0}


def test_a_class_without_images_has_no_interval() -> None:
    present, absent = bootstrap(
        lambda t, p: evaluate(t, p).recall,
        np.zeros(3, int), np.full((3, 2), 0.5), np.arange(3), resamples=20, seed=0,
    )  # fmt: skip
    assert present == (1.0, 1.0)
    assert np.isnan(absent).all()
