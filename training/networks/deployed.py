"""What leaves the workstation: one graph from raw grey levels to probabilities."""

from typing import cast

import torch
from torch import Tensor, nn


class Deployed(nn.Module):
    """`uint8 N x H x W` in; `(probabilities N x C, embedding N x D)` out, both float32.

    Normalisation, temperature and softmax are layers of it, so that training, export and the line
    cannot differ in them. `mean` and `std` are in grey levels (0 to 255).
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor

    def __init__(self, network: nn.Module, mean: float, std: float, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities `N x C` and embedding `N x D` of raw tiles, uint8 `N x H x W`."""
        x = ((pixels.to(torch.float32) - self.mean) / self.std).unsqueeze(1)
        logits, embedding = cast("tuple[Tensor, Tensor]", self.network(x))
        return torch.softmax(logits.float() / self.temperature, dim=1), embedding.float()
