"""The operating point: how often each class comes on the line, and what a mistake costs there.

A tile that is either clean or class c is worth reporting when the expected cost of keeping silent
is the larger one: `missed_c P(c) >= false_alarm P(clean)`. Where several defects are in doubt, the
sum of the left side over them would decide; the line asks for the most probable class, so each is
weighed alone and such a tile is reported a little later than it would be worth it.

The weighing is done by arithmetic and not by fitting, since the rare classes' few validation tiles
could not carry it: each class's logit gets an offset, `log(line share / training balance)`, which
is Bayes' rule for known class frequencies (Saerens, Latinne and Decaestecker 2002, eq. 2.4), and a
defect's `log(missed / false alarm)` beside (Elkan 2001: a cost weighs like a frequency). It goes
into the bias of the last layer, so the deployed graph keeps its nodes and whoever reads it needs no
new rule.

After that the rule says no more than that a defect is more probable than clean, so all thresholds
are 0. Thresholds alone could not do it: they can keep a tile back, but never name a defect where
clean is more probable.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from contract.classes import ClassList
from contract.errors import ConfigError
from training.config import Fraction, Loss, Operating

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


class OperatingPoint(BaseModel):
    """How often each class comes on the line and what mistakes cost, as built into the graph and
    the thresholds; all by class name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    training_balance: dict[str, Fraction]
    """Class shares that the network's probabilities stood for before the shift."""
    line_frequencies: dict[str, Fraction]
    """Class shares of the line's tiles, together 1."""
    missed_cost: dict[str, float]
    """Of each defect class; only the ratio to `false_alarm_cost` matters."""
    false_alarm_cost: float
    logit_offset: dict[str, float]
    """What the graph adds to each class before the softmax."""


def check_operating(options: Operating, classes: ClassList) -> None:
    """Refuse shares or costs that do not belong to the classes.

    Raises:
        ConfigError: a class too many or too few, or costs without a clean class.
    """
    if options.line_frequencies:
        _check_names("line_frequencies", options.line_frequencies, classes.names, "class")
    if options.missed_cost:
        _check_names("missed_cost", options.missed_cost, classes.defects, "defect class")
        if not classes.clean:
            raise ConfigError(
                "operating.missed_cost: without a clean class there is no false alarm to weigh it"
                " against; add clean tiles (stripsight-train clean), or name the class with --clean"
            )


def _check_names(key: str, given: Mapping[str, float], wanted: Sequence[str], what: str) -> None:
    if unknown := sorted(set(given) - set(wanted)):
        raise ConfigError(f"operating.{key}: {unknown[0]} is no {what}; known: {', '.join(wanted)}")
    if missing := [name for name in wanted if name not in given]:
        raise ConfigError(f"operating.{key}: {missing[0]} is missing; give every {what}")


def training_balance(loss: Loss, counts: Sequence[int], quotas: Sequence[int]) -> list[float]:
    """The class shares that a network's probabilities stand for, together 1: those of its batches,
    changed by the loss. Exact for cross-entropy, class-balanced and logit-adjusted, near for the
    others and for a distilled student, since its teacher's answers have a balance of their own.

    Args:
        loss: a class's weight acts like a share; `logit_adjusted` takes `tau` of the shares away.
        counts: images of each class in the train part.
        quotas: images of each class in an epoch.
    """
    weights = np.asarray(quotas, np.float64)
    if loss.kind == "class_balanced":
        number = np.maximum(counts, 1).astype(np.float64)
        weights = number / (1 - loss.balanced_beta**number)  # it takes the sampler's share out
    if loss.kind == "logit_adjusted":
        weights **= 1 - loss.logit_tau
    shares: list[float] = (weights / weights.sum()).tolist()
    return shares


