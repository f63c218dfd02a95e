"""One coil under inspection: its account, its open defects, the models that looked at it."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from contract.events import (
    CoilReport,
    CoilStarted,
    Draft,
    Extent,
    ModelReference,
    NotInspected,
    Outcome,
)
from contract.tiles import CellLattice
from edge.config import Inspect
from edge.inspect.account import UNSEEN, CoilAccount, Fate, News, Totals
from edge.inspect.decide import DefectTracker
from edge.inspect.screening import Screen
from edge.lifecycle.geometry import TileSize
from edge.lifecycle.model import Model
from edge.types import Coil

NOT_VALID: tuple[Outcome, ...] = ("unusable", "off_strip_disagreement")


class _Stretch(NamedTuple):
    """Strip beside the picture, from where it was first told on, and its cells."""

    from_m: float
    to_m: float
    from_mm: float
    to_mm: float
    cells: int

    def longer(self, to_m: float, mm: tuple[float, float], cells: int) -> "_Stretch":
        """With the next frame's, whose border may lie elsewhere."""
        across = min(self.from_mm, mm[0]), max(self.to_mm, mm[1])
        return _Stretch(self.from_m, to_m, *across, self.cells + cells)


class CoilInspection:
    """All that is known of the coil under the camera. Owned by the inspecting thread."""

    def __init__(self, coil: Coil, size: TileSize, row_m: float, rules: Inspect) -> None:
        self.coil = coil
        lattice = CellLattice(size.cell_m, size.cell_mm, coil.width_mm)
        self.account = CoilAccount(lattice, row_m)
        self.defects = DefectTracker(coil.id, rules.confirm_tiles, rules.close_after_m)
        self._models: list[ModelReference] = []
        self._screen: Screen | None = None
        self._screened_for: Model | None = None
        self._told: set[tuple[Fate, bool]] = set()
        self._went_on: dict[tuple[Fate, bool], _Stretch] = {}
        self._doubted = False

    def started(self, model: ModelReference, time: datetime) -> Draft:
        """The event for the coil's head."""
        lattice = self.account.lattice
        body = CoilStarted(
            width_mm=self.coil.width_mm, cell_m=lattice.cell_m, cell_mm=lattice.cell_mm, model=model
        )
        return Draft(body, self.coil.id, "started", time)

    def inspected_by(self, model: ModelReference) -> None:
        """Remember a model for the report."""
        if model not in self._models:
            self._models.append(model)

    def forget_screen(self) -> None:
        """A model has taken over, be it the same bundle again: its screen learns the coil anew."""
        self._screened_for = None

    def screen_of(self, model: Model) -> Screen | None:
        """The model's screen of this coil."""
        if self._screened_for is not model:
            self._screened_for = model
            self._screen = Screen(model.screen) if model.screen else None
        return self._screen

    def record(
        self, stretch: tuple[float, float], mm: tuple[float, float], fate: Fate, time: datetime
    ) -> tuple[list[Draft], News]:
        """Give a rectangle its fate; an event when nobody looked at it in time."""
        news = self.account.record(*stretch, fate, mm)
        uncounted = stretch[0] == stretch[1]
        if fate.outcome in {"on_time", "screened"} or not (news.cells or uncounted):
            return [], news
        return [self._not_inspected(stretch, mm, fate, news.cells, time)], news

    def record_outside(
        self, stretch: tuple[float, float], mm: tuple[float, float], fate: Fate, time: datetime
    ) -> tuple[list[Draft], News]:
        """The same for strip beside the picture. It goes on all along, so it is told when it
        begins, and at the coil's end how far it went.
        """
        news = self.account.record(*stretch, fate, mm)
        side = fate, mm[0] > 0
        if not news.cells:
            return [], news
        if side in self._told:
            before = self._went_on.get(side, _Stretch(*stretch, *mm, 0))
            self._went_on[side] = before.longer(stretch[1], mm, news.cells)
            return [], news
        self._told.add(side)
        return [self._not_inspected(stretch, mm, fate, news.cells, time)], news

    def doubt(
        self, stretch: tuple[float, float], mm: tuple[float, float], fate: Fate, time: datetime
    ) -> list[Draft]:
        """Say once per coil that the strip is not where or not as wide as it should be; the report
        is then not valid, even if every cell was seen.
        """
        self._doubted = True
        if {(fate, False), (fate, True)} & self._told:
            return []
        self._told.add((fate, True))
        return [self._not_inspected(stretch, mm, fate, 0, time)]

    def finish(
        self, length_m: float, time: datetime, *, interrupted: bool
    ) -> tuple[list[Draft], Totals]:
        """Close what is open, say how many cells nobody can account for, and report.

        An account that contradicts itself is not valid: better a false alarm than a certificate
        that a fault of this program has signed.
        """
        drafts = self.defects.finish("interrupted" if interrupted else "closed")
        totals = self.account.totals(length_m)
        for (fate, _), far in self._went_on.items():
            place = (far.from_m, far.to_m), (far.from_mm, far.to_mm)
            drafts.append(self._not_inspected(*place, fate, far.cells, time))
        if totals.unseen:
            whole = (0.0, length_m), (0.0, self.coil.width_mm)
            drafts.append(self._not_inspected(*whole, UNSEEN, totals.unseen, time))
        cells: dict[Outcome, int] = {}
        for fate, count in totals.fates.items():
            cells[fate.outcome] = cells.get(fate.outcome, 0) + count
        report = CoilReport(
            length_m=length_m,
            width_mm=self.coil.width_mm,
            expected_cells=totals.expected,
            cells=cells,
            reasons={f.label: n for f, n in totals.fates.items() if f.reason},
            coverage=totals.inspected / totals.expected if totals.expected else 1.0,
            inspection_valid=is_valid(cells) and not (self._doubted or totals.breach),
            defects=dict(self.defects.announced),
            models=tuple(self._models),
            interrupted=interrupted,
        )
        return [*drafts, Draft(report, self.coil.id, "report", time)], totals

    def _not_inspected(
        self,
        stretch: tuple[float, float],
        mm: tuple[float, float],
        fate: Fate,
        cells: int,
        time: datetime,
    ) -> Draft:
        extent = Extent(
            from_m=round(stretch[0], 6), to_m=round(stretch[1], 6), from_mm=mm[0], to_mm=mm[1]
        )
        body = NotInspected(extent=extent, outcome=fate.outcome, reason=fate.reason, cells=cells)
        return Draft(body, self.coil.id, f"{fate.label}@{stretch[0]:.4f},{mm[0]:.1f}", time)


def is_valid(outcomes: Iterable[Outcome]) -> bool:
    """Whether what was reported as clean had really been seen."""
    return not any(outcome in NOT_VALID for outcome in outcomes)
