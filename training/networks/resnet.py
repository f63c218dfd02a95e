"""ResNet34 (He et al., CVPR 2016) with torchvision's parameter names and one grey input channel.

The names make ImageNet weights loadable from a local file (`training.init`).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from training.networks.conv import Conv3x3

StemStride = Literal[2, 4]
"""Of the first convolution. 2 is the published network. 4 takes a tile of twice the side at the
same cost: all later layers are as large, and only the first one sees the finer pixels."""

STAGES_34 = (3, 4, 6, 3)
WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the identity."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv3x3(inputs, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = Conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features of the next block, `N x width x H/stride x W/stride`."""
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + identity)


class ResNet34(nn.Module):
    """The student: 21.3 M parameters; `embedding` is the pooled feature (D = 512)."""

    embedding_size = WIDTHS[-1]

    def __init__(self, classes: int, stem_stride: StemStride = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 7, stem_stride, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for number, (blocks, width) in enumerate(zip(STAGES_34, WIDTHS, strict=True), 1):
            stage = [BasicBlock(inputs, width, 1 if number == 1 else 2)]
            stage += [BasicBlock(width, width, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
            inputs = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.embedding_size, classes)
        _initialise(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding of `N x 1 x H x W`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(STAGES_34) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        embedding = self.avgpool(x).flatten(1)
        return self.fc(embedding), embedding


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, BasicBlock) and module.bn2.weight is not None:
            # Each block starts as its identity (Goyal et al. 2017, section 5.1).
            nn.init.zeros_(module.bn2.weight)
