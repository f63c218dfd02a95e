"""int8 for processors and for GPUs, from one small network."""

import numpy as np
import pytest
import torch
from onnx import ModelProto

from export.graph import to_onnx
from export.quantise import to_int8, to_signed
from runtime.factory import open_backend
from runtime.quantisers import quantisers
from training.networks.deployed import Deployed

SIDE = 16


class Small(torch.nn.Module):
    """Three convolutions, one of them over a sum, as a residual network has them."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((1, 8), (8, 8), (8, 8))
        self.first, self.second, self.third = (
            torch.nn.Conv2d(*size, 3, padding=1) for size in sizes
        )
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.first(x).relu()
        second = (self.second(first) + first).relu()
        embedding = self.third(second).relu().mean((2, 3))
        return self.head(embedding), embedding


@pytest.fixture(scope="module")
def network() -> ModelProto:
    torch.manual_seed(0)
    return to_onnx(Deployed(Small(), mean=128, std=50, temperature=1), SIDE)


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, SIDE, SIDE), dtype=np.uint8)


def test_int8_for_gpus_has_signed_quantisers_only(network: ModelProto, tiles: np.ndarray) -> None:
    kinds = [
        quantisers(to_int8(network, tiles, target).SerializeToString()) for target in ("cpu", "gpu")
    ]
    assert kinds == ["other", "signed"]


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_signed_graph_is_the_same_network_a_bit_coarser(
    network: ModelProto, tiles: np.ndarray, backend: str
) -> None:
    """A range that were wrong by the factor of two would cut half of the activations off."""

    def embedding(model: ModelProto) -> np.ndarray:
        opened = open_backend(backend, model.SerializeToString(), "int8", 1)
        return opened.infer(tiles)[1].copy()

    unsigned = to_int8(network, tiles)
    exact, fine, coarse = map(embedding, (network, unsigned, to_signed(unsigned)))
    scale = float(exact.max())
    assert np.abs(fine - exact).max() < 0.02 * scale
    assert np.abs(coarse - exact).max() < 0.04 * scale
