"""The weights of the epoch that validation chose."""

import math
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from contract.errors import ConfigError
from training.task import Classification


class Chosen(Callback):
    """Weights of the epoch with the lowest validation loss, in memory and in every checkpoint.

    To stand before the moving average in the list of callbacks: that one puts the training's own
    weights back when the validation of its average ends.
    """

    def __init__(self) -> None:
        self.epoch = -1
        self.weights: dict[str, Tensor] = {}
        """Parameters and buffers of the network by name; none before the first validation."""
        self._loss = math.inf
        self._validated: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take what was validated; its loss is not known yet."""
        del trainer
        if not isinstance(pl_module, Classification):
            return
        self._validated = {
            name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, value in pl_module.network.state_dict().items()
        }

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep it where it is the best so far.

        Raises:
            ConfigError: the weights ran away, and no later epoch brings them back.
        """
        del pl_module
        loss = float(trainer.callback_metrics["validation_loss"])
        if not math.isfinite(loss):
            raise ConfigError(
                f"epoch {trainer.current_epoch + 1}: the validation loss is {loss}, the weights ran"
                " away; train into a new folder with a smaller max_learning_rate"
            )
        if loss < self._loss:
            self._loss, self.epoch, self.weights = loss, trainer.current_epoch, self._validated
        self._validated = {}

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"epoch": self.epoch, "loss": self._loss, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what a checkpoint keeps."""
        self.epoch, self._loss = state_dict["epoch"], state_dict["loss"]
        self.weights = state_dict["weights"]
