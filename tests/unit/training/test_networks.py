"""The blocks against hand-computed numbers, the networks against their published shapes."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training.networks.conv import Conv3x3
from training.networks.deployed import Deployed, Views
from training.networks.resnet import BasicBlock, ResNet34
from training.networks.sarsn import (
    STAGES,
    Depth,
    Gate,
    Sarsn,
    ShrinkageBlock,
    ShrinkGate,
    Thresholds,
    soft_threshold,
)
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


def test_a_gate_looks_at_magnitudes() -> None:
    # Mean magnitudes 2 and 1, where the second channel's mean is 0; the squeeze passes them on.
    gate = ShrinkGate(2, 1, attention=False).eval()
    parameters = dict(gate.named_parameters())
    for layer in ("squeeze.0", "threshold"):
        nn.init.eye_(parameters[f"{layer}.weight"])
        nn.init.zeros_(parameters[f"{layer}.bias"])
    x = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    expected = [2 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1))]
    assert gate.tau(x).flatten().tolist() == pytest.approx(expected, rel=1e-4)


def test_a_gate_by_cell_looks_at_mean_and_maximum() -> None:
    # Over the channels: means 2.5 and 0.5, maxima 4 and 1; the kernel passes the maxima on.
    gate = ShrinkGate(2, 1, attention=False, thresholds="cell").eval()
    for parameter in gate.parameters():
        nn.init.zeros_(parameter)
    dict(gate.named_parameters())["threshold.weight"].data[0, 1, 3, 3] = 1.0
    x = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    expected = [2.5 / (1 + math.exp(-4)), 0.5 / (1 + math.exp(-1))]
    assert gate.tau(x).flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_squeeze_and_attention_by_hand() -> None:
    # Mean magnitudes 2 and 1. The squeeze takes 3 less of the first, which ReLU makes 0, and of the
    # second its double, 2; the attention passes both on, the thresholds are halves of the means.
    gate = ShrinkGate(2, 1, attention=True).eval()
    parameters = dict(gate.named_parameters())
    for layer in ("squeeze.0", "threshold", "attention"):
        nn.init.zeros_(parameters[f"{layer}.weight"])
        nn.init.zeros_(parameters[f"{layer}.bias"])
    parameters["squeeze.0.weight"].data[:] = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    parameters["squeeze.0.bias"].data[:] = torch.tensor([-3.0, 0.0])
    nn.init.eye_(parameters["attention.weight"])
    x = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    second = 0.5 / (1 + math.exp(-2))
    expected = [3.0 * 0.5, 0.0, -second, second]
    assert gate(x).flatten().tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (2, 2), (3, 3), (4, 4), (9, 2)])
def test_a_3x3_convolution_gives_what_torch_s_own_gives(
    height: int, width: int, stride: int
) -> None:
    torch.manual_seed(0)
    ours = Conv3x3(3, 5, stride).double()
    torch_s = nn.Conv2d(3, 5, 3, stride, 1, bias=False).double()
    torch_s.load_state_dict(ours.state_dict())
    results = []
    for convolution in (ours, torch_s):
        x = torch.arange(2 * 3 * height * width, dtype=torch.float64).cos()
        x = x.view(2, 3, height, width).requires_grad_()
        y = convolution(x)
        torch.autograd.backward(y.square().sum())
        results.append((y, x.grad, convolution.weight.grad))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_few_pixels_are_multiplied_and_many_convolved() -> None:
    def convolutions(side: int) -> int:
        x = torch.ones(1, 3, side, side)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            Conv3x3(3, 5)(x)
        return sum(event.name == "aten::convolution" for event in seen.events() or ())

    assert (convolutions(2), convolutions(3)) == (0, 1)


def passing_on(block: nn.Module) -> nn.Module:
    """Each 3 x 3 convolution gives its input, each norm too."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    return block.eval()


def test_a_shrinkage_block_adds_to_its_input_and_rectifies_before() -> None:
    block = passing_on(ShrinkageBlock(1, 1, 1, bottleneck=False, gate=nn.Identity()))
    x = torch.tensor([[[[-2.0, 3.0]]]])
    assert block(x).flatten().tolist() == pytest.approx([-2.0, 6.0], rel=1e-4)


class Half(nn.Module):
    """A gate that halves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


@pytest.mark.parametrize("bottleneck", [False, True])
def test_the_gate_sees_the_body_alone(bottleneck: bool) -> None:  # noqa: FBT001
    block = passing_on(ShrinkageBlock(4, 1, 1, bottleneck=True, gate=Half()))
    if not bottleneck:
        block = passing_on(ShrinkageBlock(1, 1, 1, bottleneck=False, gate=Half()))
    x = torch.tensor([[[[-2.0, 3.0]]] + [[[0.0, 0.0]]] * 3]).flatten(0, 1)[None]
    found = block(x if bottleneck else x[:, :1])[0, 0].flatten()
    assert found.tolist() == pytest.approx([-2.0, 3.0 + 1.5], rel=1e-4)


def test_a_basic_block_rectifies_after_the_addition() -> None:
    block = passing_on(BasicBlock(1, 1, 1))
    x = torch.tensor([[[[-2.0, 3.0]]]])
    assert block(x).flatten().tolist() == pytest.approx([0.0, 6.0], rel=1e-4)


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_block_s_stride_halves_both_ways(bottleneck: bool) -> None:  # noqa: FBT001
    block = ShrinkageBlock(4, 8, 2, bottleneck=bottleneck, gate=nn.Identity())
    assert block(torch.zeros(2, 4, 6, 10)).shape == (2, 32 if bottleneck else 8, 3, 5)
    assert BasicBlock(4, 8, 2)(torch.zeros(2, 4, 6, 10)).shape == (2, 8, 3, 5)


@pytest.mark.parametrize(
    ("depth", "reduction", "millions"),
    [(50, 1, 40), (50, 4, 10), (50, 16, 2.5), (34, 1, 2.5), (34, 4, 0.64), (34, 16, 0.16)],
)
def test_thresholds_cost_what_is_known_of_them(
    depth: Depth, reduction: int, millions: float
) -> None:
    with torch.device("meta"):
        plain, gated = (
            Sarsn(7, depth=depth, reduction=reduction, gate=gate) for gate in ("none", "shrink")
        )
    added = sum(p.numel() for p in gated.parameters()) - sum(p.numel() for p in plain.parameters())
    assert added / 1e6 == pytest.approx(millions, rel=0.02)


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


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        (ResNet34, 3.66),
        (partial(Sarsn, depth=18, gate="none"), 1.81),
        (partial(Sarsn, depth=34, gate="none"), 3.66),
        (partial(Sarsn, depth=50, gate="none"), 4.09),
    ],
)
def test_a_network_multiplies_as_often_as_the_published_one(
    kind: Callable[..., ResNet34 | Sarsn], published: float
) -> None:
    # torchvision's figures for 224 px in GMACs; two input channels less save 2 * 49 * 64 a pixel.
    with torch.device("meta"):
        network, tile = kind(1000).eval(), torch.zeros(1, 1, 224, 224)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(tile)
    found = counter.get_total_flops() / 2 + 2 * 49 * 64 * 112**2
    assert found / 1e9 == pytest.approx(published, abs=0.005)


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
