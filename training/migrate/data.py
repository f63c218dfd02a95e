"""What a migration sees: all images of one class of the source line, and of the target line those
of one class **in the training part alone**.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from contract.errors import ConfigError
from training.config import Augment, Settings
from training.data import LabelledImages, automatic_groups, load_images
from training.folder import Folder, read_groups, scan
from training.pictures import Pictures, decode
from training.split import apply_rows
from training.split_file import read_split

U8 = npt.NDArray[np.uint8]
PairBatch = list[Tensor]
"""U8 `N x H x W` of the source, and of the target."""


class ClassPair(NamedTuple):
    """Class of the source and the class of the target that its images become."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Line:
    """Images of one class of one line.

    `pixels` is U8 `N x size x size`, `wide` the same images a little larger, for cropping.
    """

    files: tuple[str, ...]
    groups: tuple[str, ...]
    pixels: U8
    wide: U8


@dataclass(frozen=True, slots=True)
class Lines:
    """Both sides, and the whole target folder with its split."""

    source: Line
    target: Line
    source_digest: str
    target_digest: str
    target_images: LabelledImages


def wide_px(settings: Settings) -> int:
    """Side of the pictures that training crops from."""
    size = settings.migrate.size_px
    return size + round(size * settings.migrate.crop_margin)


def load_lines(
    source: Path, target: Path, pair: ClassPair, settings: Settings,
    split: Path | None = None, source_split: Path | None = None,
) -> Lines:  # fmt: skip
    """Read both folders; of the source all images of the class, or with `source_split` only those
    of its train part.

    Raises:
        ConfigError: whatever is wrong with a folder, a class name or a split; too few images; or a
            source image that is a held-out image of the target.
    """
    sizes = (settings.migrate.size_px, wide_px(settings))
    images = load_images(target, settings, sizes, split)
    folder = scan(source, at_least=1)
    digests = folder.digest(), images.folder.digest()
    if digests[0] == digests[1]:
        raise ConfigError(f"{source}: is the target folder itself; --source is another line's")
    chosen = _of_class(folder, pair.source)
    chosen = chosen[_learned(folder, source_split)[chosen]]
    files = tuple(folder.files[i] for i in chosen.tolist())
    if not files:
        raise ConfigError(f"{source_split}: has no {pair.source} image in its train part")
    pictures = decode([source / file for file in files], sizes)
    _check_leak(files, pictures, images, settings.data.near_duplicate_correlation)
    known = read_groups(folder)
    groups = [known[i] for i in chosen.tolist()] if known else automatic_groups(pictures, settings)
    lines = Lines(
        Line(files, tuple(groups), *(pictures.pixels[px] for px in sizes)),
        _target_line(images, pair.target, sizes), *digests, images,
    )  # fmt: skip
    _check_counts(lines, pair)
    return lines


def _of_class(folder: Folder, name: str) -> npt.NDArray[np.int64]:
    if name not in folder.names:
        raise ConfigError(
            f"{folder.path}: has no class {name!r}; its classes: {', '.join(folder.names)}"
        )
    return np.flatnonzero(folder.labels == folder.names.index(name))


def _learned(folder: Folder, split: Path | None) -> npt.NDArray[np.bool_]:
    if split is None:
        return np.ones(len(folder.files), bool)
    parts, _ = apply_rows(folder.files, read_split(split))
    return np.array([part == "train" for part in parts])


def _target_line(images: LabelledImages, name: str, sizes: tuple[int, int]) -> Line:
    chosen = np.intersect1d(_of_class(images.folder, name), images.indices("train"))
    rows = [images.rows[i] for i in chosen.tolist()]
    return Line(
        tuple(row.file for row in rows), tuple(row.group for row in rows),
        *(images.pictures.pixels[px][chosen] for px in sizes),
    )  # fmt: skip


def _check_leak(
    files: Sequence[str], pictures: Pictures, images: LabelledImages, correlation: float
) -> None:
    """No copy of a validation or test image may come in by the source folder."""
    held_out = np.concatenate([images.indices("validation"), images.indices("test")]).tolist()
    thumbnails = images.pictures.thumbnails[held_out]
    for file, digest, thumbnail in zip(files, pictures.hashes, pictures.thumbnails, strict=True):
        alike = (thumbnails @ thumbnail >= correlation).tolist()
        for index, is_alike in zip(held_out, alike, strict=True):
            if is_alike or images.pictures.hashes[index] == digest:
                raise ConfigError(
                    f"source image {file} shows the same as {images.rows[index].file}, which the"
                    " target holds out for judging; remove it from the source folder"
                )


def _check_counts(lines: Lines, pair: ClassPair) -> None:
    for side, name, line in (
        ("source", pair.source, lines.source), ("target's train part", pair.target, lines.target),
    ):  # fmt: skip
        if len(line.files) < 2:
            raise ConfigError(
                f"class {name}: the {side} has {len(line.files)} image; a migration needs two"
            )


class Draw(NamedTuple):
    """An image of each line, and the seed of their crops and flips."""

    source: int
    target: int
    seed: int


class PairSampler(Sampler[Draw]):
    """An epoch: every image of the larger side once, of the smaller side as often as it takes.

    What is drawn follows from seed and epoch alone, so a resumed training draws what an unbroken
    one would.
    """

    def __init__(self, sources: int, targets: int, seed: int) -> None:
        self.sources, self.targets, self.seed = sources, targets, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(self.sources, self.targets)

    def __iter__(self) -> Iterator[Draw]:
        generator = np.random.default_rng((self.seed, self.epoch))
        columns = [self._cycled(count, generator) for count in (self.sources, self.targets)]
        seeds = generator.integers(2**31, size=len(self))
        for source, target, seed in zip(*columns, seeds, strict=True):
            yield Draw(int(source), int(target), int(seed))

    def _cycled(self, count: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        rounds = -(-len(self) // count)
        drawn = np.concatenate([generator.permutation(count) for _ in range(rounds)])
        return drawn[: len(self)]


class Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Unpaired crops of both lines, flipped at random where the line's augmentation allows it."""

    def __init__(self, lines: Lines, size_px: int, augment: Augment) -> None:
        self.lines, self.size_px, self.augment = lines, size_px, augment

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng(draw.seed)
        source = self._crop(self.lines.source.wide[draw.source], generator)
        return source, self._crop(self.lines.target.wide[draw.target], generator)

    def _crop(self, image: U8, generator: np.random.Generator) -> Tensor:
        spare = len(image) - self.size_px
        top, left = generator.integers(spare + 1, size=2)
        flips = generator.random(2) < 0.5
        crop = image[top : top + self.size_px, left : left + self.size_px]
        if self.augment.flip_across and flips[0]:
            crop = crop[:, ::-1]
        if self.augment.flip_along and flips[1]:
            crop = crop[::-1]
        return torch.from_numpy(crop.copy())


def pair_loader(lines: Lines, settings: Settings) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches of one epoch after the other."""
    sampler = PairSampler(len(lines.source.files), len(lines.target.files), settings.seed)
    pairs = Pairs(lines, settings.migrate.size_px, settings.augment)
    return DataLoader(pairs, batch_size=settings.migrate.batch_size, sampler=sampler)
