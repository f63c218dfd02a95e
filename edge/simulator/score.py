"""How well a network does on strips it never saw: recall, recall against width, false alarms.

The mills that judge differ from the training tiles in seed, and reach further in exposure,
contrast and noise; tiles are cut at random offsets of the grid. A tile's truth follows the rule of
`edge.simulator.tiles`; ambiguous tiles are not counted.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contract.classes import ClassList
from contract.tiles import Boxes, Span, TileGrid
from edge.errors import ConfigError
from edge.simulator.defects import CLEAN, DEFECTS
from edge.simulator.mill import Mill, MillConfig, SimulatedFrame
from edge.simulator.tiles import Shown, label_of
from edge.types import F32, U8

Box = tuple[int, int, int, int]
"""First row, first column, end row, end column."""
WIDTH_BINS_MM = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)
_EDGE_PX = 3
"""Tiles keep this far from the strip's true edge: an edge tracker is no better than that."""
_COIL_ROWS = 12 * 1024
_PER_ROW = 1 / 1024
"""About one defect of each class in a frame, twelve frames in a coil."""
_UNSEEN = 1 << 32
"""Seeds of judging mills start here; those of training sets lie below."""


@dataclass(frozen=True)
class Judge:
    """A network with its card's decision: a defect only from its class's threshold on.

    `classify` takes U8 `N x tile x tile` at the frame's own scale and gives F32 `N x C`
    probabilities in the order of `classes`.

    Raises:
        ConfigError: the network knows none of the simulated defects.
    """

    classify: Callable[[U8], F32]
    classes: ClassList
    thresholds: Mapping[str, float]

    def __post_init__(self) -> None:
        if not set(DEFECTS) & set(self.classes.defects):
            raise ConfigError(
                f"this bundle's classes are {', '.join(self.classes.names)}: none is a simulated"
                " defect; score a bundle trained on simulated tiles"
            )

    def labels(self, tiles: U8) -> list[str]:
        """The defect that each tile is reported as; `clean` where none is."""
        if not len(tiles):
            return []
        probabilities = self.classify(tiles)
        best = probabilities.argmax(axis=1)
        return [
            self._label(self.classes.names[index], float(row[index]))
            for index, row in zip(best, probabilities, strict=True)
        ]

    def _label(self, name: str, probability: float) -> str:
        if name in self.classes.clean:
            return CLEAN
        return name if probability >= self.thresholds[name] else CLEAN


def share(part: float, whole: float) -> float:
    """Part of a whole; NaN of nothing."""
    return part / whole if whole else float("nan")


@dataclass
class Score:
    """What was counted, in tiles; `add` as many as there are."""

    tiles: Counter[str] = field(default_factory=Counter)
    """By true class."""
    named: Counter[str] = field(default_factory=Counter)
    """Of these, reported as that very class."""
    noticed: Counter[str] = field(default_factory=Counter)
    """Of the defective ones, reported as some defect."""
    by_width: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Per class: defective tiles by index into `WIDTH_BINS_MM`."""
    named_by_width: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    false_alarms: Counter[str] = field(default_factory=Counter)
    """Clean tiles by what they were reported as."""
    alarms_per_coil: Counter[str] = field(default_factory=Counter)
    """False alarms by coil; a coil without one stands here with 0."""

    def add(self, truth: str, label: str, width_mm: float, coil: str) -> None:
        """Count one tile."""
        self.tiles[truth] += 1
        self.named[truth] += label == truth
        self.alarms_per_coil[coil] += 0
        if truth == CLEAN:
            if label != CLEAN:
                self.false_alarms[label] += 1
                self.alarms_per_coil[coil] += 1
            return
        self.noticed[truth] += label != CLEAN
        index = int(np.searchsorted(WIDTH_BINS_MM, width_mm, side="right")) - 1
        self.by_width[truth][index] += 1
        self.named_by_width[truth][index] += label == truth

    def recall(self, class_name: str) -> float:
        """Share of a class's tiles that were reported as that class; NaN without any."""
        return share(self.named[class_name], self.tiles[class_name])

    @property
    def false_alarms_per_1000(self) -> float:
        """False alarms per 1,000 clean tiles; NaN without any."""
        return 1000 * share(sum(self.false_alarms.values()), self.tiles[CLEAN])


def unseen_mills(seed: int, count: int, mm_per_px: float) -> list[MillConfig]:
    """Mills to judge by: other strips than any training tile, and harsher ones among them.

    Raises:
        ConfigError: a scale no mill can have.
    """
    rng = np.random.default_rng([_UNSEEN, seed])
    mills = []
    for number in range(count):
        middle, contrast = rng.uniform(75, 165), rng.uniform(0.4, 1.7)
        mills.append(
            MillConfig(
                seed=_UNSEEN + seed * 1000 + number,
                mm_per_px=mm_per_px,
                coil_m=_COIL_ROWS * mm_per_px / 1000,
                per_m=dict.fromkeys(DEFECTS, _PER_ROW * 1000 / mm_per_px),
                grey=(middle - 8, middle + 8),
                contrast=(contrast * 0.9, contrast * 1.1),
                noise=rng.uniform(0.6, 2.2),
            )
        )
    return mills


