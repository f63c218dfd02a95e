"""The rolls whose marks are looked for on the strip."""

import math
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.section import TWO, Fraction, Positive, Section

RollName = Annotated[str, Field(min_length=1, max_length=63)]
Diameter = Annotated[float, Field(ge=10, le=5000)]
PeriodM = Annotated[float, Field(ge=0.01, le=1000)]
Percent = Annotated[float, Field(ge=0, le=95)]
MOST_SURE = 0.999999


def _reachable(confidence: float) -> float:
    """No repeat is ever surely a roll's."""
    if confidence > MOST_SURE:
        raise ValueError(f"at most {MOST_SURE}, found {confidence:g}: at 1 no roll is ever told")
    return confidence


Confidence = Annotated[Fraction, AfterValidator(_reachable)]


class PeriodRange(NamedTuple):
    """The distances on the strip, at the camera, at which one roll's mark can come back."""

    least_m: float
    greatest_m: float


class Roll(Section):
    """A roll that the strip passes before the camera: work roll, backup roll, pinch roll."""

    name: RollName
    """As the mill calls it: `F6 top work roll`."""
    diameter_mm: Annotated[tuple[Diameter, Diameter], TWO]
    """From ground down for the last time to new."""
    reduction_percent: Annotated[tuple[Percent, Percent], TWO] = (0.0, 0.0)
    """By how much the stands after this one, up to the camera, thin the strip, all together, least
    and greatest: that draws the marks apart. 0 for the last stand's rolls.
    """
    forward_slip_percent: Annotated[tuple[Percent, Percent], TWO] = (0.0, 0.0)
    """By how much the strip leaves the stand faster than the roll turns, least and greatest."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name in ("diameter_mm", "reduction_percent", "forward_slip_percent"):
            least, greatest = getattr(self, name)
            if least > greatest:
                raise ValueError(f"roll {self.name!r}: {name} falls from {least:g} to {greatest:g}")
        return self

    @property
    def period(self) -> PeriodRange:
        """Its circumference, drawn out by slip and by the reduction after it."""
        ends = zip(self.diameter_mm, self.reduction_percent, self.forward_slip_percent, strict=True)
        least_m, greatest_m = (
            math.pi * diameter / 1000 * (1 + slip / 100) / (1 - reduction / 100)
            for diameter, reduction, slip in ends
        )
        return PeriodRange(least_m, greatest_m)


class Rolls(Section):
    """Roll marks: defects of one class that come back with a roll's circumference."""

    table: Annotated[tuple[Roll, ...], Field(max_length=64)] = ()
    """Without rolls, and without `any_period_m`, nothing is looked for."""
    any_period_m: Annotated[tuple[PeriodM, PeriodM], TWO] | None = None
    """Look for every period from here to there as well, whether a roll has it or not. The more
    periods are tried, the more repeats it takes to tell a mark from chance.
    """
    confidence: Confidence = 0.98
    """From this confidence on a repeat is raised; docs/rolls.md tells how it was chosen, and on
    which strip it promises too much.
    """
    turns: Annotated[int, Field(ge=2, le=24)] = 12
    """How many turns of a roll are looked back over for its marks; each costs time."""
    position_error: Annotated[float, Field(ge=0, le=0.1)] = 0.001
    """What the along position may err, as a share of the distance between two defects: the
    encoder, and the slip of its wheel.
    """
    across_error_mm: Positive = 5.0
    """How far one mark may seem to move across: what the strip wanders within a frame."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [roll.name for roll in self.table]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two rolls are named {twice!r}; give each its own name")
        if self.any_period_m is not None and self.any_period_m[0] > self.any_period_m[1]:
            raise ValueError("any_period_m falls; write the shorter period first")
        return self

    @property
    def searched(self) -> tuple[str, ...]:
        """For a person: each roll with the distances at which its marks are looked for."""
        named = [(roll.name, roll.period) for roll in self.table]
        if self.any_period_m is not None:
            named.append(("any roll", PeriodRange(*self.any_period_m)))
        return tuple(f"{name} {p.least_m:.2f}-{p.greatest_m:.2f} m" for name, p in named)

    @property
    def ranges(self) -> tuple[PeriodRange, ...]:
        """All periods that are looked for, as ranges that do not overlap, in order."""
        ranges = [roll.period for roll in self.table]
        if self.any_period_m is not None:
            ranges.append(PeriodRange(*self.any_period_m))
        joined: list[PeriodRange] = []
        for each in sorted(ranges):
            if joined and each.least_m <= joined[-1].greatest_m:
                greatest_m = max(joined[-1].greatest_m, each.greatest_m)
                joined[-1] = PeriodRange(joined[-1].least_m, greatest_m)
            else:
                joined.append(each)
        return tuple(joined)
