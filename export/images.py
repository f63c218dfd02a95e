"""The images of a run, read again for calibration, parity, figures and golden tiles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from training.evaluate import labels_of, trained_folder
from training.pictures import decode
from training.run import SPLIT, Run
from training.split import apply_rows
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
    folder = trained_folder(run, data)
    parts, names = apply_rows(folder.files, read_split(run.path / SPLIT))
    if empty := set(PARTS) - set(parts):
        raise ConfigError(f"{run.path / SPLIT}: no image in the {min(empty)} part; train again")
    pixels = decode([data / file for file in folder.files], [run.input_px]).pixels[run.input_px]
    _, groups = np.unique(names, return_inverse=True)
    return Images(
        pixels=pixels,
        truth=labels_of(run, folder),
        groups=groups.astype(np.int64),
        parts=np.array(parts),
    )
