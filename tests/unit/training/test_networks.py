"""The blocks against hand-computed numbers, the networks against their published shapes."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training.networks.deployed import Deployed, Views
from training.networks.resnet import ResNet34
from training.networks.sarsn import STAGES, Gate, Sarsn, ShrinkGate, Thresholds, soft_threshold
from training.run import ResNet34Shape


def test_soft_threshold_by_hand() -> None:
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 3.0])
    assert soft_threshold(x, torch.tensor(1.0)).tolist() == [-1.0, 0.0, 0.0, 0.0, 2.0]


def test_soft_threshold_gradients_by_hand() -> None:
    x = torch.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    tau = torch.tensor(1.0, requires_grad=True)
    torch.autograd.backward(soft_threshold(x, tau).sum())
    assert x.grad is not None
    assert tau.grad is not None
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
    assert tau.grad.item() == 0.0  # +1 from the negative value, -1 from the positive one


def test_gate_at_zero_weights_halves_everything() -> None:
    # sigmoid(0) = 0.5: tau is half the mean magnitude, the attention halves what is left.
    gate = ShrinkGate(2, 1, attention=True).eval()
    for parameter in gate.parameters():
        nn.init.zeros_(parameter)
    x = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    shrunk = gate(x)
    assert shrunk.tolist() == [[[[1.5, 0.0]], [[-0.25, 0.25]]]]


def test_a_gate_by_cell_at_zero_weights_by_hand() -> None:
    # Mean magnitudes over the two channels: 2.5 and 0.5; tau is half of them; nothing else changes.
    gate = ShrinkGate(2, 1, attention=False, thresholds="cell").eval()
    for parameter in gate.parameters():
        nn.init.zeros_(parameter)
    x = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    assert gate.tau(x).tolist() == [[[[1.25, 0.25]]]]
    assert gate(x).tolist() == [[[[2.75, 0.0]], [[0.0, 0.75]]]]


def test_the_thresholds_shown_are_those_applied() -> None:
    torch.manual_seed(0)
    gate, x = ShrinkGate(8, 2, attention=False).eval(), torch.randn(3, 8, 5, 4)
    assert gate.tau(x).shape == (3, 8, 1, 1)
    assert torch.allclose(gate(x), soft_threshold(x, gate.tau(x)))


def test_resnet34_is_torchvision_by_name_and_size() -> None:
    network = ResNet34(1000)
    names = set(network.state_dict())
    assert {
        "conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
        "layer3.5.bn2.bias", "layer4.2.conv2.weight", "fc.weight", "fc.bias",
    } <= names  # fmt: skip
    assert len(names) == 218
    # torchvision: 21,797,672 with three input channels; two channels less are 2 * 64 * 49 weights.
    assert sum(p.numel() for p in network.parameters()) == 21_797_672 - 2 * 64 * 49


@pytest.mark.parametrize("kind", [ResNet34, partial(Sarsn, depth=18)])
def test_a_wide_stem_takes_twice_the_side_at_the_same_cost(
    kind: Callable[..., ResNet34 | Sarsn],
) -> None:
    counted = {}
    for stride, side in ((2, 64), (4, 128)):
        network = kind(7, stem_stride=stride).eval()
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(torch.zeros(1, 1, side, side))
        counted[stride] = counter.get_total_flops()
    assert counted[2] == counted[4] > 1e8
    with pytest.raises(ValidationError):
        ResNet34Shape.model_validate({"kind": "resnet34", "stem_stride": 3})


@pytest.mark.parametrize(("depth", "size"), [(18, 512), (50, 2048)])
def test_gates_add_what_the_formula_says(depth: int, size: int) -> None:
    plain = Sarsn(7, depth=depth, gate="none")
    gated = Sarsn(7, depth=depth, reduction=16)
    expected = 0
    for blocks, channels in zip(
        STAGES[depth], (size // 8, size // 4, size // 2, size), strict=True
    ):
        width = channels // 16
        # FC with bias and BN's two vectors, then two FC with bias.
        expected += blocks * (channels * width + 3 * width + 2 * (width * channels + channels))
    added = sum(p.numel() for p in gated.parameters()) - sum(p.numel() for p in plain.parameters())
    assert added == expected


@pytest.mark.parametrize("thresholds", ["channel", "cell"])
@pytest.mark.parametrize("gate", ["shrink_se", "shrink", "none"])
def test_sarsn_gives_logits_and_embedding(gate: Gate, thresholds: Thresholds) -> None:
    network = Sarsn(5, depth=18, gate=gate, thresholds=thresholds).eval()
    with torch.inference_mode():
        logits, embedding = network(torch.rand(2, 1, 33, 40))
    assert logits.shape == (2, 5)
    assert embedding.shape == (2, network.embedding_size)


def test_deployed_normalises_and_tempers_inside() -> None:
    class Stub(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            flat = x.flatten(1)
            return flat[:, :2], flat

    deployed = Deployed(Stub(), mean=100.0, std=50.0, temperature=2.0)
    pixels = torch.tensor([[[200, 100]]], dtype=torch.uint8)
    probabilities, embedding = deployed(pixels)
    assert embedding.tolist() == [[2.0, 0.0]]
    # softmax of (2, 0) / 2 = 1 / (1 + 1/e)
    assert probabilities[0, 0].item() == pytest.approx(0.7310585786, abs=1e-7)
    assert probabilities.dtype == torch.float32


@pytest.mark.parametrize(("views", "seen"), [(1, [1.0, 2.0]), (2, [1.5, 1.5]), (4, [2.5, 2.5])])
def test_views_are_averaged_before_the_softmax(views: Views, seen: list[float]) -> None:
    class TopRow(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            top = x[:, 0, 0]
            return top, top

    tiles = torch.tensor([[[1, 2], [3, 4]], [[0, 0], [0, 0]]], dtype=torch.uint8)
    probabilities, embedding = Deployed(TopRow(), 0.0, 1.0, 1.0, views)(tiles)
    assert embedding.tolist() == [seen, [0.0, 0.0]]
    assert torch.allclose(probabilities, torch.softmax(embedding, dim=1))
