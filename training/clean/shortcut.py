"""Does a network tell defects from clean strip, or one data set from another?

Where clean tiles come from another camera than the defects, exposure, contrast or sharpness alone
may tell them apart, and a network may learn that instead. Two measures:

1. *Told apart by appearance*: a logistic regression sees only median grey, spread of grey and
   sharpness of a tile, no picture. Its balanced accuracy over held-out groups is how far these
   three alone go: 50 % is chance, and near 100 % the data invites the shortcut. It is about the
   whole data, and needs no network. Large stains change these numbers too, so it is an upper bound.
2. *Turned by grey levels*: clean tiles get median and spread of defective ones, and the other way
   round, and are judged again. A network that sees defects hardly changes its mind. Each tile's
   partner is drawn with a fixed seed.

Clean tiles cut from the margins of defects' own pictures have that camera and no defect: a network
that reports them more than other clean tiles has learned the camera. They are a third measure,
where somebody has them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contract.errors import ConfigError
from training.clean.grey import match_to, statistics_of
from training.evaluate import select
from training.operating import reported
from training.pictures import decode
from training.report import predict
from training.run import Run, open_run

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FOLDS, SEED, WIDTH = 5, 0, 60


class Turned(NamedTuple):
    """So many tiles, and how many of them are judged wrong, such as after their grey levels
    changed.
    """

    before: int
    turned: int

    def line(self, what: str) -> str:
        """To read."""
        share = f"{100 * self.turned / self.before:5.1f} %" if self.before else "    -  "
        return f"{what:<{WIDTH}} {share} ({self.turned} of {self.before})"


def appearance(image: U8) -> F64:
    """Median grey, spread of grey and sharpness (spread of the Laplacian over that) of a tile."""
    median, spread = statistics_of(image)
    sharp = float(cv2.Laplacian(image, cv2.CV_32F).std())
    return np.array([median, np.log1p(spread), np.log1p(sharp)])


def told_apart(pixels: U8, is_clean: Bools, groups: Sequence[str]) -> float:
    """Measure 1, as a share, of tiles U8 `N x H x W`.

    Raises:
        ConfigError: clean or defective tiles come from fewer than two groups.
    """
    names = np.array(groups)
    fewest = min(len(set(names[is_clean])), len(set(names[~is_clean])))
    if fewest < 2:
        raise ConfigError("clean and defective tiles of two groups each are needed to compare them")
    seen = np.stack([appearance(tile) for tile in pixels])
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=SEED)
    said: Bools = cross_val_predict(model, seen, is_clean, groups=names, cv=folds)
    return float((said[is_clean].mean() + 1 - said[~is_clean].mean()) / 2)


def exchange_grey(pixels: U8, is_clean: Bools) -> U8:
    """Clean tiles with the grey levels of defective ones, and the other way round."""
    generator = np.random.default_rng(SEED)
    sides = {clean: [statistics_of(tile) for tile in pixels[is_clean == clean]] for clean in (0, 1)}
    changed = pixels.copy()
    for index, clean in enumerate(is_clean.tolist()):
        partners = sides[not clean]
        changed[index] = match_to(pixels[index], partners, generator).apply(pixels[index])
    return changed


def check_clean(run_path: Path, data: Path, part: str, margins: Path | None = None) -> str:
    """The measures as lines to read: the first of all the run's data, which it is about, the others
    of one part; the third where there is a folder of margins, of the run's clean classes.

    Raises:
        ConfigError: as `training.evaluate.select`, or a side of the comparison is missing.
    """
    run = open_run(run_path)
    if not run.classes.clean:
        raise ConfigError(f"{run_path}: has no clean class, so there is nothing to compare")
    chosen, everything = select(run, data, part), select(run, data, "all")
    pixels = decode([data / f for f in everything.files], (run.input_px,)).pixels[run.input_px]
    is_clean: Bools = np.isin(everything.truth, run.classes.clean_indices)
    share = told_apart(pixels, is_clean, everything.groups)
    in_part = np.isin(everything.files, chosen.files)
    pixels, is_clean = pixels[in_part], is_clean[in_part]
    if is_clean.all() or not is_clean.any():
        raise ConfigError(f"--part {part}: needs clean and defective tiles; judge another part")
    before = _alarms(run, pixels)
    after = _alarms(run, exchange_grey(pixels, is_clean))
    quiet, found = is_clean & ~before, ~is_clean & before
    what = "told apart by grey, contrast and sharpness alone"
    lines = [
        f"{what:<{WIDTH}} {100 * share:5.1f} % (50: not at all)",
        _turned(quiet, after).line("clean tiles reported once they have the defects' grey levels"),
        _turned(found, ~after).line("defects lost once they have the clean tiles' grey levels"),
    ]
    if margins is not None:
        lines += [
            _turned(is_clean, before).line("clean tiles reported"),
            _margins(run, margins).line("clean margins of defects' pictures reported"),
        ]
    return "\n".join(lines)


def _margins(run: Run, folder: Path) -> Turned:
    chosen = select(run, folder, "all")
    if not np.isin(chosen.truth, run.classes.clean_indices).all():
        raise ConfigError(f"{folder}: has more than {', '.join(run.classes.clean)}; give margins")
    pixels = decode([folder / f for f in chosen.files], (run.input_px,)).pixels[run.input_px]
    return _turned(np.ones(len(pixels), np.bool_), _alarms(run, pixels))


def _turned(right: Bools, wrong_after: Bools) -> Turned:
    return Turned(int(np.count_nonzero(right)), int(np.count_nonzero(right & wrong_after)))


def _alarms(run: Run, pixels: U8) -> Bools:
    probabilities = predict(run.load_deployed(), pixels).probabilities
    found: Bools = reported(probabilities, run.classes, run.thresholds) >= 0
    return found
