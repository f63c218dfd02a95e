"""Ctrl-C between two steps."""

import signal
from types import FrameType, TracebackType
from typing import Self

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.types import STEP_OUTPUT


class Interrupt(Callback):
    """Turns the first SIGINT into a KeyboardInterrupt after the running step; a second one comes at
    once.

    Python raises it wherever it stands. Where that is a destructor or a callback of a C library
    (saving a checkpoint has both), it is printed and forgotten, and the training goes on.
    """

    def __init__(self) -> None:
        self.asked = False
        """Also where no step came after it: the last epoch's validation, its checkpoint."""
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        signal.signal(signal.SIGINT, self._before)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: object,
        batch_idx: int,
    ) -> None:  # fmt: skip
        """The safe place."""
        del trainer, pl_module, outputs, batch, batch_idx
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            signal.default_int_handler(number, frame)
        self.asked = True
