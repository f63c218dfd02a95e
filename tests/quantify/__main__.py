"""`python -m tests.quantify [--data FOLDER] [--choose | --cost | --tables] [--pictures FOLDER]`:
the figures of docs/quantification.md, into docs/quantification/study.json, and their tables.

`--choose` is what the settings were chosen by, the mean IoU over classes, into choices.json: other
values of each, on the half of the pictures and the mills that no other table shows.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.inspect.segment import Mask, SegmentRules, segment
from edge.types import U8
from tests.quantify import real, simulated
from tests.quantify.cost import cost
from tests.quantify.real import Case
from tests.quantify.report import choices, tables
from tests.quantify.score import (
    Method,
    all_of_it,
    by_class,
    interval,
    mean,
    median,
    middle_error,
    otsu,
    ours,
    scores,
)
from tests.quantify.simulated import Told

OUT = Path(__file__).resolve().parents[2] / "docs" / "quantification"
FIELDS = {"area": "area_mm2", "length": "length_mm", "width": "width_mm"}
TILES = ((128, 0.5), (256, 0.25))
"""Pixels of a tile's side, and mm per pixel."""
FEW = 5
EVERY = 3
"""Cases of those to choose by that are looked at for each setting."""
CHOICES: tuple[dict[str, Any], ...] = (
    {},
    {"smooth_px": 5},
    {"background_share": 0.45}, {"background_share": 0.8},
    {"texture_px": 8}, {"texture_px": 16},
    {"seed": 3.5}, {"seed": 4.5}, {"seed": 5.0},
    {"grow": 2.0}, {"grow": 3.0},
    {"depth_share": 0.25}, {"depth_share": 0.3}, {"depth_share": 0.4}, {"depth_share": 0.45},
    {"least_grey": 4}, {"least_grey": 8},
    {"least_px": 24},
    {"least_share": 0.01}, {"least_share": 0.05},
)  # fmt: skip


