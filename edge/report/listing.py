"""The coils of a ledger as a table for a terminal, or as JSON lines for a script."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from edge.ledger.inspections import Inspection, State, shown
from edge.text import columns, percent

_HEADS = ("coil", "started (UTC)", "length", "coverage", "valid", "defects", "grade", "")
_NUMBERS = {2, 3, 5}
_ID_LENGTH = 40
_STATES: dict[State, str] = {
    "finished": "",
    "interrupted": "interrupted",
    "not_finished": "not finished",
    "unreadable": "of another version",
}


class ListedCoil(BaseModel):
    """One line of `coil list --json`; null for what a coil without its report does not have, or
    one of which nothing was inspected (its `coverage` is 0 where cells of it were expected);
    `head_seen` and `late_m` as in the report.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    subject: str
    state: State
    head_seen: bool | None
    late_m: float | None
    started: datetime | None
    from_seq: int
    length_m: float | None
    coverage: float | None
    inspection_valid: bool | None
    defects: int | None
    grade: str | None
    graded_by_hand: bool


def listed(inspection: Inspection) -> ListedCoil:
    """What a list says of a coil."""
    report, grade, started = inspection.report, inspection.grade, inspection.started
    told = report if report and report.expected_cells else None
    start = inspection.start
    return ListedCoil(
        id=inspection.coil_id,
        subject=inspection.subject,
        state=inspection.state,
        head_seen=start.head_seen if start else None,
        late_m=start.late_m if start else None,
        started=started.event.time if started else None,
        from_seq=inspection.first_seq,
        length_m=report.length_m if report else None,
        coverage=told.coverage if told else None,
        inspection_valid=told.inspection_valid if told and not told.nothing_seen else None,
        defects=sum(report.defects.values()) if report else None,
        grade=grade.name if grade else None,
        graded_by_hand=inspection.graded_by_hand,
    )


def as_table(coils: Sequence[ListedCoil]) -> str:
    """Lines with a head, for a person."""
    return "\n".join(columns([_HEADS, *(_row(coil) for coil in coils)], _NUMBERS))


def _row(coil: ListedCoil) -> tuple[str, ...]:
    return (
        shown(coil.id, _ID_LENGTH),
        f"{coil.started:%Y-%m-%d %H:%M:%S}" if coil.started else "-",
        "-" if coil.length_m is None else f"{coil.length_m:.2f} m",
        "-" if coil.coverage is None else percent(coil.coverage),
        {True: "yes", False: "NO", None: "-"}[coil.inspection_valid],
        "-" if coil.defects is None else f"{coil.defects}",
        shown(coil.grade, 20) if coil.grade else "-",
        _note(coil),
    )


def _note(coil: ListedCoil) -> str:
    notes = ["by hand" if coil.graded_by_hand else "", _STATES[coil.state]]
    if coil.head_seen is None:
        notes.append("beginning gone")
    elif not coil.head_seen:
        notes.append("head not seen")
    if coil.late_m:
        notes.append(f"without its first {coil.late_m:.2f} m")
    if coil.subject != coil.id:
        notes.append(f"told as {shown(coil.subject, _ID_LENGTH)}")
    return ", ".join(filter(None, notes))
