"""Temperature and thresholds against cases with a known answer."""

import numpy as np
import pytest

from contract.classes import ClassList
from training.calibration import calibrate, choose_thresholds, fit_temperature

CLASSES = ClassList(names=("clean", "hole", "scratch"), clean=("clean",))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_recovered(temperature: float) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4_000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (generator.random((len(chances), 1)) > chances.cumsum(axis=1)).sum(axis=1)
    # One standard error of the estimate is about 3 % at so many draws.
    assert fit_temperature(logits * temperature, drawn) == pytest.approx(temperature, rel=0.1)


def test_thresholds_follow_the_rule() -> None:
    probabilities = np.array(
        [
            [0.02, 0.96, 0.02],
            [0.02, 0.97, 0.01],
            [0.00, 0.25, 0.75],  # a scratch, rightly called
            [0.40, 0.15, 0.45],  # clean, called a scratch with little confidence
        ]
    )
    chosen = choose_thresholds(probabilities, np.array([1, 1, 2, 0]), CLASSES)
    # hole: all thresholds are perfect, so the middle one is capped; scratch: perfect are 0.50 ..
    # 0.75, whose middle 0.65 is capped as well.
    assert chosen == {"hole": 0.5, "scratch": 0.5}


def test_thresholds_are_chosen_at_the_fitted_temperature() -> None:
    logs = np.log(np.array([[0.06, 0.90, 0.04], [0.10, 0.05, 0.85], [0.70, 0.10, 0.20]]))
    truth = np.array([1, 2, 0])
    temperature, thresholds = calibrate(logs, truth, CLASSES)
    assert temperature == fit_temperature(logs, truth)
    scaled = np.exp(logs / temperature)
    tempered = scaled / scaled.sum(axis=1, keepdims=True)
    assert thresholds == choose_thresholds(tempered, truth, CLASSES)


def test_right_answers_alone_do_not_make_infinitely_sure() -> None:
    # 98 tiles, all right with one logit ahead by 2. By Platt's targets the truth counts 99 / 100,
    # the other two classes 1 / 200 each, so the logits' distance wants to be log(99 * 2).
    logits = np.tile([2.0, 0.0, 0.0], (98, 1))
    temperature = fit_temperature(logits, np.zeros(98, np.int64))
    assert temperature == pytest.approx(2 / np.log(99 * 2), rel=0.012)


def test_a_class_never_named_gets_the_lowest_threshold() -> None:
    chosen = choose_thresholds(np.array([[0.9, 0.05, 0.05]]), np.array([0]), CLASSES)
    assert chosen == {"hole": 0.05, "scratch": 0.05}


def test_a_low_threshold_keeps_unsure_but_right_tiles() -> None:
    probabilities = np.array([[0.30, 0.36, 0.34], [0.32, 0.35, 0.33]])
    chosen = choose_thresholds(probabilities, np.array([1, 1]), CLASSES)
    # Perfect are 0.05 .. 0.35: the middle one is 0.20.
    assert chosen["hole"] == 0.2
