"""`python -m tests.quantify [--data FOLDER] [--choose | --cost] [--pictures FOLDER]`: the tables of
docs/quantification.md.

`--choose` prints what the settings were chosen by, the mean IoU over classes: other values of
each, on the half of the pictures and the mills that no table shows.
"""

import argparse
from collections.abc import Iterable, Sequence
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

TILES = ((128, 0.5), (256, 0.25))
"""Pixels of a tile's side, and mm per pixel."""
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--cost", action="store_true", help="what it costs, and nothing else")
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    if asked.choose:
        _choose(asked.data)
        return
    _cost()
    if asked.cost:
        return
    kinds = _cases(asked.data, "report")
    for title, cases in kinds.items():
        _table(title, cases)
        if asked.pictures:
            _pictures(asked.pictures / title.split(":")[0].replace(" ", "-"), cases)
    for tile_px, mm_per_px in TILES:
        _measures(tile_px, mm_per_px)


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


def _choose(data: Path) -> None:
    kinds = {title: cases[::EVERY] for title, cases in _cases(data, "choose").items()}
    print("| settings | " + " | ".join(t.split(":")[0] for t in kinds) + " |")
    print("|---|" + "---|" * len(kinds))
    methods: list[tuple[str, Method]] = [("Otsu", otsu), ("all of the tiles", all_of_it)]
    for choice in CHOICES:
        name = ", ".join(f"{k} {v}" for k, v in choice.items()) or "as they are"
        methods.append((name, partial(_with, SegmentRules()._replace(**choice))))
    for name, method in methods:
        figures = [_mean_over_classes(cases, method) for cases in kinds.values()]
        print(f"| {name} | " + " | ".join(f"{f:.3f}" for f in figures) + " |", flush=True)


def _with(rules: SegmentRules, pixels: U8, own: Mask) -> Mask:
    return segment(pixels, own, rules).mask


def _mean_over_classes(cases: Iterable[Case], method: Method) -> float:
    classes = by_class(scores(cases, method))
    return float(np.mean([np.mean([s.iou for s in found]) for found in classes.values()]))


def _table(title: str, cases: Sequence[Case]) -> None:
    print(f"\n### {title}\n")
    print("| class | n | IoU | Otsu's | tiles' | area error, median | its size, median | Otsu's |")
    print("|---|---|---|---|---|---|---|---|")
    base, tiles = by_class(scores(cases, otsu)), by_class(scores(cases, all_of_it))
    for name, found in by_class(scores(cases, ours)).items():
        groups = [s.group for s in found]
        areas, other = [s.area_error for s in found], [s.area_error for s in base[name]]
        cells = [
            _cell(interval([s.iou for s in found], groups, mean), "{:.2f}"),
            _cell(interval([s.iou for s in base[name]], groups, mean), "{:.2f}"),
            f"{np.mean([s.iou for s in tiles[name]]):.2f}",
            _cell(interval(areas, groups, median), "{:+.0%}"),
            _cell(interval(areas, groups, middle_error), "{:.0%}"),
            _cell(interval(other, groups, middle_error), "{:.0%}"),
        ]
        print(f"| {name} | {len(found)} | " + " | ".join(cells) + " |", flush=True)


def _cell(figure: tuple[float, float, float], form: str) -> str:
    value, low, high = (form.format(f) for f in figure)
    return f"{value} ({low} to {high})"


def _cost() -> None:
    print("| tiles | patches | pixels a patch | ms a patch | ns a pixel |\n|---|---|---|---|---|")
    for tile_px, mm_per_px in TILES:
        found = cost(tile_px, mm_per_px)
        cells = (
            f"{found.pixels / found.patches:,.0f}",
            f"{found.seconds / found.patches * 1e3:.2f}",
            f"{found.seconds / found.pixels * 1e9:.1f}",
        )
        print(f"| {tile_px} px | {found.patches} | " + " | ".join(cells) + " |", flush=True)


def _measures(tile_px: int, mm_per_px: float) -> None:
    """The figures of an event against the truth's, over frames."""
    print(f"\n### Simulator: events, tiles of {tile_px} px at {mm_per_px} mm\n")
    print("| class | events | no measure | area | length | width | direction off by |")
    print("|---|---|---|---|---|---|---|")
    found = list(simulated.told("report", tile_px, mm_per_px))
    for name in sorted({one.class_name for one in found}):
        told = [one for one in found if one.class_name == name]
        pairs = [(one.measure, one.truth) for one in told if one.measure is not None]
        cells = []
        for field in ("area_mm2", "length_mm", "width_mm"):
            errors = [getattr(m, field) / getattr(t, field) - 1 for m, t in pairs]
            cells.append("{:+.0%} ({:+.0%} to {:+.0%})".format(*_quartiles(errors)))
        long = [(m, t) for m, t in pairs if t.length_mm > 3 * t.width_mm]
        apart = [abs(m.orientation_deg - t.orientation_deg) % 180 for m, t in long]
        cells.append(
            "{:.1f}° ({:.1f}° to {:.1f}°)".format(*_quartiles([min(a, 180 - a) for a in apart]))
            if len(long) >= 5
            else "too few long ones"
        )
        missing = len(told) - len(pairs)
        print(f"| {name} | {len(told)} | {missing} | " + " | ".join(cells) + " |", flush=True)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(low), float(high)


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
