from dataclasses import replace

from edge.console import view
from edge.console.view import MAX_REPEATS
from tests.unit.edge.console.strip_events import (
    coil_report,
    coil_started,
    corrected,
    defect,
    heard,
    missed,
    roll_repeat,
)


def test_newest_revision_of_a_defect_holds() -> None:
    line = heard(
        [
            coil_started("c1"),
            defect("c1", "d1", at_m=10.0),
            defect("c1", "d1", at_m=10.0, revision=2, phase="closed", probability=0.99),
        ]
    )
    assert line.coil is not None
    assert [m.probability for m in line.coil.marks.values()] == [0.99]
    assert line.coil.found == {"scratch": 1}
    assert [m.phase for m in line.recent] == ["closed"]


def test_merged_defect_is_gone_and_stays_gone() -> None:
    line = heard(
        [
            coil_started("c1"),
            defect("c1", "d1"),
            defect("c1", "d2", at_m=11.0),
            defect("c1", "d2", at_m=11.0, revision=2, phase="closed", merged_into="d1"),
            defect("c1", "d2", at_m=11.0, revision=2, phase="closed"),
        ]
    )
    assert line.coil is not None
    assert list(line.coil.marks) == ["d1"]
    assert line.coil.found["scratch"] == 1
    assert [m.defect_id for m in line.recent] == ["d1"]


def test_new_coil_starts_an_empty_map_and_keeps_the_last_defects() -> None:
    line = heard(
        [
            coil_started("c1"),
            defect("c1", "d1"),
            coil_report("c1"),
            coil_started("c2", 900.0),
        ]
    )
    assert line.coil is not None
    assert line.previous is not None
    assert (line.coil.id, line.coil.width_mm, len(line.coil.marks)) == ("c2", 900.0, 0)
    assert line.previous.report is not None
    assert [m.defect_id for m in line.recent] == ["d1"]


def test_events_of_the_coil_before_do_not_land_on_the_new_one() -> None:
    line = heard(
        [
            coil_started("c1"),
            defect("c1", "d1"),
            coil_started("c2"),
            defect("c1", "d1", revision=2, phase="closed"),
            missed("c1", 380.0, 400.0),
            coil_report("c1"),
        ]
    )
    assert line.coil is not None
    assert (line.coil.newest_m, line.coil.marks, line.coil.stretches) == (0.0, {}, [])
    assert line.previous is not None
    assert line.previous.newest_m == 400.0


def test_start_repeated_after_a_crash_keeps_the_map() -> None:
    line = heard([coil_started("c1"), defect("c1", "d1"), coil_started("c1")])
    assert line.coil is not None
    assert list(line.coil.marks) == ["d1"]


def test_same_id_after_its_report_is_another_coil() -> None:
    line = heard([coil_started("c1"), defect("c1", "d1"), coil_report("c1"), coil_started("c1")])
    assert line.coil is not None
    assert line.coil.marks == {}


def test_stretches_of_one_reason_that_touch_become_one() -> None:
    line = heard(
        [
            coil_started("c1"),
            missed("c1", 1.0, 2.0),
            missed("c1", 2.0, 3.0),
            missed("c1", 3.0, 4.0, "camera"),
            missed("c1", 9.0, 10.0, "camera", to_mm=600.0),
            missed("c1", 12.0, 13.0, ""),
        ]
    )
    assert line.coil is not None
    spans = [(s.extent.from_m, s.extent.to_m) for s in line.coil.stretches]
    assert spans == [(1.0, 3.0), (3.0, 4.0), (9.0, 10.0), (12.0, 13.0)]
    assert line.coil.uninspected_m == {"lost (restart)": 2.0, "lost (camera)": 1.5, "lost": 1.0}


def test_coil_whose_start_was_not_kept_is_shown_without_a_width() -> None:
    line = heard([defect("c7", "d1")])
    assert line.coil is not None
    assert (line.coil.id, line.coil.width_mm) == ("c7", None)


def test_an_endless_coil_stays_bounded_and_says_what_it_left_out() -> None:
    coil = view.CoilView("c1", 1200.0)
    line = heard([coil_started("c1"), defect("c1", "d0")])
    assert line.coil is not None
    mark = line.coil.marks["d0"]
    for index in range(view.MAX_MARKS + 5):
        coil.defect(replace(mark, defect_id=f"d{index}"), None)
    assert len(coil.marks) == view.MAX_MARKS
    assert coil.left_out == 5
    assert coil.found["scratch"] == view.MAX_MARKS + 5


def test_a_coil_is_called_as_the_newest_correction_says() -> None:
    line = heard([
        coil_started("unnamed~1"), defect("unnamed~1", "d1"), corrected("unnamed~1", "wrong", "1"),
        coil_report("unnamed~1"), coil_started("A~2"), corrected("A~2", "A"),
        corrected("unnamed~1", "4711/02", "2"),
    ])  # fmt: skip
    assert (line.name_of("unnamed~1"), line.name_of("A~2")) == ("4711/02", "A")
    assert line.name_of("other") == "other"
    assert line.coil is not None
    assert line.coil.id == "A~2"


def test_no_more_names_are_kept_than_the_page_can_show() -> None:
    names = [corrected(f"c{i}", f"name {i}") for i in range(view.MAX_NAMES + 1)]
    line = heard(names)
    assert line.name_of("c0") == "c0"
    assert line.name_of(f"c{view.MAX_NAMES}") == f"name {view.MAX_NAMES}"


def test_the_newest_roll_repeats_of_a_coil_are_kept() -> None:
    repeats = [roll_repeat("c1", f"r{i}", at_m=20.0 + i) for i in range(MAX_REPEATS + 5)]
    line = heard([coil_started("c1"), *repeats])
    assert line.coil is not None
    assert list(line.coil.repeats) == [f"r{i}" for i in range(5, MAX_REPEATS + 5)]
    assert line.coil.newest_m == 20.0 + MAX_REPEATS + 4
