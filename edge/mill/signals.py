"""What the mill can say of its coils: six messages, the same over MQTT and OPC UA.

    coil        a coil is announced: the next one, or (late) the one that runs
    head        a coil's head, or the weld before it, passes the reference
    tail        the coil's tail passes the reference; until the next head there is no coil
    correction  an id or data that were told were wrong, of a coil that runs or has left
    speed       how fast the strip runs
    position    the mill's own count of metres at the reference

An adapter makes such a message of what it received, or of the nodes that it reads, and hands it to
`edge.mill.wire.SignalSender`. `parse` is for what comes as JSON; docs/mill.schema.json publishes
it.
"""

import difflib
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from edge.errors import StripSightError

MAX_BYTES = 8192
"""Of one message; the longest proper one has less than 1 kB."""
LONGEST_ID = 64
FASTEST_M_PER_S, FASTEST_BACK_M_PER_S = 60.0, 10.0
"""No strip runs faster (thin strip in a tandem mill: 40 m/s), and none is reversed at speed."""

Reason = Literal["malformed", "too_long", "bad_id", "impossible_speed", "bad_quality"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class RefusedSignalError(StripSightError):
    """A message that cannot be understood; `reason` is for the metric, the text for people."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control characters")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_ID),
    AfterValidator(_printable),
]
"""Any letters, digits, signs, slashes and blanks; no control characters."""
Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
Millimetres = Annotated[float, Field(gt=0, le=10_000)]


class Message(BaseModel):
    """What every message has in common."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    time: AwareDatetime | None = None
    """When it happened, by the mill's clock, with its zone. Null: as it arrives."""


class Described(Message):
    """What may be said of a coil; null where nothing is said."""

    order: Text | None = None
    steel_grade: Text | None = None
    width_mm: Millimetres | None = None
    thickness_mm: Millimetres | None = None
    reversed: bool | None = None
    """It was recoiled: its head here was its tail in the process before."""


class Placed(Message):
    """Something that passes the reference."""

    position_m: Metres | None = None
    """Where, in the mill's own count of metres, which `position` tells. Null: where the strip is at
    `time`.
    """


class CoilSignal(Described):
    """A coil is announced. The newest announcement holds; keep it retained."""

    signal: Literal["coil"] = "coil"
    id: Text
    place: Literal["next", "running"] | None = None
    """Which coil this is: the one whose head comes next, or the one under the reference now. Null:
    the next one, or the running one where its head has just passed unnamed.
    """


class HeadSignal(Placed, Described):
    """A coil's head end, or the weld before it, passes the reference."""

    signal: Literal["head"] = "head"
    id: Text | None = None
    """The coil's id. Null: that of the coil announced."""


class TailSignal(Placed):
    """The running coil's tail passes the reference, and no other follows it at once."""

    signal: Literal["tail"] = "tail"


class CorrectionSignal(Described):
    """What was told of a coil was wrong. What is null here stays as it was."""

    signal: Literal["correction"] = "correction"
    before: Text | None = None
    """The id that was told, or the subject that our events have; of several coils the newest. Null:
    the coil under the reference now.
    """
    id: Text
    """The right id, equal to `before` where only data were wrong."""


class SpeedSignal(Message):
    """The strip's speed, at least every half second."""

    signal: Literal["speed"] = "speed"
    m_per_s: Annotated[float, Field(ge=-FASTEST_BACK_M_PER_S, le=FASTEST_M_PER_S)]


class PositionSignal(Message):
    """The mill's count of metres at the reference."""

    signal: Literal["position"] = "position"
    position_m: Metres


Signal = Annotated[
    CoilSignal | HeadSignal | TailSignal | CorrectionSignal | SpeedSignal | PositionSignal,
    Field(discriminator="signal"),
]
SignalName = Literal["coil", "head", "tail", "correction", "speed", "position"]
NAMES: tuple[SignalName, ...] = get_args(SignalName)

_SHORT = 80
_SIGNAL: TypeAdapter[Signal] = TypeAdapter(Signal)


def parse(body: bytes) -> Signal:
    """The message that a JSON document holds.

    Raises:
        RefusedSignalError: it holds none; the text says what is wrong with it.
    """
    if len(body) > MAX_BYTES:
        raise RefusedSignalError("too_long", f"{len(body)} bytes, {MAX_BYTES} are the most")
    try:
        return _SIGNAL.validate_json(body)
    except ValidationError as error:
        raise refused(error) from None


def refused(error: ValidationError) -> RefusedSignalError:
    """What was wrong with a message that an adapter could not make, without its whole content."""
    first = error.errors(include_url=False, include_context=False, include_input=True)[0]
    if first["type"] == "union_tag_invalid":
        return RefusedSignalError("malformed", _unknown(first["input"]["signal"]))
    where = ".".join(str(part) for part in first["loc"])
    text = f"{_short(first['msg'])} (found {_short(ascii(first['input']))})"
    text = f"{_short(where)}: {text}" if where else text
    last = str(first["loc"][-1]) if first["loc"] else ""
    if last in {"id", "before"}:
        return RefusedSignalError("bad_id", text)
    if last == "m_per_s":
        return RefusedSignalError("impossible_speed", text)
    return RefusedSignalError("malformed", text)


def _unknown(signal: object) -> str:
    near = difflib.get_close_matches(str(signal)[:_SHORT], NAMES, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ";"
    return f"unknown signal {_short(ascii(signal))}{meant} there are {', '.join(NAMES)}"


def _short(text: str) -> str:
    """Fit for a log's line, whatever the mill wrote."""
    kept = text if len(text) <= _SHORT else text[:_SHORT] + "..."
    return kept.encode("unicode_escape").decode()


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of every message, as published in `docs/mill.schema.json`."""
    schema = _SIGNAL.json_schema()
    for message in schema["$defs"].values():
        message["required"] = ["signal", *message.get("required", ())]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the mill tells StripSight of its coils",
        **schema,
    }
