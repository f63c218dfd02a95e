"""Heads that pass while no frame comes: each is of a coil of its own."""

from pathlib import Path

import pytest

from edge.mill.signals import CoilSignal, HeadSignal, SpeedSignal, TailSignal
from edge.mill.tracker import MOST_AHEAD
from tests.unit.edge.mill.passage import SPEED_M_PER_S, Passage
from tests.unit.edge.mill.test_tracker import COIL_M

AWAY_S = 60.0
AWAY_M = AWAY_S * SPEED_M_PER_S


@pytest.fixture
def passage(ledger: Path) -> Passage:
    made = Passage(ledger)
    made.say(HeadSignal(id="A"))
    made.run(COIL_M)
    return made


def heads(passage: Passage) -> list[tuple[str, float]]:
    return [(coil.id.partition("~")[0], round(coil.head_m, 3)) for coil in passage.coils[1:]]


@pytest.mark.parametrize("with_id", [True, False])
def test_each_coil_that_passed_while_the_camera_was_away_begins_at_its_head(
    passage: Passage,
    with_id: bool,  # noqa: FBT001
) -> None:
    at_m = passage.reference_m
    for name in ("B", "C"):
        passage.pass_unseen(AWAY_S)
        passage.say(CoilSignal(id=name), HeadSignal(id=name if with_id else None))
    passage.pass_unseen(AWAY_S)
    passage.come_back()
    passage.run(COIL_M)
    passage.say(CoilSignal(id="D"), HeadSignal())
    passage.run(COIL_M)
    found = heads(passage)
    assert found[:3] == [("A", 0.0), ("B", at_m + AWAY_M), ("C", at_m + 2 * AWAY_M)]
    assert [name for name, _ in found[3:]] == ["D"]
    assert passage.doubts("bounced") == passage.doubts("replaced") == 0
    assert passage.corrections == []


def test_strip_between_a_tail_and_a_head_that_nobody_saw_is_of_no_coil(passage: Passage) -> None:
    at_m = passage.reference_m
    for said in (TailSignal(), HeadSignal(id="B")):
        passage.pass_unseen(AWAY_S)
        passage.say(said)
    passage.come_back()
    passage.run(COIL_M)
    names = ["A", "between", "B"]
    assert heads(passage) == list(zip(names, (0.0, at_m + AWAY_M, at_m + 2 * AWAY_M), strict=True))


@pytest.mark.parametrize("with_id", [True, False])
def test_of_coils_that_waited_for_the_inspecting_process_the_newest_runs(
    ledger: Path,
    with_id: bool,  # noqa: FBT001
) -> None:
    passage = Passage(ledger)
    for name in ("A", "B", "C"):
        passage.say(CoilSignal(id=name), HeadSignal(id=name if with_id else None))
        passage.time.ns += round(AWAY_S * 1e9)
    passage.run(COIL_M)
    assert heads(passage) == [("C", 0.0)]
    assert passage.doubts("passed") == 2
    assert passage.corrections == []


def test_a_head_that_is_told_again_while_the_strip_stands_is_the_same(passage: Passage) -> None:
    """An encoder triggers no line then. The next coil is announced meanwhile."""
    at_m = passage.reference_m
    passage.say(CoilSignal(id="B"), HeadSignal())
    passage.pass_unseen(0.5, 0)
    passage.say(SpeedSignal(m_per_s=0.0))
    passage.pass_unseen(AWAY_S, 0)
    passage.say(CoilSignal(id="C"), HeadSignal())
    passage.run(COIL_M)
    assert heads(passage) == [("A", 0.0), ("B", at_m)]
    assert passage.doubts("bounced") == 1
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert heads(passage)[-1][0] == "C"


def test_a_head_without_an_id_turns_out_to_be_the_one_before_when_strip_comes(
    passage: Passage,
) -> None:
    """Nobody told that it stood."""
    at_m = passage.reference_m
    passage.say(CoilSignal(id="B"), HeadSignal())
    passage.pass_unseen(AWAY_S, 0)
    passage.say(HeadSignal())
    passage.run(COIL_M)
    assert heads(passage) == [("A", 0.0), ("B", at_m)]
    assert passage.doubts("bounced") == 1


def test_an_id_that_follows_its_pulse_while_the_strip_stands_names_it(passage: Passage) -> None:
    passage.say(HeadSignal())
    passage.pass_unseen(AWAY_S, 0)
    passage.say(HeadSignal(id="B"))
    passage.run(COIL_M)
    assert [name for name, _ in heads(passage)] == ["A", "B"]
    assert passage.doubts("passed") == 0


def test_of_more_heads_than_there_is_room_for_the_newest_are_kept(passage: Passage) -> None:
    last = MOST_AHEAD + 8
    for number in range(last + 1):
        passage.pass_unseen(AWAY_S)
        passage.say(HeadSignal(id=f"C{number}"))
    passage.come_back()
    passage.run(COIL_M)
    names = [name for name, _ in heads(passage)]
    assert names == ["A", *(f"C{number}" for number in range(9, last + 1))]
    assert passage.doubts("too_many") == 9