def main() -> None:
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(prog="python -m tests.quantify", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--cost", action="store_true", help="what it costs, and nothing else")
    parser.add_argument("--tables", action="store_true", help="from the figures that are there")
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    study, chosen = asked.out / "study.json", asked.out / "choices.json"
    if asked.choose:
        _write(chosen, _choose(asked.data))
    elif asked.cost:
        _write(study, _read(study) | {"cost": _cost()})
    elif not asked.tables:
        _write(study, _measure(asked.data, asked.pictures))
    print(choices(_read(chosen)) if asked.choose else "\n\n".join(tables(_read(study))))


def _write(path: Path, figures: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8")))


def _measure(data: Path, pictures: Path | None) -> dict[str, Any]:
    kinds = _cases(data, "report")
    if pictures:
        for title, cases in kinds.items():
            _pictures(pictures / title.split(":")[0].replace(" ", "-"), cases)
    return {
        "cost": _cost(),
        "pixels": {title: list(_rows(cases)) for title, cases in kinds.items()},
        "events": {
            f"Simulator: events, tiles of {tile_px} px at {mm_per_px} mm": list(
                _events(list(simulated.told("report", tile_px, mm_per_px)))
            )
            for tile_px, mm_per_px in TILES
        },
    }


def _cases(data: Path, half: str) -> dict[str, list[Case]]:
    found = {
        "SD-saliency-900: the whole picture as one tile": list(
            real.masks(data, half, from_boxes=False)
        ),
        "SD-saliency-900 boxes: NEU-DET's boxes as tiles": list(
            real.masks(data, half, from_boxes=True)
        ),
        "NEU-DET: box against box": list(real.boxed(data, half)),
    }
    for tile_px, mm_per_px in TILES:
        title = f"Simulator {tile_px}: tiles of {tile_px} px at {mm_per_px} mm"
        found[title] = list(simulated.cases(half, tile_px, mm_per_px))
    return found


def _choose(data: Path) -> dict[str, Any]:
    kinds = {title: cases[::EVERY] for title, cases in _cases(data, "choose").items()}
    methods: dict[str, Method] = {"Otsu": otsu, "all of the tiles": all_of_it}
    for choice in CHOICES:
        name = ", ".join(f"{k} {v}" for k, v in choice.items()) or "as they are"
        methods[name] = partial(_with, SegmentRules()._replace(**choice))
    return {
        "kinds": [title.split(":")[0] for title in kinds],
        "rows": {
            name: [_rounded(_mean_over_classes(cases, method)) for cases in kinds.values()]
            for name, method in methods.items()
        },
    }


def _with(rules: SegmentRules, pixels: U8, own: Mask) -> Mask:
    return segment(pixels, own, rules).mask


def _mean_over_classes(cases: Iterable[Case], method: Method) -> float:
    classes = by_class(scores(cases, method))
    return float(np.mean([np.mean([s.iou for s in found]) for found in classes.values()]))


def _cost() -> list[dict[str, Any]]:
    return [{"tile_px": px} | cost(px, mm)._asdict() for px, mm in TILES]


def _rows(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """Of each class, pixels against their truth."""
    base, tiles = by_class(scores(cases, otsu)), by_class(scores(cases, all_of_it))
    for name, found in by_class(scores(cases, ours)).items():
        groups = [s.group for s in found]
        ious, areas = [s.iou for s in found], [s.area_error for s in found]
        yield {
            "class": name,
            "n": len(found),
            "iou": _figures(interval(ious, groups, mean)),
            "otsu_iou": _figures(interval([s.iou for s in base[name]], groups, mean)),
            "tiles_iou": _rounded(float(np.mean([s.iou for s in tiles[name]]))),
            "area_error": _figures(interval(areas, groups, median)),
            "area_error_size": _figures(interval(areas, groups, middle_error)),
            "otsu_area_error_size": _figures(
                interval([s.area_error for s in base[name]], groups, middle_error)
            ),
        }


def _events(found: Sequence[Told]) -> Iterator[dict[str, Any]]:
    """Of each class, what events say over frames against the truth, where all was measured."""
    for name in sorted({one.class_name for one in found}):
        told = [one for one in found if one.class_name == name]
        measured = [(one.measure, one.truth) for one in told if one.measure is not None]
        pairs = [(measure, truth) for measure, truth in measured if measure.complete]
        errors = {
            key: _quartiles([getattr(m, field) / getattr(t, field) - 1 for m, t in pairs])
            for key, field in FIELDS.items()
        }
        long = [(m, t) for m, t in pairs if t.length_mm > 3 * t.width_mm]
        apart = [abs(m.orientation_deg - t.orientation_deg) % 180 for m, t in long]
        yield {
            "class": name,
            "events": len(told),
            "whole": len(pairs),
            "in_part": len(measured) - len(pairs),
            **errors,
            "direction_deg": _quartiles([min(a, 180 - a) for a in apart]),
        }


def _quartiles(values: Sequence[float]) -> list[float] | None:
    """None of too few to say."""
    if len(values) < FEW:
        return None
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return _figures((middle, low, high))


def _figures(values: Iterable[float]) -> list[float]:
    return [_rounded(value) for value in values]


def _rounded(value: float) -> float:
    return round(float(value), 5)


def _pictures(folder: Path, cases: Sequence[Case]) -> None:
    """Of each class the worst one, a middling one and the best: truth red, found green."""
    folder.mkdir(parents=True, exist_ok=True)
    classes: dict[str, list[tuple[float, int]]] = {}
    for number, (case, one) in enumerate(zip(cases, scores(cases, ours), strict=True)):
        classes.setdefault(case.class_name, []).append((one.iou, number))
    for name, ranked in classes.items():
        ranked.sort()
        for place, at in (("worst", 0), ("low", 0.1), ("middling", 0.5), ("best", 1)):
            iou, number = ranked[round(at * (len(ranked) - 1))]
            case = cases[number]
            picture = real.outline(case, ours(case.pixels, case.own))
            cv2.imwrite(str(folder / f"{name}-{place}-{iou:.2f}.png"), picture)


if __name__ == "__main__":
    main()