def operating_point(
    options: Operating, classes: ClassList, balance: Sequence[float]
) -> OperatingPoint | None:
    """What the settings ask for, in numbers; None where they ask for nothing.

    Args:
        options: checked with `check_operating`.
        classes: of the network.
        balance: the class shares that its probabilities stand for.
    """
    if not options.line_frequencies and not options.missed_cost:
        return None
    trained = dict(zip(classes.names, balance, strict=True))
    total, alarm = sum(options.line_frequencies.values()), options.false_alarm_cost
    line = {name: share / total for name, share in options.line_frequencies.items()} or trained
    cost = {name: options.missed_cost.get(name, alarm) for name in classes.defects}
    offset = {
        name: math.log(line[name] / trained[name]) + math.log(cost.get(name, alarm) / alarm)
        for name in classes.names
    }
    return OperatingPoint(
        training_balance=trained, line_frequencies=line, missed_cost=cost, false_alarm_cost=alarm,
        logit_offset=offset,
    )  # fmt: skip


def shift_logits(
    network: nn.Module, classes: ClassList, point: OperatingPoint, temperature: float
) -> None:
    """Add the offset to the bias of the network's last layer, in place; the temperature divides
    the logits later, so the offset is multiplied with it.
    """
    offset = torch.tensor([point.logit_offset[name] for name in classes.names])
    bias = network.get_parameter("fc.bias")
    bias.data.add_(offset.to(bias.dtype), alpha=temperature)


class Rule(NamedTuple):
    """How the line decides: a tile is reported as its most probable class, if that is a defect and
    reaches its threshold.
    """

    classes: ClassList
    thresholds: Mapping[str, float]


def reported(probabilities: Floats, classes: ClassList, thresholds: Mapping[str, float]) -> Ints:
    """What the line makes of `N x C` probabilities: the index of the reported defect class, -1 for
    none. Its rule: the most probable class, if that is a defect and reaches its threshold.
    """
    limits = np.array([thresholds.get(name, np.inf) for name in classes.names])
    best = probabilities.argmax(axis=1)
    has_reached = probabilities[np.arange(len(best)), best] >= limits[best]
    return np.where(has_reached, best, -1)


def expected_cost(
    named: Ints, truth: Ints, classes: ClassList, point: OperatingPoint
) -> float | None:
    """Mean cost of a tile of the line: each class's own mean, weighed by its share of the line.

    Args:
        named: from `reported`; a defect under another defect's name costs nothing.
        truth: class index of each tile, `N`.
        classes: of the network.
        point: costs and shares.

    Returns:
        None where a class has no tile.
    """
    total = 0.0
    for label, name in enumerate(classes.names):
        own = truth == label
        if not own.any():
            return None
        silent = float((named[own] < 0).mean())
        wrong = (1 - silent) * point.false_alarm_cost
        cost = silent * point.missed_cost[name] if name in point.missed_cost else wrong
        total += point.line_frequencies[name] * cost
    return total


def without_shift(probabilities: Floats, classes: ClassList, point: OperatingPoint) -> Floats:
    """What the network gave before `shift_logits`, from what it gives after, `N x C`."""
    weights = np.exp([-point.logit_offset[name] for name in classes.names])
    weighed = probabilities * weights
    plain: Floats = weighed / weighed.sum(axis=1, keepdims=True)
    return plain


def worth(
    probabilities: Floats, truth: Ints, classes: ClassList, point: OperatingPoint,
    plain_thresholds: Mapping[str, float],
) -> str:  # fmt: skip
    """The expected cost of 1,000 tiles of the line with and without the operating point, in words.

    Args:
        probabilities: of the shifted network, `N x C`.
        truth: class index of each tile, `N`.
        classes: of the network.
        point: what was asked for.
        plain_thresholds: those that would hold without it.
    """
    named = reported(probabilities, classes, dict.fromkeys(classes.defects, 0.0))
    plain = reported(without_shift(probabilities, classes, point), classes, plain_thresholds)
    now, before = (expected_cost(answer, truth, classes, point) for answer in (named, plain))
    if now is None or before is None:
        return "expected cost on the line: not known, a class has no tile in the test part"
    return (
        f"expected cost of 1,000 tiles of the line: {1000 * now:.4g}; without the operating point"
        f" {1000 * before:.4g}"
    )
