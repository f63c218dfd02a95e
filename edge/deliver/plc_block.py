"""The flat block for a PLC: the newest defects and the state of the line as scalars.

Pure: events and the state of each second go in, values by path come out (`plc_words.py` names
them). A slot of the ring belongs to one defect and is revised in place; a new defect takes the slot
whose `Seq` is lowest. So a defect is lost for a PLC only when more than the ring holds are new
between two of its looks, and `Overwritten` counts those.
"""

import math
import struct
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from contract.bodies import CoilCorrected, Defect, RollRepeat
from contract.events import Event
from edge.deliver.plc_words import (
    CORRECTED,
    CROWDED,
    CUT,
    HEAD,
    MERGED,
    PHASES,
    RING,
    STATES,
    Value,
    Word,
    slot_path,
    tags,
)

UNKNOWN_COVERAGE = -1.0
CORRECTIONS = 64
"""Corrected coils remembered: one is corrected while or soon after it runs."""
_HEAD = {word.name: word for word in HEAD}
_SLOT = {word.name: word for word in RING}
_LARGEST = {"UInt16": 0xFFFF, "UInt32": 0xFFFFFFFF}
_FLOAT_MAX = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
Slot = dict[str, Value]


class LineState(NamedTuple):
    """The line as its inspecting process tells it each second."""

    state: int = 0
    valid: bool = False
    coverage: float = UNKNOWN_COVERAGE
    coil: str = ""
    coil_m: float = 0.0
    line_m: float = 0.0
    speed_m_per_s: float = 0.0


def line_state(status: Mapping[str, JsonValue] | None) -> LineState:
    """The control socket's `status`; None when nobody answers. Whatever is missing or of another
    type counts as unknown, and then nothing is valid.
    """
    if status is None:
        return LineState()
    name = status.get("state")
    state = STATES.get(name, 0) if isinstance(name, str) else 0
    coil = status.get("coil")
    return LineState(
        state=state,
        valid=status.get("inspection_valid") is True and state > 0,
        coverage=_number(status.get("coverage_10s"), UNKNOWN_COVERAGE),
        coil=coil if isinstance(coil, str) else "",
        coil_m=_number(status.get("coil_m")),
        line_m=_number(status.get("line_m")),
        speed_m_per_s=_number(status.get("speed_m_per_s")),
    )


