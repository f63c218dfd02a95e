"""`python -m tests.bench.training_step`: what the product over few pixels saves a training.

One step of teacher and student (64 px, 32 images, one thread), in turns with that product and with
a convolution throughout: the ratio is what counts.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.bench.machine import machine
from training.config import load_settings
from training.networks import conv
from training.networks.resnet import ResNet34
from training.networks.sarsn import Sarsn
from training.trainer import lightning_precision

CLASSES, BATCH, SIDE_PX = 7, 32, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    precision = lightning_precision(load_settings())
    print(f"{machine()}, {precision}; median seconds a step")
    small = conv.SMALL
    for network in (ResNet34(CLASSES), Sarsn(CLASSES, depth=34)):
        spent: dict[int, list[float]] = {small: [], 0: []}
        step = _Step(conv.channels_last(network), precision == "bf16-mixed")
        for number in range(1 + rounds):
            for conv.SMALL, times in spent.items():
                seconds = step()
                if number:  # the first one also builds what oneDNN keeps
                    times.append(seconds)
        fast, slow = (statistics.median(times) for times in spent.values())
        name = type(network).__name__
        print(f"{name:9} {fast:.3f}, convolution throughout {slow:.3f}: {slow / fast:.2f} times")
    conv.SMALL = small


class _Step:
    def __init__(self, network: nn.Module, is_bf16: bool) -> None:  # noqa: FBT001
        self.network, self.is_bf16 = network, is_bf16
        self.optimiser = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(BATCH, 1, SIDE_PX, SIDE_PX, generator=generator)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.arange(BATCH) % CLASSES

    def __call__(self) -> float:
        """Seconds."""
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            logits: Tensor = self.network(self.images)[0]
            loss = functional.cross_entropy(logits.float(), self.labels)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
