"""Where a head lies by the mill's own count, and where that count cannot be of it."""

from pathlib import Path

import pytest

from edge.mill.signals import CoilSignal, HeadSignal, PositionSignal
from tests.unit.edge.mill.passage import FRAME_M, Passage
from tests.unit.edge.mill.test_tracker import COIL_M


@pytest.fixture
def passage(ledger: Path) -> Passage:
    made = Passage(ledger)
    made.say(HeadSignal(id="A"))
    return made


def count(passage: Passage, to_m: float, *, each_m: float = FRAME_M) -> None:
    """From zero, while the strip runs."""
    for number in range(round(to_m / each_m) + 1):
        passage.say(PositionSignal(position_m=number * each_m))
        passage.run(each_m if number < round(to_m / each_m) else 0)


@pytest.mark.parametrize("coil_m", [COIL_M, 60.0])
@pytest.mark.parametrize("with_id", [True, False])
def test_a_count_that_begins_anew_at_the_weld_begins_the_next_coil_there(
    passage: Passage,
    coil_m: float,
    with_id: bool,  # noqa: FBT001
) -> None:
    """Its head is told before the first count."""
    count(passage, coil_m)
    there_m = passage.reference_m
    passage.say(CoilSignal(id="B"), HeadSignal(id="B" if with_id else None, position_m=0.0))
    count(passage, coil_m)
    assert [coil.id for coil in passage.coils[1:]] == ["A", "B"]
    assert passage.coils[-1].head_m == pytest.approx(there_m)
    assert passage.doubts("no_position") == 1
    assert passage.corrections == []


def test_a_head_that_is_told_late_lies_where_the_count_was(passage: Passage) -> None:
    count(passage, 60.0)
    passage.say(HeadSignal(id="B", position_m=54.5))
    there_m = passage.reference_m - 5.5
    passage.run(COIL_M)
    assert passage.coils[-1].head_m == pytest.approx(there_m, abs=1.0)
    assert passage.doubts("no_position") == 0


def test_a_head_of_the_coil_before_is_not_looked_for_on_the_new_count(passage: Passage) -> None:
    """The strip ran 60 m by the count before, which says nothing of this one."""
    count(passage, 60.0)
    passage.say(PositionSignal(position_m=0.2))
    passage.say(HeadSignal(id="B", position_m=-20.0))
    there_m = passage.reference_m
    passage.run(COIL_M)
    assert passage.coils[-1].head_m == pytest.approx(there_m)
    assert passage.doubts("no_position") == 1
