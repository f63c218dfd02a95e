"""Do mosaics keep their labels? A finished run judges images and the mosaics made of them.

<out>/originals/, <out>/mosaics/   the usual report of the same images, as they are and fused
"""

from pathlib import Path

import numpy as np

from contract.errors import ConfigError
from runtime.scale import fit_tile, read_gray
from training.evaluate import select
from training.job import claim
from training.mosaic import Mosaics
from training.operating import Rule
from training.report import Judged, judge, predict, write_report
from training.run import open_run
from training.study_plots import SHOWN


def evaluate_mosaics(run_path: Path, data: Path, out: Path, part: str) -> str:
    """Write both reports to `out` and return their figures side by side.

    Each image of the part is fused once with another of its class and part, by the run's own
    `mosaic` settings; those without a seam that keeps the label are left out of both reports. An
    image stays in its own piece of strip's group.

    Raises:
        ConfigError: as `training.evaluate.select`, or no image makes a mosaic.
    """
    run = open_run(run_path)
    chosen = select(run, data, part)
    settings = chosen.settings
    pixels = np.stack([fit_tile(read_gray(data / file), run.input_px) for file in chosen.files])
    always = settings.mosaic.model_copy(update={"share": 1.0})
    clean = [run.classes.names.index(name) for name in run.classes.clean]
    mosaics = Mosaics(pixels, chosen.truth, always, settings.augment, clean)
    every = np.arange(len(pixels))
    fused, made = mosaics.fuse(every, np.random.default_rng(settings.seed))
    if not made.any():
        raise ConfigError(
            f"{data}: no {part} image found a partner of its class and a seam that keeps its label;"
            " `stripsight-train examples` draws them"
        )
    claim(out)
    kept = np.flatnonzero(made)
    files, groups = [chosen.files[i] for i in kept], [chosen.groups[i] for i in kept]
    network, rule = run.load_deployed(), Rule(run.classes, run.thresholds)
    results: dict[str, Judged] = {}
    for name, tiles in (("originals", pixels[made]), ("mosaics", fused[made])):
        probabilities = predict(network, tiles).probabilities
        results[name] = judge(
            f"{run.record.role}, {part} images, {name}", rule, chosen.truth[made], probabilities,
            groups, resamples=settings.evaluate.resamples, seed=settings.seed,
        )  # fmt: skip
        write_report(
            out / name, results[name], files, groups, chosen.truth[made], probabilities, tiles
        )
    return _table(results, f"{part} images: {len(files)} of {len(pixels)} make a mosaic")


def _table(results: dict[str, Judged], title: str) -> str:
    lines = [title, "", f"{'':<12}{''.join(f'{name:>22}' for name in SHOWN.values())}"]
    for name, judged in results.items():
        figures = [judged.named()[figure] for figure in SHOWN]
        cells = [
            f"{100 * v:.2f} ({100 * low:.1f} - {100 * high:.1f})" for v, (low, high) in figures
        ]
        lines.append(f"{name:<12}{''.join(f'{cell:>22}' for cell in cells)}")
    return "\n".join([*lines, "", "in percent, with 95 % intervals (bootstrap over groups)", ""])
