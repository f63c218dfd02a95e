"""The kinds of events: what the mill is told of.

Along positions are metres from the coil's head, across positions millimetres from the operator
side.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
"""Of what goes over the wire. A field's docstring is its description in the schemas."""
Outcome = Literal[
    "on_time", "late", "screened", "unusable", "off_strip_disagreement", "skipped", "lost"
]


class EventBody(BaseModel):
    """What every kind of event has in common."""

    model_config = STRICT
    kind: ClassVar[str]

    schema_version: Literal["1"] = "1"
    """Rises only where a consumer must change; a new field or kind of event leaves it."""


class ModelReference(BaseModel):
    """The bundle that was in use: name, version and digest of its manifest."""

    model_config = STRICT

    name: str
    version: str
    digest: str
    """SHA-256 of the manifest."""


class Extent(BaseModel):
    """A rectangle on the coil."""

    model_config = STRICT

    from_m: float
    """Along, from the coil's head; below 0 before it."""
    to_m: float
    from_mm: float
    """Across, from the operator side."""
    to_mm: float


class Measure(BaseModel):
    """What image processing measured of a defect in its pictures; all of it on the strip.

    The pixels that differ from the steel around them, joined over tiles and frames.
    """

    model_config = STRICT

    extent: Extent
    """Box of those pixels, within the defect's tiles."""
    area_mm2: Annotated[float, Field(ge=0)]
    length_mm: Annotated[float, Field(ge=0)]
    """Longer side of the smallest rectangle, turned as need be, that holds them."""
    width_mm: Annotated[float, Field(ge=0)]
    """Its shorter side."""
    orientation_deg: Annotated[float, Field(ge=0, lt=180)]
    """Of the longer side: 0 along the strip, 90 across it, below 90 towards the drive side."""
    contrast: Annotated[float, Field(ge=-1, le=1)]
    """Mean grey of the pixels minus that of the steel around them, as a share of white; below 0
    the defect is darker.
    """
    complete: bool = True
    """False: part of the defect was not measured: its frame had no pixels left to spend
    (`inspect.quantified_px`) or was crowded, or only a second pass of the strip showed it.
    """


class CoilData(BaseModel):
    """What the mill says of a coil beside its id and width; null where it says nothing."""

    model_config = STRICT

    order: str | None = None
    steel_grade: str | None = None
    thickness_mm: Annotated[float, Field(gt=0)] | None = None
    side: Literal["top", "bottom"] | None = None
    """Which side of the strip, as the coil's own papers name it, this camera sees."""
    reversed: bool = False
    """The strip was recoiled: its head here was its tail in the process before."""


class Defect(EventBody):
    """A defect, announced when first confirmed and revised until it ends.

    Revisions of one `defect_id` count from 1; the highest one holds. `interrupted` closes a defect
    whose end was not seen, because the daemon stopped or crashed.
    """

    kind: ClassVar[str] = "defect"

    defect_id: str
    revision: Annotated[int, Field(ge=1)]
    phase: Literal["opened", "extended", "closed", "interrupted"]
    class_name: str
    extent: Extent
    probability: Annotated[float, Field(ge=0, le=1)]
    """Highest probability of the class among the tiles."""
    tiles: Annotated[int, Field(ge=1)]
    crowded: bool = False
    """A frame held too many separate defects to tell each: this one stands for all of its class
    there, in their common box. False in events of before this field.
    """
    merged_into: str | None
    """The older defect that this one turned out to be part of."""
    measure: Measure | None = None
    """Null where nothing stood out from the steel, or nothing was measured."""
    severity: str | None = None
    """By the grading rules; null where there are none, or none is for such a defect."""
    evidence: str | None
    """Name of its picture, a JPEG: `/evidence/<name>` of the operator's page, or that file in the
    folder `evidence` of the ledger.
    """
    model: ModelReference
    first_frame: int
    """Number of the first frame that shows it."""
    last_frame: int
    grabbed: datetime
    """When the last frame of this revision had been received."""


class NotInspected(EventBody):
    """A stretch of the coil that nobody looked at, or not in time, or not in a usable picture.

    What goes on for one reason is told with its first frame, then once a second, and when it ends;
    each event is of the strip since the one before. The extent holds all the width that any of its
    frames touched, `cells` are counted exactly.

    A stretch without length: strip passed there while nobody counted its metres (a camera that was
    away, with the encoder's lines counted by the camera itself). `lost(unseen)` comes with the
    coil's report: so many `cells` somewhere on it were in no picture and in no known loss.
    `off_strip_disagreement` without cells, once a coil: the strip was looked at, but is wider than
    the mill says (`wider`), not where it was (`edge_jump`), or nobody can tell where (`no_edge`).
    """

    kind: ClassVar[str] = "not_inspected"

    extent: Extent
    outcome: Outcome
    reason: str
    """Why, where an outcome has several causes; else empty. Others may come."""
    cells: Annotated[int, Field(ge=0)]
    """Of the coil's lattice."""


class CoilStarted(EventBody):
    """The head of a coil reached the camera.

    `provisional`: the mill had not named it yet, and `coil_corrected` will. False in events of
    before this field.
    """

    kind: ClassVar[str] = "coil_started"

    width_mm: float
    """By the mill."""
    cell_m: float
    """Length of a cell of the coil's lattice, in which strip is accounted for."""
    cell_mm: float
    model: ModelReference
    provisional: bool = False
    data: CoilData = CoilData()
    late_m: Annotated[float, Field(ge=0)] = 0.0
    """Metres of this coil that were told under the subject before, since the mill told of its head
    too late: what lies at 1 m here is that much further on the coil.
    """
    head_seen: bool = True
    """False: inspection began within the coil, at its start or after a crash. What passed before is
    not of this subject, and rules give it no grade.
    """
    rules: str | None = None
    """Version and digest of the grading rules, `version@sha256`; null without rules."""


