"""Prior shift and costs against numbers worked out by hand."""

import itertools
import math

import numpy as np
import pytest
import torch

from contract.classes import ClassList
from contract.errors import ConfigError
from training.config import Operating, load_settings
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34
from training.objectives import ClassBalanced, make_objective
from training.operating import (
    check_operating,
    expected_cost,
    operating_point,
    reported,
    shift_logits,
    training_balance,
    without_shift,
    worth,
)

CLASSES = ClassList(names=("clean", "hole", "stain"), clean=("clean",))
BALANCE = (0.5, 0.25, 0.25)
NO_THRESHOLDS = {"hole": 0.0, "stain": 0.0}


def options(**changes: object) -> Operating:
    return load_settings(None, {f"operating.{k}": v for k, v in changes.items()}).operating


def shifted(probabilities: np.ndarray, offset: dict[str, float]) -> np.ndarray:
    weighed = probabilities * np.exp([offset[name] for name in CLASSES.names])
    return np.asarray(weighed / weighed.sum(axis=-1, keepdims=True))


def test_by_default_nothing_is_asked_for() -> None:
    assert operating_point(options(), CLASSES, BALANCE) is None


def test_prior_shift_is_bayes_rule() -> None:
    point = operating_point(
        options(line_frequencies={"clean": 90, "hole": 4, "stain": 6}), CLASSES, BALANCE
    )
    assert point is not None
    assert point.line_frequencies == pytest.approx({"clean": 0.9, "hole": 0.04, "stain": 0.06})
    # Ratios line / training: 1.8, 0.16, 0.24. A tile of 0.2, 0.6, 0.2 has the weights 0.36, 0.096,
    # 0.048, together 0.504.
    found = shifted(np.array([0.2, 0.6, 0.2]), point.logit_offset)
    assert found == pytest.approx([0.36 / 0.504, 0.096 / 0.504, 0.048 / 0.504])


def test_costs_by_hand() -> None:
    given = options(missed_cost={"hole": 40, "stain": 0.5}, false_alarm_cost=2)
    point = operating_point(given, CLASSES, BALANCE)
    assert point is not None
    assert point.logit_offset == pytest.approx(
        {"clean": 0, "hole": math.log(20), "stain": math.log(0.25)}
    )


@pytest.mark.parametrize("defect", ["hole", "stain"])
def test_the_line_s_rule_minimises_expected_cost(defect: str) -> None:
    """Of two classes, at every chance: report exactly where that is the cheaper choice."""
    missed = {"hole": 20.0, "stain": 0.5}
    point = operating_point(options(missed_cost=missed), CLASSES, BALANCE)
    assert point is not None
    for percent in range(1, 100):
        chance = percent / 100
        row = {"clean": 1 - chance, "hole": 1e-12, "stain": 1e-12} | {defect: chance}
        silence, report = missed[defect] * chance, 1 - chance
        if math.isclose(silence, report, rel_tol=0.01):
            continue
        output = shifted(np.array([[row[name] for name in CLASSES.names]]), point.logit_offset)
        named = reported(output, CLASSES, NO_THRESHOLDS)
        assert (named[0] >= 0) == (report < silence), chance


@pytest.mark.parametrize(
    ("missed", "row", "named"),
    [
        ((20, 20), (0.26, 0.38, 0.36), 1),
        ((0.5, 0.5), (0.10, 0.44, 0.46), 2),
        ((20, 0.5), (0.08, 0.02, 0.90), 2),  # 0.4 of a hole's cost, 0.45 of a stain's
    ],
)
def test_two_defects_do_not_silence_each_other(
    missed: tuple[float, float], row: tuple[float, ...], named: int
) -> None:
    costs = dict(zip(CLASSES.defects, missed, strict=True))
    point = operating_point(options(missed_cost=costs), CLASSES, BALANCE)
    assert point is not None
    output = shifted(np.array([row]), point.logit_offset)
    assert reported(output, CLASSES, NO_THRESHOLDS).tolist() == [named]


def test_expected_cost_by_hand() -> None:
    point = operating_point(
        options(
            line_frequencies={"clean": 0.9, "hole": 0.04, "stain": 0.06},
            missed_cost={"hole": 20, "stain": 0.5},
        ),
        CLASSES, BALANCE,
    )  # fmt: skip
    assert point is not None
    truth = np.array([0, 0, 0, 0, 1, 1, 2])
    named = np.array([-1, -1, -1, 2, 1, -1, 1])
    # One clean tile of four is reported, one hole of two is missed, the stain is reported.
    expected = 0.9 * 0.25 * 1 + 0.04 * 0.5 * 20 + 0.06 * 0
    assert expected_cost(named, truth, CLASSES, point) == pytest.approx(expected)
    assert expected_cost(named[:6], truth[:6], CLASSES, point) is None


