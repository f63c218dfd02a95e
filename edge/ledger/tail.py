"""The event log as it grows, for a terminal: events as they are recorded, and gaps in `seq`."""

import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from contract.bodies import (
    Action,
    CoilCorrected,
    CoilGraded,
    CoilReport,
    CoilStarted,
    Defect,
    DefectDensity,
    EventBody,
    Extent,
    Measure,
    ModelChanged,
    NotInspected,
    RollRepeat,
)
from edge.ledger.reader import EventReader
from edge.text import percent, printable
from edge.types import Recorded

_AT_ONCE = 500
_POLL_S = 0.25


class Gap(NamedTuple):
    """Events that the log no longer has, or never had: `first..last`, both included."""

    first: int
    last: int


def follow(
    reader: EventReader,
    after: int,
    stop: threading.Event,
    waiter: Callable[[float], object],
) -> Iterator[Recorded | Gap]:
    """Yield what comes after a `seq`, until `stop` is set and nothing is left.

    Args:
        reader: Owned by the caller.
        after: The last `seq` known; events follow from the next.
        stop: Ends it.
        waiter: Called with seconds when there is nothing new; may return earlier.

    Raises:
        LedgerError: the log cannot be read.
    """
    while True:
        found = reader.after(after, _AT_ONCE)
        for recorded in found:
            if recorded.event.seq != after + 1:
                yield Gap(after + 1, recorded.event.seq - 1)
            after = recorded.event.seq
            yield recorded
        if not found:
            if stop.is_set():
                return
            waiter(_POLL_S)


def format_line(item: Recorded | Gap) -> str:
    """One line for a person: time (UTC), seq, kind, coil, and what matters of the kind. One it
    stays, whatever somebody wrote into a comment.
    """
    if isinstance(item, Gap):
        return f"-- gap: events {item.first} to {item.last} are not in the log --"
    event = item.event
    time = event.time.strftime("%H:%M:%S.%f")[:-3]
    head = f"{time} {event.seq:>8} {event.kind:<13} {event.subject or '-':<12}"
    return printable(f"{head} {_detail(event.body())}")


def _detail(body: EventBody) -> str:
    return _of_strip(body) or _of_coil(body) or _of_line(body)


def _of_strip(body: EventBody) -> str:
    """What lies somewhere on it."""
    text = ""
    match body:
        case Defect():
            text = f"{body.phase:<11} {_where(body.extent)} {body.class_name:<20}"
            text += f" {body.probability:.2f}  {body.defect_id}{_size(body.measure)}"
        case DefectDensity():
            stretch = f"{body.from_m:.2f}-{body.to_m:.2f} m"
            text = f"{'dense':<11} {stretch:>17} {'':13} {body.class_name:<20} {body.count} defects"
        case RollRepeat():
            text = f"{body.phase:<11} {_where(body.extent)} {body.class_name:<20}"
            text += f" {body.repeats} times every {body.period_m:.3f} m, {_rolls(body)}"
            text += f" ({percent(body.confidence)})"
        case NotInspected():
            text = f"{body.outcome:<11} {_where(body.extent)} {body.reason}"
        case _:
            pass
    return text


def _of_coil(body: EventBody) -> str:
    text = ""
    match body:
        case CoilStarted():
            text = f"{body.width_mm:.0f} mm wide, model {body.model.name} {body.model.version}"
            text += ", not named yet" if body.provisional else ""
        case CoilCorrected():
            text = f"is coil {body.coil_id}, {body.width_mm:.0f} mm wide, says {body.by}"
        case CoilReport():
            valid = "valid" if body.inspection_valid else "NOT VALID"
            seen = f"coverage {percent(body.coverage)}, {valid}"
            text = f"{body.length_m:.1f} m, {'nothing seen' if body.nothing_seen else seen}"
            text += f", {sum(body.defects.values())} defects"
            text += f", {body.grade.name}" if body.grade else ""
        case CoilGraded():
            before = body.before.name if body.before else "no grade"
            text = f"{body.grade.name} instead of {before} by {body.by}: {body.comment}"
        case _:
            pass
    return text


def _of_line(body: EventBody) -> str:
    text = ""
    match body:
        case ModelChanged():
            text = f"{body.after.name} {body.after.version} on {body.backend} ({body.activation})"
        case Action():
            text = f"{body.action} by {body.by}: {body.result}"
        case _:
            pass
    return text


def _rolls(body: RollRepeat) -> str:
    return " or ".join(body.rolls) or "no roll of the table"


def _where(extent: Extent) -> str:
    along = f"{extent.from_m:.2f}-{extent.to_m:.2f} m"
    across = f"{extent.from_mm:.0f}-{extent.to_mm:.0f} mm"
    return f"{along:>17} {across:>13}"


def _size(measure: Measure | None) -> str:
    if measure is None:
        return ""
    part = "" if measure.complete else " (in part)"
    return f"  {measure.length_mm:.1f} x {measure.width_mm:.1f} mm{part}"
