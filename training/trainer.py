"""Lightning's loop as every training here wants it."""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar

from contract.errors import ConfigError
from training.config import Settings
from training.job import CHECKPOINTS, LAST
from training.quiet import quiet

PAUSE_S = 20.0
"""Between two checkpoints: an epoch over few images is over sooner than they are written."""


class Last(ModelCheckpoint):
    """`last.ckpt`, after an epoch; `PAUSE_S` later at the soonest, and after the last one."""

    _saved_s = -math.inf

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Save where it is time; the first process decides for all."""
        is_over = trainer.current_epoch + 1 == trainer.max_epochs
        due = is_over or time.monotonic() - self._saved_s >= PAUSE_S
        if trainer.strategy.broadcast(due):
            super().on_train_epoch_end(trainer, pl_module)
            self._saved_s = time.monotonic()


def make_trainer(
    settings: Settings, out: Path, epochs: int, callbacks: Sequence[Callback],
    devices: int | Literal["auto"],
) -> lightning.Trainer:  # fmt: skip
    """A trainer that keeps `last.ckpt`, and shows a bar on a terminal.

    Raises:
        ConfigError: this machine has no such accelerator, or fewer devices.
    """
    last = Last(
        out / CHECKPOINTS, LAST.removesuffix(".ckpt"), save_on_train_epoch_end=True,
        enable_version_counter=False,
    )  # fmt: skip
    has_terminal = sys.stdout.isatty()
    bar = [TQDMProgressBar(leave=False)] if has_terminal else []
    try:
        with quiet():
            return lightning.Trainer(
                accelerator=settings.accelerator, devices=devices,
                precision=lightning_precision(settings), max_epochs=epochs,
                use_distributed_sampler=False,  # `BalancedSampler` shares the epoch out itself
                callbacks=[*callbacks, last, *bar], logger=False, num_sanity_val_steps=0,
                default_root_dir=out, enable_model_summary=False,
                enable_progress_bar=has_terminal,
            )  # fmt: skip
    except MisconfigurationException as error:
        raise ConfigError(
            f"accelerator {settings.accelerator}, devices {devices}: {error} Set both in --config"
            " to what this machine has"
        ) from error


def lightning_precision(settings: Settings) -> Literal["bf16-mixed", "32-true"]:
    """bf16 with float32 weights where it is asked for, or `auto` and the processor has it.

    On a CPU with AVX512-BF16 or AMX bf16 trains a ResNet34 at least twice as fast as float32;
    elsewhere it is emulated and slower.
    """
    wanted = settings.precision == "bf16"
    if settings.precision == "auto":
        if settings.accelerator != "cpu" and torch.cuda.is_available():
            wanted = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            known = torch.cpu.get_capabilities()
            wanted = bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return "bf16-mixed" if wanted else "32-true"