class CoilCorrected(EventBody):
    """What was told of a coil under one id belongs to another, or its data were wrong.

    Every event whose subject is `subject` is of the coil `coil_id` from now on, the ones before
    this as well as those that follow. `seq` and event ids stay. Where both ids are equal, only
    width or data changed; the cells stay those of the width that the coil began with.
    """

    kind: ClassVar[str] = "coil_corrected"

    coil_id: str
    width_mm: float
    data: CoilData
    by: str
    """Who said so: the mill's signal, or the person who corrected it."""


class Grade(BaseModel):
    """What the grading rules, or a person, call a coil."""

    model_config = STRICT

    name: str
    reasons: tuple[str, ...]
    """The rules that brought it down, in their own words, the worst first; of an inspector's grade
    the comment. Empty for the best grade.
    """
    rules: str
    """Version and digest of the rules file: `version@sha256`."""


class CoilGraded(EventBody):
    """A coil that has its report was graded again: by changed rules, or by an inspector (audit).

    The newest one holds.
    """

    kind: ClassVar[str] = "coil_graded"

    grade: Grade
    before: Grade | None
    origin: Literal["rules", "inspector"]
    by: str
    comment: str


class DefectDensity(EventBody):
    """Defects of a class in ten metres that are told as a number, once per stretch.

    What is beyond the limit of `inspect`, or is one of those that a `crowded` defect stands for,
    has no `defect` event; it lies within the stretch and is no more severe than the most severe one
    of the class that was told there.
    """

    kind: ClassVar[str] = "defect_density"

    class_name: str
    from_m: float
    to_m: float
    count: Annotated[int, Field(ge=1)]
    """Defects that began in the stretch, the ones told one by one included; of a `crowded` one each
    that it stands for, frame by frame.
    """
    told: Annotated[int, Field(ge=0)]
    """Of them, those with `defect` events of their own."""
    per_10_m: Annotated[float, Field(ge=0)]


class RollRepeat(EventBody):
    """Defects that come back with a roll's circumference, so that roll marks the strip.

    Raised with the third repeat, revised as it goes on, closed when three in a row are missing or
    with the coil. The highest revision of a `repeat_id` holds.
    """

    kind: ClassVar[str] = "roll_repeat"

    repeat_id: str
    revision: Annotated[int, Field(ge=1)]
    phase: Literal["opened", "extended", "closed", "interrupted"]
    class_name: str
    extent: Extent
    """From the first repeat to the last, and the band across that they lie in."""
    period_m: Annotated[float, Field(gt=0)]
    period_error_m: Annotated[float, Field(ge=0)]
    """Standard error of the period."""
    repeats: Annotated[int, Field(ge=3)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    """One minus the chance that defects strewn at random would show so many repeats."""
    rolls: tuple[str, ...]
    """Rolls of the table whose circumference this is, the likeliest first; empty: of none."""
    defects: tuple[str, ...]
    """Ids of the defects, the newest hundred."""


class CoilReport(EventBody):
    """The coil has left: what was expected, what became of it, what was found.

    The outcomes' sum is `expected_cells`.
    """

    kind: ClassVar[str] = "coil_report"

    length_m: float
    width_mm: float
    """The one that the coil began with."""
    expected_cells: int
    """Length times width, whatever arrived."""
    cells: dict[Outcome, int]
    reasons: dict[str, int]
    """Cells by `outcome(reason)` for those not inspected on time."""
    coverage: Annotated[float, Field(ge=0, le=1)]
    """Share of the expected cells that were inspected on time or screened."""
    inspection_valid: bool
    defects: dict[str, int]
    """By class: those announced, also where they turned out to be part of another, and those of
    each `defect_density` that were not (`count` less `told`).
    """
    models: tuple[ModelReference, ...]
    interrupted: bool
    """The daemon stopped before the coil's end."""
    provisional: bool = False
    """The mill has not named this coil so far."""
    data: CoilData = CoilData()
    severities: dict[str, int] = {}
    """Defects told one by one, by their last severity, those that merged into another left out;
    empty without rules.
    """
    rules: str | None = None
    """Version and digest of the grading rules, `version@sha256`; null without rules."""
    grade: Grade | None = None
    """Null without rules, and where the coil is `interrupted` or was not seen whole, or nothing of
    it was inspected (docs/grading.md).
    """

    @property
    def nothing_seen(self) -> bool:
        """Whether not one cell was inspected, so that whatever else is said proves nothing."""
        return not self.expected_cells or not self.coverage


class ModelChanged(EventBody):
    """Another bundle inspects from this position on.

    `fallback`: the same bundle on another backend, since the one before failed at work.
    """

    kind: ClassVar[str] = "model_changed"

    before: ModelReference | None
    after: ModelReference
    at_m: float | None
    """From the coil's head; null where the whole coil is the new one's."""
    activation: Literal["start", "coil_start", "now", "fallback"]
    backend: str


class Action(EventBody):
    """Somebody changed something by the control socket (audit)."""

    kind: ClassVar[str] = "action"

    action: str
    by: str
    arguments: dict[str, str]
    result: str


KINDS: Mapping[str, type[EventBody]] = {
    body.kind: body
    for body in (
        Defect, DefectDensity, RollRepeat, NotInspected, CoilStarted, CoilCorrected, CoilReport,
        CoilGraded, ModelChanged, Action,
    )
}  # fmt: skip
