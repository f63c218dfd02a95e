"""Which checkpoint a finished training takes."""

from pathlib import Path

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from contract.errors import ConfigError
from training.fit import chosen_file


@pytest.mark.parametrize("named", ["best-epoch=3.ckpt", "best-epoch=1.ckpt"])
def test_a_kill_between_two_writes_leaves_one_to_take(tmp_path: Path, named: str) -> None:
    """The best checkpoint was written and the one before it deleted, `last.ckpt` names that one."""
    (tmp_path / "best-epoch=3.ckpt").touch()
    callback = ModelCheckpoint(tmp_path)
    callback.best_model_path = str(tmp_path / named)
    assert chosen_file(callback).name == "best-epoch=3.ckpt"


def test_no_checkpoint_at_all_is_said(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path)
    callback.best_model_path = str(tmp_path / "best-epoch=1.ckpt")
    with pytest.raises(ConfigError, match="no chosen weights; train into a new folder"):
        chosen_file(callback)
