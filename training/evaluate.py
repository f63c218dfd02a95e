"""Judge a finished run on a folder of images."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from runtime.scale import fit_tile, read_gray
from training.augment import through_jpeg
from training.config import Settings, load_settings
from training.data import automatic_groups
from training.folder import Folder, read_groups, scan
from training.job import claim
from training.operating import Rule
from training.pictures import decode
from training.report import judge, predict, table, write_report
from training.run import CONFIG, SPLIT, Run, open_run
from training.split import apply_rows
from training.split_file import PARTS, read_split

CHOICES = (*PARTS, "all")


class Selection(NamedTuple):
    """Images to be judged: paths relative to the data folder, labels in the order of the run's
    classes, groups, and the run's settings.
    """

    files: list[str]
    truth: np.ndarray[tuple[int], np.dtype[np.int64]]
    groups: list[str]
    settings: Settings


def evaluate_run(
    run_path: Path, data: Path, out: Path, part: str, jpeg_quality: int | None = None
) -> str:
    """Write the report to `out` and return its table.

    Args:
        run_path: a finished run.
        data: the folder it was trained on, or with `part="all"` any folder of its classes.
        out: where the report goes, a new folder.
        part: `train`, `validation`, `test` or `all`.
        jpeg_quality: if given, every image goes through JPEG of this quality first, as it is and
            before it is scaled: shows whether the figures hang on the files' codec.

    Raises:
        ConfigError: the run, the folder or the part is not as it must be.
    """
    run = open_run(run_path)
    chosen = select(run, data, part)
    claim(out)
    pixels = np.stack([_tile(data / file, run.input_px, jpeg_quality) for file in chosen.files])
    probabilities = predict(run.load_deployed(), pixels).probabilities
    suffix = f", through JPEG of quality {jpeg_quality}" if jpeg_quality is not None else ""
    judged = judge(
        f"{run.record.role}, {part} images{suffix}", Rule(run.classes, run.thresholds),
        chosen.truth, probabilities, chosen.groups,
        resamples=chosen.settings.evaluate.resamples, seed=chosen.settings.seed,
    )  # fmt: skip
    write_report(out, judged, chosen.files, chosen.groups, chosen.truth, probabilities, pixels)
    return table(judged)


def _tile(path: Path, input_px: int, jpeg_quality: int | None) -> npt.NDArray[np.uint8]:
    image = read_gray(path)
    if jpeg_quality is not None:
        image = through_jpeg(image, jpeg_quality)
    return fit_tile(image, input_px)


def select(run: Run, data: Path, part: str) -> Selection:
    """The images of one part (`all` for the whole of any folder), not decoded yet.

    Raises:
        ConfigError: no such part, it is empty, or the folder is not the run's.
    """
    if part not in CHOICES:
        raise ConfigError(f"--part {part}: must be one of {', '.join(CHOICES)}")
    folder = scan(data, at_least=1) if part == "all" else trained_folder(run, data)
    settings = load_settings(run.path / CONFIG)
    labels = labels_of(run, folder)
    chosen, groups = _choose(run, folder, settings, part)
    return Selection([folder.files[i] for i in chosen], labels[chosen], groups, settings)


def trained_folder(run: Run, data: Path) -> Folder:
    """The folder that a run was trained on, listed.

    Raises:
        ConfigError: it is another one.
    """
    folder = scan(data)
    if folder.digest() != run.data_digest:
        raise ConfigError(
            f"{data}: is not the data that {run.path} was trained on (names or bytes differ); give"
            " that folder (`stripsight-train evaluate --part all` takes any)"
        )
    return folder


def labels_of(run: Run, folder: Folder) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Labels in the order of the run's classes.

    Raises:
        ConfigError: the folder has a class that the run does not know.
    """
    if unknown := set(folder.names) - set(run.classes.names):
        raise ConfigError(
            f"{folder.path}: class {min(unknown)} is unknown to this run, which knows"
            f" {', '.join(run.classes.names)}"
        )
    order = np.array([run.classes.names.index(name) for name in folder.names])
    return order[folder.labels]


def _choose(run: Run, folder: Folder, settings: Settings, part: str) -> tuple[list[int], list[str]]:
    if part == "all":
        return list(range(len(folder.files))), read_groups(folder) or _groups(folder, settings)
    parts, groups = apply_rows(folder.files, read_split(run.path / SPLIT))
    chosen = [index for index, found in enumerate(parts) if found == part]
    if not chosen:
        raise ConfigError(f"{run.path}: its split has no {part} images")
    return chosen, [groups[index] for index in chosen]


def _groups(folder: Folder, settings: Settings) -> list[str]:
    return automatic_groups(decode([folder.path / file for file in folder.files], ()), settings)
