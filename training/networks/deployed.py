"""What leaves the workstation: one graph from raw grey levels to probabilities."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

Views = Literal[1, 2, 4]
"""A tile as it is; and mirrored across; and both of them mirrored along."""


def over_views(network: nn.Module, x: Tensor, views: Views) -> tuple[Tensor, Tensor]:
    """Logits and embedding of `N x 1 x H x W`, each the mean over the tile's mirror images."""
    if views == 1:
        return cast("tuple[Tensor, Tensor]", network(x))
    seen = torch.cat([x, x.flip(3), x.flip(2), x.flip(2, 3)][:views])
    logits, embedding = cast("tuple[Tensor, Tensor]", network(seen))
    return _mean(logits, views), _mean(embedding, views)


def _mean(values: Tensor, views: int) -> Tensor:
    return values.reshape(views, -1, values.shape[1]).mean(dim=0)


class Deployed(nn.Module):
    """`uint8 N x H x W` in; `(probabilities N x C, embedding N x D)` out, both float32.

    Normalisation, temperature and softmax are layers of it, so that training, export and the line
    cannot differ in them. `mean` and `std` are in grey levels (0 to 255).
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor

    def __init__(
        self, network: nn.Module, mean: float, std: float, temperature: float, views: Views = 1
    ) -> None:
        super().__init__()
        self.network, self.views = network, views
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities `N x C` and embedding `N x D` of raw tiles, uint8 `N x H x W`."""
        x = ((pixels.to(torch.float32) - self.mean) / self.std).unsqueeze(1)
        logits, embedding = over_views(self.network, x, self.views)
        return torch.softmax(logits.float() / self.temperature, dim=1), embedding.float()
