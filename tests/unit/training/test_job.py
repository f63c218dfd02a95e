"""A folder for what will be written: whose it is."""

from pathlib import Path

import pytest

from contract.errors import ConfigError
from training.job import DRAFT, claim


def test_a_folder_is_free_in_which_no_plan_was_left(tmp_path: Path) -> None:
    for name in ("split.csv", "config.yaml"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="not empty"):
        claim(tmp_path)  # they may be the user's
    (tmp_path / DRAFT).touch()  # a training was killed before its plan was whole
    claim(tmp_path)
    (tmp_path / "curves.csv").touch()
    with pytest.raises(ConfigError, match="not empty"):
        claim(tmp_path)
