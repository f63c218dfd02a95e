"""Events as the daemon writes them, for the console's tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contract.bodies import (
    CoilCorrected,
    CoilData,
    CoilReport,
    CoilStarted,
    Defect,
    EventBody,
    Extent,
    ModelReference,
    NotInspected,
    RollRepeat,
)
from contract.events import Draft, number
from edge.console.view import LineView

START = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)
MODEL = ModelReference(name="demo", version="1.0", digest="0" * 64)
SOURCE = "/mill/line-1/top"


def coil_started(coil: str, width_mm: float = 1200.0) -> Draft:
    body = CoilStarted(width_mm=width_mm, cell_m=0.1, cell_mm=100.0, model=MODEL)
    return Draft(body, coil, "start", START)


def defect(coil: str, defect_id: str, at_m: float = 10.0, **changes: object) -> Draft:
    extent = Extent(from_m=at_m, to_m=at_m + 0.4, from_mm=300.0, to_mm=420.0)
    fields: dict[str, Any] = {
        "defect_id": defect_id,
        "revision": 1,
        "phase": "opened",
        "class_name": "scratch",
        "extent": extent,
        "probability": 0.93,
        "tiles": 2,
        "merged_into": None,
        "evidence": None,
        "model": MODEL,
        "first_frame": 1,
        "last_frame": 1,
        "grabbed": START + timedelta(seconds=at_m),
    }
    body = Defect.model_validate(fields | changes)
    return Draft(body, coil, f"{body.defect_id}.{body.revision}", body.grabbed)


def roll_repeat(coil: str, repeat_id: str, at_m: float = 20.0, **changes: object) -> Draft:
    fields: dict[str, Any] = {
        "repeat_id": repeat_id,
        "revision": 1,
        "phase": "opened",
        "class_name": "roll_mark",
        "extent": Extent(from_m=at_m - 4.2, to_m=at_m, from_mm=300.0, to_mm=420.0),
        "period_m": 2.1,
        "period_error_m": 0.01,
        "repeats": 3,
        "confidence": 0.995,
        "rolls": ("F7 work roll",),
        "defects": ("1", "2", "3"),
    }
    body = RollRepeat.model_validate(fields | changes)
    return Draft(body, coil, f"{body.repeat_id}.{body.revision}", START)


def missed(
    coil: str, from_m: float, to_m: float, reason: str = "restart", to_mm: float = 1200.0
) -> Draft:
    extent = Extent(from_m=from_m, to_m=to_m, from_mm=0.0, to_mm=to_mm)
    body = NotInspected(extent=extent, outcome="lost", reason=reason, cells=12)
    return Draft(body, coil, f"{from_m}", START)


def corrected(subject: str, coil_id: str, key: str = "corrected") -> Draft:
    body = CoilCorrected(coil_id=coil_id, width_mm=1100.0, data=CoilData(order="47"), by="mill")
    return Draft(body, subject, key, START)


def coil_report(
    coil: str, length_m: float = 400.0, *, valid: bool = True, defects: int = 3
) -> Draft:
    body = CoilReport(
        length_m=length_m,
        width_mm=1200.0,
        expected_cells=10,
        cells={"on_time": 10},
        reasons={},
        coverage=1.0,
        inspection_valid=valid,
        defects={"scratch": defects} if defects else {},
        models=(MODEL,),
        interrupted=False,
    )
    return Draft(body, coil, "report", START)


def heard(drafts: Sequence[Draft], line: LineView | None = None) -> LineView:
    """A view that has taken in these events."""
    line = line or LineView()
    for draft in drafts:
        event = number(draft, SOURCE, line.seq + 1)
        body: EventBody = event.body()
        line.apply(event, body)
    return line
