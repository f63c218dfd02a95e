"""What a folder of migrated images says of where they come from.

    <target class>/*.png   the images
    provenance.csv         file,source_image,source_group,checkpoint,seed,sha256
    dataset.json           source and target: classes, digests, the target images learned from
    split.csv              the target's split while the generator was trained

With these a student can see that none of its validation or test images had a part in them.
"""

import csv
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from contract.errors import ConfigError
from training.migrate.data import ClassPair, Lines
from training.run import SPLIT, file_digest
from training.split_file import write_split

DATASET, PROVENANCE = "dataset.json", "provenance.csv"
HEADER = ["file", "source_image", "source_group", "checkpoint", "seed", "sha256"]
U8 = npt.NDArray[np.uint8]


class Row(NamedTuple):
    """One line of `provenance.csv`; `checkpoint` is the hex SHA-256 of the generator's file,
    `sha256` that of the image's own.
    """

    file: str
    source_image: str
    source_group: str
    checkpoint: str
    seed: str
    sha256: str


class Origin(BaseModel):
    """`dataset.json`. No defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"]
    kind: Literal["migrated"]
    name: str
    source_class: str
    source_digest: str
    target_class: str
    target_digest: str
    """Of the whole target folder, as a run's `data_digest`."""
    target_images: tuple[str, ...]
    """Files of the target that the generator was trained on."""
    mm_per_px: float | None


def write_migrated(
    out: Path, lines: Lines, pair: ClassPair, pixels: U8, checkpoint: str, seed: int
) -> None:
    """Write the folder; `pixels` (U8 `N x px x px`) are the source images migrated, in order."""
    (out / pair.target).mkdir(parents=True)
    rows = []
    sources = zip(lines.source.files, lines.source.groups, pixels, strict=True)
    for number, (file, group, image) in enumerate(sources):
        name = f"{pair.target}/migrated-{number:05}.png"
        _, data = cv2.imencode(".png", image)
        (out / name).write_bytes(data.tobytes())
        rows.append(Row(name, file, group, checkpoint, str(seed), file_digest(out / name)))
    with (out / PROVENANCE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    write_split(out / SPLIT, lines.target_images.rows)
    origin = _origin(lines, pair, pixels.shape[-1])
    (out / DATASET).write_text(origin.model_dump_json(indent=1) + "\n", "utf-8")


def _origin(lines: Lines, pair: ClassPair, size_px: int) -> Origin:
    images = lines.target_images
    scale = images.mm_per_px and images.mm_per_px * images.tile_px / size_px
    return Origin(
        schema_version="1", kind="migrated",
        name=f"{pair.source} migrated to {pair.target}",
        source_class=pair.source, source_digest=lines.source_digest,
        target_class=pair.target, target_digest=lines.target_digest,
        target_images=lines.target.files, mm_per_px=scale,
    )  # fmt: skip


def read_origin(path: Path) -> Origin:
    """`dataset.json` of a folder of migrated images.

    Raises:
        ConfigError: none there, or not one that `stripsight-train migrate` wrote.
    """
    file = path / DATASET
    try:
        return Origin.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        inner = path / "migrated"
        hint = f"; give {inner}" if (inner / DATASET).is_file() else ""
        raise ConfigError(f"{path}: has no {DATASET}, so it holds no migrated images{hint}") from (
            error
        )
    except (OSError, ValidationError) as error:
        raise ConfigError(
            f"{file}: not of `stripsight-train migrate`; --extra takes only folders that say which"
            " images their samples were learned from"
        ) from error


def read_provenance(path: Path) -> list[Row]:
    """`provenance.csv` of a folder of migrated images.

    Raises:
        ConfigError: missing, not this format, or a file named twice.
    """
    file = path / PROVENANCE
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            table = list(csv.reader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{file}: cannot be read as CSV ({error}); migrate again") from error
    if not table or table[0] != HEADER or any(len(row) != len(HEADER) for row in table):
        raise ConfigError(f"{file}: must have the columns {','.join(HEADER)}; migrate again")
    rows = [Row(*cells) for cells in table[1:]]
    if len({row.file for row in rows}) != len(rows):
        raise ConfigError(f"{file}: names a file twice; migrate again")
    return rows
