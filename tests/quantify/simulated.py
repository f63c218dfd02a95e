"""The simulated mill, whose every defect's pixels are known, seen through tiles that are right.

What is judged is the measuring, so the network is left out: a tile is called what the simulator's
rule calls it, and nothing where that rule finds it ambiguous.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from contract.bodies import Defect, Measure, ModelReference
from contract.tiles import Span, TileGrid
from edge.clock import Stamp
from edge.config import Inspect
from edge.inspect.decide import DefectTracker, Lie, Patch, Verdict, find_patches
from edge.inspect.look import Seen
from edge.inspect.quantify import quantify, region_of, tiles_of
from edge.inspect.shape import NOTHING, Shape, shape_of
from edge.simulator.defects import CLASSES, CLEAN
from edge.simulator.mill import Mill, MillConfig, SimulatedDefect, SimulatedFrame
from edge.simulator.score import unseen_mills
from edge.simulator.tiles import Shown, label_of
from edge.types import Frame, Section
from tests.quantify.real import Case

MILLS = {"choose": range(20), "report": range(100, 130)}
FRAMES = 3
BESIDE_PX = 6
MODEL = ModelReference(name="truth", version="1", digest="-")
PLENTY, SHIPPED_PX = 1 << 40, Inspect().quantified_px
MOST_PATCHES = 99


class Told(NamedTuple):
    """A defect as an event told it, and as it is; None where no event told of it alone."""

    class_name: str
    group: str
    measure: Measure | None
    truth: Measure


def mills(half: str, mm_per_px: float = 0.5) -> Iterator[MillConfig]:
    """Mills of a half; no two halves share one."""
    return (unseen_mills(seed, 1, mm_per_px)[0] for seed in MILLS[half])


def seen(frame: SimulatedFrame, config: MillConfig, tile_px: int) -> Seen:
    """A frame of one coil as a network that makes no mistake sees it."""
    coil = frame.coils[0]
    left = int(np.ceil(frame.left_px.max())) + BESIDE_PX
    right = int(frame.left_px.min() + coil.width_mm / config.mm_per_px) - BESIDE_PX
    grid = TileGrid(Span(0, config.rows), Span(left, right), tile_px, tile_px)
    boxes = grid.boxes()
    shown = [Shown(d.class_name, d.box, d.mask, d.pixels) for d in frame.defects]
    names = [label_of((int(t), int(a), int(e), int(b)), shown) or CLEAN for t, a, e, b in boxes]
    labels = np.array([CLASSES.index(name) for name in names], np.intp)
    verdict = Verdict(labels, np.ones(len(boxes), np.float32), labels != CLASSES.index(CLEAN))
    section = Section(
        Frame(frame.seq, frame.pixels, frame.rows, None, Stamp(0, 0)), coil, 0, config.rows
    )
    lie = Lie.of(section, left, config.mm_per_px)
    patches = find_patches(verdict, boxes, grid.shape, lie, MOST_PATCHES)
    return Seen(section, boxes, verdict, patches, lie, grid)


def cases(half: str, tile_px: int, mm_per_px: float) -> Iterator[Case]:
    """Each patch of each frame by itself: what surrounds it, its tiles, its pixels."""
    for config in mills(half, mm_per_px):
        for frame in map(Mill(config).frame, range(FRAMES)):
            told = seen(frame, config, tile_px)
            for number, patch in enumerate(told.patches):
                at = region_of(patch, told).at
                own = tiles_of(told._replace(patches=[patch]))[at].copy()
                name = f"{config.seed}-{frame.seq}-{number}"
                truth = _pixels(frame, patch)[at].copy()
                pixels = frame.pixels[at].copy()  # a view would keep the whole frame
                yield Case(CLASSES[patch.class_index], str(config.seed), name, pixels, own, truth)


def _pixels(frame: SimulatedFrame, patch: Patch) -> np.ndarray:
    """Those of the defects of a patch's class that its tiles show."""
    truth = np.zeros(frame.pixels.shape, np.bool_)
    for defect in frame.defects:
        if defect.class_name == CLASSES[patch.class_index] and _touches(patch, defect):
            top, left, end, right = defect.box
            truth[top:end, left:right] |= defect.mask
    return truth


def _touches(patch: Patch, defect: SimulatedDefect) -> bool:
    top, left, end, right = defect.box
    boxes = patch.boxes
    rows = (boxes[:, 0] < end) & (top < boxes[:, 2])
    return bool((rows & (boxes[:, 1] < right) & (left < boxes[:, 3])).any())


def told(half: str, tile_px: int, mm_per_px: float) -> Iterator[Told]:
    """Each defect that an event tells of alone, over all frames that show it, and its truth; with
    the pixels a frame that a line has.
    """
    for config in mills(half, mm_per_px):
        tracker = DefectTracker("coil", 1, 0.1)
        truths: dict[str, Shape] = defaultdict(lambda: NOTHING)
        classes: dict[str, str] = {}
        drafts = []
        for frame in map(Mill(config).frame, range(FRAMES)):
            shown = quantify(seen(frame, config, tile_px), tracker.seen_m, SHIPPED_PX)
            drafts += tracker.update(
                shown.patches, CLASSES, MODEL, shown.section, lambda _, name: name
            )
            for defect in frame.defects:
                classes[defect.id] = defect.class_name
                truths[defect.id] = truths[defect.id].joined(shape_of_defect(defect, shown.lie))
        drafts += tracker.finish("closed")
        newest = {b.defect_id: b for b in (d.body for d in drafts) if isinstance(b, Defect)}
        yield from matched(newest, classes, truths, str(config.seed))


def shape_of_defect(defect: SimulatedDefect, lie: Lie) -> Shape:
    """What a frame shows of a defect, on the coil."""
    top, left, _, _ = defect.box
    corner_m, corner_mm = lie.origin_m + top * lie.m_per_row, (left - lie.origin_px)
    return shape_of(
        defect.mask,
        np.zeros(defect.mask.shape, np.int16),
        np.array([corner_m * 1000, corner_mm * lie.mm_per_column]),
        np.array([lie.m_per_row * 1000, lie.mm_per_column]),
    )


def matched(
    events: dict[str, Defect], classes: dict[str, str], truths: dict[str, Shape], group: str
) -> Iterator[Told]:
    """Events that hold one defect of their class and no other piece of one."""
    for event in events.values():
        if event.merged_into is not None:
            continue
        near = [
            truth
            for number, shape in truths.items()
            if classes[number] == event.class_name
            and (truth := shape.measure()) is not None
            and _overlap(event, truth)
        ]
        if len(near) == 1:
            yield Told(event.class_name, group, event.measure, near[0])


def _overlap(event: Defect, truth: Measure) -> bool:
    a, b = event.extent, truth.extent
    along = a.from_m < b.to_m and b.from_m < a.to_m
    return along and a.from_mm < b.to_mm and b.from_mm < a.to_mm
