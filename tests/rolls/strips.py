"""Coils as positions of defects: Poisson clutter, and marks that a roll prints turn after turn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from contract.bodies import Defect, Extent, Measure, ModelReference
from contract.events import Draft
from edge.config import Roll, Rolls
from edge.lifecycle.geometry import TileSize

TILE = TileSize(rows=128, columns=128, cell_m=0.064, cell_mm=64.0)
MODEL = ModelReference(name="simulated", version="1", digest="0" * 64)
WHEN = datetime(2026, 11, 27, 6, tzinfo=UTC)
CLASS = "finishing_roll_printing"
FRAME_M, CROWD = 0.512, 33
"""Of a frame, and the tiles apart from each other that make it crowded."""
TABLE = (
    Roll(name="F7 work roll", diameter_mm=(630, 710)),
    Roll(name="F6 work roll", diameter_mm=(630, 710), reduction_percent=(8, 14)),
    Roll(name="F5 work roll", diameter_mm=(630, 710), reduction_percent=(20, 30)),
    Roll(name="F4 work roll", diameter_mm=(690, 800), reduction_percent=(38, 48)),
    Roll(name="F7 backup roll", diameter_mm=(1400, 1550)),
    Roll(name="pinch roll", diameter_mm=(480, 520)),
)
"""The end of a hot strip mill's finishing train and the pinch roll of its coiler."""
ROLLS = Rolls(table=TABLE)


@dataclass(frozen=True)
class Mark:
    """What a damaged roll prints: from where to where, how often it is missed, how it jitters."""

    period_m: float
    from_m: float = 0.0
    to_m: float = math.inf
    missed: float = 0.0
    jitter_m: float = 0.002
    jitter_mm: float = 2.0


@dataclass(frozen=True)
class Coil:
    """A coil, its clutter, and a camera that finds tiles, or measures to `measured_m`.

    `clutter_per_m` counts over the whole width. `band_mm`: all of it lies within so much.
    `bursts`: it comes in heaps of so many on average, each 2 m long and 100 mm wide. `crowded`: so
    large a share of the frames, by chance, holds so many defects that they are told as one.
    """

    length_m: float = 400.0
    width_mm: float = 1200.0
    clutter_per_m: float = 0.1
    band_mm: float | None = None
    bursts: float = 0.0
    crowded: float = 0.0
    mark: Mark | None = None
    measured_m: float | None = None
    encoder_error: float = 0.0005


class Place(NamedTuple):
    """Of a defect: where it is in truth, and which turn of the roll printed it (None: clutter); of
    a crowd the middle of its box.
    """

    along_m: float
    across_mm: float
    turn: int | None
    crowd: Extent | None = None


def places(coil: Coil, seed: int) -> list[Place]:
    """The defects of a coil in the order of the strip."""
    rng = np.random.default_rng(seed)
    found = [Place(*xy, None) for xy in _clutter(coil, rng)]
    mark = coil.mark
    if mark is not None:
        end_m = min(mark.to_m, coil.length_m)
        first_m = mark.from_m + rng.uniform(0, mark.period_m)
        across_mm = rng.uniform(50, coil.width_mm - 50)
        for turn in range(int(max(0.0, end_m - first_m) / mark.period_m) + 1):
            along_m = first_m + turn * mark.period_m + rng.normal(0, mark.jitter_m)
            if rng.random() >= mark.missed and 0 <= along_m < end_m:
                found.append(Place(along_m, across_mm + rng.normal(0, mark.jitter_mm), turn))
    crowds = {int(crowd.along_m / FRAME_M): crowd for crowd in _crowds(coil, rng)}
    found = [place for place in found if int(place.along_m / FRAME_M) not in crowds]
    return sorted([*found, *crowds.values()], key=lambda place: place[:2])


