"""What the mill says of its coils, as the inspecting thread is told it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.bodies import CoilData
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    HeadSignal,
    PositionSignal,
    Signal,
    SpeedSignal,
    TailSignal,
)
from tests.unit.edge.mill.passage import NOON_NS, OFFSET_M, WIDTH_MM, Passage

COIL_M = 10.0


@pytest.fixture
def passage(ledger: Path) -> Passage:
    return Passage(ledger)


def at(passage: Passage, seconds: float = 0.0) -> datetime:
    """The mill's clock, so many seconds off."""
    now = datetime.fromtimestamp((NOON_NS + passage.time.ns) / 1e9, UTC)
    return now + timedelta(seconds=seconds)


def test_a_coil_begins_at_the_reference_and_is_seen_behind_it(passage: Passage) -> None:
    passage.run(3)
    passage.say(CoilSignal(id="A", width_mm=900, order="7", thickness_mm=2.5, reversed=True))
    passage.say(HeadSignal())
    head_m = passage.reference_m
    passage.run(COIL_M)
    passage.say(CoilSignal(id="B"), HeadSignal())
    passage.run(COIL_M)
    first, a, b = passage.coils
    assert first.provisional
    assert [coil.head_seen for coil in (first, a, b)] == [False, True, True]
    assert (a.id, a.width_mm) == ("A", 900)
    assert a.head_m == pytest.approx(head_m)
    assert a.data == CoilData(order="7", thickness_mm=2.5, side="top", reversed=True)
    assert (b.id, b.width_mm) == ("B", WIDTH_MM)
    assert b.head_m == pytest.approx(head_m + COIL_M)
    assert b.data == CoilData(side="top")
    assert not a.provisional
    seen_at = next(first_m for first_m, _, coils in passage.answers if coils[-1].id == "A")
    assert seen_at == pytest.approx(head_m, abs=0.5)
    assert passage.corrections == []


def test_a_pulse_between_two_frames_lies_where_the_strip_was(passage: Passage) -> None:
    passage.run(2)
    passage.time.ns += 100_000_000  # 0.2 m on
    passage.say(HeadSignal(id="A"))
    passage.time.ns -= 100_000_000
    passage.run(6)
    assert passage.coils[1].head_m == pytest.approx(-OFFSET_M + 2 + 0.2 + OFFSET_M)


def test_an_id_that_comes_late_is_told_under_the_first_subject(passage: Passage) -> None:
    passage.run(3)
    passage.say(HeadSignal())
    passage.run(OFFSET_M + 1)
    begun = passage.coils[1]
    assert begun.provisional
    assert begun.id.startswith("unnamed~")
    passage.say(CoilSignal(id="A", width_mm=950, steel_grade="DX51D"))
    passage.run(1)
    (told,) = passage.corrections
    assert (told.coil.id, told.coil.named, told.coil.provisional) == (begun.id, "A", False)
    assert (told.coil.width_mm, told.coil.data.steel_grade) == (950, "DX51D")
    assert told.by == "mill"
    assert passage.answers[-1][2][-1].width_mm == WIDTH_MM, "cells stay those it began with"
    passage.run(70 * 2)
    passage.say(CoilSignal(id="B"), HeadSignal())
    passage.run(OFFSET_M + 1)
    assert passage.coils[-1].id == "B"
    assert len(passage.corrections) == 1


