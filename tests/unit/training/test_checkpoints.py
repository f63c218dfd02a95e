"""Which weights a training keeps, and when it writes them."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import lightning
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from contract.errors import ConfigError
from training import trainer as our_trainer
from training.chosen import Chosen
from training.config import load_settings
from training.objectives import make_objective
from training.quiet import quiet
from training.task import Classification, Normalised
from training.trainer import make_trainer


def classification() -> Classification:
    settings = load_settings()
    return Classification(
        Normalised(nn.Linear(1, 2, bias=False), 0.0, 1.0, 32), 2,
        make_objective(settings.loss, [1, 1], [0.5, 0.5], 0.0), settings.student.optimise,
        settings.augment,
    )  # fmt: skip


def validate(chosen: Chosen, losses: list[float], first: int = 0) -> None:
    """Epoch k's weight is k."""
    module = classification()
    for epoch, loss in enumerate(losses, first):
        nn.init.constant_(cast("nn.Linear", module.network).weight, epoch)
        metrics = {"validation_loss": torch.tensor(loss)}
        trainer = SimpleNamespace(current_epoch=epoch, callback_metrics=metrics)
        chosen.on_validation_epoch_end(cast("lightning.Trainer", trainer), module)
        chosen.on_validation_end(cast("lightning.Trainer", trainer), module)


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([3, 1, 2], 1), ([1, 1, 1], 0), ([3, 2, 1], 2)],
)
def test_the_lowest_validation_loss_chooses_the_weights(losses: list[float], epoch: int) -> None:
    chosen = Chosen()
    validate(chosen, losses)
    assert chosen.epoch == epoch
    assert chosen.weights["weight"].flatten().tolist() == [epoch, epoch]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_weights_that_ran_away_are_said(loss: float) -> None:
    with pytest.raises(ConfigError, match=r"^epoch 3: .* with a smaller max_learning_rate$"):
        validate(Chosen(), [2, 1, loss])


def test_a_resumed_training_goes_on_with_what_was_chosen(tmp_path: Path) -> None:
    before, after = Chosen(), Chosen()
    validate(before, [3, 1])
    torch.save(before.state_dict(), tmp_path / "state")
    after.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    validate(after, [2], first=2)
    assert (after.epoch, after.weights["weight"].flatten().tolist()) == (1, [1, 1])
    validate(after, [0.5], first=3)
    assert (after.epoch, after.weights["weight"].flatten().tolist()) == (3, [3, 3])


class Line(lightning.LightningModule):
    """Learns a factor, and notes after each epoch which one the checkpoint holds."""

    def __init__(self, last: Path) -> None:
        super().__init__()
        self.factor, self.last = nn.Parameter(torch.ones(1)), last
        self.kept: list[int] = []

    def training_step(self, batch: list[Tensor], _index: int) -> Tensor:
        return (self.factor * batch[0]).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)

    def on_train_epoch_start(self) -> None:
        if self.last.is_file():
            self.kept.append(self.held())

    def held(self) -> int:
        return int(torch.load(self.last, weights_only=True)["epoch"])


@pytest.mark.parametrize(("pause_s", "kept"), [(0.0, [0, 1, 2]), (1e9, [0, 0, 0])])
def test_a_checkpoint_is_written_where_it_is_time_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause_s: float, kept: list[int]
) -> None:
    monkeypatch.setattr(our_trainer, "PAUSE_S", pause_s)
    module = Line(tmp_path / "checkpoints" / "last.ckpt")
    trainer = make_trainer(load_settings(), tmp_path, 4, [], 1)
    with quiet():
        trainer.fit(module, DataLoader(TensorDataset(torch.ones(2, 1))))
    assert [*module.kept, module.held()] == [*kept, 3]
