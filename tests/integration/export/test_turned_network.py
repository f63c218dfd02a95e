"""The student as the processor's backend turns it."""

import numpy as np
import openvino as ov
import pytest
import torch

from export.graph import to_onnx
from export.quantise import to_int8
from runtime.wide_batch import widen
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34

pytestmark = pytest.mark.integration
SIDE = 64


def test_openvino_gives_the_same_bits_in_integers() -> None:
    """The student itself, quantised, through the backend's library: plain and turned."""
    torch.manual_seed(0)
    graph = to_onnx(Deployed(ResNet34(5), mean=128, std=50, temperature=1), SIDE)
    tiles = np.random.default_rng(0).integers(0, 256, (64, SIDE, SIDE), dtype=np.uint8)
    plain = to_int8(graph, tiles[:16]).SerializeToString()
    assert widen(plain) != plain
    core, settings = ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    both = [
        core.compile_model(core.read_model(model), "CPU", settings)
        for model in (plain, widen(plain))
    ]
    for count in (1, 7, 64):
        old, new = ([v.copy() for v in net([tiles[:count]]).values()] for net in both)
        assert all(map(np.array_equal, old, new))
