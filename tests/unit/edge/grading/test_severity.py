import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.bodies import Defect, Extent
from edge.grading.rules import Across, Zones
from edge.grading.severity import NONE, across_of, severity, size_of
from tests.unit.edge.grading.making import WIDTH_MM, defect, measure, rules_of

RULES = rules_of().rules


def named(found: Defect) -> str | None:
    return severity(found, WIDTH_MM, RULES).name


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (defect(), "minor"),
        (defect(length_mm=100.0), "minor"),
        (defect(length_mm=101.0), "major"),
        (defect(length_mm=101.0, name="slag"), "minor"),
        (defect(length_mm=60.0, width_mm=60.0), "critical"),
        (defect(length_mm=60.0, width_mm=60.0, from_mm=940.0), "minor"),
        (defect(length_mm=901.0, width_mm=10.0), "critical"),
    ],
)
def test_the_worst_rule_that_applies_gives_the_severity(found: Defect, name: str) -> None:
    assert named(found) == name


def test_what_no_rule_is_for_has_none() -> None:
    rules = rules_of(defects=[{"rule": "slag", "classes": ["slag"], "severity": "major"}]).rules
    assert severity(defect(), WIDTH_MM, rules) == NONE


def test_what_was_measured_counts_and_else_the_tiles() -> None:
    box = defect(length_mm=128.0, width_mm=64.0)
    assert size_of(box) == pytest.approx((128.0, 64.0, 8192.0))
    small = Extent(from_m=50.0, to_m=50.09, from_mm=510.0, to_mm=512.0)
    measured = box.model_copy(update={"measure": measure(small, 90.0, 2.0, 180.0)})
    assert size_of(measured) == (90.0, 2.0, 180.0)
    assert (named(box), named(measured)) == ("critical", "minor")


def test_a_defect_that_was_measured_in_part_counts_by_its_tiles() -> None:
    """One of whose frames had no pixels left: 70 mm of a bar of 240 mm in four tiles."""
    bar = defect(length_mm=281.6, from_mm=16.0, width_mm=30.0)
    part = Extent(from_m=50.0, to_m=50.0704, from_mm=20.0, to_mm=24.0)
    found = measure(part, 70.4, 4.0, 281.0)
    whole = bar.model_copy(update={"measure": found})
    partly = bar.model_copy(update={"measure": found.model_copy(update={"complete": False})})
    assert size_of(partly) == size_of(bar)
    assert (named(whole), named(partly)) == ("minor", "major")
    zones = [across_of(each, RULES.zones, WIDTH_MM) for each in (whole, partly)]
    assert zones == [("operator_edge",), ("operator_edge", "middle")]


def test_a_rule_may_ask_for_the_tiles_whatever_was_measured_of_them() -> None:
    """Of a texture one pit stands out."""
    pit = Extent(from_m=50.1, to_m=50.102, from_mm=510.0, to_mm=512.0)
    field = defect(
        length_mm=256.0, from_mm=20.0, width_mm=64.0, measure=measure(pit, 2.0, 2.0, 3.0)
    )
    rule = {
        "rule": "field",
        "longer_than_mm": 200,
        "across": ["operator_edge"],
        "severity": "major",
    }
    for by, name in (("measure", None), ("tiles", "major")):
        rules = rules_of(defects=[rule | {"by": by}]).rules
        assert severity(field, WIDTH_MM, rules).name == name


@pytest.mark.parametrize(
    ("from_mm", "width_mm", "zones"),
    [
        (0.0, 10.0, ("operator_edge",)),
        (30.0, 10.0, ("operator_edge",)),
        (30.0, 11.0, ("operator_edge", "middle")),
        (40.0, 10.0, ("middle",)),
        (930.0, 11.0, ("drive_edge", "middle")),
        (940.0, 10.0, ("drive_edge",)),
        (0.0, 1000.0, ("operator_edge", "drive_edge", "middle")),
    ],
)
def test_a_defect_is_in_every_zone_that_it_reaches_into(
    from_mm: float, width_mm: float, zones: tuple[Across, ...]
) -> None:
    found = defect(from_mm=from_mm, width_mm=width_mm)
    assert across_of(found, RULES.zones, WIDTH_MM) == zones


def test_a_defect_at_the_edge_itself_is_in_the_middle_where_there_are_no_edges() -> None:
    for from_mm in (-20.0, 0.0, 990.0, 1000.0):
        assert across_of(defect(from_mm=from_mm), Zones(), WIDTH_MM) == ("middle",)


sizes = st.floats(1, 2000)


@given(sizes, sizes, st.floats(0, 400), st.floats(0, 400), st.floats(0, 600), st.booleans())
def test_a_larger_defect_is_never_milder(
    length_mm: float,
    width_mm: float,
    longer: float,
    wider: float,
    from_mm: float,
    measured: bool,  # noqa: FBT001 - drawn
) -> None:
    small = defect(50.0, length_mm, width_mm, from_mm)
    large = defect(50.0, length_mm + longer, width_mm + wider, from_mm)
    if measured:
        small, large = (
            each.model_copy(update={"measure": measure(each.extent, *size_of(each))})
            for each in (small, large)
        )
    ranks = [severity(each, WIDTH_MM, RULES).rank for each in (small, large)]
    assert ranks == sorted(ranks)
