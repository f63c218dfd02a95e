from pathlib import Path

import pytest

from contract.bodies import CoilReport, EventBody
from contract.events import Draft
from edge.errors import ConfigError
from edge.ledger.inspections import ended, find, inspections, inspections_of, others, shown
from tests.unit.edge.console.strip_events import START, coil_report, coil_started, corrected, defect
from tests.unit.edge.report.ledger_of import graded, record


def _interrupted(coil: str) -> Draft:
    body = coil_report(coil).body
    assert isinstance(body, CoilReport)
    return Draft(body.model_copy(update={"interrupted": True}), coil, "report", START)


def test_a_coil_is_found_by_its_right_id_and_by_the_provisional_one(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("p-1"), coil_report("p-1"), corrected("p-1", "26-4711")],
        [coil_started("p-2"), coil_report("p-2")],
    )
    known = inspections(reader)
    assert [(i.subject, i.coil_id) for i in known] == [("p-1", "26-4711"), ("p-2", "p-2")]
    assert find(known, "26-4711") == find(known, "p-1") == known[0]
    assert find(known, None) == known[1]


def test_two_coils_whose_ids_were_swapped_are_each_what_they_are_now(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("A"), coil_report("A", 100), coil_started("B"), coil_report("B", 200)],
        [corrected("A", "B"), corrected("B", "A")],
    )
    known = inspections(reader)
    lengths = {name: find(known, name).report for name in ("A", "B")}
    assert {n: r.length_m for n, r in lengths.items() if r} == {"A": 200, "B": 100}


def test_the_newest_correction_and_grade_hold(tmp_path: Path) -> None:
    first, second = corrected("p", "wrong", "1"), corrected("p", "right", "2")
    reader = record(
        tmp_path,
        [coil_started("p"), coil_report("p"), first, second],
        [graded("p", "C", "1"), graded("right", "D", "2"), graded("gone", "E", "3")],
    )
    (only,) = inspections(reader)
    assert only.coil_id == "right"
    assert only.grade
    assert only.grade.name == "D"


def test_an_id_that_comes_again_is_another_inspection(tmp_path: Path) -> None:
    again = [draft._replace(key=f"again {draft.key}") for draft in (coil_started("c"),)]
    reader = record(
        tmp_path, [coil_started("c"), defect("c", "c/1"), coil_report("c")], [coil_started("d")],
        [*again, defect("c", "c/2")],
    )  # fmt: skip
    known = inspections(reader)
    first, other, second = known
    assert (first.first_seq, first.last_seq) == (1, second.first_seq - 1)
    assert second.last_seq is None
    assert find(known, "c") == second
    assert find(known, "c", from_seq=1) == first
    assert others(known, second) == [first]
    assert other.state == second.state == "not_finished"
    with pytest.raises(ConfigError, match="no inspection from event 7 on; known: 1, 5"):
        find(known, "c", from_seq=7)


def test_without_an_id_a_finished_coil_goes_before_a_newer_interrupted_one(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("a"), coil_report("a"), coil_started("b"), _interrupted("b")],
        [coil_started("c")],
    )
    assert find(inspections(reader), None).coil_id == "a"


def test_a_report_whose_start_retention_took_is_still_a_coil(tmp_path: Path) -> None:
    (only,) = inspections(record(tmp_path, [coil_report("c"), corrected("absent", "x")]))
    assert only.started is None
    assert only.state == "finished"


def test_an_unknown_id_names_the_nearest(tmp_path: Path) -> None:
    reader = record(tmp_path, [coil_started(c) for c in ("26-4711", "26-4712", "other\x1b[2J")])
    known = inspections(reader)
    with pytest.raises(ConfigError, match=r"no coil 26-4771 .* nearest ids: 26-4712, 26-4711"):
        find(known, "26-4771")
    with pytest.raises(ConfigError, match=r"newest ids: other\\x1b\[2J, 26-4712, 26-4711"):
        find(known, "ZZZ")
    with pytest.raises(ConfigError, match="preliminary report"):
        find(known, None)
    with pytest.raises(ConfigError, match=r"no coil yet"):
        find([], None)
    with pytest.raises(ConfigError, match="holds none yet"):
        find([], "x" * 10_000)


def test_an_id_that_a_coil_had_for_a_while_finds_nothing(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("S"), coil_report("S"), corrected("S", "B", "1"), corrected("S", "C", "2")],
    )
    known = inspections(reader)
    with pytest.raises(ConfigError, match="no coil B in the ledger"):
        find(known, "B")
    assert find(known, "C") == find(known, "S")
    assert inspections_of(reader, "S") == known
    assert inspections_of(reader, "C") == []


class _ReportOfNextVersion(EventBody):
    kind = "coil_report"
    colour: str = "red"


def test_an_event_of_another_version_leaves_the_other_coils_readable(tmp_path: Path) -> None:
    strange = _ReportOfNextVersion()
    reader = record(
        tmp_path,
        [coil_started("a"), coil_report("a"), coil_started("b"), Draft(strange, "b", "r", START)],
    )
    first, second = inspections(reader)
    assert (first.state, second.state) == ("finished", "unreadable")
    with pytest.raises(ConfigError, match="'b': has a report of another version of this program"):
        ended(second)


def test_what_a_terminal_shows_moves_no_cursor_and_has_an_end() -> None:
    assert shown("a\x1b[31m\n\u202eb") == "a\\x1b[31m\\n\\u202eb"
    assert len(shown("x" * 10_000)) == 60