def test_an_id_before_the_camera_sees_the_coil_needs_no_correction(passage: Passage) -> None:
    passage.run(3)
    passage.say(HeadSignal())
    passage.run(1)
    passage.say(CoilSignal(id="A"))
    passage.run(OFFSET_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A"]
    assert not passage.coils[1].provisional
    assert passage.corrections == []


def test_an_announcement_long_after_a_head_is_of_the_next_coil(ledger: Path) -> None:
    passage = Passage(ledger, late_id_s=5)
    passage.say(HeadSignal())
    passage.run(11)
    passage.say(CoilSignal(id="B"))
    passage.say(HeadSignal())
    passage.run(OFFSET_M + 1)
    assert passage.coils[-1].id == "B"
    assert passage.corrections == []


def test_a_place_says_which_coil_is_meant(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.run(6)
    passage.say(CoilSignal(id="B", place="next"))
    passage.run(6)
    assert passage.corrections == []
    passage.say(CoilSignal(id="A", place="running"))
    passage.say(HeadSignal())
    passage.run(OFFSET_M + 1)
    assert [c.coil.named for c in passage.corrections] == ["A"]
    assert passage.coils[-1].id == "B"


def test_what_was_announced_as_next_before_an_outage_is_still_the_next(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.run(6)
    passage.say(CoilSignal(id="B", place="next"), retained=True)
    passage.say(HeadSignal())
    passage.run(OFFSET_M + 1)
    assert passage.corrections == []
    assert passage.coils[-1].id == "B"


def test_a_wrong_id_is_corrected_while_the_coil_runs_and_after_it_has_left(
    passage: Passage,
) -> None:
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    passage.say(CorrectionSignal(before="A", id="A2"), HeadSignal(id="B"))
    passage.run(3 * COIL_M)
    passage.say(CorrectionSignal(before="A2", id="A3", width_mm=800))
    passage.settle()
    assert [(c.coil.id, c.coil.named) for c in passage.corrections] == [("A", "A2"), ("A", "A3")]
    assert passage.corrections[1].coil.width_mm == 800
    passage.say(CorrectionSignal(before="A", id="A"))
    passage.settle()
    assert passage.corrections[-1].coil.named is None


def test_without_a_name_a_correction_is_of_the_running_coil(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.run(COIL_M)
    passage.say(CorrectionSignal(id="A"), TailSignal())
    passage.say(CorrectionSignal(id="A", steel_grade="S235"))
    passage.settle()
    assert [c.coil.named for c in passage.corrections] == ["A", "A"]
    assert passage.corrections[1].coil.data.steel_grade == "S235"


def test_a_coil_that_was_announced_wrongly_begins_right(passage: Passage) -> None:
    passage.say(CoilSignal(id="A", width_mm=800, order="7"))
    passage.say(CorrectionSignal(before="A", id="B", order="8"), HeadSignal())
    passage.run(OFFSET_M + 1)
    coil = passage.coils[-1]
    assert (coil.id, coil.width_mm, coil.data.order) == ("B", 800, "8")


def test_a_correction_of_an_unknown_coil_is_counted(passage: Passage) -> None:
    passage.say(CorrectionSignal(before="Z", id="B"))
    assert passage.doubts("unknown_coil") == 1
    passage.run(1)
    assert passage.corrections == []


def test_strip_behind_a_tail_is_of_no_coil(passage: Passage) -> None:
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    passage.say(TailSignal())
    passage.run(4)
    passage.say(TailSignal())
    passage.say(HeadSignal(id="B"))
    passage.run(COIL_M)
    _, a, between, b = passage.coils
    assert between.id.startswith("between~")
    assert between.provisional
    assert b.id == "B"
    assert b.head_m - between.head_m == pytest.approx(4)
    assert between.head_m - a.head_m == pytest.approx(COIL_M)
    assert passage.doubts("no_coil") == 1


@pytest.mark.parametrize("first", ["tail", "head"])
def test_a_weld_that_tells_a_tail_and_a_head_leaves_nothing_between(
    passage: Passage, first: str
) -> None:
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    pulses: list[Signal] = [TailSignal(), HeadSignal(id="B")]
    passage.say(*(pulses if first == "tail" else pulses[::-1]))
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A", "B"]


def test_a_relay_that_bounces_is_one_head(passage: Passage) -> None:
    passage.say(CoilSignal(id="A"), HeadSignal(), HeadSignal())
    passage.time.ns += 100_000_000
    passage.say(HeadSignal())
    passage.run(OFFSET_M + 1)
    assert [coil.id for coil in passage.coils[1:]] == ["A"]
    assert passage.doubts("bounced") == 2


def test_one_source_tells_the_pulse_and_another_the_id(passage: Passage) -> None:
    passage.run(1)
    passage.say(HeadSignal())
    passage.time.ns += 100_000_000
    passage.say(HeadSignal(id="A"))
    passage.run(OFFSET_M + 1)
    assert [coil.id for coil in passage.coils[1:]] == ["A"]


def test_a_head_of_the_coil_that_runs_is_no_other(passage: Passage) -> None:
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A"]
    assert passage.doubts("repeated") == 1


def test_a_coil_that_comes_again_has_a_subject_of_its_own(passage: Passage) -> None:
    for name in ("A", "B", "A", "4711/02 Ü", "4711_02_Ü"):
        passage.say(HeadSignal(id=name))
        passage.run(COIL_M)
    subjects = [coil.id for coil in passage.coils[1:]]
    assert subjects == ["A", "B", "A~2", "4711_02__", "4711_02__~2"]
    names = [coil.named for coil in passage.coils[1:]]
    assert names == [None, None, "A", "4711/02 Ü", "4711_02_Ü"]


def test_of_two_announcements_the_newer_one_holds_unless_the_head_says_otherwise(
    passage: Passage,
) -> None:
    passage.say(CoilSignal(id="A", width_mm=800), CoilSignal(id="B", width_mm=900))
    assert passage.doubts("replaced") == 1
    passage.say(HeadSignal(id="A"))
    passage.run(COIL_M)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert [(c.id, c.width_mm) for c in passage.coils[1:]] == [("A", 800), ("B", 900)]


def test_a_head_by_the_mills_own_count(passage: Passage) -> None:
    passage.run(2)
    passage.say(PositionSignal(position_m=5000.0))
    there_m = passage.reference_m
    passage.run(1)
    passage.say(HeadSignal(id="A", position_m=5004.25))
    passage.run(COIL_M)
    assert passage.coils[1].head_m == pytest.approx(there_m + 4.25)


@pytest.mark.parametrize("position_m", [7.0, 5e6])
def test_a_position_that_says_nothing_leaves_the_moment(
    passage: Passage, position_m: float
) -> None:
    passage.run(1)
    if position_m > 1000:
        passage.say(PositionSignal(position_m=0.0))
    passage.say(HeadSignal(id="A", position_m=position_m))
    there_m = passage.reference_m
    passage.run(COIL_M)
    assert passage.coils[1].head_m == pytest.approx(there_m)
    assert passage.doubts("no_position") == 1


def test_a_head_that_is_told_too_late_says_how_much_went_by(ledger: Path) -> None:
    passage = Passage(ledger, synchronised=True)
    passage.run(20)
    there_m = passage.camera_m
    passage.say(HeadSignal(id="A", time=at(passage, -4.0)))
    passage.run(2)
    coil = passage.coils[1]
    assert coil.head_m == pytest.approx(there_m)
    assert coil.late_m == pytest.approx(4.0 * 2 - OFFSET_M, abs=1e-3)
    assert passage.doubts("late") == 1


@pytest.mark.parametrize("off_s", [-3600.0, 5.0, -1e9])
def test_a_clock_that_jumped_is_not_believed(ledger: Path, off_s: float) -> None:
    passage = Passage(ledger, synchronised=True)
    passage.run(20)
    there_m = passage.reference_m
    passage.say(HeadSignal(id="A", time=at(passage, off_s)))
    passage.run(COIL_M)
    assert passage.coils[1].head_m == pytest.approx(there_m)
    assert passage.doubts("clock") == 1


def test_heads_that_overtake_each_other_are_put_in_order(ledger: Path) -> None:
    passage = Passage(ledger, synchronised=True)
    passage.run(20)
    passage.say(HeadSignal(id="B", time=at(passage)))
    passage.say(HeadSignal(id="A", time=at(passage, -1.5)))
    passage.say(TailSignal(time=at(passage, -0.8)))
    passage.run(COIL_M)
    heads = [(coil.id.partition("~")[0], coil.head_m) for coil in passage.coils[1:]]
    assert [name for name, _ in heads] == ["A", "between", "B"]
    assert heads[2][1] - heads[0][1] == pytest.approx(3.0)


def test_a_head_before_one_that_was_seen_is_refused(ledger: Path) -> None:
    passage = Passage(ledger, synchronised=True)
    passage.run(20)
    passage.say(HeadSignal(id="B"))
    passage.run(COIL_M)
    passage.say(HeadSignal(id="A", time=at(passage, -8.0)))
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["B"]
    assert passage.doubts("out_of_order") == 1


def test_two_missed_heads_leave_the_newer_coil(ledger: Path) -> None:
    passage = Passage(ledger, synchronised=True)
    passage.run(40)
    passage.say(HeadSignal(id="A", time=at(passage, -15)))
    passage.say(HeadSignal(id="B", time=at(passage, -10)))
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["B"]
    assert passage.doubts("passed") == 1


def test_what_the_mill_retained_names_the_coil_that_runs_at_the_start(passage: Passage) -> None:
    passage.run(2)
    passage.say(CoilSignal(id="B"), HeadSignal(id="A", width_mm=900), retained=True)
    passage.run(COIL_M)
    assert [coil.id[:8] for coil in passage.coils] == ["unnamed~"]
    assert [c.coil.named for c in passage.corrections] == ["A"]
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert passage.coils[1].id == "B"


def test_after_an_outage_what_was_retained_is_known_or_new(passage: Passage) -> None:
    passage.say(CoilSignal(id="A"), HeadSignal(id="A"))
    passage.run(COIL_M)
    passage.say(CoilSignal(id="A"), HeadSignal(id="A"), retained=True)
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A"]
    assert passage.doubts("repeated") == 2
    there_m = passage.reference_m
    passage.say(CoilSignal(id="C"), HeadSignal(id="B"), retained=True)
    passage.run(COIL_M)
    assert passage.coils[2].id == "B"
    assert passage.coils[2].head_m == pytest.approx(there_m)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert passage.coils[3].id == "C"


def test_an_announcement_that_was_retained_after_the_tail_announces_nothing(
    passage: Passage,
) -> None:
    passage.say(CoilSignal(id="A"), HeadSignal())
    passage.run(COIL_M)
    passage.say(TailSignal())
    passage.say(CoilSignal(id="A"), retained=True)
    passage.run(2)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert passage.coils[-1].provisional


def test_a_mill_that_tells_heads_without_end_is_stopped(passage: Passage) -> None:
    passage.say(PositionSignal(position_m=0.0))
    for number in range(100):
        passage.say(HeadSignal(position_m=100.0 + 5 * number))
    assert passage.doubts("too_many") == 100 - 31


def test_speed_is_handed_on_as_it_is_told_now(passage: Passage) -> None:
    passage.say(SpeedSignal(m_per_s=1.5))
    passage.say(SpeedSignal(m_per_s=9.0), retained=True)
    assert passage.speeds == [1.5]


def test_two_corrections_of_one_moment_are_two_events(passage: Passage) -> None:
    passage.say(HeadSignal(id="A"))
    passage.run(OFFSET_M + 1)
    passage.say(CorrectionSignal(id="B"), CorrectionSignal(id="A"), CorrectionSignal(id="B"))
    passage.settle()
    assert len({told.told.utc_ns for told in passage.corrections}) == 3
