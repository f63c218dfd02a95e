"""`make real-line`: what `make train-xsdd` trained, in a line, from real images to a mosquitto.

Composes frames from the held-out images, plays them through Basler's emulation into the daemon and
compares every tile with `stripsight-edge classify`.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contract.bundle import open_bundle
from runtime.scores import TITLES
from tests.real_line.compose import compose
from tests.real_line.drill import Outcome, run_drill
from training.run import open_run


def main() -> None:
    parser = argparse.ArgumentParser(prog="make real-line", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="image folder, one per class")
    parser.add_argument(
        "--trained", type=Path, required=True, help="OUT of deploy/training/bundle.sh"
    )
    given = parser.parse_args()
    runs = [given.trained / name for name in ("teacher", "student")]
    bundle = given.trained / "bundle"
    try:
        outcome = _drill(bundle, runs[-1], given.data, given.trained / "line")
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
    print(_report([run for run in runs if run.exists()], bundle, outcome))
    if outcome.differing:
        sys.exit(f"{len(outcome.differing)} labels differ: {outcome.differing[:5]}")


def _drill(bundle: Path, student: Path, data: Path, folder: Path) -> Outcome:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    held_out = sorted(f for f, part in open_run(student).split.items() if part == "test")
    tile_px = open_bundle(bundle).card.tile_px
    return run_drill(bundle, compose(held_out, data, folder, tile_px), folder)


def _report(runs: Sequence[Path], bundle: Path, outcome: Outcome) -> str:
    rows = [(run.name, json.loads((run / "metrics.json").read_text())["figures"]) for run in runs]
    lines = ["", f"{'held-out groups':24}" + "".join(f"{name:>26}" for name in TITLES)]
    for name, metrics in rows:
        lines.append(f"{name:24}" + "".join(f"{_interval(metrics[f]):>26}" for f in TITLES))
    card = open_bundle(bundle).card
    shown = {f: m.model_dump() for f, m in card.metrics.items()}
    lines.append(f"{'int8 bundle':24}" + "".join(f"{_interval(shown[f]):>26}" for f in TITLES))
    report = outcome.report
    lines += [
        "",
        f"{outcome.images} images through the daemon",
        f"{len(outcome.differing)} labels differ from stripsight-edge classify",
        f"cells: {report['cells']} of {report['expected_cells']} expected",
        f"{outcome.events} events at mosquitto, stopped in between: no gap in seq",
        f"{outcome.duplicates} delivered twice, without effect",
    ]
    return "\n".join(lines)


def _interval(figure: dict[str, Any]) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    if low is None:
        return f"{value:.2%}"
    return f"{value:.2%} ({low:.1%} - {high:.1%})"


if __name__ == "__main__":
    main()
