"""Migrated images beside those of the data folder: only to learn from, and only where none of the
run's held-out images had a part in them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from contract.errors import ConfigError
from training.data import Extra, LabelledImages
from training.folder import Folder, scan
from training.migrate.provenance import Origin, read_origin, read_provenance
from training.pictures import decode
from training.run import SPLIT, file_digest
from training.split_file import SplitRow, read_split

HELD_OUT = frozenset({"validation", "test"})


def with_extra(
    images: LabelledImages, paths: Sequence[Path], sizes: Sequence[int]
) -> LabelledImages:
    """The same images, with those of folders made by `stripsight-train migrate` to learn from.

    Raises:
        ConfigError: a folder whose provenance, class or target split does not fit the run.
    """
    if not paths:
        return images
    digest = images.folder.digest()
    folders = [_checked(path, images, digest) for path in paths]
    pictures = decode([f.path / file for f in folders for file in f.files], sizes)
    labels = [
        images.classes.names.index(folder.names[label])
        for folder in folders for label in folder.labels.tolist()
    ]  # fmt: skip
    total = hashlib.sha256("".join(folder.digest() for folder in folders).encode())
    extra = Extra(pictures.pixels, np.array(labels, np.int64), total.hexdigest())
    return replace(images, extra=extra)


def check_same_extra(images: LabelledImages, digest: str | None) -> None:
    """Refuse to go on with other migrated images than those of the first steps.

    Raises:
        ConfigError: they changed.
    """
    if (images.extra.digest if images.extra else None) != digest:
        raise ConfigError("the images of --extra changed since this training began; train anew")


def _checked(path: Path, images: LabelledImages, digest: str) -> Folder:
    origin, folder = read_origin(path), scan(path, at_least=1)
    if folder.names != (origin.target_class,) or origin.target_class not in images.classes.names:
        raise ConfigError(
            f"{path}: holds {', '.join(folder.names)}, said to be {origin.target_class}; the run's"
            f" classes are {', '.join(images.classes.names)}"
        )
    rows = read_provenance(path)
    known = {row.file for row in rows}
    if odd := sorted(known.symmetric_difference(folder.files)):
        raise ConfigError(
            f"{path}: {odd[0]} is {'listed but missing' if odd[0] in known else 'not listed'} in"
            " its provenance.csv; migrate again"
        )
    for row in rows:
        if file_digest(path / row.file) != row.sha256:
            raise ConfigError(
                f"{path}: {row.file} is not the image that was migrated (its bytes differ from"
                " provenance.csv); migrate again"
            )
    if origin.target_digest != digest:
        raise ConfigError(
            f"{path}: was migrated to other images than those of {images.folder.path} (names or"
            " bytes differ), so it cannot be told whether held-out images had a part in it"
        )
    _check_leak(path, origin, images.rows)
    return folder


def _check_leak(path: Path, origin: Origin, rows: Sequence[SplitRow]) -> None:
    then = {row.file for row in read_split(path / SPLIT) if row.part in HELD_OUT}
    now = {row.file for row in rows if row.part in HELD_OUT}
    cure = "give the run --split " + str(path / SPLIT) + ", or migrate with the run's split"
    if odd := sorted(then ^ now):
        raise ConfigError(
            f"{path}: was migrated under another split: {odd[0]} is held out by one of the two"
            f" only ({len(odd)} such images); {cure}"
        )
    learned = {row.file for row in rows if row.part == "train"}
    if odd := sorted(set(origin.target_images) - learned):
        raise ConfigError(
            f"{path}: was learned from {odd[0]}, which is not in the run's train part"
            f" ({len(odd)} such images); {cure}"
        )
