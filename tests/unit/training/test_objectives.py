"""Each objective against numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from training.config import load_settings
from training.objectives import AccuracyGmean, make_objective, soft_gmean

EVEN = torch.zeros(2, 2)
BOTH = torch.tensor([0, 1])


def value(
    kind: str,
    logits: Tensor,
    labels: Tensor,
    counts: tuple[int, ...] = (30, 10),
    shown: tuple[float, ...] | None = None,
    **more: float,
) -> float:
    changes = {f"loss.{name}": setting for name, setting in more.items()}
    options = load_settings(changes={"loss.kind": kind, **changes}).loss
    prior = shown or [count / sum(counts) for count in counts]
    return float(make_objective(options, counts, prior, 0.0)(logits, labels))


def test_cross_entropy_by_hand() -> None:
    assert value("cross_entropy", EVEN, BOTH) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("kind", "off"),
    [
        ("cross_entropy", {}),
        ("class_balanced", {}),
        ("focal", {"focal_gamma": 0.0}),
        ("logit_adjusted", {"logit_tau": 0.0}),
        ("adaptive", {"adaptive.strength": 0.0}),
    ],
)
def test_labels_are_smoothed_by_hand(kind: str, off: dict[str, float]) -> None:
    # A tenth is shared by both classes: 0.95 and 0.05 of probabilities 3/4 and 1/4.
    logits, expected = torch.tensor([[math.log(3), 0.0]]), -0.95 * math.log(0.75)
    expected -= 0.05 * math.log(0.25)
    changes = {f"loss.{name}": setting for name, setting in off.items()}
    options = load_settings(changes={"loss.kind": kind, **changes}).loss
    found = float(make_objective(options, (10, 10), (0.5, 0.5), 0.1)(logits, torch.tensor([0])))
    assert found == pytest.approx(expected, rel=1e-5)


def test_class_balanced_by_hand() -> None:
    # 1 - 0.9^2 = 0.19 and 1 - 0.9 = 0.1: weights 1 / 1.9 and 1, over their mean.
    weights = 1 / 1.9 / (0.5 * (1 / 1.9 + 1)), 1 / (0.5 * (1 / 1.9 + 1))
    logits = torch.tensor([[math.log(3), 0.0]])
    for label, weight, loss in ((0, weights[0], math.log(4 / 3)), (1, weights[1], math.log(4))):
        found = value("class_balanced", logits, torch.tensor([label]), (2, 1), balanced_beta=0.9)
        assert found == pytest.approx(weight * loss, rel=1e-5)


def test_class_balance_is_not_laid_over_the_sampler_s() -> None:
    # Beta near 1 asks for all classes alike, and the sampler has done just that.
    logits = torch.tensor([[math.log(3), 0.0]])
    for label, loss in ((0, math.log(4 / 3)), (1, math.log(4))):
        found = value(
            "class_balanced",
            logits,
            torch.tensor([label]),
            (200, 10),
            shown=(0.5, 0.5),
            balanced_beta=1 - 1e-9,
        )
        assert found == pytest.approx(loss, rel=1e-5)


def test_focal_has_a_slope_where_the_network_is_quite_sure() -> None:
    logits = torch.tensor([[60.0, 0.0]], requires_grad=True)
    options = load_settings(changes={"loss.kind": "focal", "loss.focal_gamma": 0.5}).loss
    make_objective(options, (30, 10), (0.75, 0.25), 0.1)(logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_focal_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0.0]])  # 3/4 and 1/4
    found = value("focal", logits, torch.tensor([0]), focal_gamma=2.0)
    assert found == pytest.approx((1 / 4) ** 2 * math.log(4 / 3), rel=1e-5)


def test_logit_adjusted_by_hand() -> None:
    # Even logits and a prior of 3/4 and 1/4: the rare class costs -log(1/4).
    assert value("logit_adjusted", EVEN[:1], torch.tensor([1])) == pytest.approx(math.log(4))
    assert value("logit_adjusted", EVEN[:1], torch.tensor([1]), logit_tau=2.0) == pytest.approx(
        -math.log(1 / 16 / (9 / 16 + 1 / 16))
    )


@pytest.mark.parametrize("kind", ["class_balanced", "focal", "logit_adjusted"])
def test_neutral_parameters_give_cross_entropy(kind: str) -> None:
    logits, labels = torch.tensor([[1.0, -0.5], [0.2, 2.0]]), torch.tensor([1, 1])
    found = value(kind, logits, labels, balanced_beta=0.0, focal_gamma=0.0, logit_tau=0.0)
    assert found == pytest.approx(value("cross_entropy", logits, labels))


def adaptive(counts: tuple[int, ...] = (30, 10), **more: float) -> AccuracyGmean:
    changes = {f"loss.adaptive.{name}": setting for name, setting in more.items()}
    return AccuracyGmean(counts, load_settings(changes=changes).loss.adaptive, 0.0)


def test_the_adaptive_loss_by_hand() -> None:
    # Without momentum the recalls are the batch's: 3/4 and 1/4. Shares of the classes: 3/4 and 1/4.
    objective = adaptive(momentum=0.0, strength=2.0)
    logits = torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    accuracy, gmean = 0.75 * 0.75 + 0.25 * 0.25, math.sqrt(0.75 * 0.25)
    entropy = (math.log(4 / 3) + math.log(4)) / 2
    assert float(objective(logits, BOTH)) == pytest.approx(
        entropy + 2 * (0.5 * (1 - accuracy) + 0.5 * (1 - gmean)), rel=1e-5
    )


def test_a_running_recall_has_the_batch_s_own_gradient() -> None:
    # Class 1 is absent: its recall stays at the start value 1/2; class 0 moves by a tenth.
    objective = adaptive(momentum=0.9, strength=1.0)
    logits = torch.tensor([[math.log(3), 0.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(objective(logits, torch.tensor([0])), logits)
    assert objective.recall.tolist() == pytest.approx([0.9 * 0.5 + 0.1 * 0.75, 0.5])
    # d p / d logit_0 = p (1 - p) = 3/16; dG/dr_0 = G / (2 r_0); cross-entropy gives p - 1.
    recall = 0.525
    gmean = math.sqrt(recall * 0.5)
    slope = -0.5 * 0.75 - 0.5 * gmean / (2 * recall)
    assert gradient[0, 0].item() == pytest.approx(-0.25 + slope * 3 / 16, rel=1e-5)


def test_a_class_that_is_never_named_still_pulls() -> None:
    recall = torch.tensor([0.9, 0.0], requires_grad=True)
    found = soft_gmean(recall)
    (slope,) = torch.autograd.grad(found, recall)
    assert found.item() == pytest.approx(math.sqrt(0.9 * 0.05))
    assert slope[1].item() == pytest.approx(math.sqrt(0.9 * 0.05) / (2 * 0.05), rel=1e-5)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_the_gmean_s_share_stays_between_a_quarter_and_three(recalls: list[float]) -> None:
    objective = adaptive(tuple([5] * len(recalls)), epoch_momentum=0.0)
    objective.adapt(torch.tensor(recalls))
    assert 0.25 <= float(objective.gmean_share) <= 0.75


def test_the_share_follows_the_gap_smoothly() -> None:
    objective = adaptive((35, 5, 7), epoch_momentum=0.5, gain=2.0)
    # The train part's shares 7/8 and 1/8: accuracy 0.8375, Gmean 0.6; wanted is 3/4, the most.
    objective.adapt(torch.tensor([0.9, 0.4, float("nan")]))
    assert float(objective.gmean_share) == pytest.approx(0.625)
    # Accuracy 0.875 * 0.81 + 0.125 * 0.64, Gmean 0.72: wanted 0.6375, half of the way there.
    objective.adapt(torch.tensor([0.81, 0.64, float("nan")]))
    assert float(objective.gmean_share) == pytest.approx((0.625 + 0.6375) / 2)
