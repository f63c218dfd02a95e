"""The flat block: what a PLC sees of events and of the line's state."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import (
    CoilCorrected,
    CoilData,
    Defect,
    EventBody,
    Extent,
    ModelReference,
    RollRepeat,
)
from contract.events import Draft, Event, number
from edge.deliver.plc_block import PlcBlock, line_state
from edge.deliver.plc_words import HEAD, RING, Value, tags

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MODEL = ModelReference(name="demo", version="1", digest="0" * 64)
AREA = Extent(from_m=1.5, to_m=2.0, from_mm=100.0, to_mm=164.0)


def defect(seq: int, what: int, revision: int = 1, coil: str = "coil-1", **more: object) -> Event:
    values: dict[str, Any] = {
        "defect_id": f"{coil}/{what}", "revision": revision, "phase": "opened",
        "class_name": "scratch", "extent": AREA, "probability": 0.75, "tiles": 2,
        "merged_into": None, "evidence": None, "model": MODEL, "first_frame": 1, "last_frame": 2,
        "grabbed": NOW, **more,
    }  # fmt: skip
    return numbered(seq, Defect(**values), coil)


def numbered(seq: int, body: EventBody, coil: str | None = "coil-1") -> Event:
    return number(Draft(body, coil, str(seq), NOW), "/mill/line-1/top", seq)


def corrected(seq: int, subject: str, coil_id: str) -> Event:
    body = CoilCorrected(coil_id=coil_id, width_mm=1.0, data=CoilData(), by="level2")
    return numbered(seq, body, subject)


def block(ring: int = 4) -> PlcBlock:
    return PlcBlock(ring, {"scratch": 7}, {"major": 3})


def slots(block: PlcBlock, ring: int = 4) -> list[tuple[Value, Value]]:
    now = block.values()
    return [(now[f"Ring[{i}].Seq"], now[f"Ring[{i}].Defect"]) for i in range(1, ring + 1)]


def test_a_defect_is_shown_with_all_that_a_plc_needs() -> None:
    shown = block()
    shown.take(defect(5, 2, severity="major", crowded=True))
    now = shown.values()
    slot = {word.name: now[f"Ring[1].{word.name}"] for word in RING}
    assert slot == {
        "Seq": 5, "Defect": 2, "Coil": "coil-1", "Revision": 1, "Phase": 1, "ClassCode": 7,
        "ClassName": "scratch", "SeverityCode": 3, "Severity": "major", "FromM": 1.5, "ToM": 2.0,
        "FromMm": 100.0, "ToMm": 164.0, "Probability": 0.75, "Flags": 1, "SeqCheck": 5,
    }  # fmt: skip
    assert (now["LastSeq"], now["Unread"]) == (5, 1)


def test_a_revision_stays_in_its_slot_and_a_new_defect_takes_the_oldest() -> None:
    shown = block(2)
    for event in (defect(1, 1), defect(2, 2), defect(3, 1, 2), defect(4, 3)):
        shown.take(event)
    assert slots(shown, 2) == [(3, 1), (4, 3)]


def test_what_leaves_the_ring_unacknowledged_is_counted() -> None:
    shown = block(2)
    for seq in (1, 2, 3):
        shown.take(defect(seq, seq))
    assert shown.values()["Overwritten"] == 1
    assert shown.acknowledge(3)
    for seq in (4, 5):
        shown.take(defect(seq, seq))
    assert (shown.values()["Overwritten"], shown.values()["Unread"]) == (1, 2)


def test_what_was_shown_before_a_restart_is_not_counted_as_lost() -> None:
    shown = block(2)
    for seq in (1, 2, 3):
        shown.take(defect(seq, seq))
    shown.resume()
    for seq in (4, 5):
        shown.take(defect(seq, seq))
    assert shown.values()["Overwritten"] == 0
    shown.take(defect(6, 6))
    assert shown.values()["Overwritten"] == 1


@pytest.mark.parametrize("never_shown", [6, -1, 2**32 - 1])
def test_what_was_never_shown_cannot_be_acknowledged(never_shown: int) -> None:
    shown = block()
    shown.take(defect(5, 1))
    assert not shown.acknowledge(never_shown)
    assert (shown.acknowledged, shown.values()["Unread"]) == (0, 1)


def test_a_corrected_coil_is_shown_anew_under_its_name() -> None:
    shown = block()
    shown.take(defect(1, 1, coil="provisional"))
    shown.take(defect(2, 9, coil="other"))
    shown.take(corrected(3, "provisional", "right"))
    shown.take(defect(4, 1, 2, coil="provisional"))
    now = shown.values()
    assert (now["Ring[1].Coil"], now["Ring[1].Seq"], now["Ring[1].Flags"]) == ("right", 4, 4)
    assert (now["Ring[2].Coil"], now["Ring[2].Seq"], now["Ring[2].Flags"]) == ("other", 2, 0)
    assert slots(shown)[2:] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("last", ["A3", "A"])
def test_the_newest_word_on_a_coil_holds(last: str) -> None:
    shown = block()
    shown.take(defect(1, 1, coil="A"))
    shown.take(corrected(2, "A", "A2"))
    shown.take(corrected(3, "A", last))
    shown.beat(line_state({"coil": "A"}))
    now = shown.values()
    assert (now["Ring[1].Coil"], now["Ring[1].Seq"], now["Coil"]) == (last, 3, last)
    shown.take(defect(4, 2, coil="A"))
    assert shown.values()["Ring[2].Coil"] == last


def test_two_coils_of_one_id_are_corrected_apart() -> None:
    shown = block()
    shown.take(defect(1, 1, coil="A"))
    shown.take(corrected(2, "A~2", "A"))
    shown.take(defect(3, 1, coil="A~2"))
    shown.take(corrected(4, "A", "B"))
    now = shown.values()
    assert [now["Ring[1].Coil"], now["Ring[2].Coil"]] == ["B", "A"]
    assert slots(shown)[:2] == [(4, 1), (3, 1)]


def test_a_coil_whose_data_alone_were_corrected_is_not_shown_anew() -> None:
    shown = block()
    shown.take(defect(1, 1, coil="A"))
    shown.take(corrected(2, "A", "A"))
    assert slots(shown)[0] == (1, 1)


def test_the_roll_flag_stands_while_a_repeat_is_open() -> None:
    shown = block()

    def repeat(seq: int, phase: Literal["opened", "closed"]) -> None:
        body = RollRepeat(
            repeat_id="r1", revision=seq, phase=phase, class_name="dent", extent=AREA,
            period_m=1.25, period_error_m=0.01, repeats=3, confidence=0.9, rolls=("F7 top",),
            defects=(),
        )  # fmt: skip
        shown.take(numbered(seq, body))

    repeat(1, "opened")
    now = shown.values()
    assert (now["RollRepeat"], now["RollRepeatPeriod"], now["RollRepeatRoll"]) == (
        True,
        1.25,
        "F7 top",
    )
    repeat(2, "closed")
    assert shown.values()["RollRepeat"] is False


def test_the_heartbeat_counts_seconds_and_is_written_last() -> None:
    shown = block()
    state = line_state({"state": "running", "inspection_valid": True, "coverage_10s": 0.5})
    for _ in range(65536 + 3):
        shown.beat(state)
    now = shown.values()
    assert (now["Heartbeat"], now["State"], now["InspectionValid"]) == (3, 1, True)
    assert list(now)[-2:] == ["LastSeq", "Heartbeat"]


def test_only_what_changed_is_written() -> None:
    shown = block()
    assert len(shown.changes()) == 4 * len(RING) + len(HEAD)
    shown.beat(line_state(None))
    assert list(shown.changes()) == ["Heartbeat"]
    assert shown.changes() == {}


def test_nobody_inspecting_is_never_valid() -> None:
    assert line_state(None) == line_state({}) == line_state({"inspection_valid": True})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
LIMITS = {"UInt16": 0xFFFF, "UInt32": 0xFFFFFFFF}


def holds(value: Value, kind: str, chars: int) -> bool:
    match kind:
        case "Boolean":
            return isinstance(value, bool)
        case "String":
            return isinstance(value, str) and len(value) <= chars
        case "Float" | "Double":
            return isinstance(value, float) and abs(value) <= (
                3.41e38 if kind == "Float" else 1e999
            )
        case _:
            return type(value) is int and 0 <= value <= LIMITS[kind]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "state",
                "inspection_valid",
                "coverage_10s",
                "coil",
                "coil_m",
                "line_m",
                "speed_m_per_s",
            ]
        ),
        JSON,
    ),
    st.integers(1, 2**70),
    st.text(max_size=300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 2**70),
)
def test_whatever_comes_stays_within_the_types(
    status: dict[str, Any], seq: int, name: str, metres: float, what: int
) -> None:
    shown = block(2)
    area = Extent(from_m=metres, to_m=metres, from_mm=-metres, to_mm=metres)
    shown.take(defect(seq, what, coil=name, class_name=name, extent=area, severity=name))
    shown.beat(line_state(status))
    now = shown.values()
    for path, word in tags(2):
        assert holds(now[path], word.type, word.chars), (path, now[path])
