"""What the mill receives: CloudEvents 1.0 in structured JSON, one body per kind.

An event is first a `Draft` (what happened, and a key that makes its id deterministic) and becomes
an `Event` when the ledger gives it the next `seq` of its source. `seq` is gapless per source; a
consumer that keeps the last `seq` it committed sees every event's effect exactly once.

Along positions are metres from the coil's head, across positions millimetres from the operator
side.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

TYPE_PREFIX = "stripsight."
_NAMESPACE = uuid.UUID("6f3c1f0e-5c0b-5b1e-9a53-2f0f4d3d6c55")

Outcome = Literal[
    "on_time", "late", "screened", "unusable", "off_strip_disagreement", "skipped", "lost"
]


class EventBody(BaseModel):
    """What every kind of event has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[str]

    schema_version: Literal["1"] = "1"


class ModelReference(BaseModel):
    """The bundle that was in use: name, version and digest of its manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    digest: str


class Extent(BaseModel):
    """A rectangle on the coil."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    from_m: float
    to_m: float
    from_mm: float
    to_mm: float


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
    evidence: str | None
    """Name of the picture in the ledger's evidence store."""
    model: ModelReference
    first_frame: int
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
    cells: Annotated[int, Field(ge=0)]


class CoilStarted(EventBody):
    """The head of a coil reached the camera."""

    kind: ClassVar[str] = "coil_started"

    width_mm: float
    cell_m: float
    cell_mm: float
    model: ModelReference


class CoilReport(EventBody):
    """The coil has left: what was expected, what became of it, what was found.

    The outcomes' sum is `expected_cells`.
    """

    kind: ClassVar[str] = "coil_report"

    length_m: float
    width_mm: float
    expected_cells: int
    cells: dict[Outcome, int]
    reasons: dict[str, int]
    """Cells by `outcome(reason)` for those not inspected on time."""
    coverage: Annotated[float, Field(ge=0, le=1)]
    """Share of the expected cells that were inspected on time or screened."""
    inspection_valid: bool
    defects: dict[str, int]
    models: tuple[ModelReference, ...]
    interrupted: bool
    """The daemon stopped before the coil's end."""


class ModelChanged(EventBody):
    """Another bundle inspects from this position on.

    `fallback`: the same bundle on another backend, since the one before failed at work.
    """

    kind: ClassVar[str] = "model_changed"

    before: ModelReference | None
    after: ModelReference
    at_m: float | None
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
    for body in (Defect, NotInspected, CoilStarted, CoilReport, ModelChanged, Action)
}


class Draft(NamedTuple):
    """An event before it has a number; `key` is unique within its kind and coil."""

    body: EventBody
    coil: str | None
    key: str
    time: datetime


class Event(BaseModel):
    """The envelope. `data` stays a plain mapping here; `body()` gives the typed form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str | None
    """Coil id; null for what concerns no coil."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    seq: Annotated[int, Field(ge=1)]
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        """The type without its prefix: `defect`, `coil_report`, ..."""
        return self.type.removeprefix(TYPE_PREFIX)

    def body(self) -> EventBody:
        """The data, checked against its kind.

        Raises:
            ValueError: an unknown kind, or data that breaks its schema (pydantic's
            ValidationError).
        """
        if self.kind not in KINDS:
            raise ValueError(f"unknown event type {self.type!r}")
        return KINDS[self.kind].model_validate(self.data)


def number(draft: Draft, source: str, seq: int) -> Event:
    """Make a draft the event `seq` of a source (`/<site>/<line>/<camera>`)."""
    name = "|".join((source, draft.body.kind, draft.coil or "", draft.key))
    return Event(
        id=str(uuid.uuid5(_NAMESPACE, name)),
        source=source,
        type=TYPE_PREFIX + draft.body.kind,
        subject=draft.coil,
        time=draft.time,
        seq=seq,
        data=draft.body.model_dump(mode="json"),
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of every event, as published in `docs/events.schema.json`."""
    envelope = Event.model_json_schema()
    properties = {k: v for k, v in envelope["properties"].items() if k != "data"}
    definitions: dict[str, Any] = {}
    variants = []
    for kind, body in KINDS.items():
        schema = body.model_json_schema(mode="serialization")
        definitions |= schema.pop("$defs", {})
        definitions[body.__name__] = schema
        variants.append(
            {
                "properties": {
                    "type": {"const": TYPE_PREFIX + kind},
                    "data": {"$ref": f"#/$defs/{body.__name__}"},
                }
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "StripSight event",
        "type": "object",
        "properties": properties,
        "required": [*properties, "data"],
        "oneOf": variants,
        "$defs": definitions,
    }
