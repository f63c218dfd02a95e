"""What stands in a rules file: severities, grades, zones, and the rules that give them.

Of all rules that apply the worst holds, so their order does not matter; every condition is of the
kind "more than". So a larger defect is never milder than a smaller one, and one defect more never
makes a coil better; nor does a defect become milder, since the worst of its revisions holds
(docs/adr/0025).
"""

import difflib
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from contract.classes import ClassName

Across = Literal["operator_edge", "middle", "drive_edge"]
Along = Literal["first", "body", "last"]
By = Literal["measure", "tiles"]
WORD = r"^[\w.-]+(?: [\w.-]+)*$"
WORDS = r"^[^\x00-\x1f]+$"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"
Word = Annotated[str, StringConstraints(pattern=WORD, max_length=40)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=WORDS)]
Version = Annotated[str, StringConstraints(pattern=VERSION)]
Size = Annotated[float, Field(ge=0, le=1e9)]
MAX_RULES = 200
MOST_M = 200.0
"""Of a coil's first and last metres: more are millimetres, or no ends."""

_LIST = Field(min_length=1, max_length=MAX_RULES, strict=False)
"""A list in the file is a tuple here; what it holds is read strictly all the same."""


def _metres(value: float) -> float:
    if value > MOST_M:
        raise ValueError(f"metres: at most {MOST_M:g}, found {value:g}")
    return value


Metres = Annotated[Size, AfterValidator(_metres)]


class Part(BaseModel):
    """Frozen; an unknown key is an error, and so is a number or a yes where words belong."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Zones(Part):
    """Where the edges and the ends are; without them everything is `middle` and `body`."""

    operator_edge_mm: Size = 0.0
    """From the operator side; a defect that reaches into it is in it."""
    drive_edge_mm: Size = 0.0
    first_m: Metres = 0.0
    """From the coil's head, as it passes the camera."""
    last_m: Metres = 0.0
    """Up to the coil's tail, as it passes the camera."""

    def body_m(self, length_m: float, late_m: float) -> tuple[float, float]:
        """Where the first metres of a coil end, and where the last ones begin; of one of which so
        much passed before what is told.
        """
        return max(0.0, self.first_m - late_m), length_m - self.last_m


class DefectRule(Part):
    """Which severity a defect has. What is not said does not matter."""

    rule: Words
    classes: Annotated[tuple[ClassName, ...], _LIST] | None = None
    across: Annotated[tuple[Across, ...], _LIST] | None = None
    """Zones of the width, of which the defect reaches into one at least."""
    longer_than_mm: Size | None = None
    wider_than_mm: Size | None = None
    larger_than_mm2: Size | None = None
    by: By = "measure"
    """`tiles`: size and zone are those of the defect's tiles, whatever was measured. For textures,
    of which single pits stand out at most.
    """
    severity: Word


class CoilRule(Part):
    """Which grade a coil has at best. Without `classes`, `severity`, ... all defects count."""

    rule: Words
    classes: Annotated[tuple[ClassName, ...], _LIST] | None = None
    severity: Word | None = None
    """This one and the worse ones count."""
    across: Annotated[tuple[Across, ...], _LIST] | None = None
    along: Annotated[tuple[Along, ...], _LIST] | None = None
    """Parts of the length, of which a defect reaches into one at least."""
    more_than: Annotated[int, Field(ge=0)] | None = None
    """Defects; on the whole length, or `within_m`."""
    within_m: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Any stretch so long."""
    more_per_m: Size | None = None
    """Defects per metre, on average over the parts `along`."""
    coverage_below: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the strip that was inspected."""
    not_valid: Literal[True] | None = None
    """The inspection itself was in doubt."""
    grade: Word

    @property
    def counts(self) -> bool:
        """Whether it is about defects."""
        return self.more_than is not None or self.more_per_m is not None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        questions = ("more_than", "more_per_m", "coverage_below", "not_valid")
        asked = [name for name in questions if getattr(self, name) is not None]
        if len(asked) != 1:
            found = " and ".join(asked) or "none"
            raise ValueError(f"needs one of {', '.join(questions)}; found {found}")
        narrows = ("classes", "severity", "across", "along")
        given = [name for name in narrows if getattr(self, name) is not None]
        if not self.counts and given:
            raise ValueError(f"{asked[0]} is not about defects: remove {', '.join(given)}")
        if self.within_m is not None and asked != ["more_than"]:
            raise ValueError(f"within_m goes with more_than, not with {asked[0]}")
        return self


class Rules(Part):
    """The whole file."""

    version: Version
    """Yours; raise it with every change. The file's digest stands beside it in every report."""
    severities: Annotated[tuple[Word, ...], _LIST]
    """The mildest first."""
    grades: Annotated[tuple[Word, ...], _LIST]
    """The best first."""
    zones: Zones = Zones()
    defects: Annotated[tuple[DefectRule, ...], _LIST]
    coil: Annotated[tuple[CoilRule, ...], _LIST]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _distinct("severities", self.severities)
        _distinct("grades", self.grades)
        _distinct("rules", [r.rule for r in self.defects] + [r.rule for r in self.coil])
        for rule in self.defects:
            _known(rule.rule, "severity", rule.severity, self.severities)
            self._has_zones(rule.rule, rule.across or ())
        for limit in self.coil:
            _known(limit.rule, "grade", limit.grade, self.grades)
            if limit.severity is not None:
                _known(limit.rule, "severity", limit.severity, self.severities)
            self._has_zones(limit.rule, (*(limit.across or ()), *(limit.along or ())))
        return self

    def _has_zones(self, rule: str, asked: Iterable[str]) -> None:
        sizes = {
            "operator_edge": ("operator_edge_mm", self.zones.operator_edge_mm),
            "drive_edge": ("drive_edge_mm", self.zones.drive_edge_mm),
            "first": ("first_m", self.zones.first_m),
            "last": ("last_m", self.zones.last_m),
        }
        for zone in asked:
            key, size = sizes.get(zone, ("", 1.0))
            if size == 0:
                raise ValueError(
                    f"rule {rule!r}: nothing lies in {zone!r}; say how large it is in zones.{key}"
                )

    @cached_property
    def worst_first(self) -> tuple[tuple[int, DefectRule], ...]:
        """The rules for defects with the place of their severity: the first that applies holds."""
        ranked = [(self.severities.index(rule.severity), rule) for rule in self.defects]
        return tuple(sorted(ranked, key=lambda each: -each[0]))

    @property
    def for_defects(self) -> tuple[object, ...]:
        """All that a defect's severity depends on."""
        zones = self.zones
        return self.severities, self.defects, zones.operator_edge_mm, zones.drive_edge_mm

    def classes(self) -> dict[str, str]:
        """Every class that a rule names, and the first rule that does."""
        named: dict[str, str] = {}
        rules: list[DefectRule | CoilRule] = [*self.defects, *self.coil]
        for rule in rules:
            for name in rule.classes or ():
                named.setdefault(name, rule.rule)
        return named


def _distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name!r} is there twice")
        seen.add(name)


def _known(rule: str, key: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"rule {rule!r}: unknown {key} {name!r}{nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question whether the nearest known name was meant, or what is known."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