class PlcBlock:
    """The block's present values. Owned by one thread.

    Args:
        ring: How many defects it holds.
        class_codes: Class name -> code, for `ClassCode`.
        severity_codes: Severity -> code.
    """

    def __init__(
        self, ring: int, class_codes: Mapping[str, int], severity_codes: Mapping[str, int]
    ) -> None:
        self._class_codes = class_codes
        self._severity_codes = severity_codes
        self._slots: list[Slot] = [{word.name: word.zero for word in RING} for _ in range(ring)]
        self._ids: list[str | None] = [None] * ring
        self._subjects: list[str | None] = [None] * ring
        self._head: dict[str, Value] = {word.name: word.zero for word in HEAD}
        self._head["Coverage10s"] = UNKNOWN_COVERAGE
        self._coils: dict[str, str] = {}
        self._repeats: dict[str, RollRepeat] = {}
        self._told: dict[str, Value] = {}
        self._resumed = 0
        self.acknowledged = 0

    def resume(self) -> None:
        """All of the ring was shown before a restart: what leaves it is not counted as lost."""
        self._resumed = int(self._head["LastSeq"])
        self._set("Overwritten", 0)

    def take(self, event: Event) -> None:
        """Show an event.

        Raises:
            ValueError: its data break its schema; it counts as shown, and nothing else changed.
        """
        self._set("LastSeq", event.seq & _LARGEST["UInt32"])
        if event.kind in {"coil_started", "coil_report"}:
            self._repeats.clear()
            self._show_repeats()
        if event.kind not in {"defect", "coil_corrected", "roll_repeat"}:
            return
        body = event.body()
        if isinstance(body, Defect):
            self._defect(event, body)
        elif isinstance(body, CoilCorrected):
            self._correct(event, body)
        elif isinstance(body, RollRepeat):
            self._repeat(body)

    def beat(self, line: LineState) -> None:
        """Count a second and show the line's state."""
        self._set("Heartbeat", (int(self._head["Heartbeat"]) + 1) & _LARGEST["UInt16"])
        self._set("State", line.state)
        self._set("InspectionValid", line.valid)
        self._set("Coverage10s", line.coverage)
        self._set("Coil", self.coil_id(line.coil))
        self._set("CoilPosition", line.coil_m)
        self._set("LinePosition", line.line_m)
        self._set("Speed", line.speed_m_per_s)

    def coil_id(self, subject: str) -> str:
        """The mill's id of a coil, as far as it was shown: the newest word on its subject."""
        return self._coils.get(subject, subject)

    def acknowledge(self, seq: int) -> bool:
        """Take over what the PLC wrote; False, and nothing changes, when it was never shown."""
        if not 0 <= seq <= int(self._head["LastSeq"]):
            return False
        self.acknowledged = seq
        return True

    @property
    def full(self) -> bool:
        """Whether the next new defect would overwrite one that is not acknowledged."""
        return all(int(slot["Seq"]) > self.acknowledged for slot in self._slots)

    def values(self) -> dict[str, Value]:
        """All values by path, in the order in which to write them."""
        self._set("Unread", sum(int(slot["Seq"]) > self.acknowledged for slot in self._slots))
        found = {
            slot_path(number, name): value
            for number, slot in enumerate(self._slots, 1)
            for name, value in slot.items()
        }
        found |= self._head
        return {tag.path: found[tag.path] for tag in tags(len(self._slots))}

    def changes(self) -> dict[str, Value]:
        """What differs from the call before, in the order in which to write it; at first all."""
        now = self.values()
        changed = {path: v for path, v in now.items() if self._told.get(path) != v}
        self._told = now
        return changed

    def _defect(self, event: Event, body: Defect) -> None:
        subject = event.subject or ""
        coil = self.coil_id(subject)
        digits = body.defect_id.rpartition("/")[2]
        number = int(digits) if digits.isascii() and digits.isdecimal() else 0
        if body.defect_id in self._ids:
            place = self._ids.index(body.defect_id)
        else:
            place = min(range(len(self._slots)), key=lambda n: int(self._slots[n]["Seq"]))
            if int(self._slots[place]["Seq"]) > max(self.acknowledged, self._resumed):
                self._set("Overwritten", int(self._head["Overwritten"]) + 1)
        self._ids[place], self._subjects[place] = body.defect_id, subject
        slot = self._slots[place]
        slot.update(self._shown(event.seq, coil, number, body))
        if coil != subject:
            slot["Flags"] = int(slot["Flags"]) | CORRECTED

    def _shown(self, seq: int, coil: str, number: int, body: Defect) -> Slot:
        severity = body.severity or ""
        texts = {"Coil": coil, "ClassName": body.class_name, "Severity": severity}
        cut = any(_fit(_SLOT[name], text) != text for name, text in texts.items())
        values: Slot = {
            "Seq": seq & _LARGEST["UInt32"],
            "Defect": number,
            "Revision": body.revision,
            "Phase": PHASES[body.phase],
            "ClassCode": self._class_codes.get(body.class_name, 0),
            "SeverityCode": self._severity_codes.get(severity, 0),
            "FromM": body.extent.from_m,
            "ToM": body.extent.to_m,
            "FromMm": body.extent.from_mm,
            "ToMm": body.extent.to_mm,
            "Probability": body.probability,
            "Flags": CROWDED * body.crowded | MERGED * bool(body.merged_into) | CUT * cut,
            "SeqCheck": seq & _LARGEST["UInt32"],
            **texts,
        }
        return {name: _fit(_SLOT[name], value) for name, value in values.items()}

    def _correct(self, event: Event, body: CoilCorrected) -> None:
        """Slots of the coil are shown anew: under the right id, with this event's number."""
        if event.subject is None:
            return
        self._coils.pop(event.subject, None)
        if body.coil_id != event.subject:
            self._coils[event.subject] = body.coil_id
        while len(self._coils) > CORRECTIONS:
            self._coils.pop(next(iter(self._coils)))
        coil = _fit(_SLOT["Coil"], body.coil_id)
        for subject, slot in zip(self._subjects, self._slots, strict=True):
            if subject == event.subject and slot["Coil"] != coil:
                slot["Coil"] = coil
                slot["Seq"] = slot["SeqCheck"] = event.seq & _LARGEST["UInt32"]
                slot["Flags"] = int(slot["Flags"]) | CORRECTED

    def _repeat(self, body: RollRepeat) -> None:
        self._repeats.pop(body.repeat_id, None)
        if body.phase in {"opened", "extended"}:
            self._repeats[body.repeat_id] = body
        self._show_repeats()

    def _show_repeats(self) -> None:
        newest = next(reversed(self._repeats.values()), None)
        self._set("RollRepeat", newest is not None)
        self._set("RollRepeatPeriod", newest.period_m if newest else 0.0)
        self._set("RollRepeatRoll", newest.rolls[0] if newest and newest.rolls else "")

    def _set(self, name: str, value: Value) -> None:
        self._head[name] = _fit(_HEAD[name], value)


def _fit(word: Word, value: Value) -> Value:
    """The value within its type: an integer too large is the largest, a text is cut, a Float is
    rounded to what it holds.
    """
    if isinstance(value, str):
        return value[: word.chars]
    if word.type in _LARGEST:
        return min(int(value), _LARGEST[word.type])
    if word.type == "Float":
        held = max(-_FLOAT_MAX, min(_FLOAT_MAX, float(value)))
        return float(struct.unpack("<f", struct.pack("<f", held))[0])
    return value


def _number(value: JsonValue, unknown: float = 0.0) -> float:
    """A finite number, else unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return unknown
    try:
        number = float(value)
    except OverflowError:
        return unknown
    return number if math.isfinite(number) else unknown
