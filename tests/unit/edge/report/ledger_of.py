"""A real event log with a coil's events, and its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.bodies import (
    CoilGraded,
    DefectDensity,
    Extent,
    Grade,
    Measure,
    RollRepeat,
)
from contract.events import Draft
from edge.clock import SystemClock
from edge.config import Config
from edge.ledger.inspections import find, inspections
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.report.compose import compose
from edge.report.document import CoilDocument
from edge.types import Commit, Picture, Watermark
from tests.unit.edge.console.strip_events import SOURCE, START

COIL = "coil-0007"
MEASURE = Measure(
    extent=Extent(from_m=10.0, to_m=10.2, from_mm=310.0, to_mm=330.0),
    area_mm2=420.5, length_mm=201.0, width_mm=2.5, orientation_deg=3.0, contrast=-0.2,
)  # fmt: skip
GRADE = Grade(name="B", reasons=("more than 3 critical in 100 m",), rules="3@" + "ab" * 32)


def config_of(folder: Path) -> Config:
    return Config.model_validate(
        {
            "site": "mill",
            "line": "line-1",
            "camera": "top",
            "bundle": folder / "no-bundle",
            "source": {"kind": "folder", "path": folder},
            "optics": {"mm_per_px_along": 0.2, "mm_per_px_across": 0.2},
            "position": {"kind": "lines"},
            "coils": {"width_mm": 1200},
            "ledger": {"path": folder / "ledger"},
            "run_path": folder / "run",
        }
    )


def record(
    folder: Path, *commits: Sequence[Draft], mark: Watermark | None = None, picture: str = ""
) -> EventReader:
    """Write commits into the ledger of a folder; the last one leaves the watermark."""
    log = EventLog(folder / "ledger", SOURCE, SystemClock(), reserve_bytes=4096)
    log.open()
    now = SystemClock().now()
    pictures = (Picture(picture, b"\xff\xd8jpeg"),) if picture else ()
    for drafts in commits:
        log.commit(Commit(tuple(drafts), mark, now, pictures))
    log.close()
    return EventReader(folder / "ledger")


def report_of(
    folder: Path, *drafts: Draft, coil: str | None = None, mark: Watermark | None = None
) -> CoilDocument:
    """The report of a coil that these events tell of."""
    reader = record(folder, drafts, mark=mark)
    found = find(inspections(reader), coil)
    return compose(reader, found, config_of(folder), SystemClock())


def graded(
    subject: str,
    name: str = "C",
    key: str = "graded",
    **changes: Any,  # noqa: ANN401
) -> Draft:
    fields = {
        "grade": GRADE.model_copy(update={"name": name}), "before": GRADE, "origin": "inspector",
        "by": "A. Inspector", "comment": "seen",
    } | changes  # fmt: skip
    return Draft(CoilGraded.model_validate(fields), subject, key, START)


def dense(subject: str, from_m: float, to_m: float, **changes: Any) -> Draft:  # noqa: ANN401
    fields = {
        "class_name": "scale", "from_m": from_m, "to_m": to_m, "count": 90, "told": 40,
        "per_10_m": 90.0,
    } | changes  # fmt: skip
    known = {name: value for name, value in fields.items() if name in DefectDensity.model_fields}
    return Draft(DefectDensity.model_validate(known), subject, f"dense {from_m}", START)


def repeat(subject: str, revision: int = 1, **changes: Any) -> Draft:  # noqa: ANN401
    fields = {
        "repeat_id": f"{subject}/r1", "revision": revision, "phase": "closed",
        "class_name": "roll_mark",
        "extent": Extent(from_m=20.0, to_m=20.0 + 2.31 * 9, from_mm=500.0, to_mm=560.0),
        "period_m": 2.31, "period_error_m": 0.004, "repeats": 10, "confidence": 0.998,
        "rolls": ("F5 top",), "defects": (),
    } | changes  # fmt: skip
    return Draft(RollRepeat.model_validate(fields), subject, f"r1.{revision}", START)
