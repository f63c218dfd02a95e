"""Zones that leave a coil no middle or no body: rules for that find nothing, and nobody sees why.

The coil is graded all the same; a grade must not depend on what somebody may have meant.
"""

from collections.abc import Iterable

from edge.grading.rules import CoilRule, DefectRule, Rules


def warnings_for(
    rules: Rules, width_mm: float, length_m: float | None, late_m: float = 0.0
) -> list[str]:
    """What is to be said of rules where coils are so wide and so long (None: not known), and so
    much of them passed before their head was told.
    """
    warnings = []
    zones, middle, body = rules.zones, _for_middle(rules), _for_body(rules)
    if middle and zones.operator_edge_mm + zones.drive_edge_mm >= width_mm:
        strip = f"strip of {width_mm:.0f} mm is all operator_edge_mm and drive_edge_mm"
        warnings.append(_without("middle", strip, middle))
    if body and length_m is not None:
        first_m, tail_m = zones.body_m(length_m, late_m)
        if tail_m <= first_m:
            coil = f"a coil of {length_m:.1f} m is all first_m and last_m"
            warnings.append(_without("body", coil, body))
    return warnings


def _for_middle(rules: Rules) -> list[str]:
    every: list[DefectRule | CoilRule] = [*rules.defects, *rules.coil]
    return [rule.rule for rule in every if _needs("middle", rule.across)]


def _for_body(rules: Rules) -> list[str]:
    return [rule.rule for rule in rules.coil if _needs("body", rule.along)]


def _needs(zone: str, asked: Iterable[str] | None) -> bool:
    """Whether a rule finds less where the zone is missing; all three are the whole strip."""
    zones = set(asked or ())
    return zone in zones and len(zones) < 3


def _without(zone: str, why: str, rules: list[str]) -> str:
    names = ", ".join(rules)
    return f"no {zone}: {why}; rules for `{zone}` count only what spans both ({names})"
