"""Which images an epoch shows: each class as often as the chosen degree of balance says."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

Ints = npt.NDArray[np.int64]


def class_quotas(counts: Sequence[int], exponent: float) -> list[int]:
    """Images per class in an epoch of `sum(counts)`: proportional to `count^(1 - exponent)`.

    Largest remainders, at least one per class that has images.
    """
    sizes = np.asarray(counts, dtype=np.float64)
    share = np.where(sizes > 0, np.power(np.maximum(sizes, 1), 1 - exponent), 0)
    exact = share / share.sum() * sizes.sum()
    quotas = np.maximum(np.floor(exact), sizes > 0).astype(np.int64)
    missing = int(sizes.sum() - quotas.sum())
    order = np.argsort(-(exact - np.floor(exact)), kind="stable")
    quotas[order[: max(missing, 0)]] += 1
    return [int(quota) for quota in quotas]


class BalancedSampler(Sampler[int]):
    """Indices of one epoch, for one of several processes.

    Within a class every image comes once before any comes twice. All processes draw the same epoch
    from seed and epoch number and each takes its share of equal length, so Lightning must not
    replace this sampler (`use_distributed_sampler=False`).
    """

    def __init__(
        self, labels: Ints, *, exponent: float, seed: int, processes: int = 1, rank: int = 0
    ) -> None:
        if len(labels) < processes:
            raise ValueError(f"{len(labels)} images for {processes} processes")
        self.members = [np.flatnonzero(labels == c) for c in range(int(labels.max()) + 1)]
        self.quotas = class_quotas([len(m) for m in self.members], exponent)
        self.seed, self.processes, self.rank = seed, processes, rank
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self.quotas) // self.processes

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng((self.seed, self.epoch))
        chosen = [
            _cycled(members, quota, generator)
            for members, quota in zip(self.members, self.quotas, strict=True)
        ]
        order = generator.permutation(np.concatenate(chosen))
        shared = order[: len(self) * self.processes]
        return iter(shared[self.rank :: self.processes].tolist())


def _cycled(members: Ints, count: int, generator: np.random.Generator) -> Ints:
    if count == 0:
        return members[:0]
    rounds = -(-count // len(members))
    return np.concatenate([generator.permutation(members) for _ in range(rounds)])[:count]
