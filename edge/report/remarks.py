"""What a reader must know before he takes a missing defect for clean steel, in words."""

from collections.abc import Iterator

from contract.bodies import CoilReport, CoilStarted
from edge.inspect.outcomes import SEEN
from edge.ledger.inspections import Inspection, shown
from edge.report.gather import Gathered
from edge.text import percent

Next = tuple[str, CoilStarted]


def misses_some(inspection: Inspection, found: Gathered) -> bool:
    """Whether events of the coil are gone from the ledger, or of another version of this program:
    then no defect here does not mean that none was found.
    """
    told = inspection.report
    lost = told is not None and found.announced != sum(told.defects.values())
    return inspection.start is None or bool(found.unknown) or lost


def severity_rules(inspection: Inspection, report: CoilReport) -> str | None:
    """The rules that the defects' severities are by."""
    return report.rules or (inspection.start.rules if inspection.start else None)


def remarks(
    inspection: Inspection, report: CoilReport, found: Gathered, following: Next | None
) -> Iterator[str]:
    """All of them, what is missing first."""
    yield from _unfinished(inspection, report)
    yield from _missing(inspection, found)
    yield from _elsewhere(inspection, report, following)
    known = inspection.report is not None or inspection.start is not None
    if known and inspection.state != "unreadable":
        yield from _uncertain(report, gone=misses_some(inspection, found))
    yield from _corrections(inspection, report)
    if report.provisional and inspection.corrected is None:
        yield "The mill has not named this coil; its id is provisional."
    if inspection.corrected is not None and inspection.subject != inspection.coil_id:
        yield f"Its events were told under the provisional id {inspection.subject}."
    if found.densities:
        yield "Dense defects are told as a number per stretch; those have no line of their own."
    if any(d.crowded for d in found.defects):
        yield "Marks called crowded stand for all defects of their class in a frame."


def _missing(inspection: Inspection, found: Gathered) -> Iterator[str]:
    if inspection.started is None:
        yield (
            "The ledger no longer has the coil's beginning: its older events were removed"
            " (ledger.keep_days). Whether its head was seen is not known here."
        )
    if found.unknown:
        yield f"{found.unknown} events are of another version of this program and are left out."
    if not misses_some(inspection, found):
        return
    yield (
        "Part of this coil's events is gone or cannot be read: defects, and stretches that were not"
        f" inspected, may be missing here.{_counted(inspection.report, found)}"
    )


def _counted(report: CoilReport | None, found: Gathered) -> str:
    """What the coil's own report said, beside what of it is here."""
    if report is None:
        return ""
    unseen = report.expected_cells - sum(report.cells.get(outcome, 0) for outcome in SEEN)
    return (
        f" The coil's own report counted {sum(report.defects.values())} defects ({found.announced}"
        f" of them here), and {unseen} of {report.expected_cells} cells as not inspected in time."
    )


def _elsewhere(inspection: Inspection, report: CoilReport, following: Next | None) -> Iterator[str]:
    """Strip of this coil that is in no event of it, and strip of another that is."""
    start = inspection.start
    if start is not None and not start.head_seen:
        yield (
            "Inspection began within this coil: what passed before is not in this report, and no"
            " rule grades it."
        )
    if start is not None and start.late_m:
        yield (
            f"The mill told of this coil's head too late: its first {start.late_m:.2f} m passed as"
            " the coil before, are in that one's report and not in this one. Metre 0 here is metre"
            f" {start.late_m:.2f} of the coil."
        )
    if following is not None and following[1].late_m:
        subject, late_m = following[0], min(following[1].late_m, report.length_m)
        yield (
            f"The last {late_m:.2f} m told here are of the coil that followed, {shown(subject)}:"
            " the mill told of its head too late. Length, cells, coverage and defects here hold"
            " them."
        )


def _uncertain(report: CoilReport, *, gone: bool) -> Iterator[str]:
    if not report.expected_cells:
        yield "Nothing was inspected: no cell of the coil is accounted for. Clean is not proven."
    elif report.nothing_seen:
        yield "Nothing was inspected: not one cell was looked at in time. Clean is not proven."
    if not report.inspection_valid:
        yield (
            "The inspection is not valid: part of the strip could not be judged, or its place was"
            " in doubt. Where no defect is reported the steel is not proven clean."
        )
    if report.coverage < 1 and report.expected_cells:
        where = (
            "where the rest lies is gone with the events, in part at least"
            if gone
            else "the certificate says where and why the rest was not"
        )
        yield f"{percent(report.coverage)} of the strip was inspected; {where}."


def _corrections(inspection: Inspection, report: CoilReport) -> Iterator[str]:
    """What was said of the coil after it was inspected, and does not hold for all of the report."""
    grade, rules = inspection.grade, severity_rules(inspection, report)
    if grade is not None and grade.rules != rules:
        yield (
            "The grade is by other rules than the severities, which are those that were told while"
            " the coil was inspected."
            if rules
            else "The coil was inspected without grading rules: its defects have no severity."
        )
    width_mm = inspection.corrected.width_mm if inspection.corrected else report.width_mm
    if report.width_mm and width_mm != report.width_mm:
        yield (
            f"The mill corrected the width to {width_mm:.0f} mm; cells and coverage are of the"
            f" {report.width_mm:.0f} mm by which the coil was inspected."
        )


def _unfinished(inspection: Inspection, report: CoilReport) -> Iterator[str]:
    if inspection.state == "not_finished":
        so_far = f"of its first {report.length_m:.1f} m" if inspection.start else "not known here"
        yield (
            "Preliminary: the coil is still under the camera, or the daemon stopped and has not"
            f" started again. All figures are {so_far}."
        )
    elif inspection.state == "unreadable":
        yield (
            "The coil's report in the ledger is of another version of this program and cannot be"
            " read: length, cells and coverage are not known here."
        )
    elif inspection.state == "interrupted":
        yield (
            f"Interrupted: the daemon stopped at {report.length_m:.1f} m; what came after that was"
            " not inspected under this id."
        )
