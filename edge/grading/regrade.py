"""Coils that have left, graded again by other rules; nothing is written here.

It belongs in the process of whoever asks, since a coil of 200,000 defects takes seconds that the
inspecting process does not have. That one only checks and records (`recording.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contract.bodies import CoilReport, Defect, DefectDensity, EventBody, Grade
from edge.errors import ConfigError
from edge.grading.counts import defects_in
from edge.grading.grade import Tally
from edge.grading.live import facts_of, ungraded
from edge.grading.reach import warnings_for
from edge.grading.rules_file import RulesFile
from edge.grading.severity import severity
from edge.ledger.inspections import Inspection, ended, find, others
from edge.ledger.reader import EventReader
from edge.text import columns


class Regraded(NamedTuple):
    """What other rules make of a coil; without `after` the reason is in `problem`."""

    coil: str
    before: Grade | None
    after: Grade | None
    severities: Mapping[str, int]
    subject: str = ""
    from_seq: int | None = None
    """The first event of this inspection."""
    digest: str = ""
    """`Inspection.digest`."""
    others: Sequence[Inspection] = ()
    """Further inspections of the same coil."""
    by_inspector: bool = False
    """A person has set the grade that holds."""
    problem: str | None = None
    remarks: Sequence[str] = ()
    """Rules that the coil's size left nothing to look at."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to record."""
        return self.after is not None and self.after != self.before

    def arguments(self, rules: Path, comment: str, *, over_inspector: bool) -> dict[str, str]:
        """What the daemon is asked by `grade` to record this."""
        if self.after is None:
            raise ValueError("a coil that was not graded is not recorded")
        return {
            "subject": self.subject,
            "from_seq": f"{self.from_seq}",
            "digest": self.digest,
            "origin": "rules",
            "grade": self.after.name,
            "reasons": "\n".join(self.after.reasons),
            "rules": str(rules.resolve()),
            "label": self.after.rules,
            "comment": comment,
            "over_inspector": "yes" if over_inspector else "no",
        }

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "coil": self.coil,
            "from_seq": self.from_seq,
            "before": self.before and self.before.model_dump(mode="json"),
            "after": self.after and self.after.model_dump(mode="json"),
            "severities": dict(self.severities),
            "by_inspector": self.by_inspector,
            "problem": self.problem,
            "remarks": list(self.remarks),
        }


def regrade(
    reader: EventReader,
    known: Sequence[Inspection],
    coil_id: str,
    rules: RulesFile,
    from_seq: int | None = None,
    own: RulesFile | None = None,
) -> Regraded:
    """Grade one of the ledger's coils by these rules. Nothing is written. `from_seq` chooses where
    there are more of one id; `own` are the line's rules, by which it may have been inspected.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    try:
        coil = find(known, coil_id, from_seq)
    except ConfigError as error:
        return Regraded(coil_id, None, None, {}, problem=str(error))
    which = (coil.subject, coil.first_seq, coil.digest, others(known, coil))
    found = Regraded(coil_id, coil.grade, None, {}, *which, coil.graded_by_hand)
    try:
        after, tally = _graded(reader, coil, rules, own)
    except ConfigError as error:
        return found._replace(problem=str(error))
    vain = _in_vain(coil, rules)
    return found._replace(after=after, severities=tally.severities, remarks=vain)


def _in_vain(coil: Inspection, rules: RulesFile) -> list[str]:
    report = ended(coil)
    return warnings_for(rules.rules, report.width_mm, report.length_m, _late_m(coil))


def _late_m(coil: Inspection) -> float:
    return coil.start.late_m if coil.start else 0.0


def _graded(
    reader: EventReader, coil: Inspection, rules: RulesFile, own: RulesFile | None
) -> tuple[Grade, Tally]:
    """The coil's grade, and what it is of.

    Raises:
        ConfigError: no rule grades it, or not these.
    """
    report = ended(coil)
    if why := _why_not(coil, report):
        raise ConfigError(why)
    tally = _tally(reader, coil, report, rules)
    if tally.untold and not _severe_as_told(report.rules, rules, own):
        raise ConfigError(
            f"{tally.untold} of its defects were told as a number, being no worse than those told"
            " one by one by the rules of that time; by other rules for defects they may be, so"
            " these do not grade it; an inspector can"
        )
    return tally.grade(facts_of(report, _late_m(coil))), tally


def _severe_as_told(label: str | None, rules: RulesFile, own: RulesFile | None) -> bool:
    """Whether these rules have the severities of those that a coil was inspected by, of which the
    label alone is known: they are the same file, or the line's own are and say the same of defects.
    """
    if label == rules.label:
        return True
    return (
        own is not None and label == own.label and own.rules.for_defects == rules.rules.for_defects
    )


def _why_not(coil: Inspection, report: CoilReport) -> str | None:
    """Why no rule grades it again; None where they do."""
    if coil.start is None:
        gone = "is past ledger.keep_days" if coil.started is None else "cannot be read"
        return f"its start {gone}, so whether its head was seen is not known; an inspector can"
    return ungraded(report, coil.start)


def _tally(reader: EventReader, coil: Inspection, report: CoilReport, rules: RulesFile) -> Tally:
    """The coil's defects under the rules.

    Raises:
        ConfigError: retention has removed some of them, or one cannot be read: what is left would
        grade too well.
    """
    width_mm = report.width_mm
    tally, told = Tally(rules, width_mm), defects_in(())
    for body in _defects_of(reader, coil):
        told += defects_in((body,))
        if isinstance(body, Defect):
            name = severity(body, width_mm, rules.rules).name
            tally.take(body.model_copy(update={"severity": name}))
        elif isinstance(body, DefectDensity):
            tally.take(body)
    if told != report.defects:
        raise ConfigError(
            f"{coil.subject!r}: the ledger holds {told.total()} defects, its report says"
            f" {sum(report.defects.values())}: some are past ledger.keep_days, or it is damaged"
        )
    return tally


def _defects_of(reader: EventReader, coil: Inspection) -> Iterator[EventBody]:
    """What was told of its defects, in order."""
    last = coil.last_seq or reader.last_seq()
    for recorded in reader.of_coil(coil.subject, (Defect.kind, DefectDensity.kind)):
        if coil.first_seq <= recorded.event.seq <= last:
            try:
                yield recorded.event.body()
            except ValueError as error:
                raise ConfigError(
                    f"{coil.subject!r}: event {recorded.event.seq} is of another version of this"
                    " program, so that its defect cannot be graded"
                ) from error


def as_table(rows: Sequence[Regraded]) -> str:
    """Coil, grade before and after, and why, for a terminal."""
    words = [("coil", "before", "after", "")]
    words += [(r.coil, _name(r.before), _name(r.after), _remark(r)) for r in rows]
    lines = columns(words)
    told = zip(lines[1:], rows, strict=True)
    return "\n".join([lines[0], *(f"{line}{_why(row)}" for line, row in told)])


def _name(grade: Grade | None) -> str:
    return "-" if grade is None else grade.name


def _remark(row: Regraded) -> str:
    after = row.after
    differs = after is not None and (row.before is None or row.before.name != after.name)
    remarks = ["changed"] if differs else []
    remarks += ["graded by an inspector"] if row.by_inspector else []
    return ", ".join(remarks)


def _why(row: Regraded) -> str:
    reasons = row.after.reasons if row.after else ()
    told = [row.problem] if row.problem else [*reasons, *row.remarks]
    return "".join(f"\n    {why}" for why in told)
