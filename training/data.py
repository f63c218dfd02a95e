"""The data of a training: a folder in memory, split, and served in batches."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from contract.card import MAX_TILE_PX, MIN_TILE_PX
from contract.classes import ClassList
from contract.errors import ConfigError
from training.augment import recompress
from training.config import Augment, Settings
from training.few_shot import leave_out
from training.folder import GROUPS, Folder, read_groups, read_mm_per_px, scan
from training.groups import group_duplicates
from training.mosaic import Mosaics
from training.operating import check_operating
from training.pictures import Pictures, decode
from training.sampler import BalancedSampler
from training.split import apply_rows, check_classes, rows_of, split_parts
from training.split_file import PARTS, UNUSED, Part, SplitRow, read_split

U8 = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Batch = tuple[Tensor, Tensor]
"""Pixels (U8 `N x H x W`) and labels (int64 `N`)."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Images beside the folder's, only to learn from: `pixels[px]` is U8 `N x px x px`, labels are
    those of the folder's classes, `digest` identifies them all.
    """

    pixels: dict[int, U8]
    labels: Ints
    digest: str


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """A data folder, decoded and split."""

    folder: Folder
    classes: ClassList
    pictures: Pictures
    rows: tuple[SplitRow, ...]
    mm_per_px: float | None
    tile_px: int
    extra: Extra | None = None

    def indices(self, part: Part) -> Ints:
        """Positions of the files of one part."""
        return np.flatnonzero([row.part == part for row in self.rows])

    @property
    def clean_labels(self) -> list[int]:
        """Labels of the classes that are no defects."""
        return [self.folder.names.index(name) for name in self.classes.clean]

    def train_labels(self) -> Ints:
        """Labels of all that is learned from: the train part, then `extra`."""
        labels = self.folder.labels[self.indices("train")]
        return labels if self.extra is None else np.concatenate([labels, self.extra.labels])

    def train_pixels(self, px: int) -> U8:
        """The same as pictures, U8 `N x px x px`."""
        pixels = self.pictures.pixels[px][self.indices("train")]
        return pixels if self.extra is None else np.concatenate([pixels, self.extra.pixels[px]])


def load_images(
    path: Path, settings: Settings, sizes: Sequence[int], split: Path | None = None
) -> LabelledImages:
    """Read a folder: classes, pixels, groups and split.

    Raises:
        ConfigError: whatever is wrong with the folder, an image in it or the split file.
    """
    folder = scan(path)
    classes = folder.class_list(settings.data.clean)
    check_operating(settings.operating, classes)
    known_groups = read_groups(folder)
    rows = None if split is None else read_split(split)
    pictures = decode([path / file for file in folder.files], sizes)
    if rows is None:
        groups = known_groups or automatic_groups(pictures, settings)
        parts = _split(folder, groups, settings)
    else:
        parts, groups = apply_rows(folder.files, rows)
    parts = leave_out(
        parts, folder.labels, groups, folder.names,
        shots=settings.data.shots, keep=settings.data.keep, seed=settings.seed,
    )  # fmt: skip
    _check_parts(folder, parts)
    _check_same(folder, pictures, parts)
    return LabelledImages(
        folder, classes, pictures, tuple(rows_of(folder.files, parts, groups)),
        settings.data.mm_per_px or read_mm_per_px(path),
        _tile_px(path, settings.data.tile_px or pictures.tile_px),
    )  # fmt: skip


def _split(folder: Folder, groups: Sequence[str], settings: Settings) -> list[Part]:
    check_classes(folder.labels, groups, folder.names)
    return split_parts(
        folder.labels, groups, fold=settings.data.fold, folds=settings.data.folds,
        validation_folds=settings.data.validation_folds, seed=settings.seed,
        learn_large_groups=settings.data.large_groups == "train",
    )  # fmt: skip


def _tile_px(path: Path, tile_px: int) -> int:
    if not MIN_TILE_PX <= tile_px <= MAX_TILE_PX:
        raise ConfigError(
            f"{path}: its images are typically {tile_px} px wide and high, tiles have"
            f" {MIN_TILE_PX} to {MAX_TILE_PX}; cut them into tiles, or say with data.tile_px what a"
            " tile has"
        )
    return tile_px


def _check_parts(folder: Folder, parts: Sequence[Part]) -> None:
    for part in PARTS:
        if part not in parts:
            raise ConfigError(
                f"{folder.path}: no image is left for the {part} part; at least one class needs"
                " images of three groups (pieces of strip)"
            )
    learned = {label for label, part in zip(folder.labels, parts, strict=True) if part == "train"}
    for label, name in enumerate(folder.names):
        if label not in learned:
            raise ConfigError(
                f"class {name}: the split has no image of it in the train part; add images of"
                " another piece of strip, or give another --fold or --seed"
            )


def _check_same(folder: Folder, pictures: Pictures, parts: Sequence[Part]) -> None:
    """Refuse to test on a picture that is learned from under another name."""
    first: dict[str, int] = {}
    used = [index for index, part in enumerate(parts) if part != UNUSED]
    for index in used:
        other = first.setdefault(pictures.hashes[index], index)
        if parts[other] != parts[index]:
            raise ConfigError(
                f"{folder.path}: {folder.files[other]} and {folder.files[index]} are the same"
                f" picture, but the split has one in {parts[other]} and one in {parts[index]}; give"
                " them one group's name, in groups.csv or the split file, or remove one"
            )


def write_groups(path: Path, out: Path, settings: Settings) -> str:
    """Write the groups of a folder's images as `groups.csv` wants them; returns what was found. The
    folder's own table stays as it is, with rows of pictures that are not there.

    Raises:
        ConfigError: whatever is wrong with the folder, or `out` cannot be written.
    """
    folder = scan(path)
    groups = read_groups(folder)
    if groups is None:
        pictures = decode([path / file for file in folder.files], ())
        groups = automatic_groups(pictures, settings)
    elif out.exists() and out.samefile(path / GROUPS):
        return f"{out}: kept, {len(folder.files)} images in {len(set(groups))} groups"
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["file", "group"])
            table.writerows(zip(folder.files, groups, strict=True))
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror})") from error
    return f"{out}: {len(folder.files)} images in {len(set(groups))} groups"


def automatic_groups(pictures: Pictures, settings: Settings) -> list[str]:
    """Groups of exact and near duplicates."""
    limit = settings.data.near_duplicate_correlation
    return group_duplicates(pictures.hashes, pictures.thumbnails, limit)


class Tiles(Dataset[Batch]):
    """Tiles by index, a whole batch at once; recompressed where `augment` is given, fused with
    others before where `mosaics` are. What is drawn for a batch follows from its indices.
    """

    def __init__(
        self, pixels: U8, labels: Ints, augment: Augment | None = None,
        mosaics: Mosaics | None = None,
    ) -> None:  # fmt: skip
        self.pixels, self.labels, self.augment, self.mosaics = pixels, labels, augment, mosaics

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Batch:
        pixels = self.pixels[indices]
        if self.augment is not None:
            if self.mosaics is not None:
                generator = np.random.default_rng((1, *indices))
                pixels, _ = self.mosaics.fuse(np.array(indices), generator)
            pixels = recompress(pixels, self.augment, np.random.default_rng((0, *indices)))
        return torch.from_numpy(pixels), torch.from_numpy(self.labels[indices])


class TrainingData(lightning.LightningDataModule):
    """Batches of the train and validation parts.

    The arrays are in memory, so there are no loader processes. Training tiles come at `train_px`
    (the larger of teacher's and student's input), validation tiles at `input_px`.
    """

    def __init__(
        self, images: LabelledImages, settings: Settings, *, batch_size: int, exponent: float,
        train_px: int, input_px: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.images, self.settings = images, settings
        self.batch_size, self.exponent = batch_size, exponent
        self.train_px, self.input_px = train_px, input_px

    def train_dataloader(self) -> DataLoader[Batch]:
        """Balanced, shuffled, without the last partial batch (batch norm needs full ones)."""
        labels = self.images.train_labels()
        sampler = BalancedSampler(
            labels, exponent=self.exponent, seed=self.settings.seed,
            processes=self.trainer.world_size if self.trainer else 1,
            rank=self.trainer.global_rank if self.trainer else 0,
        )  # fmt: skip
        pixels = self.images.train_pixels(self.train_px)
        mosaics = self._mosaics(pixels, labels)
        return DataLoader(
            Tiles(pixels, labels, self.settings.augment, mosaics), sampler=sampler, drop_last=True,
            batch_size=min(self.batch_size, len(sampler)), collate_fn=as_it_is,
        )  # fmt: skip

    def _mosaics(self, pixels: U8, labels: Ints) -> Mosaics | None:
        settings = self.settings
        if not settings.mosaic.share:
            return None
        clean = self.images.clean_labels
        return Mosaics(pixels, labels, settings.mosaic, settings.augment, clean)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation tile, in order."""
        part = self.images.indices("validation")
        pixels = self.images.pictures.pixels[self.input_px][part]
        return DataLoader(
            Tiles(pixels, self.images.folder.labels[part]), batch_size=self.batch_size,
            collate_fn=as_it_is,
        )  # fmt: skip


def as_it_is(batch: object) -> object:
    """The dataset gives whole batches already."""
    return batch
