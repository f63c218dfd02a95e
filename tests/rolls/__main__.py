"""`python -m tests.rolls [--quick]`: the figures of docs/rolls.md, into docs/rolls/study.json.

Validation coils choose: the detector's confidence, one for all, and for each kind of coil the
autocorrelation's threshold, so that it gives no more false alarms there than the detector. Other
coils, with other seeds, are reported. `--plot` draws the pictures and prints the tables again.
"""

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.machine import machine
from tests.rolls.report import draw, tables
from tests.rolls.strips import ROLLS, Coil
from tests.rolls.study import Found, Heard, Scene, find, listen, scenes

OUT = Path(__file__).resolve().parents[2] / "docs" / "rolls"
CAMERAS = {"tiles of 64 mm": None, "measured to 8 mm": 0.008}
CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
MISSED = (0.0, 0.3)
ALLOWED = 0.01
"""False alarms per coil of 400 m that validation allows, over all kinds of coil together."""
VALIDATION, TEST = 100_000, 0
"""First seeds."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.rolls", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few coils, for a look")
    parser.add_argument("--plot", action="store_true", help="from the figures that are there")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "study.json"
    if not given.plot:
        path.write_text(json.dumps(_measure(quick=given.quick)) + "\n", "utf-8")
    study = json.loads(path.read_text("utf-8"))
    draw(study, given.out)
    print(tables(study))


def _measure(*, quick: bool) -> dict[str, Any]:
    started = time.monotonic()
    kinds = [
        (camera, replace(scene, coil=replace(scene.coil, measured_m=measured_m)))
        for camera, measured_m in CAMERAS.items()
        for scene in scenes(quick=quick)
    ]
    heard = [_listen(scene, VALIDATION) for _, scene in kinds]
    confidence = _choose([each for coils in heard for each in coils])
    print(f"validation chose confidence {confidence}", flush=True)
    rows = [
        _row(camera, scene, confidence, _threshold(coils, confidence))
        for (camera, scene), coils in zip(kinds, heard, strict=True)
    ]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "length_m": Coil().length_m,
        "confidence": confidence,
        "validation": {
            str(c): sum(h.confidence >= c for coils in heard for h in coils) for c in CONFIDENCES
        },
        "validation_coils": sum(len(coils) for coils in heard),
        "rows": rows,
    }


def _listen(scene: Scene, first_seed: int) -> list[Heard]:
    """Clutter alone; told from half of certainty on, so that one run knows every threshold."""
    rules = ROLLS.model_copy(update={"confidence": CONFIDENCES[0]})
    return [listen(scene.coil, first_seed + i, rules) for i in range(scene.coils)]


def _choose(heard: list[Heard]) -> float:
    """The lowest confidence with no more than the allowed share of false alarms."""
    sure = np.array([each.confidence for each in heard])
    return next(c for c in CONFIDENCES if (sure >= c).mean() <= ALLOWED or c == CONFIDENCES[-1])


def _threshold(heard: list[Heard], confidence: float) -> float:
    """The autocorrelation's for as many false alarms as the detector gave, or fewer."""
    allowed = sum(each.confidence >= confidence for each in heard)
    shares = sorted((each.correlation for each in heard), reverse=True)
    return shares[allowed] + 1e-6 if shares[allowed] > 0 else 1e-6


def _row(camera: str, scene: Scene, confidence: float, threshold: float) -> dict[str, Any]:
    heard = _listen(scene, TEST)
    rules = ROLLS.model_copy(update={"confidence": confidence})
    found = {
        str(missed): [
            [_written(each) for each in find(scene.coil, TEST + i, missed, threshold, rules)]
            for i in range(scene.coils)
        ]
        for missed in MISSED
    }
    row = {
        "camera": camera,
        "scene": scene.name,
        "coils": scene.coils,
        "threshold": threshold,
        "false_alarms": [
            sum(each.confidence >= confidence for each in heard),
            sum(each.correlation >= threshold for each in heard),
        ],
        "found": found,
    }
    print(camera, scene.name, row["false_alarms"], flush=True)
    return row


def _written(found: Found) -> tuple[float | None, bool]:
    """Metres, None for never, and whether the roll was named."""
    return round(found.metres, 2) if math.isfinite(found.metres) else None, found.roll_named


if __name__ == "__main__":
    main()
