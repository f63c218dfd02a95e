"""The images of a run, read again for calibration, parity, figures and golden tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.classes import ClassList
from contract.errors import ConfigError
from training.folder import scan
from training.pictures import decode
from training.run import SPLIT, Run
from training.split_file import PARTS, Part, read_split

U8 = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Images:
    """`pixels` U8 `N x input x input`; `truth` indexes the class list; equal `groups` numbers mark
    views of one piece of strip.
    """

    pixels: U8
    truth: Ints
    groups: Ints
    parts: npt.NDArray[np.str_]

    def part(self, name: Part) -> "Images":
        """Only the images of one part."""
        return self.pick(np.flatnonzero(self.parts == name))

    def pick(self, chosen: Ints) -> "Images":
        """Only some images."""
        return Images(
            self.pixels[chosen], self.truth[chosen], self.groups[chosen], self.parts[chosen]
        )

    def __len__(self) -> int:
        return len(self.truth)


def load_images(run: Run, data: Path) -> Images:
    """Decode the folder that a run was trained on, with the run's own split.

    Raises:
        ConfigError: not the same folder, or a picture in it that cannot be read.
    """
    folder = scan(data)
    if folder.digest() != run.data_digest:
        raise ConfigError(
            f"{data}: is not the data that {run.path} was trained on (names or bytes differ);"
            " give that folder with --data"
        )
    rows = {row.file: row for row in read_split(run.path / SPLIT)}
    if missing := set(folder.files) - set(rows):
        raise ConfigError(f"{run.path / SPLIT}: does not name {min(missing)}; train again")
    parts = [rows[file].part for file in folder.files]
    if empty := set(PARTS) - set(parts):
        raise ConfigError(f"{run.path / SPLIT}: no image in the {min(empty)} part; train again")
    pixels = decode([data / file for file in folder.files], [run.input_px]).pixels[run.input_px]
    _, groups = np.unique([rows[file].group for file in folder.files], return_inverse=True)
    return Images(
        pixels=pixels,
        truth=_in_order_of(run.classes, folder.names)[folder.labels],
        groups=groups.astype(np.int64),
        parts=np.array(parts),
    )


def _in_order_of(classes: ClassList, names: Sequence[str]) -> Ints:
    if set(names) != set(classes.names):
        raise ConfigError(
            f"the data has the classes {', '.join(names)}, the run {', '.join(classes.names)};"
            " give the folder that the run was trained on"
        )
    return np.array([classes.names.index(name) for name in names], np.int64)
