"""A coil's report as one document; `docs/coil-report.schema.json` is made from it.

Along positions are metres from the coil's head, across positions millimetres from the operator
side, as in the events.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, with_config

from contract.bodies import (
    CoilData,
    DefectDensity,
    Grade,
    ModelReference,
    NotInspected,
    Outcome,
    RollRepeat,
)
from edge.ledger.inspections import State

SCHEMA_VERSION: Literal["1"] = "1"
_FINITE = ConfigDict(allow_inf_nan=False)


@with_config(_FINITE)
@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the coil."""

    from_m: float
    to_m: float
    from_mm: float
    to_mm: float


@with_config(_FINITE)
@dataclass(frozen=True, slots=True)
class Measured:
    """What image processing measured; as `Measure` of the events."""

    extent: Box
    area_mm2: float
    length_mm: float
    width_mm: float
    orientation_deg: float
    contrast: float
    complete: bool = True


@with_config(_FINITE)
@dataclass(frozen=True, slots=True)
class FoundDefect:
    """A defect by its highest revision; the fields are those of the event.

    A plain class, read from the event and written to JSON without a step between: a coil may have
    200,000.
    """

    defect_id: str
    class_name: str
    phase: Literal["opened", "extended", "closed", "interrupted"]
    extent: Box
    probability: float
    tiles: int
    merged_into: str | None
    evidence: str | None
    grabbed: str
    """When its last frame had been received, as the event says it (RFC 3339)."""
    crowded: bool = False
    measure: Measured | None = None
    severity: str | None = None

    @property
    def measured_whole(self) -> bool:
        """Whether all of it was measured; else its tiles alone hold all of it."""
        return self.measure is not None and self.measure.complete


class Part(BaseModel):
    """What the parts of the document have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class CoilName(Part):
    """Which coil, and when it passed."""

    id: str
    """Its id as it is known now."""
    subject: str
    """The id that its events carry: another one where the mill named the coil late."""
    provisional: bool
    """The mill has not named it so far: the id is ours."""
    source: str
    """`/<site>/<line>/<camera>`."""
    state: State
    """`not_finished`: the coil has no report of the daemon yet; all figures are of the part that
    was under the camera so far. `unreadable`: its report is of another version of this program.
    """
    started: datetime | None
    """When its head was seen; null where the ledger no longer has its start."""
    head_seen: bool | None
    """False where inspection began within it, at `started`: all figures are of the part from there.
    Null where the ledger no longer has its start, or one of another version of this program.
    """
    late_m: Annotated[float, Field(ge=0)] | None = None
    """Metres of it that passed under the coil before, since the mill told of its head too late: all
    figures are of the part behind them, and 1 m here is that much further on the coil. Null as
    `head_seen`.
    """
    ended: datetime | None
    """When its tail was seen; of an `interrupted` one when that was told: at the daemon's stop, or
    at its next start. Null while there is no report.
    """
    length_m: Annotated[float, Field(ge=0)]
    width_mm: float
    """As the mill has it now."""
    data: CoilData


class Regrading(Part):
    """How a grade took the place of another, after the coil's end."""

    origin: Literal["rules", "inspector"]
    """By changed rules, or by hand: an inspector's, whose comment is the grade's only reason."""
    comment: str
    before: str | None
    """The name of the grade that was replaced; null where there was none."""
    before_by: str | None
    """The inspector who had given that one; null for the rules."""

    @property
    def by_hand(self) -> bool:
        """Whether a person set it."""
        return self.origin == "inspector"


class ClassCount(Part):
    """The defects of one class."""

    class_name: str
    defects: int
    by_severity: dict[str, int]
    """Without those that have none."""
    area_mm2: float | None
    """Together, of those that were measured; of one measured in part (`measure.complete`) that
    part, so that the class has at least as much. Null where none was measured.
    """
    in_density: int
    """Defects told as a number only (`densities`), beside those in `defects`."""


class ModelTakeover(Part):
    """Another bundle or backend inspected from here on."""

    at_m: float | None
    after: ModelReference
    activation: str
    backend: str


class LedgerRange(Part):
    """The events that this report was made from.

    `sha256` is over the bodies of the events whose subject is the coil's, `first_seq` to
    `last_seq`, in the order of `seq`, a newline behind each: `stripsight-edge coil verify`.
    """

    first_seq: int
    last_seq: int
    events: int
    sha256: str


class Certificate(Part):
    """What was to be looked at, and what was."""

    inspection_valid: bool
    coverage: Annotated[float, Field(ge=0, le=1)]
    """Share of the expected cells that were inspected on time or screened."""
    expected_cells: int
    width_mm: float
    """Of the strip that the cells lie on: as the mill told it before the coil began."""
    cell_m: float | None
    cell_mm: float | None
    cells: dict[Outcome, int]
    """Their sum is `expected_cells`."""
    reasons: dict[str, int]
    """Cells by `outcome(reason)` for those not inspected on time."""
    missing: list[NotInspected]
    """Where, in the order told; neighbours of one reason are joined."""
    models: list[ModelReference]
    takeovers: list[ModelTakeover]
    rules: str | None
    """Version and digest of the grading rules, of the ones that the grade is by; null without."""
    severity_rules: str | None
    """Those that the defects' severities are by: the ones of when it was inspected."""
    deadline_s: float
    """By the config of when this report was made: a result after it is `late`."""
    ledger: LedgerRange

    @property
    def nothing_seen(self) -> bool:
        """As of the coil's own report."""
        return not self.expected_cells or not self.coverage


class CoilDocument(Part):
    """The report of one coil."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    coil: CoilName
    remarks: list[str]
    """What a reader must know before he takes a missing defect for clean steel."""
    grade: Grade | None
    graded_by: str | None
    """The inspector or the command that graded it again; null for the daemon's own grade."""
    regraded: Regrading | None = None
    """Null for the daemon's own grade."""
    classes: list[ClassCount]
    severities: dict[str, int]
    events_missing: bool = False
    """Part of the coil's events is not in the ledger any more, or of another version of this
    program: defects and stretches may be missing here. Cells, coverage and `counted` are those of
    the coil's own report all the same.
    """
    counted: dict[str, int] | None = None
    """Defects by class as the coil's own report counts them, those included that are in `merged` or
    in `densities`; null where there is no such report.
    """
    certificate: Certificate
    densities: list[DefectDensity]
    repeats: list[RollRepeat]
    merged: int
    """Defects that were announced and turned out to be part of another; in no count."""
    generated: datetime
    generator: str
    """Program and version that made this document."""
    defects: list[FoundDefect]
    """By their position along."""


def document_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the report."""
    schema = CoilDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
