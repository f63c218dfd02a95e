"""Grades, and that nothing bad makes them better."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import CoilReport, Defect, DefectDensity, Extent, Grade
from edge.grading.grade import CoilFacts, Tally
from edge.grading.live import ungraded
from edge.grading.rules_file import RulesFile
from edge.grading.severity import severity
from tests.unit.edge.grading.making import RULES, WIDTH_MM, defect, measure, rules_of
from tests.unit.edge.ledger.making import coil_report

FACTS = CoilFacts(length_m=100.0, coverage=1.0, inspection_valid=True)
SEVERE = 200.0
"""Millimetres of a scratch that is major."""


def tally(bodies: list[Defect | DefectDensity], rules: RulesFile) -> Tally:
    made = Tally(rules, WIDTH_MM)
    for body in bodies:
        if isinstance(body, Defect):
            name = severity(body, WIDTH_MM, rules.rules).name
            made.take(body.model_copy(update={"severity": name}))
        else:
            made.take(body)
    return made


def graded(
    *bodies: Defect | DefectDensity,
    rules: RulesFile | None = None,
    coverage: float = 1.0,
    valid: bool = True,
) -> Grade:
    return tally(list(bodies), rules or rules_of()).grade(CoilFacts(100.0, coverage, valid))


def dense(count: int, told: int, from_m: float = 20.0, name: str = "scratch") -> DefectDensity:
    return DefectDensity(
        class_name=name, from_m=from_m, to_m=from_m + 10, count=count, told=told, per_10_m=count
    )


def test_a_coil_without_defects_is_of_the_best_grade_and_names_its_rules() -> None:
    assert graded() == Grade(name="prime", reasons=(), rules="1@digest")


def test_the_worst_rule_that_is_broken_gives_the_grade_and_all_give_reasons() -> None:
    found = graded(defect(1.0, width_mm=60.0, length_mm=60.0), coverage=0.8)
    assert found.name == "scrap"
    assert found.reasons == ("any critical: 1, more than 0", "unseen: coverage 80.00%")


def test_an_inspection_in_doubt_is_no_prime_coil() -> None:
    assert graded(valid=False).name == "scrap"


def test_coverage_below_all_is_never_called_all_of_it() -> None:
    rules = rules_of(coil=[{"rule": "whole", "coverage_below": 1.0, "grade": "second"}])
    assert graded(rules=rules, coverage=0.999999).reasons == ("whole: coverage 99.99%",)


def test_defects_within_some_metres_are_counted_wherever_those_begin() -> None:
    assert graded(*(defect(at) for at in (3.1, 5.1, 7.1))).name == "prime"
    found = graded(*(defect(at) for at in (5.09, 7.0, 3.1, 3.2)))
    assert found.reasons == ("row: 3 within 2 m from 3.1 m on, more than 2",)


def test_defects_per_metre_are_an_average_over_the_part() -> None:
    ten = [defect(at, SEVERE) for at in range(20, 70, 5)]
    one_edge = [d.model_copy(update={"extent": moved(d)}) for d in ten]
    assert graded(*one_edge).name == "prime"
    assert graded(*one_edge, defect(90.0, SEVERE)).reasons == (
        "often: 11 in 100.0 m, more than 0.1 per m",
    )


def moved(found: Defect) -> Extent:
    return found.extent.model_copy(update={"from_mm": 0.0, "to_mm": 10.0})


@pytest.mark.parametrize(
    ("at_m", "counts"), [(4.5, 0), (4.9, 1), (50.0, 1), (89.9, 1), (90.0, 0), (99.0, 0)]
)
def test_the_cropped_ends_do_not_count_but_what_reaches_out_of_them_does(
    at_m: float, counts: int
) -> None:
    found = graded(defect(at_m, SEVERE), defect(30.0, SEVERE))
    assert ("sold part: 2, more than 1" in found.reasons) == bool(counts)


def test_the_first_metres_count_from_the_head_also_where_it_was_told_too_late() -> None:
    made = tally([defect(at, SEVERE) for at in (1.5, 30.0)], rules_of())
    assert made.grade(FACTS).name == "prime"
    assert made.grade(FACTS._replace(late_m=4.0)).name == "second"


def test_a_measured_defect_lies_where_it_was_measured() -> None:
    tiles = [defect(at, 200.0) for at in (4.9, 30.0)]
    small = Extent(from_m=4.9, to_m=4.99, from_mm=500.0, to_mm=502.0)
    measured = tiles[0].model_copy(update={"measure": measure(small, 150.0, 2.0, 180.0)})
    assert graded(*tiles).name == "second"
    assert graded(measured, tiles[1]).name == "prime"


def test_parts_of_a_defect_that_merged_and_open_revisions_do_not_count() -> None:
    parts = [defect(at, merged_into="c/1", severity="minor") for at in (3.1, 3.2, 3.3, 3.4)]
    opened = [defect(at, phase="extended", severity="minor") for at in (3.1, 3.2, 3.3, 3.4)]
    made = Tally(rules_of(), WIDTH_MM)
    for body in [*parts, *opened, defect(4.0, severity="major")]:
        made.take(body)
    assert made.grade(FACTS).name == "prime"
    assert made.severities == {"major": 1}


def test_a_defect_counts_with_its_worst_revision_and_with_that_of_its_parts() -> None:
    made = Tally(rules_of(), WIDTH_MM)
    told = {"a": ("major", "minor"), "b": ("critical", None), "c": ("minor", "minor")}
    for name, (first, last) in told.items():
        opened = defect(50.0, defect_id=name, revision=1, phase="opened", severity=first)
        made.take(opened)
        made.take(
            opened.model_copy(
                update={
                    "phase": "closed",
                    "severity": last,
                    "merged_into": "c" if name == "b" else None,
                }
            )
        )
    assert made.severities == {"major": 1, "critical": 1}


def test_those_told_as_a_number_count_like_the_worst_told_there() -> None:
    rules = rules_of(
        coil=[
            {"rule": "majors", "severity": "major", "more_than": 200, "grade": "second"},
            {"rule": "row", "within_m": 1, "more_than": 299, "grade": "scrap"},
        ]
    )
    told = [defect(21.0), defect(22.0, SEVERE)]
    elsewhere = defect(50.0, SEVERE)
    assert graded(dense(202, 2), *told, elsewhere, rules=rules).reasons == (
        "majors: 202, more than 200",
    )
    assert graded(dense(202, 2), told[0], elsewhere, rules=rules).name == "prime"
    assert graded(dense(202, 2, name="slag"), *told, rules=rules).name == "prime"
    assert graded(dense(302, 2), told[0], rules=rules).name == "scrap"


def test_those_told_as_a_number_may_all_lie_where_they_are_worst() -> None:
    """A hundred in one frame are one `crowded` defect and the number of the others."""
    row = {"rule": "row", "within_m": 1, "more_than": 20, "grade": "scrap"}
    rules = rules_of(coil=[row])
    crowd = (dense(100, 1), defect(24.0, 500.0, 400.0, crowded=True))
    hundred = [defect(24.0 + at / 200) for at in range(100)]
    assert graded(*hundred, rules=rules).reasons == (
        "row: 100 within 1 m from 24.0 m on, more than 20",
    )
    assert graded(*crowd, rules=rules).reasons == (
        "row: up to 100 within 1 m, dense strip from 20.0 to 30.0 m, more than 20",
    )
    beside = (dense(12, 1), dense(11, 1, from_m=30.0), defect(40.5))
    assert graded(*beside, rules=rules).reasons == (
        "row: up to 21 within 1 m, dense strip from 20.0 to 40.0 m, more than 20",
    )
    assert graded(dense(12, 1), dense(11, 1, from_m=40.0), rules=rules).name == "prime"


@pytest.mark.parametrize(("part", "from_m"), [("first", 0.0), ("last", 90.0), ("body", 0.0)])
def test_those_told_as_a_number_count_whole_in_each_part_that_they_may_be_in(
    part: str, from_m: float
) -> None:
    rule = {"rule": part, "along": [part], "more_than": 98, "grade": "scrap"}
    zones = RULES["zones"] | {"first_m": 1, "last_m": 1}
    found = graded(dense(100, 1, from_m), rules=rules_of(coil=[rule], zones=zones))
    assert found.reasons == (f"{part}: 99, more than 98",)


@settings(max_examples=300)
@given(
    st.lists(st.integers(0, 399).map(lambda at: at / 10), min_size=1, max_size=30),
    st.sets(st.integers(0, 29)),
    st.sampled_from([0.1, 1.0, 3.0, 12.0]),
)
def test_telling_some_as_a_number_never_makes_a_coil_better(
    places: list[float], untold: set[int], within_m: float
) -> None:
    every = {"within_m": within_m, "grade": "scrap"}
    rules = rules_of(
        zones={"first_m": 3, "last_m": 65},
        coil=[{"rule": f"{n}", "more_than": n, **every} for n in range(30)]
        + [
            {"rule": f"{part} {n}", "along": [part], "more_than": n, "grade": "scrap"}
            for part in ("first", "body", "last")
            for n in range(30)
        ],
    )
    told = [defect(at, 0.0) for number, at in enumerate(places) if number not in untold]
    hidden = Counter(at // 10 for number, at in enumerate(places) if number in untold)
    numbers = [dense(count, 0, from_m=10 * at) for at, count in hidden.items()]
    before, after = (
        {reason.split(":")[0] for reason in graded(*found, rules=rules).reasons}
        for found in ([defect(at, 0.0) for at in places], [*told, *numbers])
    )
    assert before <= after


def test_a_rule_for_a_class_that_never_came_finds_nothing() -> None:
    rule = {"rule": "slag", "classes": ["slag"], "more_than": 0, "grade": "scrap"}
    assert graded(defect(), rules=rules_of(coil=[rule])).name == "prime"


defects = st.builds(
    defect,
    st.floats(0, 99),
    st.sampled_from([1.0, 99.0, 150.0, 950.0]),
    st.sampled_from([1.0, 60.0]),
    st.sampled_from([0.0, 35.0, 500.0, 950.0]),
    st.sampled_from(["scratch", "slag"]),
)
stretches = st.builds(
    dense, st.integers(5, 40), st.integers(0, 5), st.integers(0, 9).map(lambda n: n * 10.0)
)


@settings(max_examples=300)
@given(st.lists(defects | stretches, max_size=12), defects | stretches, st.randoms())
def test_one_defect_more_never_makes_a_coil_better(
    bodies: list[Defect | DefectDensity], more: Defect | DefectDensity, order: Random
) -> None:
    before = graded(*bodies)
    shuffled = [*bodies, more]
    order.shuffle(shuffled)
    after = graded(*shuffled)
    grades = RULES["grades"]
    assert grades.index(after.name) >= grades.index(before.name)
    assert len(after.reasons) >= len(before.reasons)


def test_the_order_of_the_rules_does_not_matter() -> None:
    bodies = [defect(at, SEVERE) for at in np.linspace(0, 99, 30)]
    turned = rules_of(coil=RULES["coil"][::-1], defects=RULES["defects"][::-1])
    forward, backward = graded(*bodies), graded(*bodies, rules=turned)
    assert forward.name == backward.name
    assert sorted(forward.reasons) == sorted(backward.reasons)


@pytest.mark.parametrize(
    ("changes", "graded_by_rules"),
    [
        ({}, True),
        ({"coverage": 0.01}, True),
        ({"coverage": 0.0}, False),
        ({"expected_cells": 0, "coverage": 0.0}, False),
        ({"interrupted": True}, False),
    ],
)
def test_no_rule_grades_a_coil_of_which_nothing_or_not_the_end_was_seen(
    changes: dict[str, float | bool],
    graded_by_rules: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    body = coil_report("c").body
    assert isinstance(body, CoilReport)
    assert (ungraded(body.model_copy(update=changes), None) is None) is graded_by_rules
