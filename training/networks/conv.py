"""Convolutions as a CPU trains them fastest."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 4
"""Pixels of a map that one matrix product treats faster than a convolution on a CPU."""


class Conv3x3(nn.Conv2d):
    """`nn.Conv2d` with a 3 x 3 kernel, padding 1, no bias, its parameter name and its results.

    On a CPU, maps of up to `SMALL` pixels are multiplied as one matrix, `(N h w) x (9 C)` by
    `(9 C) x K`: the last stage of a ResNet34 over 64 px works on 2 x 2, and oneDNN's backward pass
    of a 512-channel convolution takes ten times as long there (bf16; four times in float32), a
    third of a training step. An exported graph has the convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features `N x outputs x h x w`, with `h = ceil(H / stride)` and `w` likewise."""
        stride = self.stride[0]
        height, width = (-(-side // stride) for side in x.shape[2:])
        if x.device.type != "cpu" or height * width > SMALL or torch.compiler.is_exporting():
            return super().forward(x)
        padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        rows = [slice(dy, dy + stride * height, stride) for dy in range(3)]
        columns = [slice(dx, dx + stride * width, stride) for dx in range(3)]
        seen = torch.cat([padded[:, row, column] for row in rows for column in columns], dim=3)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)
        return functional.linear(seen, weight).permute(0, 3, 1, 2)


def channels_last(network: nn.Module) -> nn.Module:
    """The same network, its kernels laid out like the features."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