def score_mills(
    judge: Judge, mills: Iterable[MillConfig], frames: int, tile_px: int, seed: int = 0
) -> Score:
    """Judge the first frames of each mill, tiles cut at random offsets of the grid."""
    rng = np.random.default_rng(seed)
    score = Score()
    for config in mills:
        for frame in map(Mill(config).frame, range(frames)):
            boxes = _boxes(rng, frame, tile_px, config)
            _score_frame(judge, frame, boxes, f"{config.seed}/", score)
    return score


def score_clean(
    judge: Judge,
    frames: Iterable[tuple[str, U8, Span]],
    boxes: Mapping[str, Sequence[Box]],
    tile_px: int,
) -> Score:
    """False alarms on real strip: every tile that no marked box touches counts as clean.

    Args:
        judge: the network.
        frames: name, picture, and the strip's columns in it.
        boxes: per name what was marked (first row, first column, end row, end column).
        tile_px: side of a tile.

    Returns:
        A score in which each frame stands as a coil of its own.
    """
    score = Score()
    for name, pixels, columns in frames:
        grid = TileGrid(Span(0, pixels.shape[0]), columns, tile_px, tile_px).boxes()
        tiles = [(int(b[0]), int(b[1]), int(b[2]), int(b[3])) for b in grid]
        free = [b for b in tiles if not any(_touch(b, other) for other in boxes.get(name, ()))]
        for label in judge.labels(cut(pixels, free)):
            score.add(CLEAN, label, 0.0, name)
    return score


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """Marked boxes of pictures by file, from a CSV with file, xmin, ymin, xmax and ymax.

    Raises:
        ConfigError: the file is absent, no such CSV, or a corner is no number.
    """
    boxes: dict[str, list[Box]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                top, left, end, side = (int(row[k]) for k in ("ymin", "xmin", "ymax", "xmax"))
                boxes[row["file"]].append((top, left, end, side))
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"{path}: not a table of boxes ({error!r}); it needs the columns file, xmin, ymin,"
            " xmax, ymax with whole numbers"
        ) from error
    return dict(boxes)


def _boxes(
    rng: np.random.Generator, frame: SimulatedFrame, tile_px: int, config: MillConfig
) -> Boxes:
    """A grid somewhere on the strip that all rows of the frame share."""
    widths = [coil.width_mm / config.mm_per_px for coil in frame.coils]
    first = int(np.ceil(frame.left_px.max())) + _EDGE_PX + int(rng.integers(tile_px))
    end = int(frame.left_px.min() + min(widths)) - _EDGE_PX
    rows = Span(int(rng.integers(tile_px)), config.rows)
    return TileGrid(rows, Span(min(first, end), end), tile_px, tile_px).boxes()


def _score_frame(
    judge: Judge, frame: SimulatedFrame, boxes: Boxes, prefix: str, score: Score
) -> None:
    truths = list(_truths(frame, boxes))
    labels = judge.labels(cut(frame.pixels, [box for _, box, _, _ in truths]))
    for (coil, _, truth, width_mm), label in zip(truths, labels, strict=True):
        score.add(truth, label, width_mm, prefix + coil)


def _truths(frame: SimulatedFrame, boxes: Boxes) -> Iterator[tuple[str, Box, str, float]]:
    """Coil, box, truth and width of the tiles that have a truth and lie on one coil alone."""
    shown = [Shown(d.class_name, d.box, d.mask, d.pixels) for d in frame.defects]
    for row in boxes:
        box = (int(row[0]), int(row[1]), int(row[2]), int(row[3]))
        truth = label_of(box, shown)
        coil = _coil(frame, box)
        if truth is not None and coil is not None:
            widths = [d.width_mm for d in frame.defects if _touch(box, d.box)]
            yield coil, box, truth, max(widths, default=0.0)


def _coil(frame: SimulatedFrame, box: Box) -> str | None:
    """The coil a tile lies on; None where it lies on two: the line cuts no such tile."""
    for coil in frame.coils:
        first = frame.rows.row_at(coil.head_m)
        end = frame.rows.rows if coil.tail_m is None else frame.rows.row_at(coil.tail_m)
        if first <= box[0] and box[2] <= end:
            return coil.id
    return None


def cut(pixels: U8, boxes: Sequence[Box]) -> U8:
    """Tiles of one size as one U8 array `N x rows x columns`."""
    if not boxes:
        return np.zeros((0, 0, 0), np.uint8)
    return np.stack([pixels[top:end, left:side] for top, left, end, side in boxes])


def _touch(one: Box, other: Box) -> bool:
    rows = one[0] < other[2] and other[0] < one[2]
    return rows and one[1] < other[3] and other[1] < one[3]
