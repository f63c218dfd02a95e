"""One row per epoch in `curves.csv`, one line per epoch for the user."""

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from training.task import Classification

CURVES, PICTURE = "curves.csv", "curves.png"
FIGURES = ("validation_loss", "accuracy", "macro_f1", "gmean")


class EpochRows(Callback):
    """A row of `curves.csv` and a line for the user after each epoch; a resumed training goes on
    below the epochs it keeps.
    """

    def __init__(self, path: Path, figures: Sequence[str], say: Callable[[str], None]) -> None:
        self.path, self.say = path, say
        self.header = ("epoch", "learning_rate", *figures, "images_per_s", "seconds")
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
            writer = csv.DictWriter(stream, self.header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self.epoch_begun_s = time.monotonic()

    def write(self, trainer: Trainer, figures: Mapping[str, float], batch_size: int) -> None:
        """The epoch's row."""
        spent_s = time.monotonic() - self.epoch_begun_s
        images = trainer.num_training_batches * batch_size * trainer.world_size
        numbers = {
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]), **figures,
            "images_per_s": images / spent_s, "seconds": spent_s,
        }  # fmt: skip
        row = {"epoch": str(trainer.current_epoch)}
        row |= {name: f"{value:.6g}" for name, value in numbers.items()}
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, self.header, lineterminator="\n").writerow(row)

    def tell(self, trainer: Trainer, words: str) -> None:
        """The epoch's line, with the time left."""
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 0
        pace_s = (time.monotonic() - self.begun_s) / (done - self.first_epoch)
        minutes, seconds = divmod(round(pace_s * (total - done)), 60)
        self.say(f"epoch {done:>3}/{total}  {words}  ({minutes}:{seconds:02} left)")


class Curves(EpochRows):
    """Losses and validation figures of a classifier."""

    def __init__(self, out: Path, say: Callable[[str], None]) -> None:
        super().__init__(out / CURVES, ("train_loss", *FIGURES), say)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's row and say it."""
        if not isinstance(pl_module, Classification):
            return
        train_loss = float(pl_module.train_loss.compute())
        if not trainer.is_global_zero:
            return
        found = {name: float(trainer.callback_metrics[name]) for name in FIGURES}
        self.write(trainer, {"train_loss": train_loss, **found}, pl_module.optimise.batch_size)
        self.tell(
            trainer,
            f"loss {train_loss:7.3f}  validation: loss {found['validation_loss']:.3f},"
            f" accuracy {100 * found['accuracy']:5.1f} %, macro F1 {100 * found['macro_f1']:5.1f},"
            f" Gmean {100 * found['gmean']:5.1f}",
        )


def read_curves(path: Path) -> list[dict[str, str]]:
    """Rows of `curves.csv`; a row cut off by a kill is left out."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if None not in row.values()]
