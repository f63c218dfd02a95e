"""What the mill receives: CloudEvents 1.0 in structured JSON, one body per kind.

An event is first a `Draft` (what happened, and a key that makes its id deterministic) and becomes
an `Event` when the ledger gives it the next `seq` of its source. `seq` is gapless per source; a
consumer that keeps the last `seq` it committed sees every event's effect exactly once.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from contract.bodies import KINDS, STRICT, EventBody

TYPE_PREFIX = "stripsight."
_NAMESPACE = uuid.UUID("6f3c1f0e-5c0b-5b1e-9a53-2f0f4d3d6c55")


class Draft(NamedTuple):
    """An event before it has a number; `key` is unique within its kind and coil."""

    body: EventBody
    coil: str | None
    key: str
    time: datetime


class Event(BaseModel):
    """The envelope. `data` stays a plain mapping here; `body()` gives the typed form."""

    model_config = STRICT

    specversion: Literal["1.0"] = "1.0"
    id: str
    """Follows from what happened: an event that is sent again has the same one."""
    source: str
    """`/<site>/<line>/<camera>`."""
    type: str
    """`stripsight.<kind>`."""
    subject: str | None
    """The coil, by the name that it keeps in all its events; null for what concerns no coil."""
    time: datetime
    """When it was seen; of `not_inspected` when it was told."""
    datacontenttype: Literal["application/json"] = "application/json"
    seq: Annotated[int, Field(ge=1)]
    """Counts the events of the source from 1, without gaps."""
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
        return self._typed("forbid")

    def known(self) -> EventBody:
        """The data as far as this version of the program knows them: what a later one added to
        them is left out.

        Raises:
            ValueError: as `body()` does, but for fields too many.
        """
        return self._typed("ignore")

    def _typed(self, extra: Literal["forbid", "ignore"]) -> EventBody:
        if self.kind not in KINDS:
            raise ValueError(f"unknown event type {self.type!r}")
        return KINDS[self.kind].model_validate(self.data, extra=extra)


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


def opened(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema for readers, who must bear fields that came later; what we read must have none."""
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("additionalProperties") is False:
            del part["additionalProperties"]
    return schema


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of every event, as published in `docs/events.schema.json`.

    Fields and types that came later obey it too.
    """
    envelope = Event.model_json_schema()
    properties = {k: v for k, v in envelope["properties"].items() if k != "data"}
    definitions: dict[str, Any] = {}
    variants: list[dict[str, Any]] = []
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
    known = [TYPE_PREFIX + kind for kind in KINDS]
    later: dict[str, Any] = {"description": "A later type: ignore it.", "not": {"enum": known}}
    versioned = {
        "type": "object",
        "properties": {"schema_version": {"const": "1"}},
        "required": ["schema_version"],
    }
    variants.append({"properties": {"type": later, "data": versioned}})
    return opened(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "StripSight event",
            "type": "object",
            "properties": properties,
            "required": [*properties, "data"],
            "oneOf": variants,
            "$defs": definitions,
        }
    )
