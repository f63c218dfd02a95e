"""From what was gathered to the document: sums and certificate."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata

from contract.bodies import CoilGraded, CoilReport, Extent
from edge.clock import Clock
from edge.config import Config
from edge.inspect.so_far import report_so_far
from edge.inspect.told import Told
from edge.ledger.inspections import Inspection, inspections_of, next_start
from edge.ledger.reader import EventReader
from edge.report.document import (
    Certificate,
    ClassCount,
    CoilDocument,
    CoilName,
    FoundDefect,
    ModelTakeover,
    Regrading,
)
from edge.report.gather import Gathered, gather
from edge.report.joining import join
from edge.report.remarks import misses_some, remarks, severity_rules
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
    return compose_of(reader, inspection, mark, config, clock)


def compose_of(
    reader: EventReader,
    inspection: Inspection,
    mark: Watermark | None,
    config: Config,
    clock: Clock,
) -> CoilDocument:
    """The report of an inspection as it is given here, whatever the ledger has learnt since; `mark`
    is the watermark of one that has no report.

    Raises:
        LedgerError: the ledger cannot be read, or is damaged.
    """
    found = gather(reader, inspection)
    report = inspection.report or _so_far(inspection, mark, found)
    grades = inspection.graded
    return CoilDocument(
        coil=_name(inspection, report, config),
        remarks=list(remarks(inspection, report, found, next_start(reader, inspection))),
        grade=inspection.grade,
        graded_by=grades[-1].by if grades else None,
        regraded=_regraded(*grades[-2:]) if grades else None,
        classes=_classes(found),
        severities=dict(Counter(d.severity for d in found.defects if d.severity is not None)),
        events_missing=misses_some(inspection, found),
        counted=inspection.report.defects if inspection.report else None,
        certificate=_certificate(inspection, report, found, config),
        densities=found.densities,
        repeats=list(found.repeats.values()),
        merged=found.merged,
        generated=datetime.fromtimestamp(clock.now().utc_ns / 1e9, UTC),
        generator=f"{PROGRAM} {metadata.version(PROGRAM)}",
        defects=found.defects,
    )


def _regraded(*newest: CoilGraded) -> Regrading:
    """Of the newest grade, and of the one before it where that was not the daemon's own."""
    last, before = newest[-1], newest[0] if len(newest) > 1 else None
    return Regrading(
        origin=last.origin,
        comment=last.comment,
        before=last.before.name if last.before else None,
        before_by=before.by if before and before.origin == "inspector" else None,
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
    return report_so_far(inspection.start, mark, Told.by(bodies))


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
        head_seen=start.head_seen if start else None,
        late_m=start.late_m if start else None,
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
        severity_rules=severity_rules(inspection, report),
        deadline_s=config.inspect.deadline_s,
        ledger=found.ledger,
    )


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


def reach_m(document: CoilDocument) -> float:
    """The coil's length; of one without a report, how far anything is known of it."""
    if document.coil.state in {"finished", "interrupted"}:
        return document.coil.length_m
    extents: list[Extent] = [s.extent for s in document.certificate.missing]
    ends = [e.to_m for e in extents] + [d.extent.to_m for d in document.defects]
    return max([document.coil.length_m, *ends])
