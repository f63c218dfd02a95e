"""Intersection over union and relative area error, with intervals from a bootstrap over groups."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from edge.inspect.segment import Mask, segment
from edge.types import U8
from tests.quantify.real import Box, Case

DRAWS = 1000
Method = Callable[[U8, Mask], Mask]


class Score(NamedTuple):
    """Of one case."""

    class_name: str
    group: str
    iou: float
    area_error: float
    """Found less true area, over the true one."""


def ours(pixels: U8, own: Mask) -> Mask:
    return segment(pixels, own).mask


def otsu(pixels: U8, own: Mask) -> Mask:
    """The baseline: Otsu's threshold in the defect's own tiles; the smaller side is the defect."""
    grey = cv2.GaussianBlur(pixels, (5, 5), 0)
    inside = np.asarray(grey[own], np.uint8)
    limit, _ = cv2.threshold(inside, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    light = own & (grey > limit)
    return light if light.sum() * 2 <= own.sum() else own & ~light


def all_of_it(_pixels: U8, own: Mask) -> Mask:
    """What the event said before anything was measured: the defect fills its tiles."""
    return own


def score(case: Case, found: Mask) -> Score:
    """A case with a mask by its pixels, one with a box by the boxes."""
    truth = case.truth
    if case.box is not None:
        found, truth = filled(found), filled(truth)
    either = int((found | truth).sum())
    iou = float((found & truth).sum()) / either if either else 1.0
    true_px = max(1, int(truth.sum()))
    return Score(case.class_name, case.group, iou, (int(found.sum()) - true_px) / true_px)


def filled(mask: Mask) -> Mask:
    """The box round all of a mask."""
    full = np.zeros(mask.shape, np.bool_)
    if mask.any():
        top, left, end, side = bounds(mask)
        full[top:end, left:side] = True
    return full


def bounds(mask: Mask) -> Box:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return top, left, top + height, left + width


def scores(cases: Iterable[Case], method: Method) -> list[Score]:
    return [score(case, method(case.pixels, case.own)) for case in cases]


def interval(
    values: Sequence[float], groups: Sequence[str], figure: Callable[[np.ndarray], float]
) -> tuple[float, float, float]:
    """A figure and its 95 % interval; whole groups are drawn, since their members are alike."""
    by_group = defaultdict(list)
    for value, group in zip(values, groups, strict=True):
        by_group[group].append(value)
    members = [np.array(v) for v in by_group.values()]
    rng = np.random.default_rng(0)
    drawn = [
        figure(np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]))
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(figure(np.array(values))), float(low), float(high)


def by_class(found: Iterable[Score]) -> dict[str, list[Score]]:
    classes: dict[str, list[Score]] = defaultdict(list)
    for one in found:
        classes[one.class_name].append(one)
    return dict(sorted(classes.items()))


def mean(values: np.ndarray) -> float:
    return float(values.mean())


def median(values: np.ndarray) -> float:
    return float(np.median(values))


def middle_error(values: np.ndarray) -> float:
    return float(np.median(np.abs(values)))
