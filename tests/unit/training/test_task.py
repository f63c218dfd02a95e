"""What a network is given in training."""

from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from runtime.scale import fit_tile
from training.config import load_settings
from training.losses import kd, rkd_angle, rkd_distance
from training.objectives import AccuracyGmean, make_objective
from training.task import Classification, Distillation, Normalised


@pytest.mark.parametrize("px", [32, 48, 40])
def test_a_student_learns_from_tiles_as_sharp_as_the_line_s(px: int) -> None:
    """Its teacher's are larger, twice as large or not."""

    def given(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x

    tiles = np.random.default_rng(0).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    student = Normalised(cast("nn.Module", given), 0.0, 1.0, px)
    with torch.autocast("cpu", torch.bfloat16):
        seen, _ = student(torch.from_numpy(tiles)[:, None].float())
    on_the_line = np.stack([fit_tile(tile, px) for tile in tiles])
    assert np.abs(seen[:, 0].numpy() - on_the_line).max() <= 0.51


class Small(nn.Module):
    """Logits and embedding of four numbers each, through a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.norm(self.conv(x)).mean(dim=(2, 3))
        return 3 * embedding, embedding


def small() -> Normalised:
    return Normalised(Small(), 128.0, 60.0, 32)


@pytest.mark.parametrize("weight", ["kd", "distance", "angle"])
def test_each_weight_of_distillation_is_its_own_loss_s(weight: str) -> None:
    torch.manual_seed(0)
    teacher, images = small(), torch.rand(6, 1, 32, 32) * 255
    teacher.network.eval()
    weights = {"kd_weight": 0.0, "distance_weight": 0.0, "angle_weight": 0.0}
    chosen = weights | {f"{weight}_weight": 3.0}
    options = load_settings(changes={f"distill.{k}": v for k, v in chosen.items()}).distill
    logits, embedding = torch.randn(6, 4), torch.randn(6, 9)
    with torch.no_grad():
        taught, seen = teacher(images)
    unit = nn.functional.normalize(embedding), nn.functional.normalize(seen)
    expected = {
        "kd": kd(logits, taught, options.kd_temperature),
        "distance": rkd_distance(*unit),
        "angle": rkd_angle(*unit, options.angle_batch),
    }[weight]
    found = Distillation(teacher, options).loss(images, logits, embedding)
    assert found.item() == pytest.approx(3 * expected.item(), rel=1e-5)
    assert found > 0
    uneven = embedding * torch.arange(1, 7)[:, None]
    longer = Distillation(teacher, options).loss(images, logits, uneven)
    assert longer.item() == pytest.approx(found.item(), rel=1e-4), "compared at unit length"


def test_the_adaptive_loss_follows_the_train_part_s_recalls() -> None:
    settings = load_settings(changes={"loss.kind": "adaptive", "loss.adaptive.epoch_momentum": 0.0})
    objective = make_objective(settings.loss, [30, 10], [0.75, 0.25], 0.0)
    assert isinstance(objective, AccuracyGmean)
    module = Classification(small(), 2, objective, settings.student.optimise, settings.augment)
    # Of the train part 3 of 4 and 1 of 2 are right, of the validation part all.
    module.train_confusion.update(torch.tensor([0, 0, 0, 1, 0, 1]), torch.tensor([0] * 4 + [1] * 2))
    module.confusion.update(torch.tensor([0, 1]), torch.tensor([0, 1]))
    module.on_train_epoch_end()
    gap = 0.75 * 0.75 + 0.25 * 0.5 - (0.75 * 0.5) ** 0.5
    wanted = 0.5 + settings.loss.adaptive.gain * gap
    assert 0.5 < wanted < 0.75
    assert float(objective.gmean_share) == pytest.approx(wanted, rel=1e-5)
    saved = module.state_dict()
    again = make_objective(settings.loss, [30, 10], [0.75, 0.25], 0.0)
    resumed = Classification(small(), 2, again, settings.student.optimise, settings.augment)
    resumed.load_state_dict(saved)
    assert isinstance(again, AccuracyGmean)
    assert float(again.gmean_share) == pytest.approx(wanted, rel=1e-5)
    assert torch.equal(again.recall, objective.recall)


def test_the_teacher_is_asked_and_not_trained() -> None:
    torch.manual_seed(0)
    settings = load_settings(changes={"distill.label_weight": 0.0})
    teacher, student = small(), small()
    teacher.network.train()
    before = {name: value.clone() for name, value in teacher.network.state_dict().items()}
    module = Classification(
        student, 4, make_objective(settings.loss, [5] * 4, [0.25] * 4, 0.1),
        settings.student.optimise, settings.augment, Distillation(teacher, settings.distill),
    )  # fmt: skip
    module.on_fit_start()
    pixels = torch.randint(0, 256, (8, 32, 32), dtype=torch.uint8)
    loss = module.training_step((pixels, torch.arange(8) % 4), 0)
    torch.autograd.backward(loss)
    assert not teacher.network.training
    assert all(parameter.grad is None for parameter in teacher.network.parameters())
    after = teacher.network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.grad is not None for parameter in student.network.parameters())
