"""Judge a finished run on a folder of images."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np

from contract.errors import ConfigError
from training.augment import through_jpeg
from training.config import Settings, load_settings
from training.data import automatic_groups
from training.folder import Folder, read_groups, scan
from training.job import claim
from training.pictures import Pictures, decode
from training.report import judge, predict, table, write_report
from training.run import CONFIG, SPLIT, Run, open_run
from training.split import apply_rows
from training.split_file import Part, read_split

Choice = Literal[Part, "all"]


def evaluate_run(
    run_path: Path, data: Path, out: Path, part: str, jpeg_quality: int | None = None
) -> str:
    """Write the report to `out` and return its table.

    Args:
        run_path: a finished run.
        data: the folder it was trained on, or with `part="all"` any folder of its classes.
        out: where the report goes, a new folder.
        part: `train`, `validation`, `test` or `all`.
        jpeg_quality: if given, every tile goes through JPEG of this quality first: shows whether
            the figures hang on the files' codec.

    Raises:
        ConfigError: the run, the folder or the part is not as it must be.
    """
    if part not in get_args(Choice):
        raise ConfigError(f"--part {part}: must be one of {', '.join(get_args(Choice))}")
    run, folder = open_run(run_path), scan(data)
    if part != "all" and folder.digest() != run.data_digest:
        raise ConfigError(
            f"{data}: is not the data that {run_path} was trained on (names or bytes differ); give"
            " that folder, or judge this one with --part all"
        )
    claim(out)
    settings = load_settings(run_path / CONFIG)
    labels = _labels(run, folder)
    pictures = decode([data / file for file in folder.files], (run.input_px,))
    chosen, groups = _choose(run, folder, pictures, settings, part)
    pixels = pictures.pixels[run.input_px][chosen]
    if jpeg_quality is not None:
        pixels = np.stack([through_jpeg(image, jpeg_quality) for image in pixels])
    outputs = predict(run.load_deployed(), pixels)
    suffix = f", through JPEG of quality {jpeg_quality}" if jpeg_quality is not None else ""
    judged = judge(
        f"{run.record.role}, {part} images{suffix}", run.classes.names, labels[chosen],
        outputs.probabilities, groups, resamples=settings.evaluate.resamples, seed=settings.seed,
    )  # fmt: skip
    files = [folder.files[i] for i in chosen]
    write_report(out, judged, files, groups, labels[chosen], outputs.probabilities)
    return table(judged)


def _labels(run: Run, folder: Folder) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Labels in the order of the run's classes."""
    if unknown := set(folder.names) - set(run.classes.names):
        raise ConfigError(
            f"{folder.path}: class {min(unknown)} is unknown to this run, which knows"
            f" {', '.join(run.classes.names)}"
        )
    order = np.array([run.classes.names.index(name) for name in folder.names])
    return order[folder.labels]


def _choose(
    run: Run, folder: Folder, pictures: Pictures, settings: Settings, part: str
) -> tuple[list[int], list[str]]:
    if part == "all":
        groups = read_groups(folder) or automatic_groups(pictures, settings)
        return list(range(len(folder.files))), groups
    parts, groups = apply_rows(folder.files, read_split(run.path / SPLIT))
    chosen = [index for index, found in enumerate(parts) if found == part]
    if not chosen:
        raise ConfigError(f"{run.path}: its split has no {part} images")
    return chosen, [groups[index] for index in chosen]
