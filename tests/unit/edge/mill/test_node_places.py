"""A PLC's words and its weld counter: whatever changes first, each coil gets its own id."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.mill.node_words import LATE_S, SETTLE_S
from edge.mill.signals import CoilSignal, HeadSignal, RefusedSignalError, TailSignal
from tests.unit.edge.mill.passage import SPEED_M_PER_S, Passage
from tests.unit.edge.mill.test_node_words import due, hear, words

COIL_S = 10.0
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Plc:
    """Strip runs on between its scans."""

    def __init__(self, ledger: Path, place: str | None) -> None:
        self.passage = Passage(ledger)
        self.words = words("coil", "head", place=place)
        self.now_s = 0.0

    def scan(self, *, anew: bool = False, **values: object) -> None:
        self.passage.say(*hear(self.words, self.now_s, anew=anew, **values))

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-6:
            self.now_s += 0.25
            self.passage.run(0.25 * SPEED_M_PER_S)
            self.passage.say(*due(self.words, self.now_s))

    def coils(self) -> list[str | None]:
        """Under the ids that hold in the end."""
        self.run(COIL_S)
        names = {coil.id: None if coil.provisional else coil.id for coil in self.passage.coils}
        names |= {told.coil.id: told.coil.named for told in self.passage.corrections}
        return list(names.values())


@pytest.mark.parametrize("ahead_s", [0.0, 0.25, 2.0, -0.25, -2.0])
@pytest.mark.parametrize("head_first", [True, False])
def test_the_running_coils_id_may_change_before_or_after_its_head(
    ledger: Path,
    ahead_s: float,
    head_first: bool,  # noqa: FBT001
) -> None:
    plc = Plc(ledger, "running")
    plc.scan(anew=True, coil="C-100", head=1)
    plc.run(COIL_S)
    for number in (1, 2, 3):
        told: list[dict[str, Any]] = [{"coil": f"C-10{number}"}, {"head": number + 1}]
        for values in told if ahead_s > 0 or (ahead_s == 0 and not head_first) else told[::-1]:
            plc.scan(**values)
            plc.run(abs(ahead_s))
        plc.run(COIL_S)
    assert plc.coils() == ["C-100", "C-101", "C-102", "C-103"]


@pytest.mark.parametrize(("head", "late_s"), [(2, LATE_S + 1), (1, 1.0)])
def test_an_id_that_missed_its_head_shifts_no_other(ledger: Path, head: int, late_s: float) -> None:
    """It came too late, or the head was not counted."""
    plc = Plc(ledger, "running")
    plc.scan(anew=True, coil="C-100", head=1)
    plc.run(COIL_S)
    late: list[dict[str, Any]] = [{"coil": f"C-10{number}"} for number in (1, 2, 3)]
    for values, count, after_s in zip(late, (head, 3, 4), (late_s, 1.0, 1.0), strict=True):
        plc.scan(head=count)
        plc.run(after_s)
        plc.scan(**values)
        plc.run(COIL_S)
    assert plc.coils() == ["C-100", *(["C-100"] if head == 2 else []), "C-102", "C-103"]


def test_a_weld_in_the_middle_of_a_coil_leaves_the_next_ones_right(ledger: Path) -> None:
    plc = Plc(ledger, "running")
    told: list[dict[str, Any]] = [{"coil": "C-100", "head": 1}, {"head": 2}]
    for values in (*told, {"coil": "C-101", "head": 3}):
        plc.scan(**values)
        plc.run(COIL_S)
    assert plc.coils() == ["C-100", "C-100", "C-101"]


@pytest.mark.parametrize("ahead_s", [0.0, 2.0])
def test_the_next_coils_id_may_change_with_the_head_before_it(ledger: Path, ahead_s: float) -> None:
    plc = Plc(ledger, "next")
    plc.scan(anew=True, coil="C-101", head=1)
    plc.run(COIL_S)
    for number in (1, 2, 3):
        if ahead_s > 0:
            plc.scan(head=number + 1)
            plc.run(ahead_s)
        plc.scan(coil=f"C-10{number + 1}", head=number + 1)
        plc.run(COIL_S)
    assert plc.coils() == [None, "C-101", "C-102", "C-103"]


def test_words_of_one_scan_may_be_sampled_after_each_other() -> None:
    heard = words("coil", "head", place="next", sampling_s=1.0)
    hear(heard, 0.0, coil="C-101", head=1)
    assert due(heard, 1.5) == []
    assert due(heard, 2.5) == [CoilSignal(id="C-101", place="next")]
    hear(heard, 10.0, coil="C-102")
    assert due(heard, 10.9) == []
    assert hear(heard, 11.0, head=2) == [HeadSignal()]
    assert due(heard, 12.5) == [CoilSignal(id="C-102", place="next")]


@pytest.mark.parametrize("place", [None, "next", "running"])
def test_a_plc_that_counts_from_zero_again_has_told_no_head(
    ledger: Path, place: str | None
) -> None:
    plc = Plc(ledger, place)
    plc.scan(coil="C-100", head=57)
    plc.run(COIL_S)
    plc.scan(head=58)
    plc.run(COIL_S)
    before = plc.coils()
    plc.scan(anew=True, coil="C-100", head=0)
    assert plc.coils() == before
    plc.scan(head=1)
    assert len(plc.coils()) == len(before) + 1


def test_a_running_coil_that_is_another_after_a_restart_begins_then(ledger: Path) -> None:
    plc = Plc(ledger, "running")
    plc.scan(coil="C-100", head=58)
    plc.run(COIL_S)
    plc.scan(anew=True, coil="C-105", head=0)
    plc.run(COIL_S)
    plc.scan(head=1)
    plc.run(1)
    plc.scan(coil="C-106")
    assert plc.coils() == ["C-100", "C-105", "C-106"]


def test_without_a_head_node_a_head_has_the_time_of_its_coils_id() -> None:
    heard = words("coil", "order")
    assert list(heard.hear("coil", "C-1", NOON, 0.0)) == []
    assert list(heard.hear("order", "7", NOON.replace(second=1), 0.1)) == []
    assert due(heard, 1.0) == [HeadSignal(id="C-1", order="7", time=NOON)]
    assert list(heard.hear("coil", "C-2", NOON, 2.0, anew=True)) == []
    assert due(heard, 3.0) == [HeadSignal(id="C-2", order="7")]


@pytest.mark.parametrize(
    ("word", "wrong", "right"),
    [("width", 20_000.0, 900.0), ("thickness", -1.0, 2.0), ("order", "x" * 100, "7"),
     ("steel_grade", "x" * 65, "S235"), ("right_id", "x" * 100, "")],
)  # fmt: skip
def test_what_is_wrong_beside_the_id_is_refused_by_itself(
    word: str,
    wrong: Any,  # noqa: ANN401 - what nodes may hold
    right: Any,  # noqa: ANN401
) -> None:
    heard = words()
    hear(heard, coil="C-1")
    with pytest.raises(RefusedSignalError):
        hear(heard, **{word: wrong})
    assert due(heard, SETTLE_S) == [CoilSignal(id="C-1")]
    hear(heard, 1.0, **{word: right})
    told = due(heard, 2.0)
    assert len(told) == (word != "right_id")


@pytest.mark.parametrize(("word", "wanted"), [("head", "whole number"), ("reversed", "a Boolean$")])
def test_a_wrong_type_is_told_with_the_right_ones(word: str, wanted: str) -> None:
    with pytest.raises(RefusedSignalError, match=wanted):
        next(words().hear(word, 1.0, None, 0.0))  # type: ignore[arg-type]


def test_a_tail_is_no_head() -> None:
    heard = words(place="running")
    hear(heard, coil="C-1", head=1, tail=1)
    due(heard, SETTLE_S)
    assert hear(heard, 2.0, tail=2) == [TailSignal()]
    assert due(heard, 2.0 + LATE_S) == []


@pytest.mark.parametrize(
    ("names", "settings", "text"),
    [
        (("coil",), {"place": "next"}, "place: next needs nodes.head"),
        (
            (),
            {"nodes": {"coil": "ns=2;s=x", "right_id": "ns=2;s=x"}},
            "are the same node: ns=2;s=x",
        ),
    ],
)
def test_nodes_that_contradict_each_other_are_refused(
    names: tuple[str, ...], settings: dict[str, object], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        words(*names, **settings)
