"""One row per epoch in `curves.csv`, one line per epoch for the user."""

import csv
import time
from collections.abc import Callable
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from training.task import Classification

CURVES, PICTURE = "curves.csv", "curves.png"
FIGURES = ("validation_loss", "accuracy", "macro_f1", "gmean")
HEADER = ("epoch", "learning_rate", "train_loss", *FIGURES, "images_per_s", "seconds")


class Curves(Callback):
    """Writes after each epoch; a resumed training goes on below the epochs it keeps."""

    def __init__(self, out: Path, say: Callable[[str], None]) -> None:
        self.path, self.say = out / CURVES, say
        self.begun_s = self.epoch_begun_s = 0.0
        self.first_epoch = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the rows of finished epochs."""
        del pl_module
        self.begun_s, self.first_epoch = time.monotonic(), trainer.current_epoch
        if not trainer.is_global_zero:
            return
        rows = read_curves(self.path) if self.path.is_file() else []
        kept = [row for row in rows if int(row["epoch"]) < trainer.current_epoch]
        with self.path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, HEADER, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self.epoch_begun_s = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's row and say it."""
        if not isinstance(pl_module, Classification):
            return
        train_loss = float(pl_module.train_loss.compute())
        if trainer.is_global_zero:
            self._write(trainer, pl_module, train_loss)

    def _write(self, trainer: Trainer, module: Classification, train_loss: float) -> None:
        figures = {name: float(trainer.callback_metrics[name]) for name in FIGURES}
        spent_s = time.monotonic() - self.epoch_begun_s
        images = trainer.num_training_batches * module.optimise.batch_size * trainer.world_size
        numbers = {
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "train_loss": train_loss, **figures,
            "images_per_s": images / spent_s, "seconds": spent_s,
        }  # fmt: skip
        row = {"epoch": str(trainer.current_epoch)}
        row |= {name: f"{value:.6g}" for name, value in numbers.items()}
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, HEADER, lineterminator="\n").writerow(row)
        self.say(self._line(trainer, train_loss, figures))

    def _line(self, trainer: Trainer, train_loss: float, figures: dict[str, float]) -> str:
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 0
        pace_s = (time.monotonic() - self.begun_s) / (done - self.first_epoch)
        left = divmod(round(pace_s * (total - done)), 60)
        return (
            f"epoch {done:>3}/{total}  loss {train_loss:7.3f}  validation: loss"
            f" {figures['validation_loss']:.3f}, accuracy {100 * figures['accuracy']:5.1f} %,"
            f" macro F1 {100 * figures['macro_f1']:5.1f}, Gmean {100 * figures['gmean']:5.1f}"
            f"  ({left[0]}:{left[1]:02} left)"
        )


def read_curves(path: Path) -> list[dict[str, str]]:
    """Rows of `curves.csv`; a row cut off by a kill is left out."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if None not in row.values()]
