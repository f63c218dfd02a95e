"""The losses of CycleGAN, its pool of earlier pictures and its learning rate schedule."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


def adversarial(scores: Tensor, *, real: bool) -> Tensor:
    """Least squares GAN: mean squared distance of the scores from 1 (real) or 0 (made)."""
    return (scores.float() - float(real)).square().mean()


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Half the sum, which slows the discriminator against the generator."""
    return (adversarial(real, real=True) + adversarial(made, real=False)) / 2


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference, in float32."""
    return (a.float() - b.float()).abs().mean()


class GeneratorLoss(NamedTuple):
    """The three parts, each summed over both directions, without their weights."""

    adversarial: Tensor
    cycle: Tensor
    identity: Tensor

    def total(self, cycle_weight: float, identity_weight: float) -> Tensor:
        """What the generators minimise."""
        return self.adversarial + cycle_weight * self.cycle + identity_weight * self.identity


def decay_factor(epoch: int, epochs: int, decay_epochs: int) -> float:
    """Share of the learning rate in `epoch` (from 0): 1, then falling linearly over the last
    `decay_epochs`; the epoch after the last would have 0.
    """
    return 1 - max(0, epoch + 1 - (epochs - decay_epochs)) / (decay_epochs + 1)


@dataclass(slots=True)
class Pool:
    """Earlier pictures of a generator, so that the discriminator does not forget them (Shrivastava
    et al. 2017).

    While it fills, pictures pass through and are kept; then each is, by a throw of the coin, passed
    through or exchanged for a random one of the pool. Size 0 passes all through.
    """

    size: int
    generator: np.random.Generator
    kept: list[Tensor]

    @classmethod
    def empty(cls, size: int, seed: int) -> "Pool":
        """A new pool."""
        return cls(size, np.random.default_rng(seed), [])

    def exchange(self, pictures: Tensor) -> Tensor:
        """What the discriminator is shown in place of `pictures` (`N x ...`, detached)."""
        return torch.stack([self._one(picture) for picture in pictures.detach()])

    def _one(self, picture: Tensor) -> Tensor:
        if len(self.kept) < self.size:
            self.kept.append(picture)
            return picture
        if self.size == 0 or self.generator.random() < 0.5:
            return picture
        place = int(self.generator.integers(self.size))
        older, self.kept[place] = self.kept[place], picture
        return older.to(picture.device)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"kept": list(self.kept), "generator": self.generator.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the pool that `state` was taken of, on whatever device that one was."""
        self.kept = list(state["kept"])
        self.generator.bit_generator.state = state["generator"]
