"""SARSN: a self-adaptive residual shrinkage network, the teacher.

Blocks are pre-activation residual shrinkage blocks with channel-wise thresholds (Zhao et al., IEEE
TII 16(7), 2020). Ours: thresholds and SE channel attention (Hu et al., CVPR 2018) share one squeeze
of width `C / reduction`; thresholds by cell. `gate="none"` is the plain control of equal depth.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from training.networks.conv import Conv3x3
from training.networks.resnet import StemStride

Gate = Literal["shrink_se", "shrink", "none"]
Thresholds = Literal["channel", "cell"]
Depth = Literal[18, 34, 50, 101]

STAGES: dict[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
}
BOTTLENECK_FROM = 50
WIDTHS = (64, 128, 256, 512)


def soft_threshold(x: Tensor, tau: Tensor) -> Tensor:
    """`sign(x) max(|x| - tau, 0)` with `tau >= 0` broadcast over `x`.

    Written so: its backward pass costs a quarter of that of `x - clamp(x, -tau, tau)` (bf16, CPU).
    """
    return x.sign() * torch.relu(x.abs() - tau)


class ShrinkGate(nn.Module):
    """Soft thresholds learned from the features, and channel attention where `attention` is set.

    The squeeze is `z = ReLU(BN(FC(GAP |x|)))`, the attention `s = sigmoid(FC z)`, the result
    `s * soft_threshold(x, tau)`. By channel `tau_c = sigmoid(FC z)_c GAP |x|_c`. By cell (ours,
    after the spatial attention of Woo et al., ECCV 2018): `tau_ij = sigmoid(conv7x7(m, M))_ij m_ij`
    with mean m and maximum M of |x| over the channels.
    """

    def __init__(
        self, channels: int, reduction: int, *, attention: bool, thresholds: Thresholds = "channel"
    ) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.thresholds = thresholds
        self.squeeze: nn.Module | None = None
        if attention or thresholds == "channel":
            self.squeeze = nn.Sequential(
                nn.Linear(channels, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)
            )
        self.threshold: nn.Module = nn.Linear(width, channels)
        if thresholds == "cell":
            self.threshold = nn.Conv2d(2, 1, 7, padding=3)
        self.attention = nn.Linear(width, channels) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        """Shrunk features of the same shape, `N x C x H x W`."""
        tau, squeezed = self._look(x)
        shrunk = soft_threshold(x, tau.to(x.dtype))
        if self.attention is None:
            return shrunk
        return shrunk * torch.sigmoid(self.attention(squeezed))[:, :, None, None].to(x.dtype)

    def tau(self, x: Tensor) -> Tensor:
        """Thresholds for these features: `N x C x 1 x 1` by channel, `N x 1 x H x W` by cell."""
        return self._look(x)[0]

    def _look(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Thresholds, and the squeeze where there is one."""
        magnitude = x.abs()
        mean = magnitude.mean(dim=(2, 3))
        squeezed = None if self.squeeze is None else self.squeeze(mean)
        if self.thresholds == "channel":
            tau = torch.sigmoid(self.threshold(squeezed)) * mean
            return tau[:, :, None, None], squeezed
        mean = magnitude.mean(dim=1, keepdim=True)
        seen = torch.cat([mean, magnitude.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.threshold(seen)) * mean, squeezed


class ShrinkageBlock(nn.Module):
    """Pre-activation residual block: (BN-ReLU-Conv) twice or thrice, gate, identity; no ReLU after
    the addition.
    """

    def __init__(
        self, inputs: int, width: int, stride: int, *, bottleneck: bool, gate: nn.Module
    ) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        if bottleneck:
            shape = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        else:
            shape = [(inputs, width, 3, stride), (width, outputs, 3, 1)]
        self.body = nn.Sequential(*[_pre_activated(*layer) for layer in shape])
        self.gate = gate
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the next block, `N x outputs x H/stride x W/stride`."""
        gated: Tensor = self.gate(self.body(x))
        shortcut: Tensor = self.shortcut(x)
        return gated + shortcut


class Sarsn(nn.Module):
    """The teacher; `embedding` is the pooled feature (D = 512, from depth 50 on 2048)."""

    def __init__(
        self, classes: int, *, depth: int = 50, reduction: int = 16, gate: Gate = "shrink_se",
        thresholds: Thresholds = "channel", stem_stride: StemStride = 2,
    ) -> None:  # fmt: skip
        super().__init__()
        bottleneck = depth >= BOTTLENECK_FROM
        expansion = 4 if bottleneck else 1
        first = nn.Conv2d(1, 64, 7, stem_stride, 3, bias=False)
        self.stem = nn.Sequential(first, nn.MaxPool2d(3, 2, 1))
        blocks: list[nn.Module] = []
        inputs = 64
        for stage, (count, width) in enumerate(zip(STAGES[depth], WIDTHS, strict=True)):
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                chosen = _gate(gate, width * expansion, reduction, thresholds)
                blocks.append(
                    ShrinkageBlock(inputs, width, stride, bottleneck=bottleneck, gate=chosen)
                )
                inputs = width * expansion
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(inputs)
        self.embedding_size = inputs
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding of `N x 1 x H x W`."""
        features = torch.relu(self.norm(self.blocks(self.stem(x))))
        embedding = features.mean(dim=(2, 3))
        logits: Tensor = self.fc(embedding)
        return logits, embedding


def _gate(kind: Gate, channels: int, reduction: int, thresholds: Thresholds) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    return ShrinkGate(channels, reduction, attention=kind == "shrink_se", thresholds=thresholds)


def _pre_activated(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    if kernel == 3:
        convolution: nn.Module = Conv3x3(inputs, outputs, stride)
    else:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=False), convolution)
