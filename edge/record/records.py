"""What a recording holds, and its words as JSON.

    Seen        a frame as it left the buffer, and all that the inspector was told while it looked
    Waited      no frame came, and it was told that a coil is another one
    Finished    what it was told when the run ended
    Committed   what one commit gave in the event log, in the log's order
    Ended       the run stopped clean; nothing is missing behind it

Only a frame has pixels. JSON keeps every float as it is.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from pydantic import TypeAdapter

from contract.bodies import KINDS
from contract.events import Draft, Event
from edge.clock import Stamp
from edge.lifecycle.slot import When
from edge.record.segment import DamagedError, Raw
from edge.types import Coil, Commit, Correction, Frame, Loss, Start

NO_PIXELS = memoryview(b"")


class BundleAt(NamedTuple):
    """A bundle, and where it lay."""

    digest: str
    path: Path


class Takeover(NamedTuple):
    """Another bundle took over."""

    bundle: BundleAt
    when: When


class Coils(NamedTuple):
    """Which coils a stretch belongs to."""

    first_m: float
    end_m: float
    coils: tuple[Coil, ...]


class Told(NamedTuple):
    """Every answer that the inspector got from outside, in the order of its questions."""

    times: tuple[Stamp, ...]
    coils: tuple[Coils, ...]
    takeovers: tuple[Takeover | None, ...]
    corrections: tuple[tuple[Correction, ...], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A frame and what was dropped before it."""

    frame: Frame
    dropped: tuple[Loss, ...]
    start: Start
    """How far the strip had been dealt with before this frame."""
    model: BundleAt
    """The bundle that inspected when the frame came."""
    told: Told


@dataclasses.dataclass(frozen=True, slots=True)
class Waited:
    """The inspector told what was corrected without a frame."""

    told: Told


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """The inspector reported the coil that it left half inspected."""

    told: Told


@dataclasses.dataclass(frozen=True, slots=True)
class Committed:
    """The events of one commit."""

    frame: int | None
    """Its frame; None for a commit that came from elsewhere (the start, an audited action)."""
    given: Commit | None
    """That other commit; the inspector's own are made again by the replay."""
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """The log holds all that the run had to say."""


Record = Seen | Waited | Finished | Committed | Ended

_FRAME = {n: TypeAdapter(hint) for n, hint in get_type_hints(Frame).items() if n != "pixels"}
_TOLD, _STAMP, _DROPPED = TypeAdapter(Told), TypeAdapter(Stamp), TypeAdapter(tuple[Loss, ...])
_START = TypeAdapter(Start)
_BUNDLE = TypeAdapter(BundleAt)


def to_words(record: Record) -> dict[str, Any]:
    """The record without its pixels."""
    match record:
        case Seen():
            return {
                "kind": "seen",
                "shape": record.frame.pixels.shape,
                "frame": {
                    name: adapter.dump_python(getattr(record.frame, name), mode="json")
                    for name, adapter in _FRAME.items()
                },
                "dropped": record.dropped,
                "start": record.start,
                "model": _BUNDLE.dump_python(record.model, mode="json"),
                "told": _TOLD.dump_python(record.told, mode="json"),
            }
        case Waited() | Finished():
            kind = "waited" if isinstance(record, Waited) else "finished"
            return {"kind": kind, "told": _TOLD.dump_python(record.told, mode="json")}
        case Committed():
            given = None if record.given is None else _given(record.given)
            events = [event.model_dump(mode="json") for event in record.events]
            return {"kind": "committed", "frame": record.frame, "given": given, "events": events}
        case Ended():
            return {"kind": "ended"}


def pixels_of(record: Record) -> memoryview:
    """The record's pixels, row by row."""
    if not isinstance(record, Seen) or not record.frame.pixels.size:
        return NO_PIXELS
    return np.ascontiguousarray(record.frame.pixels).data.cast("B")


def from_raw(raw: Raw) -> Record:
    """The record that a file holds.

    Raises:
        DamagedError: its words are not those of a record.
    """
    try:
        return _READERS[raw.words["kind"]](raw)
    except (KeyError, TypeError, ValueError) as error:  # pydantic's is a ValueError
        raise DamagedError(f"a record that this version does not know ({error})") from error


def _seen(raw: Raw) -> Seen:
    words = raw.words
    pixels = np.frombuffer(raw.pixels, np.uint8).reshape(words["shape"])  # read-only, as bytes are
    fields: dict[str, Any] = {n: a.validate_python(words["frame"][n]) for n, a in _FRAME.items()}
    return Seen(
        Frame(pixels=pixels, **fields),
        _DROPPED.validate_python(words["dropped"]),
        _START.validate_python(words["start"]),
        _BUNDLE.validate_python(words["model"]),
        _TOLD.validate_python(words["told"]),
    )


def _committed(raw: Raw) -> Committed:
    words = raw.words
    given = None if words["given"] is None else _commit(words["given"])
    return Committed(words["frame"], given, tuple(map(Event.model_validate, words["events"])))


_READERS: Mapping[str, Callable[[Raw], Record]] = {
    "seen": _seen,
    "waited": lambda raw: Waited(_TOLD.validate_python(raw.words["told"])),
    "finished": lambda raw: Finished(_TOLD.validate_python(raw.words["told"])),
    "committed": _committed,
    "ended": lambda _: Ended(),
}


def _given(commit: Commit) -> dict[str, Any]:
    drafts = [
        (d.body.kind, d.body.model_dump(mode="json"), d.coil, d.key, d.time.isoformat())
        for d in commit.drafts
    ]
    return {"drafts": drafts, "grabbed": commit.grabbed}


def _commit(words: Mapping[str, Any]) -> Commit:
    drafts = tuple(
        Draft(KINDS[kind].model_validate(body), coil, key, datetime.fromisoformat(time))
        for kind, body, coil, key, time in words["drafts"]
    )
    return Commit(drafts, None, _STAMP.validate_python(words["grabbed"]))
