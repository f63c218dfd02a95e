"""What was retained, and what the courier tells a process that is new, names no other coil."""

from pathlib import Path

import pytest

from edge.mill.heard import Heard
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, Signal, TailSignal
from tests.unit.edge.mill.passage import OFFSET_M, Passage
from tests.unit.edge.mill.test_past import ledger_of, named, started
from tests.unit.edge.mill.test_tracker import COIL_M, at

A = CoilSignal(id="A", order="7", steel_grade="DX51D")
OLD = CorrectionSignal(before="A", id="A2")


@pytest.fixture
def passage(ledger: Path) -> Passage:
    return Passage(ledger)


@pytest.mark.parametrize("said", [(A, HeadSignal(id="A")), (HeadSignal(id="A"), A)])
def test_the_coil_that_runs_at_the_start_has_used_up_its_announcement(
    passage: Passage, said: tuple[Signal, ...]
) -> None:
    passage.run(2)
    passage.say(*said, retained=True)
    passage.run(COIL_M)
    assert passage.corrections[-1].coil.named == "A"
    assert passage.corrections[-1].coil.data.order == "7"
    passage.say(HeadSignal())
    passage.run(3)
    passage.say(CoilSignal(id="B"))
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["B"]


def test_what_was_announced_as_next_and_runs_is_announced_no_more(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.run(6)
    passage.say(CoilSignal(id="A", place="next", order="7"), CoilSignal(id="A", place="running"))
    passage.run(6)
    assert [(c.coil.named, c.coil.data.order) for c in passage.corrections] == [("A", "7")]
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert passage.coils[-1].provisional


def test_the_coil_that_runs_is_named_at_the_start_however_short_a_late_id_may_be(
    ledger: Path,
) -> None:
    passage = Passage(ledger, late_id_s=0)
    passage.run(2)
    passage.say(HeadSignal(id="A"), retained=True)
    passage.run(COIL_M)
    assert [c.coil.named for c in passage.corrections] == ["A"]
    assert len(passage.coils) == 1


@pytest.mark.parametrize("has_time", [True, False])
def test_a_retained_head_is_known_also_behind_one_without_an_id(
    passage: Passage,
    has_time: bool,  # noqa: FBT001
) -> None:
    head = HeadSignal(id="A", time=at(passage) if has_time else None)
    passage.say(head)
    passage.run(COIL_M)
    passage.say(CoilSignal(id="B"), HeadSignal())
    passage.run(COIL_M)
    passage.say(head, retained=True)
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A", "B"]


def test_one_head_with_a_wrong_time_makes_no_later_one_a_repeat(passage: Passage) -> None:
    for name, off_s in (("A", 86_400.0), ("B", 0.0)):
        passage.say(HeadSignal(id=name, time=at(passage, off_s)))
        passage.run(COIL_M)
    passage.say(HeadSignal(id="C", time=at(passage)), retained=True)
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A", "B", "C"]


def test_two_sources_are_not_held_against_each_others_clock(passage: Passage) -> None:
    def say(source: str, signal: Signal, *, retained: bool = False) -> None:
        stamp = passage.time.now()
        passage.mill.hear(Heard(source=source, stamp=stamp, signal=signal, retained=retained))

    for number, name in enumerate(("A", "B")):
        head = HeadSignal(id=name, time=at(passage, 100.0 * number))
        say("level2", head)
        say("plc", HeadSignal(time=at(passage, -3600.0)))
        passage.run(COIL_M)
        say("level2", head, retained=True)
    say("plc", HeadSignal(time=at(passage, -3600.0)))
    passage.run(COIL_M)
    say("level2", head, retained=True)
    passage.run(COIL_M)
    assert [coil.id[:7] for coil in passage.coils[1:]] == ["A", "B", "unnamed"]


def test_a_place_behind_a_tail_is_of_the_coil_that_has_left(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.run(COIL_M)
    passage.say(TailSignal())
    passage.run(6)
    passage.say(CoilSignal(id="A", place="running"))
    passage.run(2)
    (told,) = passage.corrections
    assert told.coil.id.startswith("unnamed~")
    assert told.coil.named == "A"


def test_a_correction_is_of_the_coil_announced_not_of_an_old_one_of_that_id(
    passage: Passage,
) -> None:
    for name in ("A", "X"):
        passage.say(HeadSignal(id=name))
        passage.run(COIL_M)
    passage.say(CoilSignal(id="A"), CorrectionSignal(before="A", id="B"), HeadSignal())
    passage.run(COIL_M)
    assert [coil.id for coil in passage.coils[1:]] == ["A", "X", "B"]
    assert passage.corrections == []


@pytest.mark.parametrize("first", ["announced", "begun"])
def test_an_announcement_that_was_corrected_stays_so_when_a_broker_tells_it_again(
    passage: Passage, first: str
) -> None:
    passage.say(HeadSignal(id="X"))
    passage.run(COIL_M)
    passage.say(CoilSignal(id="A"), *([HeadSignal()] if first == "begun" else []))
    passage.say(CorrectionSignal(before="A", id="B"))
    passage.say(CoilSignal(id="A"), retained=True)
    passage.run(2)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    ids = ["X", "B"] if first == "announced" else ["X", "B", "unnamed"]
    assert [coil.id[:7] for coil in passage.coils[1:]] == ids


@pytest.mark.parametrize(
    "told",
    [
        (("A", started()), ("A", named("A2")), ("A~2", started()), ("A~2", named("A"))),
        (("A", started()), ("A", named("A2")), ("A", named("A3"))),
    ],
)
def test_a_correction_that_the_log_holds_corrects_nothing_again(
    tmp_path: Path, told: tuple[tuple[str, object], ...]
) -> None:
    passage = Passage(ledger_of(tmp_path, told))  # type: ignore[arg-type]
    now = passage.time.now()
    stamp = now._replace(utc_ns=now.utc_ns - 1_000_000_000)  # that of the log's events
    for signal in (OLD, CorrectionSignal(before="A2", id="A3")):
        passage.mill.hear(Heard(source="mill", stamp=stamp, signal=signal, retained=True))
    passage.run(1)
    assert passage.corrections == []


def test_a_correction_that_the_log_lacks_is_taken_when_it_is_told_again(tmp_path: Path) -> None:
    passage = Passage(ledger_of(tmp_path, (("A", started()), ("B", started()))))
    passage.say(OLD, retained=True)
    passage.run(OFFSET_M)
    assert [(c.coil.id, c.coil.named) for c in passage.corrections] == [("A", "A2")]


def test_a_correction_of_a_coil_that_was_lost_is_not_of_one_that_had_its_id(tmp_path: Path) -> None:
    """The real A ran after it and was corrected too; a crash took it before the camera saw it."""
    passage = Passage(ledger_of(tmp_path, (("A", started()), ("A", named("A2")))))
    passage.say(CorrectionSignal(before="A", id="A3"), retained=True)
    passage.run(1)
    assert passage.corrections == []


def test_a_correction_of_a_lost_coil_is_not_of_a_part_that_has_kept_its_id(tmp_path: Path) -> None:
    """A start split A; its newest part was corrected, and the real A was lost in the next start."""
    told = (("A", started()), ("A~2", started()), ("A~2", named("A")), ("A~2", named("A2")))
    passage = Passage(ledger_of(tmp_path, told))
    now = passage.time.now()
    for after_s, signal in ((0, OLD), (1, CorrectionSignal(before="A", id="A3"))):
        stamp = now._replace(utc_ns=now.utc_ns + after_s * 1_000_000_000)
        passage.mill.hear(Heard(source="mill", stamp=stamp, signal=signal, retained=True))
    passage.run(1)
    assert [correction.coil.named for correction in passage.corrections] == []


def test_an_announcement_that_is_corrected_to_the_next_coils_id_announces_one_coil(
    passage: Passage,
) -> None:
    said = (CoilSignal(id="X"), CoilSignal(id="Y"), CorrectionSignal(before="X", id="Y"))
    passage.say(*said, HeadSignal())
    passage.run(COIL_M)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert [coil.id[:7] for coil in passage.coils[1:]] == ["Y", "unnamed"]
