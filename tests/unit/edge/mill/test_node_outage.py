"""Welds that a PLC counted while nobody listened, and whose ids came and went."""

from pathlib import Path
from typing import Any

import pytest

from edge.mill.signals import HeadSignal, TailSignal
from tests.unit.edge.mill.test_node_places import COIL_S, Plc
from tests.unit.edge.mill.test_node_words import due, hear, words


@pytest.fixture
def plc(ledger: Path) -> Plc:
    """X runs, A is announced."""
    made = Plc(ledger, "next")
    for values in ({"coil": "X", "head": 1}, {"head": 2}, {"coil": "A"}):
        made.run(1)
        made.scan(**values)
    made.run(COIL_S)
    return made


def names(plc: Plc) -> list[str]:
    plc.run(COIL_S)
    return [coil.id.partition("~")[0] for coil in plc.passage.coils[1:]]


@pytest.mark.parametrize("head_first", [True, False])
def test_of_two_heads_that_nobody_heard_neither_coil_has_the_id_announced(
    plc: Plc,
    head_first: bool,  # noqa: FBT001
) -> None:
    """A and B have passed, C is next."""
    read: dict[str, Any] = {"coil": "C", "head": 4}
    plc.scan(anew=True, **dict(sorted(read.items(), reverse=head_first)))
    assert names(plc) == ["X", "between"]
    plc.scan(coil="D", head=5)
    assert names(plc) == ["X", "between", "C"]


def test_one_head_that_nobody_heard_is_of_the_coil_announced(plc: Plc) -> None:
    plc.scan(anew=True, coil="B", head=3)
    assert names(plc) == ["X", "A"]


def test_what_was_announced_then_is_of_no_later_coil_either(plc: Plc) -> None:
    """Which comes next is not known before the head after."""
    plc.scan(anew=True, coil="", head=4)
    assert names(plc) == ["X", "between"]
    plc.scan(coil="D", head=5)
    assert names(plc) == ["X", "between"]
    plc.scan(coil="E", head=6)
    assert names(plc) == ["X", "between", "D"]


def test_what_is_still_next_by_its_word_is_next(plc: Plc) -> None:
    plc.scan(anew=True, coil="A", head=4)
    assert names(plc) == ["X", "between"]
    plc.scan(coil="B", head=5)
    assert names(plc) == ["X", "between", "A"]


@pytest.mark.parametrize("place", [None, "running"])
def test_words_of_the_coil_that_runs_name_it_however_many_were_missed(place: str | None) -> None:
    heard = words("coil", "head", place=place)
    hear(heard, coil="A", head=2)
    due(heard, 1.0)
    told = hear(heard, 9.0, anew=True, coil="C", head=5)
    assert sum(isinstance(signal, HeadSignal) for signal in told) == 1
    assert not any(isinstance(signal, TailSignal) for signal in told)


def test_a_weld_that_is_counted_twice_while_we_listen_is_one_head() -> None:
    heard = words("coil", "head", place="next")
    hear(heard, coil="A", head=2)
    due(heard, 1.0)
    assert hear(heard, 9.0, head=4) == [HeadSignal()]
