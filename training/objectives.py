"""What a network is trained to minimise on labelled tiles: cross-entropy, its classical answers to
unbalanced classes, and the adaptive accuracy-Gmean loss.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import Adaptive, Loss

CLAMP = 0.05
"""Least recall in the soft Gmean: below it, 1 / recall would let one class drown all others."""


class Objective(nn.Module):
    """Cross-entropy with label smoothing; the others add to it or change it.

    Calling it takes logits `N x C` and labels `N` and returns a scalar in float32.
    """

    def __init__(self, label_smoothing: float) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.label_smoothing
        )

    def adapt(self, recalls: Tensor) -> None:
        """Learn from the epoch's recalls on the train part (NaN: class unseen). Nothing here."""


class ClassBalanced(Objective):
    """Cross-entropy weighted by the inverse effective number of images (Cui et al., CVPR 2019,
    eq. 12): `(1 - beta) / (1 - beta^n_c)`, scaled to a mean of 1 over the classes. What the sampler
    has balanced already is taken out: `prior` is each class's share of the batches.
    """

    weights: Tensor

    def __init__(
        self, counts: Sequence[int], prior: Sequence[float], beta: float, label_smoothing: float
    ) -> None:
        super().__init__(label_smoothing)
        number = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
        weights = (1 - beta) / (1 - beta**number) * number / torch.tensor(prior).double()
        self.register_buffer("weights", (weights / weights.mean()).float(), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch, each image with its class's weight."""
        each = functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.label_smoothing, reduction="none"
        )
        return (each * self.weights[labels]).mean()


class Focal(Objective):
    """`(1 - p)^gamma` times the cross-entropy, p the true class's probability (Lin et al., ICCV
    2017, eq. 4, without alpha).
    """

    def __init__(self, gamma: float, label_smoothing: float) -> None:
        super().__init__(label_smoothing)
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        each = functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.label_smoothing, reduction="none"
        )
        # Rounded to 0 its power would have no slope that is a number, where gamma is below 1.
        missing = (1 - _true_probability(logits, labels)).clamp(min=1e-6)
        return (missing**self.gamma * each).mean()


class LogitAdjusted(Objective):
    """Cross-entropy of `logits + tau log(prior)` (Menon et al., ICLR 2021, eq. 10): what is left of
    the logits then is fair to rare classes. `prior` is that of the batches, after the sampler.
    """

    offset: Tensor

    def __init__(self, prior: Sequence[float], tau: float, label_smoothing: float) -> None:
        super().__init__(label_smoothing)
        offset = tau * torch.log(torch.tensor(prior, dtype=torch.float64))
        self.register_buffer("offset", offset.float(), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return super().forward(logits.float() + self.offset, labels)


class AccuracyGmean(Objective):
    """Ours: `CE + a (1 - acc) + b (1 - G)` with soft recalls.

    The recall `r_c` is the mean probability of the true class over class c, `acc = sum_c f_c r_c`
    with the train part's class shares f, `G = exp(mean_c log max(r_c, 0.05))`. A batch rarely holds
    every class: each `r_c` has the value of a running estimate and the gradient of this batch's own
    images, not scaled down by the momentum. Below the clamp the gradient is that at the clamp,
    since a class that is never named needs it most.

    `a + b` is the strength. After each epoch b's share is `1/2 + gain (accuracy - Gmean)`, between
    1/4 and 3/4, of the train part's hard recalls (their accuracy with the shares f too), smoothed
    over epochs: as long as accuracy is bought with rare classes, Gmean weighs more.
    """

    shares: Tensor
    recall: Tensor
    gmean_share: Tensor

    def __init__(self, counts: Sequence[int], options: Adaptive, label_smoothing: float) -> None:
        super().__init__(label_smoothing)
        self.options = options
        number = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer("shares", number / number.sum(), persistent=False)
        self.register_buffer("recall", torch.full((len(counts),), 1 / len(counts)))
        self.register_buffer("gmean_share", torch.tensor(0.5))

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The whole sum for one batch; moves the running recalls on."""
        recall = self._recall(logits, labels)
        accuracy = (self.shares * recall).sum()
        missing = self.options.strength * (
            (1 - self.gmean_share) * (1 - accuracy) + self.gmean_share * (1 - soft_gmean(recall))
        )
        return super().forward(logits, labels) + missing

    def adapt(self, recalls: Tensor) -> None:
        """Move the Gmean's share towards what the gap asks for."""
        known = ~recalls.isnan()
        seen, shares = recalls[known], self.shares[known]
        accuracy = float((shares * seen).sum() / shares.sum())
        gap = accuracy - float(seen.log().mean().exp())
        wanted = min(max(0.5 + self.options.gain * gap, 0.25), 0.75)
        kept = self.options.epoch_momentum
        self.gmean_share.mul_(kept).add_((1 - kept) * wanted)

    def _recall(self, logits: Tensor, labels: Tensor) -> Tensor:
        chance = _true_probability(logits, labels)
        count = torch.bincount(labels, minlength=len(self.recall))
        total = torch.zeros_like(self.recall).index_add(0, labels, chance)
        own, present = total / count.clamp(min=1), count > 0
        with torch.no_grad():
            kept = self.options.momentum
            moved = kept * self.recall + (1 - kept) * own
            self.recall.copy_(torch.where(present, moved, self.recall))
        return self.recall.clone() + torch.where(present, own - own.detach(), 0.0)


def soft_gmean(recall: Tensor) -> Tensor:
    """`exp(mean log max(r, 0.05))` of recalls `C`; the gradient passes the clamp."""
    bounded = recall + (recall.clamp(min=CLAMP) - recall).detach()
    return bounded.log().mean().exp()


def make_objective(
    options: Loss, counts: Sequence[int], prior: Sequence[float], label_smoothing: float
) -> Objective:
    """The objective that the settings name.

    Args:
        options: kind and its parameters.
        counts: images of each class in the train part.
        prior: share of each class in the batches.
        label_smoothing: of the cross-entropy inside.
    """
    match options.kind:
        case "class_balanced":
            return ClassBalanced(counts, prior, options.balanced_beta, label_smoothing)
        case "focal":
            return Focal(options.focal_gamma, label_smoothing)
        case "logit_adjusted":
            return LogitAdjusted(prior, options.logit_tau, label_smoothing)
        case "adaptive":
            return AccuracyGmean(counts, options.adaptive, label_smoothing)
        case "cross_entropy":
            return Objective(label_smoothing)


def _true_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.float().softmax(dim=1).gather(1, labels[:, None])[:, 0]
