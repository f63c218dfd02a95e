"""One step of CycleGAN: both generators, then both discriminators."""

from typing import Any, cast

import lightning
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric

from training.config import Migrate
from training.migrate.data import PairBatch
from training.migrate.losses import (
    GeneratorLoss,
    Pool,
    adversarial,
    decay_factor,
    discriminator_loss,
    l1,
)
from training.migrate.networks import Discriminator, Generator, residual_blocks

PARTS = ("adversarial", "cycle", "identity", "discriminator")


class Migration(lightning.LightningModule):
    """Generators `forth` (source to target) and `back`, with a discriminator for each line.

    Optimised by hand, since the two sides take turns within a step.
    """

    def __init__(self, options: Migrate, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.options = options
        blocks = options.blocks or residual_blocks(options.size_px)
        self.forth = Generator(options.filters, blocks)
        self.back = Generator(options.filters, blocks)
        self.judge_source = Discriminator(options.filters)
        self.judge_target = Discriminator(options.filters)
        self.pool_source = Pool.empty(options.pool_size, seed)
        self.pool_target = Pool.empty(options.pool_size, seed + 1)
        self.means = nn.ModuleDict({part: MeanMetric() for part in PARTS})

    def training_step(self, batch: PairBatch, _index: int) -> None:
        """One update of all four networks from a batch of each line."""
        source, target = (to_unit(pixels) for pixels in batch)
        generators, judges = cast("list[LightningOptimizer]", self.optimizers())
        self.toggle_optimizer(generators)
        in_target, in_source = self.forth(source), self.back(target)
        losses = self._generator_losses(source, target, in_source, in_target)
        self._update(
            generators, losses.total(self.options.cycle_weight, self.options.identity_weight)
        )
        self.untoggle_optimizer(generators)
        self.toggle_optimizer(judges)
        loss = self._discriminators_loss(source, target, in_source, in_target)
        self._update(judges, loss)
        self.untoggle_optimizer(judges)
        for part, value in zip(PARTS, (*losses, loss), strict=True):
            cast("MeanMetric", self.means[part]).update(value.detach())

    def on_train_epoch_end(self) -> None:
        """The next epoch's learning rate; `fit` has read this one's losses."""
        for schedule in cast("list[LambdaLR]", self.lr_schedulers()):
            schedule.step()
        for mean in self.means.values():
            cast("MeanMetric", mean).reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam for both sides, with the same schedule."""
        sides = ((self.forth, self.back), (self.judge_source, self.judge_target))
        optimisers = [self._adam(*side) for side in sides]
        schedules = [LambdaLR(optimiser, self._factor) for optimiser in optimisers]
        return optimisers, schedules

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the pools."""
        checkpoint["pools"] = [self.pool_source.state(), self.pool_target.state()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the pools."""
        for pool, state in zip(
            (self.pool_source, self.pool_target), checkpoint["pools"], strict=True
        ):
            pool.restore(state)

    def _generator_losses(
        self, source: Tensor, target: Tensor, in_source: Tensor, in_target: Tensor
    ) -> GeneratorLoss:
        identity = in_target.new_zeros(())
        if self.options.identity_weight:
            identity = l1(self.forth(target), target) + l1(self.back(source), source)
        return GeneratorLoss(
            adversarial(self.judge_target(in_target), real=True)
            + adversarial(self.judge_source(in_source), real=True),
            l1(self.back(in_target), source) + l1(self.forth(in_source), target),
            identity,
        )

    def _discriminators_loss(
        self, source: Tensor, target: Tensor, in_source: Tensor, in_target: Tensor
    ) -> Tensor:
        made_target = self.pool_target.exchange(in_target)
        made_source = self.pool_source.exchange(in_source)
        return discriminator_loss(
            self.judge_target(target), self.judge_target(made_target)
        ) + discriminator_loss(self.judge_source(source), self.judge_source(made_source))

    def _update(self, optimiser: LightningOptimizer, loss: Tensor) -> None:
        optimiser.zero_grad()
        self.manual_backward(loss)
        optimiser.step()

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        parameters = [p for network in networks for p in network.parameters()]
        options = self.options
        return torch.optim.Adam(
            parameters, options.learning_rate, betas=(options.beta1, options.beta2)
        )

    def _factor(self, epoch: int) -> float:
        return decay_factor(epoch, self.options.epochs, self.options.decay_epochs)


def to_unit(pixels: Tensor) -> Tensor:
    """U8 `N x H x W` to float `N x 1 x H x W` in -1 .. 1."""
    return pixels[:, None].float() / 127.5 - 1


def to_grey(unit: Tensor) -> Tensor:
    """Back to U8 `N x H x W`."""
    return ((unit[:, 0].float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
