"""The oracle: each planted defect is recorded, or lies in a stretch told as not inspected, or where
so many of its class are told as a number.

A ledger is read like a receiver would, and nothing else of the daemon is asked. The strip repeats
one set of pictures from each start on, so it is known what passed at every metre of every coil.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from contract.bodies import (
    CoilReport,
    CoilStarted,
    Defect,
    DefectDensity,
    Extent,
    ModelChanged,
    NotInspected,
)
from contract.events import Event
from tests.line.strip import FRAME_M, ROWS
from tests.unit.runtime.small_bundle import SIDE

TILE_M, TILE_MM = FRAME_M / ROWS, SIDE * 0.5
ROUNDING_M = 1e-5


class Strip(NamedTuple):
    """Pictures that repeat, and where defects are planted on them: (picture, tile row, column)."""

    pictures: int
    defects: Sequence[tuple[int, int, int]]
    coil_m: float
    shown: Mapping[int, int] | None = None
    """Frame -> picture, where the pictures do not simply repeat."""

    def picture_of(self, frame: int) -> int | None:
        """Which picture a frame showed; None where nobody knows of such a frame."""
        return frame % self.pictures if self.shown is None else self.shown.get(frame)


class Findings(NamedTuple):
    """What a ledger says of a strip; `missed`, `invented` and `broken` must be empty."""

    coils: int
    cells: Counter[str]
    """By outcome, and by `outcome(reason)`, over all reports."""
    planted: int
    recorded: int
    missed: tuple[str, ...]
    """Planted, in no event at all."""
    invented: tuple[str, ...]
    """Defects where none was planted."""
    broken: tuple[str, ...]
    """Rules of the ledger that do not hold."""
    trials: Counter[str] = Counter()  # noqa: RUF012 - never changed in place
    """What a random trial did, by fault, and what came of it."""


class _Coil:
    """What the ledger holds of one coil, and where it lies on the strip of its run."""

    def __init__(self, name: str, head_m: float) -> None:
        self.name, self.head_m = name, head_m
        self.reports: list[CoilReport] = []
        self.defects: dict[str, Defect] = {}
        self.unseen: list[NotInspected] = []
        self.dense: list[DefectDensity] = []


def look_up(events: Iterable[Event], strip: Strip) -> Findings:
    """Hold a whole ledger, from seq 1 on, against the strip that passed."""
    broken = []
    coils: dict[str, _Coil] = {}
    heads, seq = 0, 0
    for event in events:
        if event.seq != (seq := seq + 1):
            broken.append(f"seq {event.seq} follows {seq - 1}")
            seq = event.seq
        body, name = event.body(), event.subject or ""
        if isinstance(body, ModelChanged) and body.activation == "start":
            heads = 0
        elif isinstance(body, CoilStarted):
            if name in coils:
                broken.append(f"{name} starts twice")
            coils[name] = _Coil(name, heads * strip.coil_m)
            heads += 1
        elif isinstance(body, CoilReport):
            coils[name].reports.append(body)
        elif isinstance(body, Defect):
            coils[name].defects[body.defect_id] = body
        elif isinstance(body, NotInspected):
            coils[name].unseen.append(body)
        elif isinstance(body, DefectDensity):
            coils[name].dense.append(body)
    return _judge(list(coils.values()), strip, broken)


def _judge(coils: list[_Coil], strip: Strip, broken: list[str]) -> Findings:
    missed, invented, planted, recorded = [], [], 0, 0
    cells: Counter[str] = Counter()
    for coil in coils:
        broken += _breaches(coil)
        for report in coil.reports:
            cells.update({str(outcome): count for outcome, count in report.cells.items()})
            cells.update(report.reasons)
        tiles, unseen = list(_planted(coil, strip)), 0
        found = [d.extent for d in coil.defects.values() if d.merged_into is None]
        for tile in tiles:
            seen = sum(_holds(extent, tile) for extent in found)
            if seen > 1:
                broken.append(f"{coil.name} at {tile.from_m:.4f} m: recorded {seen} times")
            seen = seen or any(_lies_in(dense, tile) for dense in coil.dense)
            recorded += seen > 0
            unseen += not seen
            if not (seen or any(_holds(n.extent, tile) for n in coil.unseen)):
                missed.append(f"{coil.name} at {tile.from_m:.4f} m, {tile.from_mm:g} mm")
        planted += len(tiles)
        blind = sum(r.expected_cells - r.cells.get("on_time", 0) for r in coil.reports)
        if unseen > blind:
            broken.append(f"{coil.name}: {unseen} defects unseen in {blind} cells not inspected")
        invented += [
            f"{defect.defect_id} at {defect.extent.from_m:.4f} m"
            for defect in coil.defects.values()
            if not any(_holds(defect.extent, tile) for tile in tiles)
        ]
        invented += [
            f"{dense.count} {dense.class_name} from {dense.from_m:g} m on"
            for dense in coil.dense
            if dense.count > sum(_lies_in(dense, tile) for tile in tiles)
        ]
    lists = tuple(missed), tuple(invented), tuple(broken)
    return Findings(len(coils), cells, planted, recorded, *lists)


def _breaches(coil: _Coil) -> Iterator[str]:
    """Each coil is reported once, its sum agrees, its defects are ended and counted, and its cells
    not inspected are in events, and no more than these.
    """
    if len(coil.reports) != 1:
        yield f"{coil.name} has {len(coil.reports)} reports"
        return
    (report,) = coil.reports
    if sum(report.cells.values()) != report.expected_cells:
        yield f"{coil.name}: {report.cells} is not {report.expected_cells} cells"
    if {d.phase for d in coil.defects.values()} - {"closed", "interrupted"}:
        yield f"{coil.name} has a report and an open defect"
    counted = sum(dense.count - dense.told for dense in coil.dense)
    if sum(report.defects.values()) != len(coil.defects) + counted:
        yield f"{coil.name}: {len(coil.defects)} and {counted} defects, {report.defects} reported"
    if report.reasons.get("lost(unseen)"):
        yield f"{coil.name}: {report.reasons['lost(unseen)']} cells of which nobody knows"
    yield from _breaches_of_told(coil, report)


def _breaches_of_told(coil: _Coil, report: CoilReport) -> Iterator[str]:
    """Of each reason as many cells are told as are reported. A better outcome may hold in the end
    for cells that were told, but a `lost` one was not seen by any frame.
    """
    told: Counter[str] = Counter()
    for body in coil.unseen:
        told[f"{body.outcome}({body.reason})" if body.reason else body.outcome] += body.cells
    for label, count in {**report.reasons, "late": report.cells.get("late", 0)}.items():
        if told[label] < count:
            yield f"{coil.name}: {count} cells {label}, told of {told[label]}"
    for label in told:
        if label.startswith("lost") and told[label] > report.reasons.get(label, 0):
            yield f"{coil.name}: told of {told[label]} cells {label}, reported {report.reasons}"
    everything_on_time = report.cells.get("on_time", 0) == report.expected_cells
    if not everything_on_time and not coil.unseen:
        yield f"{coil.name}: {report.cells}, and no stretch of it was told"


def _planted(coil: _Coil, strip: Strip) -> Iterator[Extent]:
    """The defect tiles that lie wholly on the part of a coil that its report is about."""
    length_m = coil.reports[0].length_m if coil.reports else 0.0
    first = int(coil.head_m / FRAME_M)
    last = int((coil.head_m + length_m) / FRAME_M) + 1
    for frame in range(first, last + 1):
        for picture, row, column in strip.defects:
            from_m = frame * FRAME_M + row * TILE_M - coil.head_m
            on_it = from_m > -ROUNDING_M and from_m + TILE_M < length_m + ROUNDING_M
            if strip.picture_of(frame) == picture and on_it:
                yield Extent(
                    from_m=from_m,
                    to_m=from_m + TILE_M,
                    from_mm=column * TILE_MM,
                    to_mm=(column + 1) * TILE_MM,
                )


def _lies_in(dense: DefectDensity, tile: Extent) -> bool:
    return dense.from_m <= tile.from_m + ROUNDING_M and tile.to_m <= dense.to_m + ROUNDING_M


def _holds(outer: Extent, inner: Extent) -> bool:
    return (
        outer.from_m <= inner.from_m + ROUNDING_M
        and inner.to_m <= outer.to_m + ROUNDING_M
        and outer.from_mm <= inner.from_mm + ROUNDING_M
        and inner.to_mm <= outer.to_mm + ROUNDING_M
    )
