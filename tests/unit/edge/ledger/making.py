"""Drafts and commits for the ledger's tests, and a clock that the test sets."""

from datetime import UTC, datetime

from contract.bodies import (
    Action,
    CoilCorrected,
    CoilData,
    CoilReport,
    CoilStarted,
    Defect,
    Extent,
    ModelReference,
    RollRepeat,
)
from contract.events import Draft
from edge.clock import Stamp
from edge.types import Commit, Picture, TileRecord, Watermark

SOURCE = "/mill/hot/top"
MODEL = ModelReference(name="m", version="1", digest="0" * 64)
EXTENT = Extent(from_m=1.0, to_m=1.2, from_mm=300.0, to_mm=400.0)
NOON_NS = 1_795_435_200_000_000_000  # 2026-11-23 12:00 UTC
DAY_NS = 86_400_000_000_000


class SetClock:
    """Stands still until the test moves it."""

    def __init__(self, utc_ns: int = NOON_NS) -> None:
        self.utc_ns = utc_ns
        self.monotonic_ns = 1

    def now(self) -> Stamp:
        return Stamp(self.monotonic_ns, self.utc_ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.monotonic_ns = max(self.monotonic_ns, monotonic_ns)


def defect(name: str, revision: int = 1, phase: str = "opened", coil: str = "c-1") -> Draft:
    body = Defect.model_validate(
        {
            "defect_id": name,
            "revision": revision,
            "phase": phase,
            "class_name": "scale",
            "extent": EXTENT,
            "probability": 0.875,
            "tiles": 3,
            "merged_into": None,
            "evidence": None,
            "model": MODEL,
            "first_frame": 7,
            "last_frame": 8,
            "grabbed": datetime(2026, 11, 23, 12, tzinfo=UTC),
        }
    )
    return Draft(body, coil, f"{name}/{revision}", body.grabbed)


def roll_repeat(name: str, revision: int = 1, phase: str = "opened", coil: str = "c-1") -> Draft:
    body = RollRepeat.model_validate(
        {
            "repeat_id": name,
            "revision": revision,
            "phase": phase,
            "class_name": "scale",
            "extent": EXTENT,
            "period_m": 2.1,
            "period_error_m": 0.004,
            "repeats": 3,
            "confidence": 0.995,
            "rolls": ("F7", "F6"),
            "defects": ("c-1/1", "c-1/2", "c-1/3"),
        }
    )
    return Draft(body, coil, f"{name}.{revision}", datetime(2026, 11, 23, 12, tzinfo=UTC))


def coil_started(coil: str) -> Draft:
    body = CoilStarted(width_mm=1200.0, cell_m=0.1, cell_mm=100.0, model=MODEL)
    return Draft(body, coil, "start", datetime(2026, 11, 23, 12, tzinfo=UTC))


def coil_corrected(coil: str, coil_id: str) -> Draft:
    body = CoilCorrected(coil_id=coil_id, width_mm=1200.0, data=CoilData(), by="mill")
    return Draft(body, coil, coil_id, datetime(2026, 11, 23, 12, tzinfo=UTC))


def coil_report(coil: str) -> Draft:
    body = CoilReport(
        length_m=10.0, width_mm=1200.0, expected_cells=1, cells={"on_time": 1}, reasons={},
        coverage=1.0, inspection_valid=True, defects={}, models=(MODEL,), interrupted=False,
    )  # fmt: skip
    return Draft(body, coil, "report", datetime(2026, 11, 23, 12, tzinfo=UTC))


def action(key: str) -> Draft:
    body = Action(action="activate", by="test", arguments={}, result="done")
    return Draft(body, None, key, datetime(2026, 11, 23, 12, tzinfo=UTC))


def commit(
    *drafts: Draft,
    frame: int = 0,
    pictures: tuple[Picture, ...] = (),
    tiles: tuple[TileRecord, ...] = (),
) -> Commit:
    mark = Watermark(frame, frame * 1.5, "c-1", frame * 1.5, {"on_time": frame})
    return Commit(drafts, mark, Stamp(1, NOON_NS), pictures, tiles)
