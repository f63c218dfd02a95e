"""A coil's grade: the worst that a rule leaves it, and which rules those were.

A defect is kept as 21 bytes, since a long coil may have 200,000.
"""

import struct
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contract.bodies import Defect, DefectDensity, Grade
from edge.grading.rules import Across, Along, CoilRule
from edge.grading.rules_file import RulesFile
from edge.grading.severity import across_of, place_of

F64 = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Table = npt.NDArray[Any]
"""One row per defect that was told, of the type `ROW`; with one per stretch of those told as a
number, of `_COUNTED`.
"""

_ZONES: tuple[Across, ...] = ("operator_edge", "middle", "drive_edge")
_EVERYWHERE = 7
_PACKED = struct.Struct("<ddhhB")
ROW = np.dtype(
    [("from_m", "<f8"), ("to_m", "<f8"), ("class", "<i2"), ("severity", "<i2"), ("zones", "u1")]
)
"""Class and severity as indices, -1 for no severity; zones of the width as bits."""
_COUNTED = np.dtype([*ROW.descr, ("begins_to_m", "<f8"), ("defects", "<i8")])
"""A row of `ROW`, or a stretch of defects of which each begins anywhere in it."""


class CoilFacts(NamedTuple):
    """What is known of a coil beside its defects."""

    length_m: float
    coverage: float
    inspection_valid: bool
    late_m: float = 0.0
    """Metres of the coil that passed under another subject, before what is told here."""


class _Dense(NamedTuple):
    """Defects that were told as a number only."""

    class_index: int
    from_m: float
    to_m: float
    defects: int


class _Begins(NamedTuple):
    """Where so many defects begin: each somewhere between these."""

    from_m: F64
    to_m: F64
    defects: Counts


class Tally:
    """The defects of one coil as they ended, under the rules of one file."""

    def __init__(self, rules: RulesFile, width_mm: float) -> None:
        self._rules = rules
        self._width_mm = width_mm
        self._classes: dict[str, int] = {}
        self._rows = bytearray()
        self._dense: list[_Dense] = []
        self._open: dict[str, int] = {}
        """The worst severity so far of each defect that has not ended."""
        self.severities: Counter[str] = Counter()

    def take(self, body: Defect | DefectDensity) -> None:
        """A revision of a defect with its severity, or a stretch of dense ones. A defect counts
        when it has ended, with its worst severity; what is part of another leaves that one its own.
        """
        if isinstance(body, DefectDensity):
            untold = body.count - body.told
            index = self._index(body.class_name)
            self._dense.append(_Dense(index, body.from_m, body.to_m, untold))
            return
        severities, name = self._rules.rules.severities, body.severity
        rank = -1 if name is None else severities.index(name)
        rank = max(rank, self._open.pop(body.defect_id, -1))
        if body.merged_into is not None:
            self._open[body.merged_into] = max(rank, self._open.get(body.merged_into, -1))
        elif body.phase in {"closed", "interrupted"}:
            self._add(body, rank)
        else:
            self._open[body.defect_id] = rank

    @property
    def untold(self) -> int:
        """The defects that were told as a number only."""
        return sum(stretch.defects for stretch in self._dense)

    def _add(self, defect: Defect, rank: int) -> None:
        rules = self._rules.rules
        if rank >= 0:
            self.severities[rules.severities[rank]] += 1
        zones = across_of(defect, rules.zones, self._width_mm)
        extent, index = place_of(defect), self._index(defect.class_name)
        self._rows += _PACKED.pack(extent.from_m, extent.to_m, index, rank, _bits(zones))

    def _index(self, name: str) -> int:
        return self._classes.setdefault(name, len(self._classes))

    def grade(self, facts: CoilFacts) -> Grade:
        """The grade of the coil that these defects and facts make."""
        rules, table = self._rules.rules, self._table()
        found = [(rule, self._found(rule, facts, table)) for rule in rules.coil]
        broken = [(rules.grades.index(rule.grade), rule, why) for rule, why in found if why]
        worst = max([rank for rank, _, _ in broken], default=0)
        broken.sort(key=lambda found: -found[0])
        told = [f"{rule.rule}: {why}" for rank, rule, why in broken if rank]
        return Grade(name=rules.grades[worst], reasons=tuple(told), rules=self._rules.label)

    def _found(self, rule: CoilRule, facts: CoilFacts, table: Table) -> str | None:
        """What breaks a rule, in words; None where nothing does."""
        if rule.not_valid:
            return None if facts.inspection_valid else "the inspection was not valid"
        if rule.coverage_below is not None:
            low = facts.coverage < rule.coverage_below
            return f"coverage {min(facts.coverage, 0.9999):.2%}" if low else None
        rows = self._asked(rule, facts, table)
        if rule.within_m is not None and rule.more_than is not None:
            begins = _Begins(*(table[name][rows] for name in ("from_m", "begins_to_m", "defects")))
            return _densest(begins, rule.within_m, rule.more_than)
        count = int(table["defects"][rows].sum())
        if rule.more_per_m is None:
            most = rule.more_than or 0
            return f"{count}, more than {most}" if count > most else None
        length_m = self._length_m(rule, facts)
        if count <= rule.more_per_m * length_m:
            return None
        return f"{count} in {length_m:.1f} m, more than {rule.more_per_m:g} per m"

    def _asked(self, rule: CoilRule, facts: CoilFacts, table: Table) -> Mask:
        rows = np.ones(len(table), np.bool_)
        if rule.classes is not None:
            wanted = [self._classes[name] for name in rule.classes if name in self._classes]
            rows &= np.isin(table["class"], wanted)
        if rule.severity is not None:
            rows &= table["severity"] >= self._rules.rules.severities.index(rule.severity)
        if rule.across is not None:
            rows &= (table["zones"] & _bits(rule.across)) > 0
        if rule.along is not None:
            rows &= self._along(rule.along, facts, table)
        return rows

    def _along(self, parts: tuple[Along, ...], facts: CoilFacts, table: Table) -> Mask:
        """The defects that reach into one of the parts at least."""
        from_m, to_m = table["from_m"], table["to_m"]
        first_m, tail_m = self._rules.rules.zones.body_m(facts.length_m, facts.late_m)
        masks: dict[Along, Mask] = {
            "first": from_m < first_m,
            "body": (to_m > first_m) & (from_m < tail_m),
            "last": to_m > tail_m,
        }
        reached = np.zeros(len(table), np.bool_)
        for part in parts:
            reached |= masks[part]
        return reached

    def _length_m(self, rule: CoilRule, facts: CoilFacts) -> float:
        length_m = facts.length_m
        if rule.along is None:
            return length_m
        first_m, tail_m = self._rules.rules.zones.body_m(facts.length_m, facts.late_m)
        parts = {
            "first": min(first_m, length_m),
            "body": max(0.0, tail_m - first_m),
            "last": min(length_m - tail_m, length_m),
        }
        return min(length_m, sum(parts[part] for part in set(rule.along)))

    def _table(self) -> Table:
        told: Table = np.frombuffer(bytes(self._rows), ROW)
        whole = np.empty(len(told), _COUNTED)
        for name in ROW.names or ():
            whole[name] = told[name]
        whole["begins_to_m"], whole["defects"] = told["from_m"], 1
        dense = [_anywhere(stretch, told) for stretch in self._dense if stretch.defects]
        whole = np.concatenate([whole, np.array(dense, _COUNTED)])
        return whole[whole["from_m"].argsort(kind="stable")]


