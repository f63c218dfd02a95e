"""Real pictures with a known truth: masks of SD-saliency-900, boxes of NEU-DET.

Pictures of one group show the same piece of strip: a half holds all of them or none.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.inspect.segment import Mask
from edge.types import U8
from runtime.scale import read_gray

Box = tuple[int, int, int, int]
"""First row, first column, end row, end column."""


class Case(NamedTuple):
    """A picture, where the network would say that the defect lies, and the truth."""

    class_name: str
    group: str
    """What cases with the same answer to chance share: a bootstrap draws groups."""
    name: str
    pixels: U8
    own: Mask
    truth: Mask
    box: Box | None = None
    """Where only the defect's box is known."""


def half_of(group: str) -> str:
    """Which half a group of pictures belongs to, by chance but for good."""
    even = hashlib.sha256(group.encode()).digest()[0] % 2 == 0
    return "choose" if even else "report"


def masks(data: Path, half: str, *, from_boxes: bool) -> Iterator[Case]:
    """SD-saliency-900's pictures of a half: the whole picture as one defect's tiles, or the boxes
    that NEU-DET marks in it.
    """
    groups, boxes = _groups(data), _boxes(data)
    for path in sorted((data / "sd_saliency_900_masks").glob("*/*.png")):
        name = f"{path.parent.name}/{path.name}"
        truth = read_gray(path) > 127
        if half_of(groups[name]) != half or (from_boxes and name not in boxes):
            continue
        own = np.ones(truth.shape, np.bool_)
        if from_boxes:
            own[:] = False
            for _, (top, left, end, side) in boxes[name]:
                own[top:end, left:side] = True
        picture = read_gray(data / "neu_cls" / name)
        yield Case(path.parent.name, groups[name], name, picture, own, truth)


def boxed(data: Path, half: str, wider: float = 0.25) -> Iterator[Case]:
    """NEU-DET's boxes of a half, each by itself. The defect is said to lie in its box and a quarter
    of its sides around it: a network's tile knows no better.
    """
    groups = _groups(data)
    for name, marked in sorted(_boxes(data).items()):
        if half_of(groups[name]) != half:
            continue
        picture = read_gray(data / "neu_cls" / name)
        for number, (class_name, box) in enumerate(marked):
            tall, wide = (wider * (box[2] - box[0]), wider * (box[3] - box[1]))
            own = np.zeros(picture.shape, np.bool_)
            rows = slice(max(0, round(box[0] - tall)), round(box[2] + tall))
            own[rows, max(0, round(box[1] - wide)) : round(box[3] + wide)] = True
            truth = np.zeros(picture.shape, np.bool_)
            truth[box[0] : box[2], box[1] : box[3]] = True
            yield Case(class_name, groups[name], f"{name}#{number}", picture, own, truth, box)


def _groups(data: Path) -> dict[str, str]:
    with (data / "neu_cls" / "groups.csv").open(encoding="utf-8", newline="") as stream:
        return {row["file"]: row["group"] for row in csv.DictReader(stream)}


def _boxes(data: Path) -> dict[str, list[tuple[str, Box]]]:
    """By picture: class and box of all that is marked in it; corners count from 1."""
    boxes = defaultdict(list)
    path = data / "neu_det_annotations" / "boxes.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            left, top, side, end = (int(row[k]) for k in ("xmin", "ymin", "xmax", "ymax"))
            boxes[row["neu_cls_file"]].append((row["box_class"], (top - 1, left - 1, end, side)))
    return dict(boxes)


def outline(case: Case, found: Mask) -> U8:
    """The picture with the truth in red and what was found in green, three times as large."""
    large = cv2.cvtColor(_enlarged(case.pixels), cv2.COLOR_GRAY2BGR)
    for mask, colour in ((case.truth, (40, 40, 255)), (found, (60, 230, 60))):
        edges, _ = cv2.findContours(
            _enlarged(mask.astype(np.uint8)), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(large, edges, -1, colour, 1)
    return np.asarray(large, np.uint8)


def _enlarged(pixels: U8) -> U8:
    return np.asarray(
        cv2.resize(pixels, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST), np.uint8
    )
