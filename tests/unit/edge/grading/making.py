"""Defects and rules to grade them by."""

from datetime import UTC, datetime
from typing import Any

from contract.bodies import Defect, Extent, Measure, ModelReference
from edge.grading.rules import Rules
from edge.grading.rules_file import RulesFile

NOW = datetime(2026, 11, 27, tzinfo=UTC)
WIDTH_MM = 1000.0
RULES: dict[str, Any] = {
    "version": "1",
    "severities": ["minor", "major", "critical"],
    "grades": ["prime", "second", "scrap"],
    "zones": {"operator_edge_mm": 40, "drive_edge_mm": 60, "first_m": 5, "last_m": 10},
    "defects": [
        {"rule": "all", "severity": "minor"},
        {"rule": "long", "classes": ["scratch"], "longer_than_mm": 100, "severity": "major"},
        {"rule": "wide", "wider_than_mm": 50, "across": ["middle"], "severity": "critical"},
        {"rule": "large", "larger_than_mm2": 9000, "severity": "critical"},
    ],
    "coil": [
        {"rule": "any critical", "severity": "critical", "more_than": 0, "grade": "scrap"},
        {"rule": "unseen", "coverage_below": 0.9, "grade": "second"},
        {"rule": "in doubt", "not_valid": True, "grade": "scrap"},
        {"rule": "row", "within_m": 2, "more_than": 2, "grade": "second"},
        {"rule": "often", "severity": "major", "more_per_m": 0.1, "grade": "second"},
        {
            "rule": "sold part",
            "severity": "major",
            "along": ["body"],
            "across": ["middle"],
            "more_than": 1,
            "grade": "second",
        },
    ],
}


def rules_of(**changes: Any) -> RulesFile:  # noqa: ANN401 - as YAML gives it
    return RulesFile(Rules.model_validate(RULES | changes), "1@digest", b"")


def defect(
    at_m: float = 50.0,
    length_mm: float = 10.0,
    width_mm: float = 10.0,
    from_mm: float = 500.0,
    name: str = "scratch",
    **changes: Any,  # noqa: ANN401
) -> Defect:
    """A closed one, as long along the strip as it is long."""
    extent = Extent(
        from_m=at_m, to_m=at_m + length_mm / 1000, from_mm=from_mm, to_mm=from_mm + width_mm
    )
    return Defect(
        defect_id=f"c/{at_m}",
        revision=2,
        phase="closed",
        class_name=name,
        extent=extent,
        probability=0.9,
        tiles=1,
        merged_into=None,
        evidence=None,
        model=ModelReference(name="m", version="1", digest="d"),
        first_frame=1,
        last_frame=1,
        grabbed=NOW,
    ).model_copy(update=changes)


def measure(extent: Extent, length_mm: float, width_mm: float, area_mm2: float) -> Measure:
    return Measure(
        extent=extent,
        area_mm2=area_mm2,
        length_mm=length_mm,
        width_mm=width_mm,
        orientation_deg=0,
        contrast=-0.1,
    )
