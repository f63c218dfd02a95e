"""Rules that a coil's size leaves nothing to look at are named."""

import pytest

from edge.grading.reach import warnings_for
from tests.unit.edge.grading.making import RULES, rules_of

BODY = "rules for `body` count only what spans both (sold part)"
NO_BODY = f"no body: a coil of 10.2 m is all first_m and last_m; {BODY}"
NO_MIDDLE = (
    "no middle: strip of 940 mm is all operator_edge_mm and drive_edge_mm; rules for `middle` count"
    " only what spans both (wide, sold part)"
)


def zones(**changes: float) -> dict[str, float]:
    return {**RULES["zones"], **changes}


def test_a_coil_within_its_first_and_last_metres_has_no_body() -> None:
    rules = rules_of(zones=zones(first_m=6, last_m=6)).rules
    assert warnings_for(rules, 940, 10.24) == [NO_BODY]
    assert warnings_for(rules, 940, 12.1) == []
    assert warnings_for(rules, 940, 10.24, late_m=2.0) == []
    assert warnings_for(rules, 940, None) == []


def test_strip_within_its_edges_has_no_middle() -> None:
    rules = rules_of(zones=zones(operator_edge_mm=880)).rules
    assert warnings_for(rules, 940, 100.0) == [NO_MIDDLE]
    assert warnings_for(rules, 940.1, 100.0) == []


@pytest.mark.parametrize("along", [["first"], ["last", "first"], ["first", "body", "last"]])
def test_rules_that_lose_nothing_are_not_named(along: list[str]) -> None:
    rule = {"rule": "ends", "along": along, "more_than": 0, "grade": "second"}
    rules = rules_of(zones=zones(first_m=200), coil=[rule], defects=RULES["defects"][:1]).rules
    assert warnings_for(rules, 50, 10.0) == []


def test_the_whole_strip_has_body_and_middle_without_zones() -> None:
    rule = {"rule": "r", "along": ["body"], "across": ["middle"], "more_than": 0, "grade": "second"}
    assert warnings_for(rules_of(zones={}, coil=[rule]).rules, 940, 10.0) == []
