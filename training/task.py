"""One training step and one validation step, for teacher, student and distilled student."""

from dataclasses import dataclass

import lightning
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import CatMetric, MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from runtime.scores import gmean, macro_f1
from training.augment import augment
from training.config import Augment, Distill, Optimise
from training.data import Batch
from training.losses import kd, mean_of_classes, rkd_angle, rkd_distance
from training.networks.deployed import Views, over_views
from training.objectives import Objective


@dataclass(frozen=True, slots=True)
class Normalised:
    """A network with its input: it takes grey levels `N x 1 x H x H`, of its size or larger."""

    network: nn.Module
    mean: float
    std: float
    input_px: int
    views: Views = 1

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding."""
        if images.shape[-1] != self.input_px:
            images = _scale(images, self.input_px)
        x = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return over_views(self.network, x, self.views)


def _scale(images: Tensor, px: int) -> Tensor:
    """`N x 1 x H x H` to `N x 1 x px x px`, smaller, by areas, as the line does."""
    side = images.shape[-1]
    edge = torch.arange(px + 1, device=images.device) * (side / px)
    pixel = torch.arange(side, device=images.device)
    overlap = torch.minimum(edge[1:, None], pixel + 1) - torch.maximum(edge[:-1, None], pixel)
    weights = overlap.clamp(min=0) * (px / side)
    with torch.autocast(images.device.type, enabled=False):  # bf16 has no 256 grey levels
        return weights @ images @ weights.T


@dataclass(frozen=True, slots=True)
class Distillation:
    """The frozen teacher and the weights of its losses."""

    teacher: Normalised
    options: Distill

    def loss(self, images: Tensor, logits: Tensor, embedding: Tensor) -> Tensor:
        """KD and RKD between the student's outputs and the teacher's, weighted and summed.

        Args:
            images: grey levels `B x 1 x H x W`, as the student saw them.
            logits: the student's, `B x C`.
            embedding: the student's, `B x D`; compared at unit length, as in Park's classification
                script.
        """
        with torch.no_grad():
            teacher_logits, teacher_embedding = self.teacher(images)
        student_unit = functional.normalize(embedding.float(), dim=1)
        teacher_unit = functional.normalize(teacher_embedding.float(), dim=1)
        options = self.options
        return (
            options.kd_weight * kd(logits, teacher_logits, options.kd_temperature)
            + options.distance_weight * rkd_distance(student_unit, teacher_unit)
            + options.angle_weight * rkd_angle(student_unit, teacher_unit, options.angle_batch)
        )


class Classification(lightning.LightningModule):
    """Trains a network on labelled tiles, and on a teacher's outputs where one is given.

    `validation_loss` is the cross-entropy averaged over the classes' means. The epoch is chosen by
    it: it weighs classes alike, as macro F1 and Gmean do, but those jump by points when one image
    of a rare class changes sides, and would choose by luck.
    """

    def __init__(
        self, student: Normalised, classes: int, objective: Objective, optimise: Optimise,
        augment: Augment, distillation: Distillation | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network, self.objective = student.network, objective
        self.student, self.optimise, self.augment = student, optimise, augment
        self.distillation = distillation
        self.seed = 0
        self.confusion = MulticlassConfusionMatrix(classes)
        self.train_confusion = MulticlassConfusionMatrix(classes)
        self.validation_losses = CatMetric(nan_strategy="disable")  # as many as labels
        self.validation_labels = CatMetric()
        self.train_loss = MeanMetric(nan_strategy="disable")

    def on_fit_start(self) -> None:
        """The teacher is no part of this module (it is neither trained nor saved), so it is moved
        to the device here.
        """
        self.seed = torch.initial_seed()
        if self.distillation is not None:
            teacher = self.distillation.teacher.network.to(self.device)
            teacher.requires_grad_(requires_grad=False).eval()

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Loss of one batch. What is drawn for it follows from seed, step and process: a training
        that goes on after a break draws what an unbroken one would, and each process its own.
        """
        place = np.random.SeedSequence((self.seed, self.global_step, self.global_rank))
        torch.manual_seed(int(place.generate_state(1, np.uint64)[0]))
        pixels, labels = batch
        with torch.autocast(pixels.device.type, enabled=False):
            images = augment(pixels[:, None].float(), self.augment)
        logits, embedding = self.student(images)
        loss: Tensor = self.objective(logits, labels)
        self.train_confusion.update(logits.detach(), labels)
        if self.distillation is not None:
            taught = self.distillation.loss(images, logits, embedding)
            loss = self.distillation.options.label_weight * loss + taught
        self.train_loss.update(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        """Let the objective learn from the epoch, and start the next one's figures;
        `training.curves` has read this one's.
        """
        counts = self.train_confusion.compute().float()
        self.objective.adapt(counts.diagonal() / counts.sum(dim=1))
        self.train_confusion.reset()
        self.train_loss.reset()

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Count one batch of unchanged tiles."""
        pixels, labels = batch
        logits = self.student(pixels[:, None].float())[0].float()
        self.confusion.update(logits, labels)
        self.validation_losses.update(functional.cross_entropy(logits, labels, reduction="none"))
        self.validation_labels.update(labels)

    def on_validation_epoch_end(self) -> None:
        """Figures of the whole validation part."""
        counts = self.confusion.compute().cpu().numpy()
        losses, labels = self.validation_losses.compute(), self.validation_labels.compute()
        figures = {
            "validation_loss": float(mean_of_classes(losses, labels)),
            "accuracy": float(counts.trace() / counts.sum()),
            "macro_f1": macro_f1(counts),
            "gmean": gmean(counts),
        }
        self.log_dict(figures)
        for metric in (self.confusion, self.validation_losses, self.validation_labels):
            metric.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, without decay on norms and biases, and one cycle over all steps."""
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.optimise.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=self.optimise.max_learning_rate, fused=True,
        )  # fmt: skip
        steps = int(self.trainer.estimated_stepping_batches)
        # torch divides by zero where the rise is exactly one step long.
        rise = min(max(self.optimise.warm_up_share, 1.5 / steps), 0.9)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.optimise.max_learning_rate, total_steps=steps, pct_start=rise
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
