"""From what was gathered to the document: sums, certificate, and the remarks a reader must see."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata

from contract.bodies import CoilReport, Extent
from edge.clock import Clock
from edge.config import Config
from edge.inspect.so_far import report_so_far
from edge.ledger.inspections import Inspection, inspections_of
from edge.ledger.reader import EventReader
from edge.report.document import (
    Certificate,
    ClassCount,
    CoilDocument,
    CoilName,
    FoundDefect,
    ModelTakeover,
)
from edge.report.gather import Gathered, gather
from edge.report.joining import join
from edge.text import percent
from edge.types import Watermark

PROGRAM = "stripsight"
_EMPTY = CoilReport(
    length_m=0.0, width_mm=0.0, expected_cells=0, cells={}, reasons={}, coverage=0.0,
    inspection_valid=False, defects={}, models=(), interrupted=True,
)  # fmt: skip


def compose(
    reader: EventReader, inspection: Inspection, config: Config, clock: Clock
) -> CoilDocument:
    """The report of one inspection.

    Raises:
        LedgerError: the ledger cannot be read, or is damaged.
    """
    mark = None
    if inspection.reported is None:
        inspection, mark = _running(reader, inspection)
    found = gather(reader, inspection)
    report = inspection.report or _so_far(inspection, mark, found)
    grades = inspection.graded
    return CoilDocument(
        coil=_name(inspection, report, config),
        remarks=list(_remarks(inspection, report, found)),
        grade=inspection.grade,
        graded_by=grades[-1].by if grades else None,
        classes=_classes(found),
        severities=dict(Counter(d.severity for d in found.defects if d.severity is not None)),
        certificate=_certificate(inspection, report, found, config),
        densities=found.densities,
        repeats=list(found.repeats.values()),
        merged=found.merged,
        generated=datetime.fromtimestamp(clock.now().utc_ns / 1e9, UTC),
        generator=f"{PROGRAM} {metadata.version(PROGRAM)}",
        defects=found.defects,
    )


def _running(reader: EventReader, inspection: Inspection) -> tuple[Inspection, Watermark | None]:
    """A coil without a report as one commit left it, with that commit's watermark. It may have
    ended since it was looked up, and the next one begin while its events are read.
    """
    mark, last_seq = reader.progress()
    for now in inspections_of(reader, inspection.subject):
        if now.first_seq == inspection.first_seq and now.reported is not None:
            return now, None
    of_it = mark is not None and mark.coil == inspection.subject
    return replace(inspection, last_seq=inspection.last_seq or last_seq), mark if of_it else None


def _so_far(inspection: Inspection, mark: Watermark | None, found: Gathered) -> CoilReport:
    """What the daemon would report if it ended here. What stands in the watermark and in no event
    yet is added to what was gathered.
    """
    if inspection.start is None or inspection.reported is not None:
        return _EMPTY
    if mark is not None:
        found.densities += mark.dense
        for stretch in mark.untold:
            join(found.missing, stretch)
    bodies = [*(event.body() for event in found.events), *(mark.untold if mark else ())]
    return report_so_far(inspection.start, mark, bodies)


def _name(inspection: Inspection, report: CoilReport, config: Config) -> CoilName:
    started, reported, corrected = inspection.started, inspection.reported, inspection.corrected
    start = inspection.start
    data = report.data if inspection.report or start is None else start.data
    first = started or reported
    return CoilName(
        id=inspection.coil_id,
        subject=inspection.subject,
        provisional=corrected is None and (report.provisional or bool(start and start.provisional)),
        source=first.event.source if first else config.event_source,
        state=inspection.state,
        started=started.event.time if started else None,
        head_seen=start is None or start.head_seen,
        ended=reported.event.time if reported else None,
        length_m=max(report.length_m, 0.0),
        width_mm=corrected.width_mm if corrected else report.width_mm,
        data=corrected.data if corrected else data,
    )


def _certificate(
    inspection: Inspection, report: CoilReport, found: Gathered, config: Config
) -> Certificate:
    start, grade = inspection.start, inspection.grade
    return Certificate(
        inspection_valid=report.inspection_valid,
        coverage=report.coverage,
        expected_cells=report.expected_cells,
        width_mm=report.width_mm,
        cell_m=start.cell_m if start else None,
        cell_mm=start.cell_mm if start else None,
        cells=report.cells,
        reasons=report.reasons,
        missing=found.missing,
        models=list(report.models),
        takeovers=[
            ModelTakeover(at_m=t.at_m, after=t.after, activation=t.activation, backend=t.backend)
            for t in found.takeovers
        ],
        rules=grade.rules if grade else report.rules,
        severity_rules=_severity_rules(inspection, report),
        deadline_s=config.inspect.deadline_s,
        ledger=found.ledger,
    )


def _severity_rules(inspection: Inspection, report: CoilReport) -> str | None:
    return report.rules or (inspection.start.rules if inspection.start else None)


def _classes(found: Gathered) -> list[ClassCount]:
    by_class: dict[str, list[FoundDefect]] = {}
    for defect in found.defects:
        by_class.setdefault(defect.class_name, []).append(defect)
    dense = Counter[str]()
    for stretch in found.densities:
        dense[stretch.class_name] += stretch.count - stretch.told
    return [
        _count(name, by_class.get(name, []), dense[name])
        for name in sorted(by_class.keys() | dense.keys())
    ]


def _count(name: str, defects: list[FoundDefect], in_density: int) -> ClassCount:
    areas = [d.measure.area_mm2 for d in defects if d.measure is not None]
    return ClassCount(
        class_name=name,
        defects=len(defects),
        by_severity=dict(Counter(d.severity for d in defects if d.severity is not None)),
        area_mm2=sum(areas) if areas else None,
        in_density=in_density,
    )


def _remarks(inspection: Inspection, report: CoilReport, found: Gathered) -> Iterator[str]:
    yield from _unfinished(inspection, report)
    if inspection.state != "unreadable":
        yield from _uncertain(report)
    yield from _corrections(inspection, report)
    if report.provisional and inspection.corrected is None:
        yield "The mill has not named this coil; its id is provisional."
    if inspection.corrected is not None and inspection.subject != inspection.coil_id:
        yield f"Its events were told under the provisional id {inspection.subject}."
    if found.densities:
        yield "Dense defects are told as a number per stretch; those have no line of their own."
    if any(d.crowded for d in found.defects):
        yield "Marks called crowded stand for all defects of their class in a frame."
    if found.unknown:
        yield f"{found.unknown} events are of another version of this program and are left out."
    if inspection.start is not None and not inspection.start.head_seen:
        yield (
            "Inspection began within this coil: what passed before is not in this report, and no"
            " rule grades it."
        )
    if inspection.started is None:
        yield "The ledger no longer has the coil's beginning: its older events were removed."


def _uncertain(report: CoilReport) -> Iterator[str]:
    if not report.expected_cells:
        yield "Nothing was inspected: no cell of the coil is accounted for. Clean is not proven."
    if not report.inspection_valid:
        yield (
            "The inspection is not valid: part of the strip could not be judged, or its place was"
            " in doubt. Where no defect is reported the steel is not proven clean."
        )
    if report.coverage < 1 and report.expected_cells:
        yield (
            f"{percent(report.coverage)} of the strip was inspected; the certificate says where and"
            " why the rest was not."
        )


def _corrections(inspection: Inspection, report: CoilReport) -> Iterator[str]:
    """What was said of the coil after it was inspected, and does not hold for all of the report."""
    grade, rules = inspection.grade, _severity_rules(inspection, report)
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
        yield (
            "Preliminary: the coil is still under the camera, or the daemon stopped and has not"
            f" started again. All figures are of its first {report.length_m:.1f} m."
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


def reach_m(document: CoilDocument) -> float:
    """The coil's length; of one without a report, how far anything is known of it."""
    if document.coil.state in {"finished", "interrupted"}:
        return document.coil.length_m
    extents: list[Extent] = [s.extent for s in document.certificate.missing]
    ends = [e.to_m for e in extents] + [d.extent.to_m for d in document.defects]
    return max([document.coil.length_m, *ends])
