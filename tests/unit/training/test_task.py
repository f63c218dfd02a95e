"""What a network is given in training."""

from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from runtime.scale import fit_tile
from training.task import Normalised


@pytest.mark.parametrize("px", [32, 48, 40])
def test_a_student_learns_from_tiles_as_sharp_as_the_line_s(px: int) -> None:
    """Its teacher's are larger, twice as large or not."""

    def given(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x

    tiles = np.random.default_rng(0).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    student = Normalised(cast("nn.Module", given), 0.0, 1.0, px)
    with torch.autocast("cpu", torch.bfloat16):
        seen, _ = student(torch.from_numpy(tiles)[:, None].float())
    on_the_line = np.stack([fit_tile(tile, px) for tile in tiles])
    assert np.abs(seen[:, 0].numpy() - on_the_line).max() <= 0.51