def _bits(zones: tuple[Across, ...]) -> int:
    return sum(1 << _ZONES.index(zone) for zone in set(zones))


def _anywhere(stretch: _Dense, told: Table) -> tuple[float, float, int, int, int, float, int]:
    """Defects told as a number: anywhere in their stretch, in every zone of the width, and as
    severe as the worst of their class that was told there, than which none is worse.
    """
    there = (told["class"] == stretch.class_index) & (told["to_m"] >= stretch.from_m)
    there &= told["from_m"] <= stretch.to_m
    severity = int(told["severity"][there].max(initial=-1))
    known = (stretch.class_index, severity, _EVERYWHERE, stretch.to_m, stretch.defects)
    return (stretch.from_m, stretch.to_m, *known)


def _densest(rows: _Begins, within_m: float, most: int) -> str | None:
    """Where most defects can begin within so many metres, if they are too many; `from_m` rises."""
    if rows.defects.sum() <= most:
        return None
    # So many metres catch what begins, or may, before their end and not before their start: most
    # of all from where a defect begins, or a stretch ends.
    order = rows.to_m.argsort(kind="stable")
    starts_m = rows.to_m[order]
    begun = _sums(rows.defects)[np.searchsorted(rows.from_m, starts_m + within_m, "left")]
    counts = begun - _sums(rows.defects[order])[np.searchsorted(starts_m, starts_m, "left")]
    at = int(counts.argmax())
    if counts[at] <= most:
        return None
    return f"{_place(rows, starts_m[at], within_m, counts[at])}, more than {most}"


def _sums(counts: Counts) -> Counts:
    """Of the first none, one, two, ..."""
    sums: Counts = np.concatenate([[0], counts.cumsum()])
    return sums


def _place(rows: _Begins, start_m: float, within_m: float, count: int) -> str:
    """So many defects there, in words; of those told as a number only the stretch is known."""
    caught = (rows.to_m >= start_m) & (rows.from_m < start_m + within_m)
    from_m, to_m = rows.from_m[caught], rows.to_m[caught]
    if (from_m == to_m).all():
        return f"{count} within {within_m:g} m from {start_m:.1f} m on"
    strip = f"dense strip from {from_m.min():.1f} to {to_m.max():.1f} m"
    return f"up to {count} within {within_m:g} m, {strip}"
