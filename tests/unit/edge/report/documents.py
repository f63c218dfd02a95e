"""Documents of coils that no ledger holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from contract.bodies import CoilData, NotInspected
from edge.report.document import (
    Box,
    Certificate,
    ClassCount,
    CoilDocument,
    CoilName,
    FoundDefect,
    LedgerRange,
)

_SEEN = "2026-03-01T08:00:10Z"
_BOX = Box(1.0, 1.1, 300.0, 360.0)


def found(number: int, class_name: str = "scratch", **changes: Any) -> FoundDefect:  # noqa: ANN401
    fields: dict[str, Any] = {
        "defect_id": f"c/{number}", "class_name": class_name, "phase": "closed", "extent": _BOX,
        "probability": 0.9, "tiles": 1, "merged_into": None, "evidence": None, "grabbed": _SEEN,
    }  # fmt: skip
    return FoundDefect(**fields | changes)


def document_of(
    defects: Sequence[FoundDefect],
    *,
    length_m: float,
    missing: Sequence[NotInspected] = (),
    state: str = "finished",
) -> CoilDocument:
    names = sorted({d.class_name for d in defects})
    coil = {"id": "c", "subject": "c", "provisional": False, "source": "/a/b/c", "state": state,
            "started": None, "head_seen": True, "late_m": 0.0, "ended": None, "length_m": length_m,
            "width_mm": 1200.0, "data": CoilData()}  # fmt: skip
    return CoilDocument(
        coil=CoilName.model_validate(coil),
        remarks=[], grade=None, graded_by=None, severities={}, densities=[], repeats=[], merged=0,
        classes=[
            ClassCount(class_name=n, defects=1, by_severity={}, area_mm2=None, in_density=0)
            for n in names
        ],
        certificate=Certificate(
            inspection_valid=True, coverage=1.0, expected_cells=10, width_mm=1200.0,
            cell_m=0.1, cell_mm=100.0,
            cells={"on_time": 10}, reasons={}, missing=list(missing), models=[], takeovers=[],
            rules=None, severity_rules=None, deadline_s=0.05,
            ledger=LedgerRange(first_seq=1, last_seq=2, events=2, sha256="0" * 64),
        ),
        generated=datetime(2026, 3, 1, tzinfo=UTC), generator="test", defects=list(defects),
    )  # fmt: skip