def test_what_an_operating_point_is_worth() -> None:
    given = options(missed_cost={"hole": 20, "stain": 1})
    point = operating_point(given, CLASSES, (0.8, 0.1, 0.1))
    assert point is not None
    plain = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.98, 0.01, 0.01], [0.1, 0.1, 0.8]])
    output = shifted(plain, point.logit_offset)
    assert without_shift(output, CLASSES, point) == pytest.approx(plain)
    said = worth(output, np.array([1, 0, 0, 2]), CLASSES, point, {"hole": 0.5, "stain": 0.5})
    # Before, the hole is missed (0.1 x 20); after, one clean tile of two is reported (0.8 / 2).
    assert said.endswith("the line: 400; without the operating point 2000")


def test_the_line_reports_what_is_most_probable_and_reaches_its_threshold() -> None:
    rows = np.array([[0.4, 0.35, 0.25], [0.3, 0.45, 0.25], [0.2, 0.2, 0.6]])
    assert reported(rows, CLASSES, {"hole": 0.3, "stain": 0.7}).tolist() == [-1, 1, -1]


def test_the_balance_is_that_of_the_batches_as_the_loss_weighs_them() -> None:
    loss, counts, quotas = load_settings().loss, [100, 10, 10], [60, 20, 20]
    assert training_balance(loss, counts, quotas) == pytest.approx([0.6, 0.2, 0.2])
    adjusted = loss.model_copy(update={"kind": "logit_adjusted", "logit_tau": 1.0})
    assert training_balance(adjusted, counts, quotas) == pytest.approx([1 / 3] * 3)
    # Effective numbers with beta 0.5: 2 (1 - 2^-100) and 2 (1 - 2^-10), so nearly equal weights.
    balanced = loss.model_copy(update={"kind": "class_balanced", "balanced_beta": 0.5})
    rare = 10 / (1 - 2**-10)
    expected = [100 / (100 + 2 * rare), rare / (100 + 2 * rare), rare / (100 + 2 * rare)]
    assert training_balance(balanced, counts, quotas) == pytest.approx(expected)


@pytest.mark.parametrize("quotas", [[60, 20, 20], [100, 10, 10]])
def test_a_class_balanced_network_s_balance_is_its_loss_s_mass(quotas: list[int]) -> None:
    counts, prior = [100, 10, 10], [quota / sum(quotas) for quota in quotas]
    loss = load_settings().loss.model_copy(update={"kind": "class_balanced"})
    objective = make_objective(loss, counts, prior, 0.0)
    assert isinstance(objective, ClassBalanced)
    mass = objective.weights.double().numpy() * prior
    assert training_balance(loss, counts, quotas) == pytest.approx(mass / mass.sum(), rel=1e-5)


def test_the_deployed_network_is_shifted_at_its_temperature() -> None:
    torch.manual_seed(0)
    network, temperature = ResNet34(3).eval(), 2.5
    point = operating_point(
        options(line_frequencies={"clean": 0.9, "hole": 0.04, "stain": 0.06}), CLASSES, BALANCE
    )
    assert point is not None
    pixels = torch.randint(0, 256, (4, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        before, _ = Deployed(network, 128, 50, temperature)(pixels)
        shift_logits(network, CLASSES, point, temperature)
        after, _ = Deployed(network, 128, 50, temperature)(pixels)
    assert after.numpy() == pytest.approx(shifted(before.numpy(), point.logit_offset), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"line_frequencies": {"clean": 1, "hole": 1}}, "stain is missing; give every class"),
        ({"missed_cost": {"hole": 1, "stain": 1, "clean": 1}}, "clean is no defect class"),
    ],
)
def test_tables_that_do_not_fit_the_classes(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_operating(options(**changes), CLASSES)


def test_costs_need_a_clean_class() -> None:
    without = ClassList(names=("hole", "stain"), clean=())
    with pytest.raises(ConfigError, match="no false alarm to weigh it against"):
        check_operating(options(missed_cost={"hole": 1, "stain": 2}), without)


@pytest.mark.parametrize("share", [0, -1, 1e-320, 1e300, float("nan"), "much"])
def test_shares_are_positive_numbers(share: object) -> None:
    frequencies = dict(itertools.product(CLASSES.names, [share]))
    with pytest.raises(ConfigError, match=r"operating\.line_frequencies"):
        options(line_frequencies=frequencies)