def _crowds(coil: Coil, rng: np.random.Generator) -> Iterator[Place]:
    """Boxes around `CROWD` tiles anywhere in a frame, frame by frame."""
    if not coil.crowded:
        return
    for frame in np.flatnonzero(rng.random(int(coil.length_m / FRAME_M)) < coil.crowded):
        rows = rng.integers(0, round(FRAME_M / TILE.cell_m), CROWD) * TILE.cell_m
        columns = rng.integers(0, int(coil.width_mm / TILE.cell_mm), CROWD) * TILE.cell_mm
        from_m, to_m = frame * FRAME_M + rows.min(), frame * FRAME_M + rows.max() + TILE.cell_m
        from_mm, to_mm = columns.min(), columns.max() + TILE.cell_mm
        box = Extent(from_m=from_m, to_m=to_m, from_mm=from_mm, to_mm=to_mm)
        yield Place((from_m + to_m) / 2, (from_mm + to_mm) / 2, None, box)


def _clutter(coil: Coil, rng: np.random.Generator) -> list[tuple[float, float]]:
    width_mm = coil.band_mm or coil.width_mm
    first_mm = rng.uniform(0, coil.width_mm - width_mm)
    mean = coil.clutter_per_m * coil.length_m
    if not coil.bursts:
        count = rng.poisson(mean)
        along_m, across_mm = rng.uniform(0, coil.length_m, count), rng.uniform(0, width_mm, count)
    else:
        heaps = rng.poisson(mean / coil.bursts)
        sizes = rng.poisson(coil.bursts, heaps)
        heap_m = np.repeat(rng.uniform(0, coil.length_m, heaps), sizes)
        heap_mm = np.repeat(rng.uniform(0, width_mm, heaps), sizes)
        along_m = np.clip(heap_m + rng.uniform(0, 2, len(heap_m)), 0, coil.length_m - 0.01)
        across_mm = np.clip(heap_mm + rng.uniform(0, 100, len(heap_m)), 0, width_mm - 0.01)
    return list(zip(along_m.tolist(), (first_mm + across_mm).tolist(), strict=True))


def announced(coil: Coil, found: list[Place], seed: int) -> Iterator[Draft]:
    """The defects as the inspection announces them: by tiles, and by a measured box if it has one.
    The encoder's wheel is larger or smaller than it should be by up to `encoder_error`.
    """
    rng = np.random.default_rng((seed, 1))
    scale = 1 + rng.uniform(-coil.encoder_error, coil.encoder_error)
    for number, place in enumerate(found):
        name = f"coil/{number}"
        if place.crowd is not None:
            yield crowd(name, place.crowd)
            continue
        measured_m = None
        if coil.measured_m is not None:
            measured_m = place.along_m * scale + rng.uniform(-coil.measured_m, coil.measured_m)
        yield defect(name, place.along_m * scale, place.across_mm, measured_m)


def crowd(name: str, box: Extent) -> Draft:
    """A crowded frame's new defect."""
    draft = defect(name, box.from_m, box.from_mm)
    changed = {"extent": box, "tiles": CROWD, "crowded": True}
    return draft._replace(body=draft.body.model_copy(update=changed))


def defect(
    name: str,
    along_m: float,
    across_mm: float,
    measured_m: float | None = None,
    class_name: str = CLASS,
) -> Draft:
    """A new defect on one tile, or with a box of 20 mm about `measured_m`."""
    from_m = math.floor(along_m / TILE.cell_m) * TILE.cell_m
    from_mm = math.floor(across_mm / TILE.cell_mm) * TILE.cell_mm
    extent = Extent(
        from_m=from_m, to_m=from_m + TILE.cell_m, from_mm=from_mm, to_mm=from_mm + TILE.cell_mm
    )
    body = Defect(
        defect_id=name,
        revision=1,
        phase="opened",
        class_name=class_name,
        extent=extent,
        probability=0.9,
        tiles=1,
        merged_into=None,
        measure=None if measured_m is None else _measure(measured_m, across_mm),
        evidence=None,
        model=MODEL,
        first_frame=1,
        last_frame=1,
        grabbed=WHEN,
    )
    return Draft(body, "coil", f"{name}.1", WHEN)


def _measure(along_m: float, across_mm: float) -> Measure:
    box = Extent(
        from_m=along_m - 0.01, to_m=along_m + 0.01, from_mm=across_mm - 10, to_mm=across_mm + 10
    )
    return Measure(
        extent=box, area_mm2=300, length_mm=20, width_mm=20, orientation_deg=0, contrast=0.2
    )
