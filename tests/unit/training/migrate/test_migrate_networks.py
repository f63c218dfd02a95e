"""Shapes, sizes and the receptive field against the published networks."""

import pytest
import torch
from torch import nn

from training.migrate.networks import Discriminator, Generator, ResidualBlock, residual_blocks

PUBLISHED_GENERATOR_9, PUBLISHED_GENERATOR_6, PUBLISHED_PATCH = 11_378_179, 7_837_699, 2_764_737
"""Parameters of the authors' PyTorch networks for three colours, 64 filters, instance norm."""
COLOURS_LESS = 2
INPUT_7, OUTPUT_7, INPUT_4 = 7 * 7 * 64, 7 * 7 * 64 + 1, 4 * 4 * 64
"""Weights (and bias) that one colour has in the first and last convolution."""


def test_a_residual_block_does_not_rectify_what_it_adds_to() -> None:
    block = ResidualBlock(2)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 2, 4, 4)
    assert torch.equal(block(x), x)
    nn.init.dirac_(dict(block.named_parameters())["body.1.weight"])
    nn.init.dirac_(dict(block.named_parameters())["body.5.weight"])
    normal = nn.functional.instance_norm
    assert torch.allclose(block(x), x + normal(torch.relu(normal(x))), atol=1e-5)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("blocks", "published"), [(9, PUBLISHED_GENERATOR_9), (6, PUBLISHED_GENERATOR_6)]
)
def test_generators_have_the_published_size_less_two_colours(blocks: int, published: int) -> None:
    assert parameters(Generator(64, blocks)) == published - COLOURS_LESS * (INPUT_7 + OUTPUT_7)


def test_the_discriminator_has_the_published_size_less_two_colours() -> None:
    assert parameters(Discriminator(64)) == PUBLISHED_PATCH - COLOURS_LESS * INPUT_4


@pytest.mark.parametrize("size", [32, 36, 64])
def test_a_generator_keeps_the_size_and_stays_in_range(size: int) -> None:
    made = Generator(4, 1)(torch.rand(2, 1, size, size) * 2 - 1)
    assert made.shape == (2, 1, size, size)
    assert made.abs().max() <= 1


@pytest.mark.parametrize(("size", "scores"), [(32, 2), (64, 6), (128, 14), (256, 30)])
def test_the_discriminator_scores_patches(size: int, scores: int) -> None:
    assert Discriminator(4)(torch.zeros(1, 1, size, size)).shape == (1, 1, scores, scores)


def test_a_score_sees_seventy_pixels() -> None:
    network = Discriminator(4)
    for name, module in list(network.body.named_children()):
        if isinstance(module, nn.InstanceNorm2d):  # its statistics see the whole picture
            network.body.register_module(name, nn.Identity())
    picture = torch.rand(1, 1, 200, 200, requires_grad=True)
    scores = network(picture)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert picture.grad is not None
    seen = picture.grad[0, 0] != 0
    assert int(seen.any(dim=1).sum()) == 70
    assert int(seen.any(dim=0).sum()) == 70


def test_start_weights_are_normal_with_a_fiftieth() -> None:
    torch.manual_seed(0)
    for module in Generator(32, 2).modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 10_000:
            weight = module.weight.detach()
            assert float(weight.mean()) == pytest.approx(0, abs=1e-3)
            assert float(weight.std()) == pytest.approx(0.02, rel=0.03)
            assert module.bias is not None
            assert not module.bias.any()


def test_blocks_follow_the_size() -> None:
    assert [residual_blocks(px) for px in (64, 128, 252, 256, 512)] == [6, 6, 6, 9, 9]
