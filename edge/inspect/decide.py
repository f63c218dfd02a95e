"""From labelled tiles to defects: neighbours of one class are one defect, also over frames.

A tile is a defect when its most probable class is one and reaches that class's threshold. Touching
tiles of a class (also diagonally) form a patch; a patch whose tiles touch those that an open defect
of its class had before (`open_defect.py`) extends it. A defect is announced once it has
`confirm_tiles` tiles, revised when it grows, closed when `close_after_m` of strip has passed
without more of it, or with its coil. Strip that passes again, since it ran back or frames overlap,
does not announce a closed one again. Where a class is dense, `density.py` says which are announced.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from contract.bodies import Defect, DefectDensity, Extent, ModelReference
from contract.events import Draft
from contract.tiles import Boxes
from edge.grading.severity import Assess, unassessed, worst_of
from edge.inspect.density import EVERY_ONE, Density, tell_density
from edge.inspect.extents import NOWHERE, Places, around, overlap, touching, union, within
from edge.inspect.open_defect import Before, OpenDefect
from edge.inspect.shape import NOTHING, UNMEASURED, Shape
from edge.types import F32, Section

REMEMBERED = 1000
"""Closed defects that are known again when their strip comes back: more than a reversal passes."""
SAME_M = 1e-6
BORDER_MM = 2.0
"""By so much the border of a defect may differ from one pass of its strip to the next."""

Phase = Literal["opened", "extended", "closed", "interrupted"]
Ending = Literal["closed", "interrupted"]


UNJUDGED = -1
"""The label of a tile that the network was not shown."""


class Verdict(NamedTuple):
    """What the network says of each tile: label, its probability, and whether that is a defect."""

    labels: npt.NDArray[np.intp]
    probabilities: F32
    defect: npt.NDArray[np.bool_]


class Patch(NamedTuple):
    """Touching tiles of one class in one section, on the coil; `best` is its clearest tile.

    A crowded one holds all tiles of its class, whether they touch or not, of so many `defects`.
    `boxes` are its tiles in the frame, `places` on the coil; `shape` its pixels on strip that is
    new, `again` those on strip that passes again.
    """

    class_index: int
    extent: Extent
    tiles: int
    probability: float
    best: int
    boxes: Boxes
    places: Places
    crowded: bool = False
    defects: int = 1
    shape: Shape = UNMEASURED
    again: Shape = NOTHING


def judge(probabilities: F32, limits: F32) -> Verdict:
    """Judge `N x C` probabilities by the `C` thresholds (infinite for clean classes)."""
    labels = probabilities.argmax(axis=1)
    best = probabilities[np.arange(len(labels)), labels]
    return Verdict(labels, best, best >= limits[labels])


def spread(verdict: Verdict, judged: npt.NDArray[np.bool_]) -> Verdict:
    """The verdict on the judged ones among `N` tiles as one on all; the others are no defect."""
    labels = np.full(len(judged), UNJUDGED, np.intp)
    probabilities, defect = np.zeros(len(judged), np.float32), np.zeros(len(judged), np.bool_)
    labels[judged], probabilities[judged], defect[judged] = verdict
    return Verdict(labels, probabilities, defect)


@dataclass(frozen=True, slots=True)
class Lie:
    """Where pixels of a section lie on its coil: metres per row, mm per column, and the zeros."""

    origin_m: float
    m_per_row: float
    origin_px: int
    mm_per_column: float

    @classmethod
    def of(cls, section: Section, left_px: int, mm_per_column: float) -> "Lie":
        """The lie of a section whose strip begins at column `left_px`."""
        rows = section.frame.rows
        return cls(rows.first_m - section.coil.head_m, rows.m_per_row, left_px, mm_per_column)

    def along_m(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Borders of rows on the coil."""
        return np.asarray(self.origin_m + rows * self.m_per_row, np.float64)

    def across_mm(self, columns: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Borders of columns on the coil."""
        return np.asarray((columns - self.origin_px) * self.mm_per_column, np.float64)

    def places(self, boxes: Boxes) -> Places:
        """Boxes of pixels on the coil."""
        along, across = self.along_m(boxes[:, [0, 2]]), self.across_mm(boxes[:, [1, 3]])
        return np.hstack([along.round(6), across.round(3)])

    def extent(self, box: npt.NDArray[np.int32]) -> Extent:
        """A box of pixels (row, column, end row, end column) on the coil."""
        top, left, bottom, right = (int(v) for v in box)
        return Extent(
            from_m=round(self.origin_m + top * self.m_per_row, 6),
            to_m=round(self.origin_m + bottom * self.m_per_row, 6),
            from_mm=round((left - self.origin_px) * self.mm_per_column, 3),
            to_mm=round((right - self.origin_px) * self.mm_per_column, 3),
        )


def find_patches(
    verdict: Verdict, boxes: Boxes, shape: tuple[int, int], lie: Lie, most: int
) -> list[Patch]:
    """Join the defect tiles of a section, row by row in `boxes`, by class and touch.

    More than `most` patches become one for each class, so that a strip full of defects costs no
    more than one with a few: each patch is an event, which takes 0.06 ms to decide and to write.
    """
    labels = np.unique(verdict.labels[verdict.defect])
    masks = [(int(index), verdict.defect & (verdict.labels == index)) for index in labels]
    parts = [(index, members) for index, mask in masks for members in _touching(mask, shape)]
    crowded = len(parts) > most
    counts = Counter(index for index, _ in parts)
    if crowded:
        parts = [(index, np.flatnonzero(mask)) for index, mask in masks]
    places = lie.places(boxes) if parts else NOWHERE
    patches = [_patch(index, members, verdict, boxes, lie, places) for index, members in parts]
    if not crowded:
        return patches
    return [p._replace(crowded=True, defects=counts[p.class_index]) for p in patches]


def _touching(mask: npt.NDArray[np.bool_], shape: tuple[int, int]) -> list[npt.NDArray[np.intp]]:
    """The tiles of each group of touching tiles, also diagonally."""
    tiles = mask.reshape(shape).astype(np.uint8)
    _, components = cv2.connectedComponents(tiles, connectivity=8)
    order = components.ravel().argsort(kind="stable")
    ends = np.bincount(components.ravel()).cumsum()
    return np.split(order, ends[:-1])[1:]


def _patch(
    index: int,
    members: npt.NDArray[np.intp],
    verdict: Verdict,
    boxes: Boxes,
    lie: Lie,
    places: Places,
) -> Patch:
    corners = boxes[members]
    box = np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])
    best = int(members[verdict.probabilities[members].argmax()])
    probability = float(verdict.probabilities[best])
    extent = lie.extent(box)
    return Patch(index, extent, len(members), probability, best, corners, places[members])


class DefectTracker:
    """The open defects of one coil. Owned by the inspecting thread."""

    def __init__(
        self,
        coil: str,
        confirm_tiles: int,
        close_after_m: float,
        density: Density | None = None,
        assess: Assess = unassessed,
    ) -> None:
        self._coil = coil
        self._confirm_tiles = confirm_tiles
        self._close_after_m = close_after_m
        self._density = density or Density(EVERY_ONE)
        self._assess = assess
        self._open: list[OpenDefect] = []
        self._closed: dict[str, Places] = {}
        self.seen_m = 0.0
        """Strip before this has been in a section."""
        self._count = 0
        self._grabbed = datetime.fromtimestamp(0, UTC)
        self.announced: Counter[str] = Counter()
        """By class; those told as a number too, once they are."""

    def update(
        self,
        patches: Sequence[Patch],
        names: tuple[str, ...],
        model: ModelReference,
        section: Section,
        picture: Callable[[Patch, str], str | None],
    ) -> list[Draft]:
        """Take a section's patches; `picture` keeps evidence of a new defect and names it."""
        self._grabbed = section.frame.grabbed.utc()
        before = self._before(patches)
        changed: dict[int, tuple[OpenDefect, Patch]] = {}
        drafts: list[Draft] = []
        for patch in patches:
            again = section.from_m < self.seen_m - SAME_M
            if again and self._was_closed(patch, names[patch.class_index]):
                continue
            defect, absorbed = self._join(patch, names[patch.class_index], section, before)
            defect.model = model
            defect.crowded |= patch.crowded
            defect.uncounted += patch.defects if patch.crowded else 0
            changed[defect.number] = defect, patch
            for other in absorbed:
                changed.pop(other.number, None)
                if other.revision:
                    drafts.append(self._revise(other, "closed", merged_into=defect.number))
                defect.severity = worst_of(defect.severity, other.severity)
        self.seen_m = max(self.seen_m, section.to_m)
        over_m = section.to_m - self._close_after_m
        for defect, patch in changed.values():
            self._count_in(defect, patch)
            if not self._is_told(defect):
                continue
            defect.evidence = defect.evidence or picture(patch, self._id(defect.number))
            if not defect.revision:
                drafts.append(self._revise(defect, "opened"))
            elif defect.extent.to_m >= over_m:
                drafts.append(self._revise(defect, "extended"))
        drafts += self._close_before(over_m)
        return drafts + self._told_dense(self._density.due(self.seen_m, self._waits()))

    def finish(self, phase: Ending, length_m: float | None = None) -> list[Draft]:
        """End all that is open: with the coil, which is so long, or because the daemon stops."""
        ended, self._open = self._open, []
        drafts = [self._revise(defect, phase) for defect in ended if defect.revision]
        return drafts + self._told_dense(
            self._density.finish(self.seen_m if length_m is None else length_m)
        )

    @property
    def dense(self) -> tuple[DefectDensity, ...]:
        """What is counted and not told yet, for the watermark."""
        return self._density.untold(self.seen_m)

    def _count_in(self, defect: OpenDefect, patch: Patch) -> None:
        """Count what begins with a patch, once the defect is confirmed."""
        if defect.tiles < self._confirm_tiles:
            return
        at = self._density.stretch(patch.extent.from_m)
        if defect.stretch is None:
            at = defect.stretch = self._density.stretch(defect.extent.from_m)
            defect.uncounted = max(1, defect.uncounted)
        self._density.add(at, defect.class_name, defect.uncounted)
        defect.uncounted = 0

    def _is_told(self, defect: OpenDefect) -> bool:
        """Whether it has events of its own, now or already."""
        if defect.revision or defect.stretch is None:
            return defect.revision > 0
        where = defect.stretch, defect.class_name
        if self._density.room(*where):
            return True
        rank = self._assess(self._body(defect, "opened")).rank
        return self._density.tells(*where, rank, defect.extent)

    def _waits(self) -> int | None:
        """The first stretch with a defect that may still be announced."""
        silent = [d for d in self._open if not d.revision]
        began = (self._density.stretch(d.extent.from_m) for d in silent if d.stretch is None)
        counted = (d.stretch for d in silent if d.stretch is not None)
        return min((*began, *counted), default=None)

    def _told_dense(self, bodies: list[DefectDensity]) -> list[Draft]:
        for body in bodies:
            self.announced[body.class_name] += body.count - body.told
        return [tell_density(body, self._coil, self._grabbed) for body in bodies]

    def _before(self, patches: Sequence[Patch]) -> dict[str, Before]:
        """The defects open before this section's patches, by class, as far as they may touch."""
        if not patches:
            return {}
        within = around(np.concatenate([patch.places for patch in patches]))
        by_class: dict[str, list[OpenDefect]] = {}
        for defect in self._open:
            by_class.setdefault(defect.class_name, []).append(defect)
        return {name: Before(known, within) for name, known in by_class.items()}

    def _join(
        self, patch: Patch, name: str, section: Section, before: Mapping[str, Before]
    ) -> tuple[OpenDefect, list[OpenDefect]]:
        """The defect that a patch is part of, and those that it joins to it."""
        touched = before[name].touched_by(patch.extent, patch.places) if name in before else []
        if not touched:
            return self._begin(patch, name, section), []
        oldest, *absorbed = sorted(
            touched, key=lambda d: (d.revision == 0, d.stretch is None, d.number)
        )
        missed = _missed(patch, touched)
        for other in absorbed:
            oldest.absorb(other)
            self._open.remove(other)
        shape = patch.shape.joined(UNMEASURED) if missed else patch.shape
        oldest.grow(patch.extent, patch.tiles, patch.probability, shape, patch.places)
        oldest.last_frame, oldest.grabbed = section.frame.seq, self._grabbed
        return oldest, absorbed

    def _begin(self, patch: Patch, name: str, section: Section) -> OpenDefect:
        self._count += 1
        frame = section.frame.seq
        new = OpenDefect(
            self._count,
            name,
            patch.extent,
            patch.tiles,
            patch.probability,
            frame,
            frame,
            self._grabbed,
            patch.places,
            shape=patch.again.joined(patch.shape),
        )
        self._open.append(new)
        return new

    def _was_closed(self, patch: Patch, name: str) -> bool:
        """Whether this is a closed defect that came by again; not where new strip shows it too."""
        if patch.extent.to_m > self.seen_m + SAME_M:
            return False
        return bool(touching(patch.places, self._closed.get(name, NOWHERE)).any())

    def _close_before(self, coil_m: float) -> list[Draft]:
        over = [d for d in self._open if d.extent.to_m < coil_m]
        for defect in over:
            if defect.stretch is not None:
                self._remember(defect)
        self._open = [d for d in self._open if d.extent.to_m >= coil_m]
        return [self._revise(defect, "closed") for defect in over if defect.revision]

    def _remember(self, defect: OpenDefect) -> None:
        known = self._closed.get(defect.class_name, NOWHERE)
        corners = list(defect.extent.model_dump().values())
        self._closed[defect.class_name] = np.vstack([known, corners])[-REMEMBERED:]

    def _revise(self, defect: OpenDefect, phase: Phase, merged_into: int | None = None) -> Draft:
        defect.revision += 1
        if defect.revision == 1:
            self.announced[defect.class_name] += 1
            self._density.told(defect.stretch or 0, defect.class_name)
        body = self._body(defect, phase, merged_into)
        found = defect.severity = worst_of(defect.severity, self._assess(body))
        self._density.saw(defect.stretch or 0, defect.class_name, found.rank)
        body = body.model_copy(update={"severity": found.name})
        return Draft(body, self._coil, f"{defect.number}.{defect.revision}", defect.grabbed)

    def _body(self, defect: OpenDefect, phase: Phase, merged_into: int | None = None) -> Defect:
        if defect.model is None:
            raise ValueError("a defect is revised only after a model has seen it")
        return Defect(
            defect_id=self._id(defect.number),
            revision=max(1, defect.revision),
            phase=phase,
            class_name=defect.class_name,
            extent=defect.extent,
            probability=min(1.0, defect.probability),
            tiles=defect.tiles,
            crowded=defect.crowded,
            merged_into=None if merged_into is None else self._id(merged_into),
            measure=defect.shape.measure(),
            evidence=defect.evidence,
            model=defect.model,
            first_frame=defect.first_frame,
            last_frame=defect.last_frame,
            grabbed=defect.grabbed,
        )

    def _id(self, number: int) -> str:
        return f"{self._coil}/{number}"


def _missed(patch: Patch, known: Iterable[OpenDefect]) -> bool:
    """Whether strip that passes again shows more of these than when its tiles were called clean."""
    if not patch.again.pixels:
        return False
    boxes = [
        box for d in known for box in (d.extent, *([d.shape.extent] if d.shape.pixels else []))
    ]
    seen = overlap(patch.again.extent, patch.extent)
    return not within(seen, reduce(union, boxes), BORDER_MM)
