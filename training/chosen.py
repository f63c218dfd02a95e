"""The epoch that validation chose: kept on disk while the training goes on."""

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from contract.errors import ConfigError
from training.job import CHECKPOINTS


class Best(ModelCheckpoint):
    """The best epoch so far, also of a run that was moved: Lightning would forget it then."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what lies here under the names that it had there."""
        here = Path(str(self.dirpath))

        def moved(path: str) -> str:
            return str(here / Path(path).name) if path else path

        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        state = state_dict | {name: moved(state_dict[name]) for name in paths}
        kept = state_dict["best_k_models"].items()
        state |= {
            "dirpath": self.dirpath, "best_k_models": {moved(path): loss for path, loss in kept},
        }  # fmt: skip
        super().load_state_dict(state)


def keep_best(out: Path) -> ModelCheckpoint:
    """Whole checkpoints: Lightning puts the moving average, which is what was validated, into no
    other kind.
    """
    return Best(
        out / CHECKPOINTS, "best-{epoch}", monitor="validation_loss", mode="min",
        save_weights_only=False, save_on_train_epoch_end=True, enable_version_counter=False,
    )  # fmt: skip


def chosen_file(chosen: ModelCheckpoint) -> Path:
    """The best checkpoint, also after a kill between a better one and `last.ckpt`, which then still
    names the one before, deleted since.

    Raises:
        ConfigError: none is there.
    """
    best = Path(chosen.best_model_path)
    if best.is_file():
        return best
    left = next(best.parent.glob("best-*.ckpt"), None)
    if left is None:
        raise ConfigError(f"{best}: gone, so there are no chosen weights; train into a new folder")
    return left
