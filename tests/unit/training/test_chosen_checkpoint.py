"""Which checkpoint a finished training takes."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from contract.errors import ConfigError
from training.chosen import Best, chosen_file


@pytest.mark.parametrize("named", ["best-epoch=3.ckpt", "best-epoch=1.ckpt"])
def test_a_kill_between_two_writes_leaves_one_to_take(tmp_path: Path, named: str) -> None:
    """The best checkpoint was written and the one before it deleted, `last.ckpt` names that one."""
    (tmp_path / "best-epoch=3.ckpt").touch()
    callback = ModelCheckpoint(tmp_path)
    callback.best_model_path = str(tmp_path / named)
    assert chosen_file(callback).name == "best-epoch=3.ckpt"


def test_a_moved_run_still_knows_its_best_epoch(tmp_path: Path) -> None:
    was, here = Best(tmp_path / "was"), Best(tmp_path / "here")
    best = str(tmp_path / "was/best-epoch=3.ckpt")
    was.best_model_path = was.kth_best_model_path = best
    was.best_model_score = was.kth_value = torch.tensor(0.25)
    was.best_k_models = {best: torch.tensor(0.25)}
    here.load_state_dict(was.state_dict())
    moved = str(tmp_path / "here/best-epoch=3.ckpt")
    assert here.best_k_models == {moved: torch.tensor(0.25)}
    assert here.best_model_path == here.kth_best_model_path == moved
    assert here.best_model_score == torch.tensor(0.25)
    assert here.last_model_path == ""


def test_no_checkpoint_at_all_is_said(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path)
    callback.best_model_path = str(tmp_path / "best-epoch=1.ckpt")
    with pytest.raises(ConfigError, match="no chosen weights; train into a new folder"):
        chosen_file(callback)
