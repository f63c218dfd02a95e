"""Generator and discriminator of CycleGAN (Zhu et al., ICCV 2017) for one grey channel.

Both take float `N x 1 x H x W`; the generator's input and output lie in -1 .. 1.
"""

from typing import cast

from torch import Tensor, nn

INIT_STD = 0.02


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with instance norm, and the identity; no ReLU after the addition."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """`N x width x H x W` to the same."""
        return x + cast("Tensor", self.body(x))


class Generator(nn.Module):
    """c7s1-f, d2f, d4f, `blocks` residual blocks, u2f, uf, c7s1-1 with tanh; sides are multiples
    of 4. With f = 64 and 9 blocks 11.4 M parameters.
    """

    def __init__(self, filters: int, blocks: int) -> None:
        super().__init__()
        f = filters
        self.body = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(1, f, 7), nn.InstanceNorm2d(f), nn.ReLU(),
            *_down(f), *_down(2 * f),
            *(ResidualBlock(4 * f) for _ in range(blocks)),
            *_up(4 * f), *_up(2 * f),
            nn.ReflectionPad2d(3), nn.Conv2d(f, 1, 7), nn.Tanh(),
        )  # fmt: skip
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """A picture of the other line, of the same size."""
        return cast("Tensor", self.body(x))


class Discriminator(nn.Module):
    """The 70 x 70 PatchGAN: C64-C128-C256-C512 and one score per patch, for LSGAN without sigmoid.

    With `filters` f = 64 it has 2.8 M parameters.
    """

    def __init__(self, filters: int) -> None:
        super().__init__()
        f = filters
        self.body = nn.Sequential(
            nn.Conv2d(1, f, 4, 2, 1), nn.LeakyReLU(0.2),
            *_patch(f, 2 * f, 2), *_patch(2 * f, 4 * f, 2), *_patch(4 * f, 8 * f, 1),
            nn.Conv2d(8 * f, 1, 4, 1, 1),
        )  # fmt: skip
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Scores `N x 1 x h x w`, 1 for real, 0 for made: 14 x 14 at 128 px, 6 x 6 at 64."""
        return cast("Tensor", self.body(x))


def residual_blocks(size_px: int) -> int:
    """6 blocks for small pictures, 9 from 256 px, as published."""
    return 9 if size_px >= 256 else 6


def _down(width: int) -> list[nn.Module]:
    convolution = nn.Conv2d(width, 2 * width, 3, 2, 1)
    return [convolution, nn.InstanceNorm2d(2 * width), nn.ReLU()]


def _up(width: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)
    return [convolution, nn.InstanceNorm2d(width // 2), nn.ReLU()]


def _patch(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 4, stride, 1)
    return [convolution, nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, INIT_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
