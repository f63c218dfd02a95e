"""The drills' oracle finds what a ledger leaves out, makes up or contradicts."""

from datetime import UTC, datetime

import pytest

from contract.bodies import (
    CoilReport,
    CoilStarted,
    Defect,
    DefectDensity,
    EventBody,
    Extent,
    ModelChanged,
    NotInspected,
)
from contract.events import Draft as EventDraft
from contract.events import Event, number
from tests.line.strip import FRAME_M
from tests.line.truth import TILE_M, TILE_MM, Findings, Strip, look_up
from tests.unit.edge.ledger.making import MODEL

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
STRIP = Strip(pictures=2, defects=[(1, 3, 5)], coil_m=4 * FRAME_M)
"""Four frames a coil, of which the second and the fourth show a defect."""
START = ModelChanged(before=None, after=MODEL, at_m=None, activation="start", backend="x")
BEGUN = CoilStarted(width_mm=128.0, cell_m=0.008, cell_mm=8.0, model=MODEL)


def tile(frame: int) -> Extent:
    from_m = frame * FRAME_M + 3 * TILE_M
    return Extent(from_m=from_m, to_m=from_m + TILE_M, from_mm=5 * TILE_MM, to_mm=6 * TILE_MM)


def found(name: str, extent: Extent, phase: str = "closed") -> EventBody:
    return Defect.model_validate(
        {
            "defect_id": name,
            "revision": 1,
            "phase": phase,
            "class_name": "right",
            "extent": extent,
            "probability": 0.9,
            "tiles": 1,
            "merged_into": None,
            "evidence": None,
            "model": MODEL,
            "first_frame": 1,
            "last_frame": 1,
            "grabbed": NOW,
        }
    )


def unseen(extent: Extent) -> EventBody:
    return NotInspected(extent=extent, outcome="lost", reason="camera", cells=1)


def report(defects: int, on_time: int = 512, frames: float = 4, lost: int = 0) -> EventBody:
    return CoilReport(
        length_m=frames * FRAME_M,
        width_mm=128.0,
        expected_cells=512,
        cells={"on_time": on_time, "lost": lost},
        reasons={"lost(camera)": lost},
        coverage=on_time / 512,
        inspection_valid=True,
        defects={"right": defects} if defects else {},
        models=(MODEL,),
        interrupted=False,
    )


def ledger(*bodies: EventBody, coil: str = "c-1", first_seq: int = 1) -> list[Event]:
    drafts = (EventDraft(body, coil, str(i), NOW) for i, body in enumerate(bodies))
    return [number(draft, "/s/l/c", first_seq + i) for i, draft in enumerate(drafts)]


def say(*bodies: EventBody) -> Findings:
    return look_up(ledger(START, BEGUN, *bodies), STRIP)


def test_a_ledger_that_holds_everything_has_nothing_against_it() -> None:
    findings = say(found("c-1/1", tile(1)), unseen(tile(3)), report(1, 511, lost=1))
    assert (findings.planted, findings.recorded) == (2, 1)
    assert (findings.missed, findings.invented, findings.broken) == ((), (), ())
    assert findings.cells == {"on_time": 511, "lost": 1, "lost(camera)": 1}


def test_a_defect_that_nobody_tells_of_is_missed() -> None:
    assert len(say(found("c-1/1", tile(1)), report(1)).missed) == 1


@pytest.mark.parametrize("shift", [(TILE_M / 2, 0.0), (0.0, TILE_MM / 2)])
def test_half_a_defect_is_missed_and_its_half_invented(shift: tuple[float, float]) -> None:
    whole = tile(1)
    half = Extent(
        from_m=whole.from_m + shift[0],
        to_m=whole.to_m + shift[0],
        from_mm=whole.from_mm + shift[1],
        to_mm=whole.to_mm + shift[1],
    )
    findings = say(found("c-1/1", half), unseen(tile(3)), report(1))
    assert (len(findings.missed), len(findings.invented)) == (1, 1)


def dense(count: int, told: int = 0, to_m: float = 4 * FRAME_M) -> EventBody:
    return DefectDensity(
        class_name="right", from_m=0, to_m=to_m, count=count, told=told, per_10_m=count
    )


def test_what_is_told_as_a_number_is_recorded_where_the_number_is_true() -> None:
    findings = say(found("c-1/1", tile(1)), dense(2, told=1), report(2))
    assert (findings.recorded, findings.missed, findings.invented) == (2, (), ())
    assert findings.broken == ()
    assert len(say(dense(3), report(3)).invented) == 1
    assert len(say(dense(1, to_m=3 * FRAME_M), report(1)).missed) == 1
    assert "0 and 2 defects, {'right': 1} reported" in say(dense(2), report(1)).broken[0]


def test_strip_that_the_report_is_not_about_holds_no_defect() -> None:
    assert say(found("c-1/1", tile(1)), report(1, frames=2.5)).planted == 1


def test_the_second_coil_lies_behind_the_first_and_a_start_begins_anew() -> None:
    odd = STRIP._replace(coil_m=FRAME_M, defects=[(1, 3, 5)])
    first = [START, BEGUN, report(0, frames=1)]
    second = [BEGUN, report(0, frames=1)]
    events = [*ledger(*first), *ledger(*second, coil="c-2", first_seq=4)]
    assert look_up(events, odd).planted == 1
    events[3:] = ledger(START, *second, coil="c-2", first_seq=4)
    assert look_up(events, odd).planted == 0


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ([report(0), report(0)], "c-1 has 2 reports"),
        ([], "c-1 has 0 reports"),
        ([BEGUN, report(0)], "c-1 starts twice"),
        ([report(0, on_time=511)], "is not 512 cells"),
        ([found("c-1/1", tile(1), "opened"), report(1)], "open defect"),
        ([found("c-1/1", tile(1)), report(0)], "1 and 0 defects, {} reported"),
        ([report(0, on_time=511)], "no stretch of it was told"),
        ([found("c-1/1", tile(1)), found("c-1/2", tile(1)), report(2)], "recorded 2 times"),
    ],
)
def test_a_ledger_that_contradicts_itself_is_broken(bodies: list[EventBody], words: str) -> None:
    assert any(words in line for line in say(*bodies).broken)


def test_cells_that_are_reported_lost_and_were_never_told_are_broken() -> None:
    lost = report(0, 510, lost=2)
    assert "c-1: 2 cells lost(camera), told of 1" in say(unseen(tile(1)), lost).broken


def test_strip_that_is_told_as_lost_and_was_inspected_is_broken() -> None:
    findings = say(unseen(tile(1)), unseen(tile(3)), report(0))
    assert findings.missed == ()
    assert "c-1: told of 2 cells lost(camera), reported {'lost(camera)': 0}" in findings.broken
    assert "c-1: 2 defects unseen in 0 cells not inspected" in findings.broken


def test_a_gap_in_the_numbers_is_broken() -> None:
    events = ledger(START, BEGUN, unseen(tile(3)), report(0))
    assert look_up([*events[:2], events[3]], STRIP).broken[0] == "seq 4 follows 2"
