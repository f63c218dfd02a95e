"""A grade that the daemon is asked to record: checked, and made an event."""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from contract.bodies import CoilGraded, CoilReport, Grade
from contract.events import Draft
from edge.errors import ConfigError
from edge.grading.live import ungraded
from edge.grading.rules import nearest
from edge.grading.rules_file import RulesFile, load_rules
from edge.ledger.inspections import Inspection, ended, inspections_of
from edge.ledger.reader import EventReader

NOT_KNOWN = "not known whether it was recorded"
"""How the daemon's answer begins where the disk did not take a grade in time."""


def _one_line(comment: str) -> str:
    """It is read in terminals and lists, where a line break forges a line."""
    for character in comment:
        if unicodedata.category(character) == "Cc":
            raise ValueError(
                f"a line break or another control character ({character!r}); leave it out"
            )
    return comment


class GradeRequest(BaseModel):
    """What the daemon is asked to record, in the words of the control socket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Annotated[str, Field(min_length=1, max_length=1000)]
    """The id that the coil's events carry, never another that it was given: whoever asks looks
    through all corrections for that, which takes the inspecting process too long.
    """
    from_seq: Annotated[int | None, Field(ge=1)] = None
    """The first event of the inspection that is meant. A grade goes to the newest of its subject,
    so an older one is refused.
    """
    digest: str | None = None
    """Of the inspection that is meant (`Inspection.digest`): whoever asks may have read another
    ledger than the daemon writes.
    """
    origin: Literal["rules", "inspector"]
    grade: Annotated[str, Field(min_length=1, max_length=100)]
    reasons: Annotated[str, Field(max_length=60_000)] = ""
    """Those of the rules, a line each."""
    rules: str | None = None
    """Path of the rules file; without it the ones that the daemon grades by."""
    label: str | None = None
    """The rules' version and digest, as they were when the coil was graded by them."""
    comment: Annotated[str, Field(max_length=500), AfterValidator(_one_line)] = ""
    over_inspector: Literal["yes", "no"] = "no"
    """Rules may take the place of a grade that a person gave."""


def request_of(arguments: Mapping[str, str]) -> GradeRequest:
    """Read the arguments of a request.

    Raises:
        ConfigError: names what is wrong.
    """
    try:
        return GradeRequest.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"grade: {where}: {said}") from error


def graded(
    request: GradeRequest, by: str, reader: EventReader, own: RulesFile | None, time: datetime
) -> Draft:
    """The event that a request makes. The same request, repeated, is the same event: its id is of
    what it says and of the grade that it replaces.

    Raises:
        ConfigError: no such subject, no report, a grade that the rules do not know, no comment.
    """
    rules = own if request.rules is None else load_rules(Path(request.rules))
    if rules is None:
        raise ConfigError("no rules: name a file by --rules, or set grading: in the config")
    if request.grade not in rules.rules.grades:
        names = rules.rules.grades
        raise ConfigError(f"unknown grade {request.grade!r}{nearest(request.grade, names)}")
    coils = inspections_of(reader, request.subject)
    if request.digest not in {None, *(coil.digest for coil in coils)}:
        raise ConfigError(
            f"{request.subject!r}: the coil that was looked at is not in the daemon's ledger; grade"
            " with the config that the daemon runs on"
        )
    if not coils:
        raise ConfigError(f"{request.subject!r}: the ledger has no coil of this subject")
    coil = coils[-1]
    if request.from_seq not in {None, coil.first_seq}:
        raise ConfigError(
            f"{request.subject!r}: the newest coil of this subject begins at event"
            f" {coil.first_seq}, and a grade of the one asked for would be taken for its"
        )
    report = ended(coil)
    if request.origin == "inspector":
        reasons = _inspectors(request)
    else:
        _check_rules(request, rules, coil, report)
        reasons = tuple(request.reasons.splitlines())
    body = CoilGraded(
        grade=Grade(name=request.grade, reasons=reasons, rules=rules.label),
        before=coil.grade,
        origin=request.origin,
        by=by,
        comment=request.comment,
    )
    said = hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:16]
    return Draft(body, coil.subject, f"{coil.grade_seq}.{said}", time)


def _inspectors(request: GradeRequest) -> tuple[str, ...]:
    if not request.comment.strip():
        raise ConfigError("an inspector's grade needs a comment: why is it not what the rules say?")
    return (request.comment,)


def _check_rules(
    request: GradeRequest, rules: RulesFile, coil: Inspection, report: CoilReport
) -> None:
    if request.label != rules.label:
        raise ConfigError("the rules file was changed meanwhile; grade again")
    why = ungraded(report, coil.start)
    if why is not None:
        raise ConfigError(f"{coil.coil_id!r}: {why}")
    given = coil.graded[-1] if coil.graded else None
    if given is not None and given.origin == "inspector" and request.over_inspector == "no":
        raise ConfigError(
            f"{coil.coil_id!r}: {given.by} graded it {given.grade.name!r} by hand; --over-inspector"
            " replaces that"
        )
