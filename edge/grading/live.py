"""The grading of the coil under the camera; without rules it says nothing."""

from collections.abc import Iterable

from contract.bodies import CoilReport, CoilStarted, Defect, DefectDensity, Grade
from contract.events import Draft
from edge.grading.grade import CoilFacts, Tally
from edge.grading.rules_file import RulesFile
from edge.grading.severity import NONE, Severity, severity
from edge.types import Coil

MOST_LATE_M = 1.0
"""Metres of a coil's head that may have been told under the coil before, and it still has a grade:
a head is late by the way of its message. What lies in more of them nobody counts for this coil.
"""


class CoilGrading:
    """Owned by the inspecting thread."""

    def __init__(self, rules: RulesFile | None, coil: Coil) -> None:
        self._rules = rules
        self._coil = coil
        self._tally = None if rules is None else Tally(rules, coil.width_mm)

    @property
    def label(self) -> str | None:
        """The rules' version and digest."""
        return None if self._rules is None else self._rules.label

    @property
    def severities(self) -> dict[str, int]:
        """The ended defects so far by severity."""
        return {} if self._tally is None else dict(self._tally.severities)

    def assess(self, defect: Defect) -> Severity:
        """How severe a defect is now."""
        if self._rules is None:
            return NONE
        return severity(defect, self._coil.width_mm, self._rules.rules)

    def take(self, drafts: Iterable[Draft]) -> None:
        """Keep what ended; each draft once."""
        if self._tally is None:
            return
        for draft in drafts:
            if isinstance(draft.body, Defect | DefectDensity):
                self._tally.take(draft.body)

    def grade(self, report: CoilReport) -> Grade | None:
        """The coil's grade; its report says all but that."""
        if self._tally is None or ungraded(report, self._coil):
            return None
        return self._tally.grade(facts_of(report, self._coil.late_m))


def ungraded(report: CoilReport, start: Coil | CoilStarted | None) -> str | None:
    """Why no rule grades a coil that began so; None where they do."""
    if report.interrupted:
        return "interrupted: its end was not seen, so no rule grades it; an inspector can"
    if start is not None and not start.head_seen:
        return "inspection began within it, so no rule grades it; an inspector can"
    if start is not None and start.late_m > MOST_LATE_M:
        return (
            f"its first {start.late_m:.1f} m were told under the coil before, so no rule grades it;"
            " an inspector can"
        )
    if report.nothing_seen:
        return "nothing of it was inspected, so no rule grades it; an inspector can"
    return None


def facts_of(report: CoilReport, late_m: float) -> CoilFacts:
    """What a report says of a coil beside its defects, of which so much passed before."""
    return CoilFacts(report.length_m, report.coverage, report.inspection_valid, late_m)
