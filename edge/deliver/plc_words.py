"""The words of the flat PLC block: names, types, units. One table, from which the nodes of our own
server, the writes into a PLC's server and `docs/opcua.md` are made.

Types are OPC UA's own and none that a small PLC lacks: 64-bit integers are left out, so numbers
of events are the lower 32 bits of `seq` (at ten events a second all of it for thirteen years).
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

Type = Literal["Boolean", "UInt16", "UInt32", "Float", "Double", "String"]
Value = bool | int | float | str
COIL_CHARS, CLASS_CHARS, NAME_CHARS = 64, 64, 32
"""Longest strings; what is longer is cut."""


class Word(NamedTuple):
    """One scalar of the block."""

    name: str
    type: Type
    unit: str
    text: str
    chars: int = 0
    """Longest string."""

    @property
    def zero(self) -> Value:
        """Its value before anything is known."""
        zeros: dict[str, Value] = {"Boolean": False, "Float": 0.0, "Double": 0.0, "String": ""}
        return zeros.get(self.type, 0)


class Tag(NamedTuple):
    """A word at its place: `path` is `Heartbeat` or `Ring[3].Seq`."""

    path: str
    word: Word


ACKNOWLEDGE = Word(
    "Acknowledge", "UInt32", "seq", "written by the PLC: the highest `Seq` of the ring it has taken"
)
"""The one word that the receiver writes."""

HEAD: tuple[Word, ...] = (
    Word("Heartbeat", "UInt16", "s", "counts each second, 0 after 65535; standing still: no news"),
    Word(
        "State", "UInt16", "-",
        "0 nobody inspects, 1 running, 2 degraded (still inspecting), 3 no picture, 4 stopping",
    ),
    Word(
        "InspectionValid", "Boolean", "-",
        "true while what is reported as clean is really being seen",
    ),
    Word("Coverage10s", "Float", "share", "inspected, of the strip of the last 10 s; -1: unknown"),
    Word("Coil", "String", "-", "the coil under the camera; empty: none", COIL_CHARS),
    Word("CoilPosition", "Float", "m", "of the camera, from that coil's head"),
    Word("LinePosition", "Double", "m", "of the camera, in the line's own count"),
    Word("Speed", "Float", "m/s", "of the strip; 0 where nobody tells it"),
    Word("RollRepeat", "Boolean", "-", "true while a roll marks the strip"),
    Word("RollRepeatPeriod", "Float", "m", "distance of the marks of the newest roll repeat"),
    Word("RollRepeatRoll", "String", "-", "the likeliest roll; empty: of no known one", NAME_CHARS),
    Word("Unread", "UInt16", "defects", "of the ring, with a `Seq` above `Acknowledge`"),
    Word(
        "Overwritten", "UInt32", "defects",
        "lost from the ring before they were acknowledged, since the courier's start",
    ),
    Word("LastSeq", "UInt32", "seq", "newest event that the block shows; written after the ring"),
)  # fmt: skip

RING: tuple[Word, ...] = (
    Word("Seq", "UInt32", "seq", "event that this slot shows last; 0: empty"),
    Word("Defect", "UInt32", "-", "number of the defect on its coil"),
    Word("Coil", "String", "-", "its coil", COIL_CHARS),
    Word("Revision", "UInt16", "-", "counts from 1; the highest holds"),
    Word("Phase", "UInt16", "-", "1 opened, 2 extended, 3 closed, 4 interrupted (end not seen)"),
    Word("ClassCode", "UInt16", "-", "from `deliver.plc_block.class_codes`; 0: not listed there"),
    Word("ClassName", "String", "-", "the class, as the bundle names it", CLASS_CHARS),
    Word("SeverityCode", "UInt16", "-", "from `deliver.plc_block.severity_codes`; 0: none"),
    Word("Severity", "String", "-", "by the grading rules; empty: none", NAME_CHARS),
    Word("FromM", "Float", "m", "where it begins, from the coil's head"),
    Word("ToM", "Float", "m", "where it ends, or has reached so far"),
    Word("FromMm", "Float", "mm", "its border, from the operator side"),
    Word("ToMm", "Float", "mm", "its other border"),
    Word("Probability", "Float", "share", "highest of its class among its tiles"),
    Word(
        "Flags", "UInt16", "bits",
        "1 crowded (stands for many), 2 merged into another, 4 its coil was corrected, 8 a text was"
        " cut",
    ),
    Word("SeqCheck", "UInt32", "seq", "equals `Seq`; differs while the slot is being written"),
)  # fmt: skip
"""One slot. `Seq` comes first and `SeqCheck` last, for a PLC whose server is written to."""

STATES = {"running": 1, "degraded": 2, "no_source": 3, "stopping": 4}
PHASES = {"opened": 1, "extended": 2, "closed": 3, "interrupted": 4}
CROWDED, MERGED, CORRECTED, CUT = 1, 2, 4, 8


def slot_path(slot: int, name: str) -> str:
    """The path of a slot's word; slots count from 1."""
    return f"Ring[{slot}].{name}"


def tags(ring: int) -> Iterator[Tag]:
    """All words that we write, in the order in which they are written: slots, then the head."""
    for slot in range(1, ring + 1):
        yield from (Tag(slot_path(slot, word.name), word) for word in RING)
    # `Heartbeat` last: whoever waits for it to move finds all the rest in its new state.
    yield from (Tag(word.name, word) for word in (*HEAD[1:], HEAD[0]))
